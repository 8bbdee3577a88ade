//! OAuth 1.0a as data: what is refused when it is read, what is signed, and what a refusal means.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

mod common;

use common::*;
use trunkline_core::http::{HeaderMap, Method, StatusCode};
use trunkline_core::{
    Call, Cause, Connector, ConsentKind, ErrorKind, Exchange, Request, Revoked, Secret, SentSecrets,
};
use trunkline_manifest::{Manifest, ManifestConfig, ManifestConnector};

const OAUTH2: &str = r#"[oauth2]
grant_types = ["authorization_code"]
authorization_endpoint = "https://login.acme.example/authorize"
token_endpoint = "https://login.acme.example/token"
scopes = ["read"]
"#;

const THREE_LEGGED: &str = r#"[inputs.account]
title = "Account"
example = "1234567-sb1"
pattern = "[0-9]{4,8}[a-z0-9-]*"

[captures.person]
from = "token_response"
member = "user_nsid"
pattern = "[0-9]+@N[0-9]{2}"

[oauth1]
temporary_credential_endpoint = "https://login.acme.example/request_token"
authorization_endpoint = "https://login.acme.example/authorize"
token_endpoint = "https://login.acme.example/access_token"
signature_method = "HMAC-SHA1"
realm = "{input.account}"
realm_case = "upper_snake"
authorization_params = { perms = "write" }
"#;

const TOKEN_BASED: &str = r#"[inputs.account]
title = "Account"
example = "1234567-sb1"
pattern = "[0-9]{4,8}[a-z0-9-]*"

[inputs.token]
title = "Token"
example = "made-up"
secret = true

[inputs.token_secret]
title = "Token secret"
example = "made-up"
secret = true

[oauth1_token]
token_input = "token"
token_secret_input = "token_secret"
signature_method = "HMAC-SHA256"
realm = "{input.account}"
realm_case = "upper_snake"
"#;

/// What makes a client of its own of a token-based way.
const OWN_CLIENT: [(&str, &str); 2] = [
    (
        "[inputs.token]",
        "[inputs.key]\ntitle = 'Key'\nexample = 'k'\n[inputs.key_secret]\ntitle = 'S'\nexample = 'k'\nsecret = true\n[inputs.token]",
    ),
    ("token_input =", "client_id_input = 'key'\nclient_secret_input = 'key_secret'\ntoken_input ="),
];

fn three_legged(changes: &[(&str, &str)]) -> String {
    let way = [(OAUTH2, THREE_LEGGED), ("{response.id}", "{response.id}@{capture.person}")];
    acme(&[&way[..], changes].concat())
}

fn token_based(changes: &[(&str, &str)]) -> String {
    acme(&[&[(OAUTH2, TOKEN_BASED)], changes].concat())
}

#[track_caller]
fn refused(text: &str, at: &str, says: &str, hint: &str) {
    let problems = Manifest::parse("acme.toml", text).expect_err(says);
    let said = |it: &trunkline_manifest::Problem| {
        let line = text.lines().nth(it.line.saturating_sub(1) as usize).unwrap_or_default();
        line.contains(at)
            && it.message.contains(says)
            && it.hint.as_deref().unwrap_or_default().contains(hint)
    };
    assert!(problems.iter().any(said), "{says}: {problems}");
}

#[test]
fn a_wrong_combination_is_told_at_its_line_with_a_hint() {
    assert_eq!(manifest(&three_legged(&[])).methods(), ["oauth1"]);
    assert_eq!(manifest(&token_based(&[])).methods(), ["oauth1_token"]);
    manifest(&token_based(&OWN_CLIENT));
    let of_three = |from: &str, to: &str| three_legged(&[(from, to)]);
    let of_token = |from: &str, to: &str| token_based(&[(from, to)]);
    // A key of one shape in the other.
    refused(
        &of_token("token_input =", "token_endpoint = 'https://login.acme.example/x'\ntoken_input ="),
        "token_endpoint",
        "`token_endpoint` is not a key here",
        "",
    );
    refused(
        &of_three("signature_method", "token_input = 'account'\nsignature_method"),
        "token_input",
        "`token_input` is not a key here",
        "the keys here are: temporary_credential_endpoint",
    );
    // Words of others.
    for (word, own) in [
        ("request_token_endpoint", "temporary_credential_endpoint"),
        ("consumer_key_input", "client_id_input"),
    ] {
        let text = match own {
            "client_id_input" => of_token("token_input =", &format!("{word} = 'account'\ntoken_input =")),
            own => of_three(own, word),
        };
        refused(&text, word, "is not a key here", &format!("did you mean `{own}`?"));
    }
    refused(&of_token("[oauth1_token]", "[tba]"), "[tba]", "`tba` is not a key here", "`oauth1_token`");
    refused(
        &of_token("HMAC-SHA256", "RSA-SHA1"),
        "RSA-SHA1",
        "`RSA-SHA1` is no value of this key",
        "PLAINTEXT",
    );
    // Beside another way.
    let both = acme(&[("[api]", &format!("{TOKEN_BASED}\n[api]"))]);
    refused(&both, "[oauth1_token]", "OAuth 1.0a stands beside no other way", "a manifest of its own");
    // Half a client, a token that is shown, one input for two.
    let client = [OWN_CLIENT[0], ("token_input =", "client_id_input = 'key'\ntoken_input =")];
    refused(&token_based(&client), "client_id_input", "`client_id_input` needs `client_secret_input`", "");
    let shown = of_token(
        "title = \"Token\"\nexample = \"made-up\"\nsecret = true",
        "title = \"Token\"\nexample = \"t\"",
    );
    refused(&shown, "token_input", "inputs with `secret = true`", "");
    let one = of_token("token_secret_input = \"token_secret\"", "token_secret_input = \"token\"");
    refused(&one, "token_secret_input", "are two inputs", "");
    // The realm stands in a header.
    let loose = of_token("pattern = \"[0-9]{4,8}[a-z0-9-]*\"", "");
    refused(&loose, "realm =", "the input `account` stands in a header", "");
    refused(&of_token("realm = \"{input.account}\"\n", ""), "[oauth1_token]", "there is none", "");
    refused(
        &of_three("realm = \"{input.account}\"", "realm = 'a\"{input.account}'"),
        "[oauth1]",
        "fits no header",
        "",
    );
    // What the protocol has for itself, or not at all.
    refused(&of_three("perms =", "oauth_callback ="), "oauth_callback", "is the protocol's", "");
    refused(&of_three("user_nsid", "oauth_token_secret"), "captures.person", "captures are none of it", "");
    refused(
        &of_three("from = \"token_response\"", "from = \"id_token\""),
        "captures.person",
        "no id token",
        "",
    );
    let captured = three_legged(&[(
        "[api]",
        &format!(
            "{}\n[api]",
            TOKEN_BASED.split_once("[inputs.token]").map(|it| format!("[inputs.token]{}", it.1)).unwrap()
        ),
    )]);
    refused(&captured, "captures.person", "there is no answer that holds it", "[after_consent]");
    let renews = of_three("[api]", "[[errors]]\nstatus = [401]\ncause = 'access_token_expired'\n[api]");
    refused(&renews, "access_token_expired", "nothing renews a token", "`request_invalid` does not");
}

#[test]
fn settings_that_lack_what_signs_are_refused() {
    let refused = |text: &str, change: fn(&mut ManifestConfig), says: &str| {
        let mut config = config(text);
        change(&mut config);
        let error = ManifestConnector::new(config.manifest.clone().unwrap(), &config).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConfigInvalid);
        assert!(error.to_string().contains(says), "{error}");
    };
    refused(&three_legged(&[]), |config| config.client_id = None, "client_id is missing");
    refused(&three_legged(&[]), |config| config.client_secret = None, "client_secret is missing");
    refused(&three_legged(&[]), |config| config.redirect_uri = None, "redirect_uri is missing");
    refused(&token_based(&[]), |config| config.client_secret = None, "client_secret is missing");
    let own = ManifestConfig::new(manifest(&token_based(&OWN_CLIENT)));
    let connector = ManifestConnector::new(own.manifest.clone().unwrap(), &own).unwrap();
    assert_eq!(connector.auth(None).unwrap().client_identity(), None);
}

/// A parameter of the protocol, as the request has it.
fn signed(sent: &Sent, name: &str) -> Option<String> {
    let header = sent.header("authorization")?;
    let value = header.split(&format!("{name}=\"")).nth(1)?.split('"').next()?;
    form_urlencoded::parse(value.as_bytes()).next().map(|(value, _)| value.into_owned())
}

const TEMPORARY: &str = "https://login.acme.example/request_token";
const TOKEN: &str = "https://login.acme.example/access_token";

fn plays(stage: &Stage) {
    stage.play(
        TEMPORARY,
        json(200, "oauth_token=temp&oauth_token_secret=canary-temp&oauth_callback_confirmed=true"),
    );
    stage.play(TOKEN, json(200, "oauth_token=at&oauth_token_secret=canary-ts&user_nsid=21%40N07"));
    stage.play("https://api.acme.example/v1/me", json(200, r#"{"id":7}"#));
}

#[tokio::test]
async fn a_person_approves_and_requests_are_signed_in_the_realm_of_the_account() {
    let connector = connector(&three_legged(&[]));
    let (cx, stage) = stage();
    plays(&stage);
    let given = inputs(&[("account", "1234567-sb1")]);
    assert_eq!(connector.auth(None).unwrap().consent(), ConsentKind::Redirect);

    let asked = asked(&connector, &cx, &given).await;
    assert_eq!(asked.as_str(), "https://login.acme.example/authorize?oauth_token=temp&perms=write");
    let sent = stage.one();
    assert_eq!((sent.method.as_str(), sent.url.as_str(), sent.public_only), ("POST", TEMPORARY, true));
    assert_eq!(signed(&sent, "oauth_callback").as_deref(), Some("https://app.example.com/cb?state=state"));
    assert!(sent.header("authorization").unwrap().starts_with("OAuth realm=\"1234567_SB1\", "));

    let grant =
        consent(&connector, &cx, &given, "state=state&oauth_token=temp&oauth_verifier=v").await.unwrap();
    assert_eq!(grant.captures.get("person"), Some("21@N07"));
    assert!(stage.sent().iter().all(|sent| !sent.holds("canary") && sent.public_only));
    let session = session(&connector, &stage, None, &grant);
    assert_eq!(connector.identify(&cx, &session, &grant).await.unwrap().user, "7@21@N07");
    let sent = stage.one();
    assert!(sent.header("authorization").unwrap().starts_with("OAuth realm=\"1234567_SB1\", "));
    assert_eq!(signed(&sent, "oauth_token").as_deref(), Some("at"));
    assert!(!sent.holds("canary"));

    let auth = connector.auth(None).unwrap();
    let error = auth.refresh(&cx, &held(&grant, &given)).await.unwrap_err();
    assert_eq!(error.cause(), Some(Cause::RefreshTokenMissing));
    assert_eq!(auth.revoke(&cx, &held(&grant, &given)).await.unwrap(), Revoked::NotSupported);
    assert!(stage.sent().is_empty());
}

#[tokio::test]
async fn a_token_is_given_and_every_customer_may_bring_a_client() {
    let own = token_based(&OWN_CLIENT);
    let mut config = ManifestConfig::new(manifest(&own));
    config.client_id = Some("client-1".to_owned());
    config.client_secret = Some(Secret::new(SECRET));
    let of_customer = ManifestConnector::new(config.manifest.clone().unwrap(), &config).unwrap();
    let (cx, stage) = stage();
    plays(&stage);
    let mut given = vec![("account", "1234567-sb1"), ("token", "at"), ("token_secret", "canary-ts")];
    for (connector, key) in [(connector(&token_based(&[])), "client-1"), (of_customer, "key-of-theirs")] {
        let incomplete = mint(&connector, &cx, None, &inputs(&given[..2])).await.unwrap_err();
        assert_eq!(incomplete.cause(), Some(Cause::InputMissing));
        if key == "key-of-theirs" {
            given.extend([("key", key), ("key_secret", "canary-ks")]);
        }
        let grant = mint(&connector, &cx, None, &inputs(&given)).await.unwrap();
        let sent = call(&connector, &stage, None, &grant, "/things").await;
        assert_eq!(signed(&sent, "oauth_consumer_key").as_deref(), Some(key));
        assert_eq!(signed(&sent, "oauth_signature_method").as_deref(), Some("HMAC-SHA256"));
        assert!(sent.header("authorization").unwrap().starts_with("OAuth realm=\"1234567_SB1\", "));
        assert!(!sent.holds("canary"));
        assert!(!format!("{grant:?}{connector:?}").contains("canary"));
    }
}

#[tokio::test]
async fn what_comes_back_from_elsewhere_or_without_a_verifier_asks_for_no_token() {
    let connector = connector(&three_legged(&[]));
    let (cx, stage) = stage();
    plays(&stage);
    let given = inputs(&[("account", "1234567-sb1")]);
    for (query, cause) in [
        ("state=state&denied=temp", Cause::ConsentDenied),
        ("state=state&oauth_token=other&oauth_verifier=v", Cause::ConsentInvalid),
    ] {
        let error = consent(&connector, &cx, &given, query).await.unwrap_err();
        assert_eq!(error.cause(), Some(cause), "{query}");
        assert_eq!(stage.one().url.as_str(), TEMPORARY);
    }
    // A refusal brings none of what an approval does.
    let from_callback = [("from = \"token_response\"\nmember = \"user_nsid\"", "from = \"callback\"")];
    let captures = common::connector(&three_legged(&from_callback));
    for (query, cause) in [
        ("state=state&denied=temp", Cause::ConsentDenied),
        ("state=state&oauth_token=temp&oauth_verifier=v", Cause::ConsentInvalid),
    ] {
        let error = consent(&captures, &cx, &given, query).await.unwrap_err();
        assert_eq!(error.cause(), Some(cause), "{query}");
        assert_eq!(stage.one().url.as_str(), TEMPORARY);
    }
    let approved = "state=state&oauth_token=temp&oauth_verifier=v&person=21@N07";
    let grant = consent(&captures, &cx, &given, approved).await.unwrap();
    assert_eq!((grant.captures.get("person"), stage.sent().len()), (Some("21@N07"), 2));
    // Before anything is asked for, what is needed is there and good.
    for wrong in ["", "../x", "1234567\r\nX: y"] {
        assert!(begin(&connector, &cx, &inputs(&[("account", wrong)])).await.is_err(), "{wrong}");
    }
    assert!(stage.sent().is_empty());
}

fn judged(connector: &ManifestConnector, status: u16, challenge: &str, body: &str) -> Option<Cause> {
    let mut headers = HeaderMap::new();
    if !challenge.is_empty() {
        headers.insert("www-authenticate", challenge.parse().unwrap());
    }
    let exchange = Exchange {
        call: Call::Api,
        method: &Method::GET,
        path: "/x",
        status: StatusCode::from_u16(status).unwrap(),
        headers: &headers,
        body: body.as_bytes(),
    };
    connector.diagnose(&exchange).map(|diagnosis| diagnosis.cause())
}

#[test]
fn a_401_ends_no_grant_unless_the_service_says_so() {
    let own = "[[errors]]\ncodes = ['consumer_key_refused', 'E7']\ncause = 'client_not_authorized'\n[api]";
    let connector = connector(&token_based(&[("[api]", own)]));
    for (status, challenge, body, cause) in [
        (401, "", "", Some(Cause::RequestInvalid)),
        (401, "Bearer error=\"invalid_token\"", "", Some(Cause::RequestInvalid)),
        (401, "OAuth oauth_problem=\"token_rejected\"", "", Some(Cause::RequestInvalid)),
        (401, "OAuth oauth_problem=\"frobnicated\"", "", Some(Cause::RequestInvalid)),
        (401, "", r#"{"error":"invalid_token"}"#, Some(Cause::RequestInvalid)),
        (401, "OAuth oauth_problem=\"token_revoked\"", "", Some(Cause::GrantRevoked)),
        // The manifest's words come first, wherever they stand.
        (401, "OAuth oauth_problem=\"consumer_key_refused\"", "", Some(Cause::ClientNotAuthorized)),
        (401, "", "oauth_problem=consumer_key_refused", Some(Cause::ClientNotAuthorized)),
        (401, "", r#"{"error":"E7"}"#, Some(Cause::ClientNotAuthorized)),
        (403, "", "{}", None),
        (503, "", "", None),
    ] {
        assert_eq!(judged(&connector, status, challenge, body), cause, "{status} {challenge} {body}");
    }
}

/// With PLAINTEXT the secrets of both sides are in every request, and a service may quote them.
#[tokio::test]
async fn a_plain_signature_is_taken_out_of_what_a_service_quotes() {
    let text = token_based(&[("HMAC-SHA256", "PLAINTEXT")]);
    let mut config = config(&text);
    config.client_secret = Some(Secret::new("canary/of+the application"));
    let connector = ManifestConnector::new(config.manifest.clone().unwrap(), &config).unwrap();
    let (cx, stage) = stage();
    let given = inputs(&[
        ("account", "1234567-sb1"),
        ("token", "token-of-theirs"),
        ("token_secret", "canary+of%theirs"),
    ]);
    let grant = mint(&connector, &cx, None, &given).await.unwrap();
    stage.play("https://api.acme.example/v1/me", json(200, ""));
    let sent = call(&connector, &stage, None, &grant, "/me").await;
    let prepared = connector.auth(None).unwrap().prepare(&grant.credential).unwrap();
    assert!(!format!("{prepared:?}").contains("canary"));
    let header = sent.header("authorization").unwrap();
    assert!(header.contains("canary"), "the signature is the secrets: {header}");
    for quoted in [
        header,
        "refused: canary/of+the application",
        "signature canary%2Fof%2Bthe%20application&canary%2Bof%25theirs",
    ] {
        let cleaned = SentSecrets::of(&prepared).clean(quoted.as_bytes()).unwrap();
        let cleaned = String::from_utf8(cleaned).unwrap();
        assert!(!cleaned.contains("canary"), "{cleaned}");
    }
}

#[test]
fn a_hostile_manifest_cannot_have_credentials_asked_for_at_a_host_that_it_does_not_list() {
    for (from, to) in [
        ("https://login.acme.example/request_token", "https://evil.test/request_token"),
        ("https://login.acme.example/authorize", "https://login.acme.example@evil.test/"),
        ("https://login.acme.example/access_token", "https://{input.account}/access_token"),
        ("https://login.acme.example/access_token", "https://login.acme.example.{input.account}.test/"),
        ("https://login.acme.example/access_token", "http://login.acme.example/access_token"),
        ("https://login.acme.example/access_token", "{capture.person}/access_token"),
        ("realm = \"{input.account}\"", "realm = \"{capture.person}\""),
        ("realm = \"{input.account}\"", "realm = \"{credential.token_secret}\""),
        ("perms = \"write\"", "perms = \"{credential.access_token}\""),
    ] {
        assert!(Manifest::parse("acme.toml", &three_legged(&[(from, to)])).is_err(), "{to}");
    }
    // A secret stands in nothing that is shown or sent as it is.
    for (from, to) in [
        ("realm = \"{input.account}\"", "realm = \"{input.token_secret}\""),
        ("https://api.acme.example/v1/me", "https://api.acme.example/v1/{input.token_secret}"),
        ("base_url =", "headers = { X-Secret = '{input.token_secret}' }\nbase_url ="),
    ] {
        assert!(Manifest::parse("acme.toml", &token_based(&[(from, to)])).is_err(), "{to}");
    }
}

#[tokio::test]
async fn what_signs_goes_to_no_host_of_the_list_that_is_not_the_apis() {
    let connector = connector(&token_based(&[]));
    let (cx, stage) = stage();
    let given = inputs(&[("account", "1234567-sb1"), ("token", "at"), ("token_secret", "canary-ts")]);
    let grant = mint(&connector, &cx, None, &given).await.unwrap();
    let session = session(&connector, &stage, None, &grant);
    for other in ["https://login.acme.example/x", "https://evil.test/", "http://api.acme.example/"] {
        assert!(session.send(Request::new(Method::GET, url(other))).await.is_err(), "{other}");
    }
    assert!(stage.sent().is_empty());
}
