//! Whatever comes in: the codec, the challenges and the judge do not panic, keep little, and conclude
//! nothing that nobody said. Deterministic, so that a failure can be played again.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

mod common;

use common::*;
use trunkline_auth::oauth2::{self, challenge};
use trunkline_core::http::{HeaderMap, HeaderValue, Method, StatusCode};
use trunkline_core::{Call, Cause, Exchange, MAX_SERVICE_TEXT, Verdict};

/// Bytes that grammars turn on, and words that the judge knows.
const PIECES: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    "\"",
    ":",
    ",",
    "\\",
    "\\u0000",
    "\\ud800",
    "null",
    "true",
    "false",
    "0",
    "-1",
    "1e308",
    "=",
    "&",
    "+",
    "%",
    "%ff",
    " ",
    "\t",
    "<",
    ">",
    "\u{feff}",
    "\u{1b}[31m",
    "é",
    "Bearer",
    "Basic",
    "realm",
    "error",
    "error_description",
    "errors",
    "scope",
    "code",
    "message",
    "type",
    "suberror",
    "ok",
    "access_token",
    "expires_in",
    "invalid_grant",
    "invalid_token",
    "insufficient_scope",
    "temporarily_unavailable",
    "expired",
    "\"error\":",
    "{\"error\":\"",
    "\"}",
    "error=",
    "Bearer error=\"",
];

struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end
    }

    fn text(&mut self, most: usize) -> Vec<u8> {
        let mut text = Vec::new();
        for _ in 0..self.below(most) {
            match self.below(12) {
                0 => text.push(u8::try_from(self.below(256)).unwrap()),
                _ => text.extend_from_slice(PIECES[self.below(PIECES.len())].as_bytes()),
            }
        }
        text
    }

    fn headers(&mut self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for _ in 0..self.below(3) {
            let text = self.text(16);
            if let Ok(value) = HeaderValue::from_bytes(&text) {
                let name = ["www-authenticate", "retry-after", "date"][self.below(3)];
                headers.append(name, value);
            }
        }
        headers
    }
}

const CALLS: [Call; 5] = [Call::Api, Call::Authorize, Call::Exchange, Call::Refresh, Call::Revoke];
const STATUSES: [u16; 12] = [200, 204, 302, 400, 401, 403, 404, 422, 429, 500, 503, 599];

#[test]
fn no_answer_makes_the_judge_panic_keep_much_or_conclude_what_nobody_said() {
    let mut dice = Dice(1);
    let mut dead = 0;
    for round in 0..60_000 {
        let (mut body, headers) = (dice.text(24), dice.headers());
        if round % 3 == 0 {
            let word = PIECES[dice.below(PIECES.len())];
            body = format!(r#"{{"error":"{word}","error_description":"expired"}}"#).into_bytes();
            body.extend(dice.text(3));
            body.truncate(dice.below(200));
        }
        let call = CALLS[dice.below(5)];
        let status = StatusCode::from_u16(STATUSES[dice.below(12)]).unwrap();
        let exchange =
            Exchange { call, method: &Method::POST, path: "/", status, headers: &headers, body: &body };
        let found = oauth2::diagnose(&exchange, start());
        let evidence = found.evidence();
        assert!(evidence.codes.len() <= 8, "{round}");
        for text in evidence.codes.iter().chain(&evidence.message) {
            assert!(text.as_str().chars().count() <= MAX_SERVICE_TEXT, "{round}");
            assert!(!text.as_str().chars().any(char::is_control), "{round}");
        }
        if found.cause().verdict() == Verdict::GrantDead {
            dead += 1;
            let said = body.windows(13).any(|word| word == b"invalid_grant");
            assert!(said && call == Call::Refresh || call == Call::Revoke, "{round} {body:?}");
        }
    }
    assert!(dead > 10, "the words that end a grant are among the pieces: {dead}");
}

#[test]
fn a_challenge_holds_no_more_than_its_header() {
    let mut dice = Dice(2);
    for round in 0..60_000 {
        let text = dice.text(40);
        let Ok(value) = HeaderValue::from_bytes(&text) else { continue };
        let mut headers = HeaderMap::new();
        headers.insert("www-authenticate", value);
        let challenges = challenge::parse(&headers);
        let schemes: usize = challenges.iter().map(|one| one.scheme().len()).sum();
        let tokens: usize = challenges.iter().filter_map(|one| one.token68()).map(str::len).sum();
        assert!(schemes + tokens <= text.len(), "{round}");
        let lossy = String::from_utf8_lossy(&text).len();
        for name in ["error", "scope", "realm"] {
            let held: usize = challenges.iter().filter_map(|one| one.param(name)).map(str::len).sum();
            assert!(held <= lossy, "{round}");
        }
    }
}

#[test]
fn an_answer_of_nothing_but_codes_is_judged_at_once_and_kept_in_part() {
    let codes: Vec<String> = (0..10_000).map(|number| format!("\"c{number}\"")).collect();
    let body = format!("{{\"errors\":[{}]}}", codes.join(","));
    let challenges = vec!["Bearer error=x"; 4_000].join(",");
    let mut headers = HeaderMap::new();
    headers.insert("www-authenticate", HeaderValue::from_str(&challenges).unwrap());
    for body in [body.as_bytes(), &body.as_bytes()[..60_000]] {
        let exchange = Exchange {
            call: Call::Api,
            method: &Method::GET,
            path: "/",
            status: StatusCode::FORBIDDEN,
            headers: &headers,
            body,
        };
        let found = oauth2::diagnose(&exchange, start());
        assert_eq!(found.cause(), Cause::PermissionMissing);
        assert!(found.evidence().codes.len() <= 8);
    }
}

#[tokio::test]
async fn no_answer_makes_the_codec_take_something_else_for_a_token() {
    let mut dice = Dice(3);
    let mut granted = 0;
    for round in 0..20_000 {
        let mut body = dice.text(20);
        if round % 4 == 0 {
            // Something that is nearly a token.
            let at = dice.below(3);
            let wrapped = [&b"{\"access_token\":\"t\","[..], b"access_token=t&", b"{\"access_token\":"][at];
            body.splice(0..0, wrapped.iter().copied());
            if at != 1 {
                body.extend_from_slice(b"\"x\":1}");
            }
        }
        let (result, script) = refresh_with(&provider(), Step::Answer(200, Vec::new(), body.clone())).await;
        assert_eq!(script.count(), 1, "{round}");
        match result {
            Ok(grant) => {
                granted += 1;
                assert!(body.windows(12).any(|word| word == b"access_token"), "{round}");
                let token = grant.credential.access_token.unwrap();
                assert!(!token.is_empty() && token.expose().len() <= body.len(), "{round}");
                assert_eq!(grant.captures.iter().count(), 0, "{round}");
            }
            Err(error) => assert!(error.diagnosis().is_some(), "{round}"),
        }
    }
    assert!(granted > 10, "some are tokens: {granted}");
}
