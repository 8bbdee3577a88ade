//! `trunkline diagnose`: the answers of services, pasted.
#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

mod common;

use common::{Ran, fields, program, run, run_with};
use serde_json::{Value, json};
use trunkline_sim::sage_intacct::{Knobs, SageIntacct};

const FIELDS: [&str; 7] = ["actor", "cause", "connector", "evidence", "family", "remedy", "retry"];

/// Without settings, in an empty folder, with `body` as standard input.
async fn diagnose(arguments: &[&str], body: &str) -> Ran {
    let empty = tempfile::tempdir().unwrap();
    let mut command = program(&["diagnose"]);
    command.args(arguments).current_dir(empty.path());
    if !body.is_empty() {
        command.args(["--body", "-"]);
    }
    run_with(&mut command, body.as_bytes()).await
}

async fn judged(arguments: &[&str], body: &str) -> Value {
    let ran = diagnose(&[&["--json"], arguments].concat(), body).await;
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{ran:?}");
    let judged = ran.json();
    let mut named = fields(&judged);
    // Where the service's own pages describe what to do.
    named.retain(|name| *name != "link");
    assert_eq!(named, FIELDS);
    assert!(judged["remedy"].as_array().is_some_and(|steps| !steps.is_empty()), "{judged}");
    judged
}

/// The rows of the README's table: what the service answered, and what it is.
#[tokio::test]
async fn the_four_failures_of_the_readme_are_told_apart() {
    let readme = include_str!("../../../README.md");
    let rows: Vec<_> = readme.lines().filter(|line| line.contains("| `trunkline diagnose ")).collect();
    let mut families = Vec::new();
    for row in rows {
        let cells: Vec<_> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let [answer, command, family, cause, actor] = cells[..] else { panic!("{row}") };
        let plain = |cell: &str| cell.trim_matches('`').to_owned();
        let command = plain(command);
        let words: Vec<_> = command.split(' ').collect();
        assert_eq!(words[..2], ["trunkline", "diagnose"]);
        let (_, body) = answer.split_once('`').unwrap();
        let judged = judged(&words[2..], body.trim_matches('`')).await;
        assert_eq!(judged["family"], plain(family), "{row}");
        assert_eq!(judged["cause"], plain(cause), "{row}");
        let human = diagnose(&words[2..], body.trim_matches('`')).await;
        assert!(human.out.contains(&format!("actor     {actor}\n")), "{row}\n{human:?}");
        families.push(plain(family));
    }
    let four = [
        "expired_access_token",
        "revoked_or_invalid_token",
        "invalid_credentials",
        "insufficient_permissions",
    ];
    for family in four {
        assert!(families.iter().any(|it| it == family), "{family}");
    }
}

/// The same four, from the wire of the simulated service.
#[tokio::test]
async fn what_the_simulated_service_answers_is_diagnosed() {
    let service = SageIntacct::builder().knobs(Knobs::default()).start().await.unwrap();
    let api = format!("{}ia/api/v1", service.url());
    let vendors = format!("{api}/objects/accounts-payable/vendor");
    let client = reqwest::Client::new();
    let token = async |form: Vec<(&str, &str)>| {
        let mut body = url::form_urlencoded::Serializer::new(String::new());
        let request = client.post(format!("{api}/oauth2/token"));
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        request.body(body.extend_pairs(form).finish()).send().await.unwrap()
    };
    let (id, secret, username) = (service.client_id(), service.client_secret(), service.username());
    let mint = async |user: &str| {
        let user = format!("{user}@{}", service.company_id());
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", id),
            ("client_secret", secret),
            ("username", user.as_str()),
        ];
        let answer: Value = serde_json::from_str(&token(form.to_vec()).await.text().await.unwrap()).unwrap();
        answer["access_token"].as_str().unwrap().to_owned()
    };
    let call = async |token: &str| {
        client.get(&vendors).header("authorization", format!("Bearer {token}")).send().await.unwrap()
    };
    let says = async |answer: reqwest::Response, more: &[&str]| {
        let (status, body) = (answer.status().as_str().to_owned(), answer.text().await.unwrap());
        let judged = judged(&[&["sage_intacct", "--status", &status], more].concat(), &body).await;
        assert_eq!(judged["connector"], "sage_intacct");
        assert_eq!(judged["evidence"]["status"].to_string(), status);
        [judged["family"].clone(), judged["cause"].clone(), judged["actor"].clone(), judged["retry"].clone()]
    };

    let mine = mint(service.user_id()).await;
    assert_eq!(call(&mine).await.status(), 200, "{username}");
    service.control().advance_clock(std::time::Duration::from_secs(13 * 60 * 60));
    let expired = says(call(&mine).await, &["--path", "/objects/accounts-payable/vendor"]).await;
    assert_eq!(expired, ["expired_access_token", "access_token_expired", "nobody", "after_renewal"]);

    let dead = [
        ("grant_type", "refresh_token"),
        ("client_id", id),
        ("client_secret", secret),
        ("refresh_token", "dead"),
    ];
    let revoked = says(token(dead.to_vec()).await, &["--endpoint", "token"]).await;
    assert_eq!(revoked, ["revoked_or_invalid_token", "grant_revoked", "customer_user", "never"]);

    let wrong = [
        ("grant_type", "refresh_token"),
        ("client_id", id),
        ("client_secret", "wrong"),
        ("refresh_token", "x"),
    ];
    let client_wrong = says(token(wrong.to_vec()).await, &["--endpoint", "token"]).await;
    assert_eq!(client_wrong, ["invalid_credentials", "client_credentials_invalid", "operator", "never"]);

    let company = service.company_id().to_owned();
    service.control().change_role(service.user_id(), &company, "Empty").unwrap();
    let refused = says(call(&mint(service.user_id()).await).await, &[]).await;
    assert_eq!(
        refused,
        ["insufficient_permissions", "permission_missing", "customer_administrator", "never"]
    );
}

#[tokio::test]
async fn the_same_code_means_another_thing_at_another_endpoint_or_grant() {
    let body = r#"{"error":"invalid_grant","error_description":"gone"}"#;
    let at = async |more: &[&str]| {
        let judged =
            judged(&[&["sage_intacct", "--status", "400", "--endpoint", "token"], more].concat(), body).await;
        judged["cause"].as_str().unwrap().to_owned()
    };
    assert_eq!(at(&[]).await, "grant_revoked");
    assert_eq!(at(&["--grant", "refresh_token"]).await, "grant_revoked");
    assert_eq!(at(&["--grant", "authorization_code"]).await, "consent_expired");
    assert_eq!(at(&["--grant", "client_credentials"]).await, "user_credentials_invalid");
}

#[tokio::test]
async fn oauth2_judges_by_the_standards_alone() {
    let challenge = "www-authenticate: Bearer error=\"insufficient_scope\", scope=\"a b\"";
    let scope = judged(&["oauth2", "--status", "403", "--header", challenge], "").await;
    assert_eq!((&scope["cause"], &scope["connector"]), (&"scope_missing".into(), &"oauth2".into()));
    let limit = judged(&["oauth2", "--status", "429", "--header", "Retry-After: 77"], "").await;
    assert_eq!((&limit["cause"], &limit["retry"]), (&"rate_limited".into(), &json!({"after_s": 77})));
    let grant =
        judged(&["oauth2", "--status", "400", "--endpoint", "token"], r#"{"error":"invalid_grant"}"#).await;
    assert_eq!(grant["cause"], "grant_revoked");
    let revoke = judged(&["oauth2", "--status", "503", "--endpoint", "revoke"], "").await;
    assert_eq!(revoke["cause"], "service_unavailable");
    // The gateway's own code says nothing to the standards: the status does.
    let foreign =
        judged(&["oauth2", "--status", "400"], r#"{"ia::result":{"ia::error":{"code":"GW-0040"}}}"#).await;
    assert_eq!(foreign["family"], "other");
}

#[tokio::test]
async fn an_authorization_response_is_pasted_as_it_stands_in_the_address_bar() {
    for pasted in [
        "https://app.example.com/cb?error=access_denied&error_description=No+thanks&state=canary-state",
        "error=access_denied&error_description=No+thanks&state=canary-state\n",
    ] {
        for connector in ["oauth2", "sage_intacct"] {
            let judged = judged(&[connector, "--endpoint", "authorize"], pasted).await;
            assert_eq!(judged["cause"], "consent_denied", "{connector} {pasted}");
            assert_eq!(judged["evidence"]["message"], "No thanks");
            assert!(!judged.to_string().contains("canary"), "{judged}");
        }
    }
}

#[tokio::test]
async fn an_answer_without_a_failure_is_not_made_one() {
    for (arguments, body) in [
        (&["sage_intacct", "--status", "200"][..], r#"{"ia::result":{"key":"1"}}"#),
        (&["oauth2", "--status", "204"], ""),
        (
            &["oauth2", "--status", "200", "--endpoint", "token"],
            r#"{"access_token":"canary","token_type":"Bearer"}"#,
        ),
    ] {
        let ran = diagnose(arguments, body).await;
        ran.assert_error(1, "tells of no failure", "--status and --body");
        assert!(!ran.err.contains("canary"), "{ran:?}");
    }
    let slack = judged(&["oauth2", "--status", "200"], r#"{"ok":false,"error":"invalid_auth"}"#).await;
    assert_eq!(slack["evidence"]["codes"], json!(["invalid_auth"]));
}

#[tokio::test]
async fn bad_input_is_one_line_with_a_hint() {
    let status = ["sage_intacct", "--status", "401"];
    let with = |more: &[&'static str]| [&status[..], more].concat();
    for (arguments, error, hint) in [
        (
            vec!["sage_intact", "--status", "401"],
            "no provider `sage_intact` is linked",
            "Did you mean `sage_intacct`?",
        ),
        (vec!["x\u{1b}[31m", "--status", "401"], "is linked", "Linked providers: "),
        (vec!["oauth2", "--status", "99"], "`99` is no status", "100 to 599"),
        (vec!["oauth2", "--status", "600"], "`600` is no status", "100 to 599"),
        (vec!["oauth2", "--status", "-1"], "`-1` is no status", "100 to 599"),
        (vec!["oauth2", "--status", "4e2"], "`4e2` is no status", "100 to 599"),
        (vec!["oauth2"], "the status is missing", "--status 401"),
        (with(&["--header", "canary"]), "a header is no header", "colon"),
        (with(&["--header", "b\u{e4}d: canary"]), "a header is no header", "colon"),
        (with(&["--header", "x: canary\ny: z"]), "a header is no header", "colon"),
        (with(&["--method", "G E T"]), "no HTTP method", "--method POST"),
        (with(&["--body", "gone.json"]), "cannot be read from `gone.json`", "standard input"),
    ] {
        let ran = diagnose(&arguments, "").await;
        ran.assert_error(2, error, hint);
        assert!(!ran.err.contains("canary") && !ran.err.contains('\u{1b}'), "{ran:?}");
    }
    assert_eq!(diagnose(&["oauth2", "--status", "401", "--endpoint", "elsewhere"], "").await.code, 2);
}

#[tokio::test]
async fn bodies_that_are_no_text_or_too_large_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let with = async |body: &[u8]| {
        let path = folder.path().join("body");
        std::io::Write::write_all(&mut std::fs::File::create(&path).unwrap(), body).unwrap();
        run(program(&["diagnose", "oauth2", "--status", "500", "--body", "body"]).current_dir(&folder)).await
    };
    with(&vec![b'['; 10 << 20]).await.assert_error(2, "larger than 1048576 bytes", "cut the rest off");
    let utf16: Vec<u8> = "{\"error\":1}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for binary in [&b"\x1f\x8b\x08canary"[..], b"\x89PNG\r\n\x1a\n\0\0\0", &utf16, b"\xc3\x28\x01"] {
        with(binary).await.assert_error(2, "is binary", "uncompressed");
    }
    // An old charset, ten thousand brackets and a key that stands twice are text.
    for text in
        [b"{\"message\":\"caf\xe9\"}".to_vec(), vec![b'['; 10_000], br#"{"error":"a","error":"b"}"#.to_vec()]
    {
        assert_eq!(with(&text).await.code, 0);
    }
    let mut command = program(&["diagnose", "oauth2", "--status", "500", "--body", "-"]);
    let large = run_with(&mut command, &[b'x'; 2 << 20]).await;
    large.assert_error(2, "larger than 1048576 bytes", "cut the rest off");
}

#[tokio::test]
async fn what_a_service_wrote_moves_no_cursor_and_tells_no_token() {
    let token = "eyJhbGciOiJSUzI1NiJ9.canarycanarycanarycanarycanarycanarycanary.c2ln";
    let body = json!({"error": "odd\u{1b}[2J", "error_description": format!("<b>bad</b>\u{9b}31m {token} \u{202e}x")});
    for form in [&[][..], &["--json"]] {
        let ran = diagnose(
            &[form, &["oauth2", "--status", "400", "--endpoint", "token"]].concat(),
            &body.to_string(),
        )
        .await;
        assert_eq!(ran.code, 0, "{ran:?}");
        for bad in ["\u{1b}", "\u{9b}", "\u{202e}", "<b>", "canary"] {
            assert!(!ran.out.contains(bad), "{bad:?} in {ran:?}");
        }
    }
}
