//! RFC 9207: whose answer it is.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

mod common;

use common::*;
use trunkline_core::{AuthProvider, Callback, Cause, ErrorKind};

const ISSUER: &str = "https://service.example/tenant";

#[tokio::test]
async fn c_9207_01_where_an_issuer_is_required_an_answer_without_one_is_refused() {
    let provider = builder().issuer(ISSUER).require_iss(true).build().unwrap();
    for query in ["code=c", "error=access_denied"] {
        let (result, script) = complete_with(&provider, query, []).await;
        assert_eq!(result.unwrap_err().cause(), Some(Cause::ConsentInvalid), "{query}");
        assert_eq!(script.count(), 0, "the code is not spent");
    }
    let query = "code=c&iss=https%3A%2F%2Fservice.example%2Ftenant";
    complete_with(&provider, query, [ok()]).await.0.unwrap();
    assert_eq!(builder().require_iss(true).build().unwrap_err().kind(), ErrorKind::ConfigInvalid);
}

#[tokio::test]
async fn c_9207_02_an_issuer_that_comes_is_compared_as_text_for_errors_too() {
    let provider = builder().issuer(ISSUER).build().unwrap();
    for iss in
        ["https://evil.example", "https://service.example/tenant/", "HTTPS://service.example/tenant", ""]
    {
        for rest in ["code=c", "error=access_denied"] {
            let (result, script) = complete_with(&provider, &format!("{rest}&iss={iss}"), []).await;
            assert_eq!(result.unwrap_err().cause(), Some(Cause::ConsentInvalid), "{iss} {rest}");
            assert_eq!(script.count(), 0);
        }
    }
    complete_with(&provider, "code=c", [ok()]).await.0.unwrap();
    let error = complete_with(&provider, &format!("error=access_denied&iss={ISSUER}"), []).await.0;
    assert_eq!(error.unwrap_err().cause(), Some(Cause::ConsentDenied));
}

#[tokio::test]
async fn c_9207_03_without_an_issuer_an_answer_counts_only_at_the_redirect_uri_it_was_asked_for() {
    let provider = provider();
    for other in ["https://app.example/connect/other", "https://app.example/connect/callback/"] {
        for rest in ["code=c", "error=access_denied"] {
            let (_, begun) = begin(&provider).await;
            let mut answer = answer(begun, "");
            answer.callback = Callback::from_url(&url(&format!("{other}?{rest}"))).unwrap();
            let (cx, script) = cx([]);
            let error = provider.complete(&cx, &answer).await.unwrap_err();
            assert_eq!(error.cause(), Some(Cause::ConsentInvalid), "{other} {rest}");
            assert_eq!(script.count(), 0, "the code is not spent");
        }
    }
    // A proxy may stand in between: host and port are the application's, the path is ours.
    for own in ["https://app.example/connect/callback", "http://10.0.0.7:8080/connect/callback"] {
        let (_, begun) = begin(&provider).await;
        let mut answer = answer(begun, "");
        answer.callback = Callback::from_url(&url(&format!("{own}?code=c"))).unwrap();
        provider.complete(&cx([ok()]).0, &answer).await.expect(own);
    }
}
