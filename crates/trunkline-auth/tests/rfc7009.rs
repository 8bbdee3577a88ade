//! RFC 7009: revocation.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

mod common;

use common::*;
use trunkline_auth::oauth2::{ClientAuth, RevocationRequest, TokenEncoding};
use trunkline_core::http::Method;
use trunkline_core::{AuthProvider, Cause, Error, Held, Retry, Revoked};

async fn revoke(
    provider: &dyn AuthProvider,
    held: &Held,
    steps: Vec<Step>,
) -> (Result<Revoked, Error>, Vec<Vec<(String, String)>>) {
    let (cx, script) = cx(steps);
    let result = provider.revoke(&cx, held).await;
    let sent = script.sent.lock().unwrap();
    for request in sent.iter() {
        assert_eq!(
            (&request.method, request.url.as_str()),
            (&Method::POST, "https://service.example/revoke")
        );
    }
    (result, sent.iter().map(Sent::form).collect())
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[tokio::test]
async fn c_7009_01_a_form_post_with_client_authentication_revokes_the_refresh_token() {
    let client = [("client_id", "client-1"), ("client_secret", SECRET)];
    let (result, sent) = revoke(&provider(), &held(), vec![json(200, "")]).await;
    assert_eq!(result.unwrap(), Revoked::Done);
    assert_eq!(sent, [pairs(&[("token", "old-refresh"), client[0], client[1]])]);

    let hinting = builder().revoke_hint(true).build().unwrap();
    let (_, sent) = revoke(&hinting, &held(), vec![json(200, "")]).await;
    let hint = ("token_type_hint", "refresh_token");
    assert_eq!(sent, [pairs(&[("token", "old-refresh"), hint, client[0], client[1]])]);

    let mut access_only = held();
    access_only.credential.refresh_token = None;
    let (_, sent) = revoke(&provider(), &access_only, vec![json(200, "")]).await;
    assert_eq!(sent[0][0].1, "old-access");
    access_only.credential.access_token = None;
    let (result, sent) = revoke(&provider(), &access_only, vec![]).await;
    assert_eq!((result.unwrap(), sent.len()), (Revoked::Done, 0));
    let nowhere = credentials().build().unwrap();
    assert_eq!(revoke(&nowhere, &held(), vec![]).await.0.unwrap(), Revoked::NotSupported);
}

#[tokio::test]
async fn c_7009_02_an_unknown_token_counts_as_revoked() {
    for (step, extra) in [
        (json(200, ""), None),
        (json(200, "{}"), None),
        (json(204, ""), None),
        (json(400, r#"{"error":"invalid_token"}"#), None),
        (json(400, r#"{"error":"token_gone"}"#), Some("token_gone")),
    ] {
        let builder = extra.into_iter().fold(builder(), |builder, code| builder.revoke_done_code(code));
        let (result, sent) = revoke(&builder.build().unwrap(), &held(), vec![step]).await;
        assert_eq!((result.unwrap(), sent.len()), (Revoked::Done, 1));
    }
    for (step, cause) in [
        (json(400, r#"{"error":"token_gone"}"#), Cause::OutcomeUnknown),
        (json(401, r#"{"error":"invalid_client"}"#), Cause::ClientCredentialsInvalid),
        (json(200, r#"{"error":"invalid_client"}"#), Cause::ClientCredentialsInvalid),
        (json(302, ""), Cause::ServiceUnavailable),
        // A captive portal revokes nothing.
        (json(200, "<html>Sign in to the network</html>"), Cause::ServiceUnavailable),
        (Step::Lost, Cause::OutcomeUnknown),
        (Step::NotSent, Cause::ServiceUnreachable),
    ] {
        let error = revoke(&provider(), &held(), vec![step]).await.0.unwrap_err();
        assert_eq!(error.cause(), Some(cause), "{error:?}");
        assert_eq!(error.diagnosis().unwrap().evidence().call.as_deref(), Some("revoke"));
    }
}

#[tokio::test]
async fn c_7009_03_at_503_the_token_still_lives_and_the_pause_is_named() {
    let body = br#"{"error":"invalid_token"}"#.to_vec();
    let busy = Step::Answer(503, vec![("retry-after", "90".into())], body);
    let error = revoke(&provider(), &held(), vec![busy]).await.0.unwrap_err();
    assert_eq!(error.cause(), Some(Cause::ServiceUnavailable));
    assert_eq!(error.diagnosis().unwrap().retry(), Retry::After { after_s: 90 });
}

#[tokio::test]
async fn c_7009_04_where_one_token_type_is_unsupported_the_other_is_tried_once() {
    let unsupported = || json(400, r#"{"error":"unsupported_token_type"}"#);
    let (result, sent) = revoke(&provider(), &held(), vec![unsupported(), json(200, "")]).await;
    assert_eq!(result.unwrap(), Revoked::Done);
    assert_eq!((&*sent[0][0].1, &*sent[1][0].1), ("old-refresh", "old-access"));
    let (result, sent) = revoke(&provider(), &held(), vec![unsupported(), unsupported()]).await;
    assert_eq!((result.unwrap(), sent.len()), (Revoked::NotSupported, 2));
}

#[tokio::test]
async fn a_revocation_that_differs_from_the_standard_sends_what_it_names_and_nothing_else() {
    let own = RevocationRequest::new()
        .auth(ClientAuth::Scheme("Client".to_owned()))
        .access_token()
        .rename("token", "access_token")
        .param("all", "yes");
    let (cx, script) = cx([json(200, r#"{"success":true}"#)]);
    let provider = builder().revocation(own).build().unwrap();
    assert_eq!(provider.revoke(&cx, &held()).await.unwrap(), Revoked::Done);
    let sent = script.only();
    assert_eq!(sent.header("authorization"), Some(format!("Client {SECRET}").as_str()));
    assert_eq!(
        sent.form(),
        pairs(&[("access_token", "old-access"), ("all", "yes"), ("client_id", "client-1")])
    );

    let (cx, script) = common::cx([json(200, "")]);
    let provider =
        builder().revocation(RevocationRequest::new().method(Method::DELETE).bearer()).build().unwrap();
    assert_eq!(provider.revoke(&cx, &held()).await.unwrap(), Revoked::Done);
    let sent = script.only();
    assert_eq!(
        (sent.method.clone(), sent.header("authorization")),
        (Method::DELETE, Some("Bearer old-access"))
    );
    assert!(sent.body.is_empty() && sent.header("content-type").is_none());

    for wrong in [
        RevocationRequest::new().method(Method::GET),
        RevocationRequest::new().encoding(TokenEncoding::Query),
        RevocationRequest::new().param("token", "x"),
        RevocationRequest::new().rename("token", "client_id"),
        RevocationRequest::new().auth(ClientAuth::Scheme("Bearer".to_owned())),
        RevocationRequest::new().auth(ClientAuth::Scheme("a b".to_owned())),
        RevocationRequest::new().auth(ClientAuth::None),
    ] {
        assert!(builder().revocation(wrong.clone()).build().is_err(), "{wrong:?}");
    }
}
