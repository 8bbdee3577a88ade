//! A network on which a service mints tokens and a transmitter publishes keys.

use std::sync::{Arc, Mutex};

use trunkline_core::bytes::Bytes;
use trunkline_core::http::Response;
use trunkline_core::{Body, Request, RequestBody, Transport, TransportError, async_trait};

/// Answers by the host and the path that are asked.
#[derive(Clone, Default)]
pub(crate) struct Network(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    user: String,
    minted: u64,
    renewals: u64,
    /// The error that renewals get, if they get one.
    refusal: Option<&'static str>,
    /// Status and body of the key set; unreachable without.
    keys: Option<(u16, String)>,
    key_fetches: u64,
}

impl Network {
    /// Who approves from now on.
    pub(crate) fn is(&self, user: &str) {
        self.0.lock().unwrap().user = user.to_owned();
    }

    /// From now on the service answers renewals with this error of OAuth, or renews.
    pub(crate) fn refuses(&self, error: Option<&'static str>) {
        self.0.lock().unwrap().refusal = error;
    }

    pub(crate) fn publishes(&self, keys: Option<(u16, String)>) {
        self.0.lock().unwrap().keys = keys;
    }

    /// How many renewals were asked for.
    pub(crate) fn renewals(&self) -> u64 {
        self.0.lock().unwrap().renewals
    }

    pub(crate) fn key_fetches(&self) -> u64 {
        self.0.lock().unwrap().key_fetches
    }
}

/// The refresh token that the service minted as its `number`th.
pub(crate) fn token(number: u64) -> String {
    format!("canary-refresh-token-{number}")
}

impl std::fmt::Debug for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Network")
    }
}

#[async_trait]
impl Transport for Network {
    async fn send(&self, request: Request) -> Result<Response<Body>, TransportError> {
        let answer = |status: u16, body: String| {
            let response = Response::builder().status(status).header("content-type", "application/json");
            Ok(response.body(Body::from(Bytes::from(body))).unwrap())
        };
        let mut state = self.0.lock().unwrap();
        match (request.url.host_str().unwrap(), request.url.path()) {
            ("api.service.test", "/me") => answer(200, state.user.clone()),
            ("keys.idp.test", "/keys") => {
                state.key_fetches += 1;
                match state.keys.clone() {
                    Some((status, body)) => answer(status, body),
                    None => Err(TransportError::NotSent("unreachable".to_owned())),
                }
            }
            ("auth.service.test", "/token") => {
                let RequestBody::Bytes(form) = &request.body else { panic!("a form") };
                if form.windows(13).any(|part| part == b"refresh_token") {
                    state.renewals += 1;
                    if let Some(error) = state.refusal {
                        return answer(400, format!(r#"{{"error":"{error}"}}"#));
                    }
                }
                state.minted += 1;
                let (access, refresh) = (format!("canary-access-{}", state.minted), token(state.minted));
                answer(
                    200,
                    format!(
                        r#"{{"access_token":"{access}","refresh_token":"{refresh}","token_type":"Bearer","expires_in":3600}}"#
                    ),
                )
            }
            other => panic!("nobody answers {other:?}"),
        }
    }
}
