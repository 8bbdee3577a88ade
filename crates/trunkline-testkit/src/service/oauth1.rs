//! OAuth 1.0a from the service's side (RFC 5849). Each signature is computed anew, from what arrived and by nothing that
//! signs.

use std::collections::{BTreeMap, HashSet};

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use trunkline_core::http::header::CONTENT_TYPE;
use trunkline_core::url::Url;

use super::{Asked, HostileService, Line, Reply};
use crate::script::{Sent, lock};
use crate::signing::Signing;

/// How far the time of a request may be off, in seconds.
const WINDOW_S: i64 = 300;

/// What the service knows of clients, tokens and what was signed.
#[derive(Debug, Default)]
pub(super) struct Signatures {
    clients: Vec<(String, String)>,
    /// The secret of each token.
    tokens: BTreeMap<String, String>,
    temporary: Vec<Temporary>,
    /// What was signed: client, token, time and nonce together come once (3.3).
    seen: HashSet<[String; 4]>,
    refused: Vec<&'static str>,
}

/// Temporary credentials.
#[derive(Debug)]
struct Temporary {
    token: String,
    secret: String,
    callback: String,
    verifier: Option<String>,
    is_spent: bool,
}

impl HostileService {
    /// Knows a client of OAuth 1.0a: its identifier and its secret.
    pub fn registers(&self, id: &str, secret: &str) {
        lock(&self.0.signatures).clients.push((id.to_owned(), secret.to_owned()));
    }

    /// Knows a token of OAuth 1.0a and its secret, for the account that is signed in.
    pub fn issues(&self, token: &str, secret: &str) {
        lock(&self.0.signatures).tokens.insert(token.to_owned(), secret.to_owned());
        self.books().holds(token);
    }

    /// Why requests were refused that were not signed as they should be, in the words that services have for it.
    #[must_use]
    pub fn unsigned(&self) -> Vec<&'static str> {
        lock(&self.0.signatures).refused.clone()
    }

    /// Where the answer to a consent is to arrive, if its URL does not say so itself: what the temporary credentials were
    /// asked for with.
    #[must_use]
    pub fn callback_of(&self, url: &Url) -> Option<Url> {
        let (_, token) = url.query_pairs().find(|(name, _)| name == "oauth_token")?;
        let signatures = lock(&self.0.signatures);
        let temporary = signatures.temporary.iter().find(|temporary| temporary.token == token)?;
        Url::parse(&temporary.callback).ok()
    }

    /// A person approves: the query that the browser brings back.
    pub(super) fn approves_temporary(&self, url: &Url) -> String {
        let callback = self.callback_of(url);
        let token = url.query_pairs().find(|(name, _)| name == "oauth_token").map(|(_, value)| value);
        let Some((callback, token)) = callback.zip(token) else {
            return "oauth_problem=token_rejected".to_owned();
        };
        let verifier = self.0.leaks.canary("verifier");
        let mut signatures = lock(&self.0.signatures);
        let temporary = signatures.temporary.iter_mut().find(|temporary| temporary.token == token);
        temporary.into_iter().for_each(|temporary| temporary.verifier = Some(verifier.clone()));
        let more = self.books().callback(&self.0.profile);
        form_urlencoded::Serializer::new(String::new())
            .extend_pairs(callback.query_pairs())
            .extend_pairs(more)
            .append_pair("oauth_token", &token)
            .append_pair("oauth_verifier", &verifier)
            .finish()
    }

    /// What a request for credentials is answered with.
    pub(super) fn credentials(&self, asked: &Asked) -> Option<Reply> {
        let leaks = &self.0.leaks;
        match asked {
            Asked::Temporary { callback } => {
                let mut signatures = lock(&self.0.signatures);
                let token = format!("temporary-{}", signatures.temporary.len());
                let secret = leaks.canary("temporary secret");
                let answer = [
                    ("oauth_token", token.clone()),
                    ("oauth_token_secret", secret.clone()),
                    ("oauth_callback_confirmed", "true".to_owned()),
                ];
                let callback = callback.clone();
                signatures.temporary.push(Temporary {
                    token,
                    secret,
                    callback,
                    verifier: None,
                    is_spent: false,
                });
                Some(Reply::form(200, answer))
            }
            Asked::Verified { token, verifier } => {
                let mut signatures = lock(&self.0.signatures);
                let temporary = signatures.temporary.iter_mut().find(|it| it.token == *token)?;
                if temporary.is_spent {
                    return Some(Reply::problem("token_used"));
                }
                if temporary.verifier.as_ref() != Some(verifier) {
                    return Some(Reply::problem("verifier_invalid"));
                }
                temporary.is_spent = true;
                let (token, secret) = (leaks.canary("access token"), leaks.canary("token secret"));
                signatures.tokens.insert(token.clone(), secret.clone());
                let told = self.books().issue(&self.0.profile, &token);
                let answer = [("oauth_token", token), ("oauth_token_secret", secret)];
                let answer = answer.into_iter().map(|(name, value)| (name.to_owned(), value));
                Some(Reply::form(200, told.into_iter().chain(answer)))
            }
            _ => None,
        }
    }

    /// Whether a request is signed as it should be, and why not.
    pub(super) fn verify(&self, signing: &Signing, line: Line, sent: &Sent) -> Result<(), &'static str> {
        let verified = self.verified(signing, line, sent);
        if let Err(problem) = verified {
            lock(&self.0.signatures).refused.push(problem);
        }
        verified
    }

    fn verified(&self, signing: &Signing, line: Line, sent: &Sent) -> Result<(), &'static str> {
        let protocol = Protocol::of(sent).ok_or("parameter_absent")?;
        let get = |name: &str| protocol.get(name).ok_or("parameter_absent");
        if protocol.get("oauth_version").is_some_and(|version| version != "1.0") {
            return Err("version_rejected");
        }
        if get("oauth_signature_method")? != signing.method {
            return Err("signature_method_rejected");
        }
        let (client, nonce) = (get("oauth_consumer_key")?, get("oauth_nonce")?);
        if nonce.len() < 6 || !nonce.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err("parameter_rejected");
        }
        let stated = get("oauth_timestamp")?;
        let time = stated.parse::<i64>().map_err(|_| "timestamp_refused")?;
        if (time - self.now().as_second()).abs() > WINDOW_S {
            return Err("timestamp_refused");
        }
        let token = protocol.get("oauth_token");
        if !self.is_realm(signing, protocol.realm.as_deref(), line, token) {
            return Err("parameter_rejected");
        }
        let mut signatures = lock(&self.0.signatures);
        let secrets: Vec<&String> =
            signatures.clients.iter().filter(|(id, _)| id == client).map(|(_, secret)| secret).collect();
        if secrets.is_empty() {
            return Err("consumer_key_unknown");
        }
        let token_secret = match (line, token) {
            (Line::Token, None) => "",
            (Line::Token, Some(token)) => {
                let known = signatures.temporary.iter().find(|temporary| temporary.token == token);
                known.map(|temporary| temporary.secret.as_str()).ok_or("token_rejected")?
            }
            (Line::Api, Some(token)) => signatures.tokens.get(token).ok_or("token_rejected")?,
            (Line::Api, None) => return Err("parameter_absent"),
        };
        let given = get("oauth_signature")?;
        let fits = |secret: &&String| {
            signature(&signing.method, sent, &protocol, secret, token_secret).as_deref() == Some(given)
        };
        if !secrets.iter().any(fits) {
            return Err("signature_invalid");
        }
        let once = [client, token.unwrap_or_default(), stated, nonce].map(str::to_owned);
        if signatures.seen.insert(once) { Ok(()) } else { Err("nonce_used") }
    }

    /// Whether the realm is that of the token's account; before there is a token, of either.
    fn is_realm(&self, signing: &Signing, realm: Option<&str>, line: Line, token: Option<&str>) -> bool {
        let Some(realms) = &signing.realms else { return realm.is_none() };
        let owner = token.filter(|_| line == Line::Api).and_then(|token| self.owner(token));
        let who = owner.and_then(|owner| self.0.profile.accounts.iter().position(|it| it.is_same(&owner)));
        match who {
            Some(who) => realm == Some(realms[who].as_str()),
            None => realms.iter().any(|own| realm == Some(own.as_str())),
        }
    }
}

/// The parameters of an `Authorization` header (3.5.1).
pub(super) struct Protocol {
    params: Vec<(String, String)>,
    realm: Option<String>,
}

impl Protocol {
    /// Those of the one header; `None` where it is not there, or repeats a parameter.
    pub(super) fn of(sent: &Sent) -> Option<Self> {
        let mut values = sent.headers.get_all("authorization").iter();
        let value = values.next().filter(|_| values.next().is_none())?.to_str().ok()?;
        let mut protocol = Self { params: Vec::new(), realm: None };
        for pair in value.strip_prefix("OAuth ")?.split(',') {
            let (name, value) = pair.trim().split_once('=')?;
            let value = value.strip_prefix('"')?.strip_suffix('"')?;
            if protocol.get(name).is_some() || (name == "realm" && protocol.realm.is_some()) {
                return None;
            }
            match name {
                "realm" => protocol.realm = Some(value.to_owned()),
                name => protocol.params.push((name.to_owned(), decoded(value)?)),
            }
        }
        Some(protocol)
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// All but the realm.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (String, String)> {
        self.params.iter().cloned()
    }
}

/// The signature that a request should have (3.4); `None` for a method that nobody knows.
fn signature(
    method: &str,
    sent: &Sent,
    protocol: &Protocol,
    client_secret: &str,
    token_secret: &str,
) -> Option<String> {
    let key = format!("{}&{}", encoded(client_secret), encoded(token_secret));
    let algorithm = match method {
        "HMAC-SHA1" => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        "HMAC-SHA256" => hmac::HMAC_SHA256,
        "PLAINTEXT" => return (sent.url.scheme() == "https").then_some(key),
        _ => return None,
    };
    let tag = hmac::sign(&hmac::Key::new(algorithm, key.as_bytes()), base(sent, protocol).as_bytes());
    Some(STANDARD.encode(tag))
}

/// What is signed (3.4.1): the method, where it goes, and every parameter of query, header and form.
fn base(sent: &Sent, protocol: &Protocol) -> String {
    let pairs = |text: &str| form_urlencoded::parse(text.as_bytes()).into_owned().collect::<Vec<_>>();
    let kind = sent.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let is_form = kind.to_ascii_lowercase().starts_with("application/x-www-form-urlencoded");
    let mut all = pairs(sent.url.query().unwrap_or_default());
    all.extend(protocol.pairs().filter(|(name, _)| name != "oauth_signature"));
    all.extend(if is_form { pairs(&sent.body) } else { Vec::new() });
    let mut all: Vec<_> = all.iter().map(|(name, value)| (encoded(name), encoded(value))).collect();
    all.sort_unstable();
    let all: Vec<_> = all.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let place = format!("{}{}", sent.url.origin().ascii_serialization(), sent.url.path());
    format!("{}&{}&{}", sent.method.to_ascii_uppercase(), encoded(&place), encoded(&all.join("&")))
}

/// Percent-encoded, but for the unreserved characters (3.6).
fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(byte.into()),
            byte => out.push_str(&format!("%{byte:02X}")),
        }
        out
    })
}

/// The same read; `None` for what is not encoded so.
fn decoded(text: &str) -> Option<String> {
    let plain = form_urlencoded::parse(text.as_bytes()).next().map_or(String::new(), |it| it.0.into_owned());
    (encoded(&plain) == text).then_some(plain)
}

#[cfg(test)]
mod tests {
    use trunkline_core::http::{HeaderMap, HeaderValue};

    use super::*;
    use crate::clock::VirtualClock;
    use crate::leak::LeakDetector;
    use crate::profile::Profile;

    fn sent(method: &str, url: &str, authorization: &str) -> Sent {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", HeaderValue::try_from(authorization).expect("a header"));
        Sent {
            method: method.to_owned(),
            url: Url::parse(url).expect("a URL"),
            authorization: None,
            headers,
            body: String::new(),
            public_only: false,
        }
    }

    /// RFC 5849, 1.2: the request for the photo.
    #[test]
    fn the_standards_example_is_signed_as_the_service_computes_it() {
        let header = r#"OAuth realm="Photos", oauth_consumer_key="dpf43f3p2l4k3l03", oauth_token="nnch734d00sl2jdk", oauth_signature_method="HMAC-SHA1", oauth_timestamp="137131202", oauth_nonce="chapoH", oauth_signature="MdpQcU8iPSUjWoN%2FUDMsK2sui9I%3D""#;
        let url = "http://photos.example.net/photos?file=vacation.jpg&size=original";
        let sent = sent("GET", url, header);
        let protocol = Protocol::of(&sent).expect("it is signed");
        let own = signature("HMAC-SHA1", &sent, &protocol, "kd94hf93k423kf44", "pfkkdhi9sl3r4s00");
        assert_eq!(own.as_deref(), protocol.get("oauth_signature"));
        assert_eq!(protocol.realm.as_deref(), Some("Photos"));
        // A byte more is another request.
        let other = self::sent("GET", &format!("{url}s"), header);
        let other = signature("HMAC-SHA1", &other, &protocol, "kd94hf93k423kf44", "pfkkdhi9sl3r4s00");
        assert_ne!(other, own);
    }

    #[test]
    fn a_header_that_is_not_written_as_the_standard_says_is_none() {
        for wrong in [
            "Bearer oauth_token=\"a\"",
            "OAuth oauth_token=a",
            "OAuth oauth_token=\"a\", oauth_token=\"a\"",
            "OAuth oauth_token=\"a+b\"",
            "OAuth oauth_token=\"a%2fb\"",
        ] {
            assert!(Protocol::of(&sent("GET", "https://api.test/", wrong)).is_none(), "{wrong}");
        }
    }

    const API: &str = "https://api.test/x?a=1";

    /// A call in a realm, with a nonce, so many seconds off the clock.
    fn call(service: &HostileService, realm: &str, nonce: &str, off_s: i64) -> Result<(), &'static str> {
        let header = |signature: &str| {
            let time = service.now().as_second() + off_s;
            format!(
                "OAuth realm=\"{realm}\", oauth_consumer_key=\"client\", oauth_token=\"token\", \
                 oauth_signature_method=\"HMAC-SHA256\", oauth_timestamp=\"{time}\", oauth_nonce=\"{nonce}\", \
                 oauth_signature=\"{}\"",
                encoded(signature)
            )
        };
        let bare = sent("GET", API, &header(""));
        let protocol = Protocol::of(&bare).expect("it is signed");
        let signature = signature("HMAC-SHA256", &bare, &protocol, "secret", "token-secret");
        let signing = service.0.profile.signing.clone().expect("it is signed for");
        service.verify(&signing, Line::Api, &sent("GET", API, &header(&signature.expect("a known method"))))
    }

    #[test]
    fn the_service_takes_a_signature_once_in_time_and_in_the_accounts_realm() {
        let profile = Profile::named("acme", "").signed(Signing::new("HMAC-SHA256").realms(["ONE", "TWO"]));
        let service = HostileService::new(&profile, VirtualClock::new(), LeakDetector::new());
        assert_eq!(call(&service, "ONE", "abcdef1", 0), Err("consumer_key_unknown"));
        service.registers("client", "secret");
        assert_eq!(call(&service, "ONE", "abcdef1", 0), Err("token_rejected"));
        service.issues("token", "token-secret");
        assert_eq!(call(&service, "ONE", "abcdef1", 0), Ok(()));
        assert_eq!(call(&service, "ONE", "abcdef1", 0), Err("nonce_used"));
        assert_eq!(call(&service, "ONE", "abcdef1", 1), Ok(()), "another time is another request");
        assert_eq!(call(&service, "ONE", "abcde", 0), Err("parameter_rejected"), "too short");
        assert_eq!(call(&service, "TWO", "abcdef2", 0), Err("parameter_rejected"), "another account's realm");
        for (off_s, is_taken) in [(-301, false), (-300, true), (300, true), (301, false)] {
            assert_eq!(call(&service, "ONE", "abcdef3", off_s).is_ok(), is_taken, "{off_s}");
        }
        assert_eq!(service.unsigned().len(), 7);
        // Another secret of the same client is another signature.
        let other = HostileService::new(&profile, VirtualClock::new(), LeakDetector::new());
        other.registers("client", "other");
        other.issues("token", "token-secret");
        assert_eq!(call(&other, "ONE", "abcdef1", 0), Err("signature_invalid"));
    }
}
