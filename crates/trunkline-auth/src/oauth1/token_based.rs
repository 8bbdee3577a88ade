//! Consumer and token as a customer pastes them.

use std::collections::BTreeMap;

use async_trait::async_trait;
use trunkline_core::{
    AuthProvider, Begun, Cause, Clock, ConsentAnswer, ConsentAsk, ConsentKind, ConsentStep, Credential, Cx,
    Diagnosis, Error, Grant, Held, InputSpec, Inputs, Prepared, Request, Revoked, Secret,
};

use super::{CONSUMER_KEY, CONSUMER_SECRET, Consumer, Signer, TOKEN_SECRET};

/// A grant that somebody made in the service's own settings: nothing is asked, nothing ends, nothing is renewed.
#[derive(Debug, Clone)]
pub struct TokenBased {
    signer: Signer,
    consumer: Source,
    token: [InputSpec; 2],
}

#[derive(Debug, Clone)]
enum Source {
    Application(Consumer),
    Customer([InputSpec; 2]),
}

impl TokenBased {
    /// The application's consumer, and the inputs that are the token and its secret.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ConfigInvalid`](trunkline_core::ErrorKind) if key or secret are empty.
    pub fn new(signer: Signer, consumer: Consumer, token: [InputSpec; 2]) -> Result<Self, Error> {
        consumer.check()?;
        Ok(Self { signer, consumer: Source::Application(consumer), token })
    }

    /// The inputs that are consumer key and secret, and those that are token and secret.
    #[must_use]
    pub fn of_customer(signer: Signer, consumer: [InputSpec; 2], token: [InputSpec; 2]) -> Self {
        Self { signer, consumer: Source::Customer(consumer), token }
    }

    /// The application's consumer, where it is that one's.
    fn consumer(&self) -> Option<&Consumer> {
        match &self.consumer {
            Source::Application(consumer) => Some(consumer),
            Source::Customer(_) => None,
        }
    }

    fn credential(&self, inputs: &Inputs) -> Result<Credential, Error> {
        let given = |spec: &InputSpec| inputs.require(spec.name).cloned();
        let [token, secret] = &self.token;
        let mut other = BTreeMap::from([(TOKEN_SECRET.to_owned(), given(secret)?)]);
        if let Source::Customer([key, secret]) = &self.consumer {
            other.insert(CONSUMER_KEY.to_owned(), given(key)?);
            other.insert(CONSUMER_SECRET.to_owned(), given(secret)?);
        }
        Ok(Credential { access_token: Some(given(token)?), other, ..Credential::default() })
    }
}

#[async_trait]
impl AuthProvider for TokenBased {
    fn method(&self) -> &'static str {
        "oauth1_token"
    }

    fn consent(&self) -> ConsentKind {
        ConsentKind::Form
    }

    fn inputs(&self) -> Vec<InputSpec> {
        let consumer = match &self.consumer {
            Source::Customer(consumer) => consumer.to_vec(),
            Source::Application(_) => Vec::new(),
        };
        consumer.into_iter().chain(self.token.clone()).collect()
    }

    fn client_identity(&self) -> Option<Secret> {
        // A customer's own consumer is no fault of the application's.
        self.consumer().map(Consumer::identity)
    }

    async fn begin(&self, _: &Cx, ask: &ConsentAsk) -> Result<Begun, Error> {
        let step = ConsentStep::Form { state: ask.state.clone(), inputs: self.inputs() };
        Ok(Begun { step, pending: BTreeMap::new(), requested: ask.scopes.clone() })
    }

    async fn complete(&self, cx: &Cx, answer: &ConsentAnswer) -> Result<Grant, Error> {
        let now = cx.clock().wall();
        let credential = self.credential(&answer.inputs);
        let mut credential =
            credential.map_err(|error| error.map_diagnosis(|diagnosis| diagnosis.during("consent", now)))?;
        credential.issued_at = Some(now);
        Ok(Grant { credential, ..Grant::default() })
    }

    async fn refresh(&self, cx: &Cx, _: &Held) -> Result<Grant, Error> {
        Err(no_renewal(cx))
    }

    async fn revoke(&self, _: &Cx, _: &Held) -> Result<Revoked, Error> {
        Ok(Revoked::NotSupported)
    }

    fn prepare(&self, credential: &Credential) -> Result<Prepared, Error> {
        self.signer.prepare(credential, self.consumer())
    }

    fn sign(&self, request: &mut Request, prepared: &Prepared, clock: &dyn Clock) -> Result<(), Error> {
        self.signer.sign(request, prepared, self.consumer(), clock)
    }
}

/// Tokens of OAuth 1.0a have nothing to renew them with.
pub(super) fn no_renewal(cx: &Cx) -> Error {
    Diagnosis::new(Cause::RefreshTokenMissing).during("refresh", cx.clock().wall()).into()
}
