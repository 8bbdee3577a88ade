//! A way to hold a grant that Trunkline does not bring: a key that a person pastes into a form.

use std::collections::BTreeMap;

use trunkline_core::http::HeaderName;
use trunkline_core::{
    AuthProvider, Begun, Cause, ConsentAnswer, ConsentAsk, ConsentKind, ConsentStep, Credential, Cx,
    Diagnosis, Error, Grant, Held, InputSpec, Prepared, Revoked, ScopeSet, async_trait,
};

const INPUT: InputSpec = InputSpec::new("api_key", "API key", "acme_0123456789").secret();

/// The key of an Acme user. It has no end and cannot be renewed.
#[derive(Debug)]
pub struct ApiKey;

impl ApiKey {
    /// The name under which a record remembers this way.
    pub const METHOD: &'static str = "api_key";
}

#[async_trait]
impl AuthProvider for ApiKey {
    fn method(&self) -> &'static str {
        Self::METHOD
    }

    fn consent(&self) -> ConsentKind {
        ConsentKind::Form
    }

    fn inputs(&self) -> Vec<InputSpec> {
        vec![INPUT]
    }

    async fn begin(&self, _: &Cx, ask: &ConsentAsk) -> Result<Begun, Error> {
        let step = ConsentStep::Form { state: ask.state.clone(), inputs: self.inputs() };
        Ok(Begun { step, pending: BTreeMap::new(), requested: ScopeSet::default() })
    }

    async fn complete(&self, cx: &Cx, answer: &ConsentAnswer) -> Result<Grant, Error> {
        let key = match answer.callback.get(INPUT.name).filter(|key| !key.is_empty()) {
            Some(key) => key,
            None => answer.inputs.require(INPUT.name)?,
        };
        let credential = Credential {
            access_token: Some(key.clone()),
            issued_at: Some(cx.clock().wall()),
            ..Credential::default()
        };
        Ok(Grant { credential, ..Grant::default() })
    }

    async fn refresh(&self, _: &Cx, _: &Held) -> Result<Grant, Error> {
        Err(Diagnosis::new(Cause::RefreshTokenMissing)
            .remedy_text("acme.api_key", &["Make a new API key at Acme and enter it."])
            .into())
    }

    async fn revoke(&self, _: &Cx, _: &Held) -> Result<Revoked, Error> {
        Ok(Revoked::NotSupported)
    }

    fn prepare(&self, credential: &Credential) -> Result<Prepared, Error> {
        let key = credential.access_token.as_ref().ok_or_else(|| Error::of(Cause::InputMissing))?;
        // The error of a key that no header can hold shows nothing of it.
        Prepared::none()
            .header(HeaderName::from_static("x-api-key"), key)
            .map_err(|error| Error::of(Cause::UserCredentialsInvalid).caused_by(error))
    }
}
