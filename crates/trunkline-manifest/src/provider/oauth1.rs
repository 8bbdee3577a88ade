//! OAuth 1.0a as a manifest says: the ready-made grants, and what signs a connection's requests.

use std::sync::Arc;

use trunkline_auth::oauth1::{Consumer, REALM, Signer, ThreeLegged, TokenBased};
use trunkline_auth::oauth2::TokenResponse;
use trunkline_core::{Account, Clock, Credential, Error, InputSpec, Prepared, Request, Secret};

use super::build::{self, Grants};
use super::captured;
use super::client::misconfigured;
use crate::at::At;
use crate::config::Operator;
use crate::format::{Format, Method, OAuth1, OAuth1Token, Signature};
use crate::injection::Injector;
use crate::judge::judge;
use crate::values::Values;

/// Puts the connection's realm beside its token: a request is signed without a look at the inputs.
pub(super) fn keep_realm(
    method: Method,
    values: Values<'_>,
    credential: &mut Credential,
) -> Result<(), Error> {
    if let Some(realm) = values.format.signature(method).map(|it| realm(it, values)).transpose()?.flatten() {
        credential.other.insert(REALM.to_owned(), Secret::new(realm));
    }
    Ok(())
}

fn realm(signature: Signature<'_>, values: Values<'_>) -> Result<Option<String>, Error> {
    let realm = signature.realm.map(|realm| values.text(realm)).transpose()?;
    Ok(realm.map(|realm| signature.case.write(&realm)))
}

fn signer(method: Method, values: Values<'_>) -> Result<Signer, Error> {
    let signature = values.format.signature(method).ok_or_else(misconfigured)?;
    let signer = Signer::new(signature.method.into());
    match realm(signature, values)? {
        Some(realm) => signer.realm(realm),
        None => Ok(signer),
    }
}

/// The application's consumer, where it is the one that signs.
pub(super) fn consumer(format: &Format, method: Method, operator: &Operator) -> Option<Consumer> {
    let is_customers = method == Method::OAuth1Token
        && format.oauth1_token.as_ref().is_some_and(|it| it.client_id_input.is_some());
    let client = operator.client_id.as_ref().zip(operator.client_secret.as_ref());
    let (id, secret) = client.filter(|_| method.signs() && !is_customers)?;
    Some(Consumer::new(id, secret.clone()))
}

/// The grant that a person gives at the service's page.
pub(super) fn three_legged(
    grants: &Grants<'_>,
    oauth1: &OAuth1,
    values: Values<'_>,
) -> Result<ThreeLegged, Error> {
    let operator = grants.operator;
    let consumer = consumer(values.format, Method::OAuth1, operator).ok_or_else(misconfigured)?;
    let redirect_uri = operator.redirect_uri.as_deref().ok_or_else(misconfigured)?;
    let urls =
        [&oauth1.temporary_credential_endpoint, &oauth1.authorization_endpoint, &oauth1.token_endpoint];
    let [temporary, authorize, token] = urls.map(|url| values.url(url));
    let signer = signer(Method::OAuth1, values)?;
    let mut builder = ThreeLegged::builder(signer, consumer, [temporary?, authorize?, token?], redirect_uri)
        .token_method(build::method(oauth1.token_request_method))
        .public_only(true);
    for (name, value) in &oauth1.authorization_params {
        if let Some(value) = values.text_if_given(value)? {
            builder = builder.authorize_param(name, value.as_str());
        }
    }
    if let Some(manifest) = grants.manifest {
        let own = Arc::clone(manifest);
        builder = builder.judge(move |exchange| judge(&own.format, exchange));
    }
    let reader = captured::reader(values.format, "");
    let hint = move |answer: &TokenResponse| Some(Account { details: reader(answer), ..Account::default() });
    builder.account_hint(hint).build()
}

/// The grant that somebody made in the service's settings.
pub(super) fn token_based(
    grants: &Grants<'_>,
    oauth1: &OAuth1Token,
    values: Values<'_>,
    specs: &[InputSpec],
) -> Result<TokenBased, Error> {
    let signer = signer(Method::OAuth1Token, values)?;
    let spec = |name: &At<String>| {
        let found = specs.iter().find(|spec| spec.name == name.as_str());
        found.cloned().ok_or_else(misconfigured)
    };
    let token = [spec(&oauth1.token_input)?, spec(&oauth1.token_secret_input)?];
    match (&oauth1.client_id_input, &oauth1.client_secret_input) {
        (Some(id), Some(secret)) => Ok(TokenBased::of_customer(signer, [spec(id)?, spec(secret)?], token)),
        _ => {
            let consumer = consumer(values.format, Method::OAuth1Token, grants.operator);
            TokenBased::new(signer, consumer.ok_or_else(misconfigured)?, token)
        }
    }
}

/// Signs the requests of connections, each in its own realm.
#[derive(Debug)]
pub(crate) struct RequestSigner {
    signer: Signer,
    /// The application's; `None` where each customer has one.
    consumer: Option<Consumer>,
    /// The headers that are always the same.
    fixed: Injector,
}

impl RequestSigner {
    /// What signs for `method`; `None` for one that does not sign.
    pub(crate) fn of(format: &Format, method: Method, operator: &Operator, fixed: Injector) -> Option<Self> {
        let signer = Signer::new(format.signature(method)?.method.into());
        Some(Self { signer, consumer: consumer(format, method, operator), fixed })
    }

    pub(super) fn prepare(&self, credential: &Credential) -> Result<Prepared, Error> {
        self.signer.prepare(credential, self.consumer.as_ref())
    }

    pub(super) fn sign(
        &self,
        request: &mut Request,
        prepared: &Prepared,
        clock: &dyn Clock,
    ) -> Result<(), Error> {
        // Before: a header can turn a body into a form, which is signed.
        self.fixed.sign(request, prepared)?;
        self.signer.sign(request, prepared, self.consumer.as_ref(), clock)
    }
}
