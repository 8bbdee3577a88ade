//! RFC 7523 and 7521: one test per requirement on the client.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

mod common;

use common::*;
use trunkline_auth::oauth2::{Client, ClientAuth, JwtBearer, JwtBearerBuilder};
use trunkline_core::{
    AuthProvider, Cause, ConsentAnswer, ConsentKind, ErrorKind, Held, InputSpec, Inputs, Secret,
};

const USER: InputSpec = InputSpec::new("username", "User", "ada");

fn jwt(auth: ClientAuth) -> JwtBearerBuilder {
    let client = Client::new("client-1", Some(Secret::new(SECRET))).auth(auth);
    JwtBearer::builder(client, url("https://service.example/token"), |inputs, now| {
        Ok(Secret::new(format!("{}@{}", inputs.require("username")?.expose(), now.as_second())))
    })
    .input(USER)
}

fn answer(user: &str) -> ConsentAnswer {
    let mut inputs = Inputs::default();
    inputs.insert("username", Secret::new(user));
    ConsentAnswer { inputs, ..ConsentAnswer::default() }
}

#[tokio::test]
async fn c_7523_01_the_assertion_is_the_grant_and_each_request_has_its_own() {
    let provider = jwt(ClientAuth::Unstated).build().unwrap();
    assert_eq!((provider.consent(), provider.inputs()), (ConsentKind::Unattended, vec![USER]));
    let (cx, script) = cx([ok(), ok()]);
    let grant = provider.complete(&cx, &answer("ada")).await.unwrap();
    let held = Held { credential: grant.credential, inputs: answer("ada").inputs, ..Held::default() };
    provider.refresh(&cx, &held).await.unwrap();

    let sent = script.sent.lock().unwrap();
    let started = start().as_second();
    for (sent, assertion) in sent.iter().zip([format!("ada@{started}"), format!("ada@{}", started + 7)]) {
        assert_eq!(
            sent.form(),
            [
                ("grant_type".to_owned(), "urn:ietf:params:oauth:grant-type:jwt-bearer".to_owned()),
                ("assertion".to_owned(), assertion),
            ]
        );
        assert_eq!(sent.header("authorization"), None);
    }
}

#[tokio::test]
async fn an_assertion_may_stand_in_the_header_and_then_nothing_else_says_who_asks() {
    let in_header = |auth| jwt(auth).assertion_in_authorization(true).build();
    let (cx, script) = cx([ok()]);
    in_header(ClientAuth::Unstated).unwrap().complete(&cx, &answer("ada")).await.unwrap();
    let sent = script.only();
    let expected = format!("Bearer ada@{}", start().as_second());
    assert_eq!((sent.header("authorization"), sent.form()), (Some(expected.as_str()), vec![]));
    for stated in [ClientAuth::Body, ClientAuth::Basic] {
        let error = in_header(stated).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConfigInvalid);
        assert!(error.to_string().contains("leaves no place for the assertion"), "{error}");
    }
}

#[tokio::test]
async fn c_7521_02_the_client_may_show_itself_beside_the_assertion() {
    let provider = jwt(ClientAuth::Body).scope("read").build().unwrap();
    let (cx, script) = cx([ok()]);
    provider.complete(&cx, &answer("ada")).await.unwrap();
    let sent = script.only();
    assert_eq!(sent.param("client_secret").as_deref(), Some(SECRET));
    assert_eq!(sent.param("scope").as_deref(), Some("read"));
}

#[tokio::test]
async fn c_7521_03_a_refresh_token_that_should_not_be_there_is_not_kept() {
    let (cx, _) = cx([json(200, r#"{"access_token":"a","refresh_token":"r"}"#)]);
    let grant = jwt(ClientAuth::Unstated).build().unwrap().complete(&cx, &answer("ada")).await.unwrap();
    assert_eq!(grant.credential.refresh_token, None);
}

#[tokio::test]
async fn c_7523_04_a_refused_assertion_is_the_users_and_its_text_never_comes_back() {
    let body = r#"{"error":"invalid_grant","error_description":"bad assertion canary@1767323045"}"#;
    let (cx, _) = cx([json(400, body)]);
    let error =
        jwt(ClientAuth::Unstated).build().unwrap().complete(&cx, &answer("canary")).await.unwrap_err();
    assert_eq!(error.cause(), Some(Cause::UserCredentialsInvalid));
    let text = error.diagnosis().unwrap().evidence().message.as_ref().unwrap().as_str().to_owned();
    assert_eq!(text, "bad assertion [redacted]");
}

#[tokio::test]
async fn without_its_input_nothing_is_sent() {
    let (cx, script) = cx([]);
    let error = jwt(ClientAuth::Unstated).build().unwrap().complete(&cx, &ConsentAnswer::default()).await;
    assert_eq!(error.unwrap_err().cause(), Some(Cause::InputMissing));
    assert_eq!(script.count(), 0);
}

#[test]
fn an_author_cannot_set_the_assertion() {
    let error = jwt(ClientAuth::Unstated).token_param("assertion", "x").build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConfigInvalid);
    let identity = |secret: &str| {
        let client = Client::new("client-1", Some(Secret::new(secret))).auth(ClientAuth::Unstated);
        let never = |_: &Inputs, _| Ok(Secret::new(""));
        let grant = JwtBearer::builder(client, url("https://service.example/token"), never).build().unwrap();
        grant.client_identity().unwrap()
    };
    assert!(identity("one") != identity("two"), "the key tells clients apart although it is not sent");
}
