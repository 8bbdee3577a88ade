//! Requests that get and end tokens, where a service wants them otherwise than the standards do.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

mod common;

use common::*;
use trunkline_core::{Cause, Connector as _, Revoked};
use trunkline_manifest::Manifest;

const TOKEN: &str = "https://login.acme.example/token";

/// The changed [`ACME`] is refused for that reason.
fn refused(changes: &[(&str, &str)], expected: &str) {
    let problems = Manifest::parse("acme.toml", &acme(changes)).unwrap_err().to_string();
    assert!(problems.contains(expected), "{expected}: {problems}");
}

/// [`ACME`] whose client asks for itself, with `more` in `[oauth2]`.
fn of_the_client(more: &str) -> String {
    acme(&[
        ("\"authorization_code\"", "\"client_credentials\""),
        ("authorization_endpoint = \"https://login.acme.example/authorize\"", more),
    ])
}

#[tokio::test]
async fn a_grant_type_of_the_services_own_is_asked_for_with_its_parameters_each_time() {
    let own = "grant_type_names = { client_credentials = 'account_credentials' }\ntoken_params = { account_id = '{input.account}' }";
    let text = of_the_client(own).replace(
        "[api]",
        "[inputs.account]\ntitle = 'Account'\nexample = 'a-1'\npattern = '[a-z0-9-]+'\n[api]",
    );
    let connector = connector(&text);
    let (cx, stage) = stage();
    stage.play(TOKEN, json(200, r#"{"access_token":"t","token_type":"bearer","expires_in":3600}"#));
    let given = inputs(&[("account", "a-7")]);
    let grant = mint(&connector, &cx, None, &given).await.unwrap();
    connector.auth(None).unwrap().refresh(&cx, &held(&grant, &given)).await.unwrap();
    let sent = stage.sent();
    assert_eq!(sent.len(), 2);
    for sent in sent {
        assert_eq!(sent.param("grant_type").as_deref(), Some("account_credentials"));
        assert_eq!(sent.param("account_id").as_deref(), Some("a-7"));
        assert!(sent.header("authorization").unwrap().starts_with("Basic "));
    }
}

#[test]
fn a_word_for_a_grant_is_of_one_that_is_listed_and_means_no_other() {
    let named = |grant: &str, word: &str| format!("grant_type_names = {{ {grant} = '{word}' }}\nscopes =");
    let unknown = named("authorization_code", "x");
    refused(&[("scopes =", &unknown)], "`authorization_code` is no grant that a service calls otherwise");
    let unlisted = named("client_credentials", "x");
    refused(&[("scopes =", &unlisted)], "nobody asks for it: `grant_types` has no `client_credentials`");
    // RFC 9700, 2.4; and a hostile author turns no grant into another one.
    for word in ["password", "refresh_token", "authorization_code", "implicit"] {
        let text = of_the_client(&format!("grant_type_names = {{ client_credentials = '{word}' }}"));
        let problems = Manifest::parse("acme.toml", &text).unwrap_err().to_string();
        assert!(problems.contains(&format!("`{word}` is another grant")), "{problems}");
    }
}

/// [`ACME`] whose tokens are revoked as `more` says.
fn revoking(more: &str) -> String {
    let endpoint = "revocation_endpoint = 'https://login.acme.example/revoke'";
    acme(&[
        ("scopes =", &format!("{endpoint}\nscopes =")),
        ("[api]", &format!("[oauth2.revocation]\n{more}\n[api]")),
    ])
}

/// Square, Calendly, Miro and Slack want these, in the order of the cases; Zendesk the last one.
#[tokio::test]
async fn a_revocation_is_written_as_the_service_wants_it() {
    for (more, method, authorization, kind, body) in [
        (
            "secret_scheme = 'Client'\nencoding = 'json'\ntoken = 'access_token'\nparameter_names = { token = 'access_token' }",
            "POST",
            format!("Client {SECRET}"),
            "application/json",
            r#"{"access_token":"at","client_id":"client-1"}"#.to_owned(),
        ),
        (
            "auth_method = 'client_secret_post'",
            "POST",
            String::new(),
            "application/x-www-form-urlencoded",
            format!("token=rt&client_id=client-1&client_secret={SECRET}"),
        ),
        (
            "auth_method = 'client_secret_post'\nencoding = 'json'\ntoken = 'access_token'\n\
             parameter_names = { token = 'accessToken', client_id = 'clientId', client_secret = 'clientSecret' }",
            "POST",
            String::new(),
            "application/json",
            format!(r#"{{"accessToken":"at","clientId":"client-1","clientSecret":"{SECRET}"}}"#),
        ),
        ("bearer = true", "POST", "Bearer at".to_owned(), "", String::new()),
        (
            "method = 'DELETE'\nbearer = true\nparams = { reason = 'gone' }",
            "DELETE",
            "Bearer at".to_owned(),
            "application/x-www-form-urlencoded",
            "reason=gone".to_owned(),
        ),
    ] {
        let connector = connector(&revoking(more));
        let (cx, stage) = stage();
        stage.play(TOKEN, json(200, r#"{"access_token":"at","refresh_token":"rt"}"#));
        stage.play("https://login.acme.example/revoke", json(204, ""));
        let none = inputs(&[]);
        let grant = consent(&connector, &cx, &none, "code=c").await.unwrap();
        stage.sent();
        let auth = connector.auth(None).unwrap();
        assert_eq!(auth.revoke(&cx, &held(&grant, &none)).await.unwrap(), Revoked::Done, "{more}");
        let sent = stage.one();
        assert_eq!(
            (sent.method.as_str(), String::from_utf8_lossy(&sent.body).as_ref()),
            (method, body.as_str())
        );
        assert_eq!(sent.header("authorization").unwrap_or_default(), authorization, "{more}");
        assert_eq!(sent.header("content-type").unwrap_or_default(), kind, "{more}");
        assert!(sent.public_only);
        // The token requests are as before.
        auth.refresh(&cx, &held(&grant, &none)).await.unwrap();
        assert!(stage.one().header("authorization").unwrap().starts_with("Basic "), "{more}");
    }
}

/// A refresh token that nobody revoked still serves.
#[tokio::test]
async fn without_the_token_that_the_service_takes_nothing_is_said_to_be_revoked() {
    let connector = connector(&revoking("bearer = true"));
    let (cx, stage) = stage();
    stage.play(TOKEN, json(200, r#"{"access_token":"at","refresh_token":"rt"}"#));
    let none = inputs(&[]);
    let mut grant = consent(&connector, &cx, &none, "code=c").await.unwrap();
    stage.sent();
    grant.credential.access_token = None;
    let auth = connector.auth(None).unwrap();
    assert_eq!(auth.revoke(&cx, &held(&grant, &none)).await.unwrap(), Revoked::NotSupported);
    assert!(stage.sent().is_empty());
}

#[test]
fn a_revocation_that_cannot_be_asked_for_is_refused() {
    for (more, expected) in [
        ("auth_method = 'none'", "only ways to show a client secret can take each other's place"),
        ("auth_method = 'private_key_jwt'", "only ways to show a client secret can take each other's place"),
        ("bearer = true\nsecret_scheme = 'Client'", "exclude each other"),
        ("bearer = true\ntoken = 'access_token'", "a bearer is the access token"),
        ("secret_scheme = 'Basic'", "one word of the service's own"),
        ("secret_scheme = 'a b'", "one word of the service's own"),
        ("encoding = 'query'", "a token that is revoked does not stand in a URL"),
        ("parameter_names = { tokn = 'x' }", "did you mean `token`?"),
        ("parameter_names = { code = 'x' }", "`code` is no parameter of a revocation"),
        ("params = { token = 'x' }", "a secret in clear: `token`"),
        ("params = { client_id = 'x' }", "the parameter `client_id` would be sent twice with a revocation"),
        ("parameter_names = { token = 'client_id' }", "the parameter `client_id` would be sent twice"),
        ("frobnicate = 1", "the keys here are: method, auth_method"),
    ] {
        let problems = Manifest::parse("acme.toml", &revoking(more)).unwrap_err().to_string();
        assert!(problems.contains(expected), "{expected}: {problems}");
    }
    refused(
        &[("[api]", "[oauth2.revocation]\nbearer = true\n[api]")],
        "the key `revocation_endpoint` is missing",
    );
    let public = revoking("secret_scheme = 'Client'")
        .replace("scopes =", "token_endpoint_auth_method = 'none'\nscopes =");
    let problems = Manifest::parse("acme.toml", &public).unwrap_err().to_string();
    assert!(problems.contains("the client has no secret"), "{problems}");
}

const USER: &str = "[inputs.user]\ntitle = 'User'\nexample = 'ada'\n\
    [inputs.password]\ntitle = 'Password'\nexample = 'made-up'\nsecret = true\n";

/// [`ACME`] with a login in place of OAuth 2.
fn logging_in(login: &str) -> String {
    let (start, end) = (ACME.find("[oauth2]").unwrap(), ACME.find("[api]").unwrap());
    let login = format!("[session_login]\nlogin_endpoint = 'https://login.acme.example/login'\n{login}");
    format!("{}{USER}{login}\n{}", &ACME[..start], &ACME[end..])
}

const LOGIN: &str = "https://login.acme.example/login";

#[tokio::test]
async fn a_logins_body_nests_where_its_names_have_dots() {
    let login = "encoding = 'json'\nparams = { 'auth.user' = 'user', 'auth.secret.password' = 'password' }\n\
        fixed_params = { 'auth.secret.kind' = 'plain', version = '2' }\n\
        [session_login.response]\nmembers = { access_token = 'data.session.token' }";
    let connector = connector(&logging_in(login));
    let (cx, stage) = stage();
    stage.play(LOGIN, json(200, r#"{"data":{"session":{"token":"at"}}}"#));
    let given = inputs(&[("user", "ada"), ("password", "p\"4")]);
    let grant = mint(&connector, &cx, None, &given).await.unwrap();
    let sent = stage.one();
    let body: serde_json::Value = serde_json::from_slice(&sent.body).unwrap();
    let expected = serde_json::json!({
        "auth": { "user": "ada", "secret": { "password": "p\"4", "kind": "plain" } }, "version": "2"
    });
    assert_eq!((body, sent.header("content-type")), (expected, Some("application/json")));
    assert_eq!(grant.credential.access_token.unwrap().expose(), "at");
}

#[tokio::test]
async fn a_session_that_is_a_cookie_is_read_from_the_header_and_carried_as_one() {
    let connector = connector(&logging_in(
        "params = { user = 'user', password = 'password' }\ncookie = 'SID'\n[session_login.renewal]\ndefault_lifetime_s = 90",
    ));
    let (cx, stage) = stage();
    let given = inputs(&[("user", "ada"), ("password", "p")]);
    for (reply, token, life) in [
        (json(200, "{}").with("set-cookie", "SID=s-1; Path=/; Max-Age=60"), "s-1", 60),
        (json(204, "").with("set-cookie", "other=x").with("set-cookie", "SID=s-2; HttpOnly"), "s-2", 90),
        // RFC 6265, 5.3: the later one counts.
        (json(200, "{}").with("set-cookie", "SID=s-3").with("set-cookie", "SID=s-4; max-age=30"), "s-4", 30),
        (json(200, "").with("set-cookie", "SID=s-5").with("content-length", "0"), "s-5", 90),
    ] {
        stage.play(LOGIN, reply);
        let grant = mint(&connector, &cx, None, &given).await.unwrap();
        stage.sent();
        assert_eq!(grant.credential.access_token.as_ref().unwrap().expose(), token);
        assert_eq!(grant.credential.access_expires_at, Some(LATER(life)));
        let sent = call(&connector, &stage, None, &grant, "/x").await;
        assert_eq!(sent.header("cookie"), Some(format!("SID={token}").as_str()));
        assert_eq!(sent.header("authorization"), None);
    }
    // An anonymous session comes with a page or an error, too; a cookie that is taken away is none.
    for (reply, cause) in [
        (json(200, "{}"), Cause::ServiceUnavailable),
        (json(200, r#"{"access_token":"at"}"#), Cause::ServiceUnavailable),
        (json(200, "{}").with("set-cookie", "SIDX=s"), Cause::ServiceUnavailable),
        (json(200, "{}").with("set-cookie", "SID=; Path=/"), Cause::ServiceUnavailable),
        (json(200, "{}").with("set-cookie", "SID=s; Max-Age=0"), Cause::ServiceUnavailable),
        (json(200, "").with("set-cookie", "SID=s"), Cause::ServiceUnavailable),
        (json(200, r#"{"na"#).with("set-cookie", "SID=s"), Cause::ServiceUnavailable),
        (json(200, "<html>Wrong password</html>").with("set-cookie", "SID=s"), Cause::ServiceUnavailable),
        (json(200, r#"{"error":"no"}"#).with("set-cookie", "SID=s"), Cause::RequestInvalid),
        (
            json(401, r#"{"error":"invalid_grant"}"#).with("set-cookie", "SID=s"),
            Cause::UserCredentialsInvalid,
        ),
    ] {
        stage.play(LOGIN, reply);
        let error = mint(&connector, &cx, None, &given).await.unwrap_err();
        assert_eq!(error.cause(), Some(cause), "{error:?}");
        stage.sent();
    }
}

#[test]
fn a_login_that_cannot_be_written_or_read_is_refused() {
    let plain = "params = { user = 'user', password = 'password' }";
    for (login, expected) in [
        (
            "params = { 'auth.user' = 'user', password = 'password' }".to_owned(),
            "dots lead into objects, and a form has none",
        ),
        (format!("{plain}\nfixed_params = {{ 'a.b' = 'x' }}"), "dots lead into objects, and a form has none"),
        (
            "encoding = 'json'\nparams = { auth = 'user', 'auth.password' = 'password' }".to_owned(),
            "two parameters would stand in one place",
        ),
        (
            "encoding = 'json'\nparams = { 'auth..user' = 'user', password = 'password' }".to_owned(),
            "two parameters would stand in one place",
        ),
        (format!("{plain}\ncookie = 'a b'"), "the name of a cookie has letters, digits"),
        (format!("{plain}\ncookie = 'a=b;c'"), "the name of a cookie has letters, digits"),
        (
            format!(
                "{plain}\ncookie = 'SID'\n[session_login.injection.headers]\nX-S = '{{credential.access_token}}'"
            ),
            "a session that is a cookie is carried as one",
        ),
        (
            format!("{plain}\ncookie = 'SID'\n[session_login.response]\nmembers = {{ access_token = 'x' }}"),
            "the token is a cookie, and stands in no member",
        ),
        (
            format!("{plain}\n[session_login.injection.headers]\nCookie = 'SID={{credential.access_token}}'"),
            "a manifest does not set the header `cookie`",
        ),
    ] {
        let problems = Manifest::parse("acme.toml", &logging_in(&login)).unwrap_err().to_string();
        assert!(problems.contains(expected), "{expected}: {problems}");
    }
}
