//! The application's client at the service, or each customer's own.

use std::time::Duration;

use trunkline_auth::jwt::{Algorithm, SigningKey};
use trunkline_auth::oauth2::{Client, ClientAuth, PrivateKeyJwt};
use trunkline_core::{Cause, Diagnosis, Error, ErrorKind, Secret};

use super::build::Grants;
use crate::format::{AuthMethod, ClientAssertion, OAuth2, SigningAlg};
use crate::template::Root;
use crate::values::Values;

/// The client that requests are made for.
pub(crate) fn client(grants: &Grants<'_>, oauth2: &OAuth2, values: Values<'_>) -> Result<Client, Error> {
    let operator = grants.operator;
    let (id, secret) = match &oauth2.client_id_input {
        Some(id) => {
            let secret = oauth2.client_secret_input.as_ref();
            let secret = secret.map(|secret| values.value(Root::Input, secret)).transpose()?;
            let id = values.value(Root::Input, id)?;
            (id.to_string(), secret.map(|secret| Secret::new(secret.as_str())))
        }
        None => (operator.client_id.clone().ok_or_else(misconfigured)?, operator.client_secret.clone()),
    };
    let (auth, secret) = match oauth2.token_endpoint_auth_method {
        AuthMethod::ClientSecretBasic => (ClientAuth::Basic, secret),
        AuthMethod::ClientSecretBasicRaw => (ClientAuth::BasicRaw, secret),
        AuthMethod::ClientSecretPost => (ClientAuth::Body, secret),
        AuthMethod::None => (ClientAuth::None, secret),
        // No key can be made up.
        AuthMethod::PrivateKeyJwt if grants.manifest.is_none() => (ClientAuth::Unstated, None),
        AuthMethod::PrivateKeyJwt => (ClientAuth::PrivateKeyJwt(proof(grants, oauth2, values)?), None),
    };
    Ok(Client::new(id, secret).auth(auth))
}

/// How the client proves itself with a key.
fn proof(grants: &Grants<'_>, oauth2: &OAuth2, values: Values<'_>) -> Result<PrivateKeyJwt, Error> {
    let said = oauth2.client_assertion.as_deref();
    let key = match said.and_then(|said| said.private_key_input.as_ref().map(|input| (said, input))) {
        Some((said, input)) => tenants_key(said, input, oauth2, values)?,
        None => grants.operator.key.clone().ok_or_else(misconfigured)?,
    };
    let audience = match said.and_then(|said| said.audience.as_ref()) {
        Some(audience) => values.text(audience)?.to_string(),
        // Named here, so that it is the same at the introspection endpoint.
        None => values.url(&oauth2.token_endpoint)?.into(),
    };
    let mut proof = PrivateKeyJwt::new(key).audience(audience);
    if let Some(lifetime) = said.and_then(|said| said.lifetime_s.as_ref()) {
        proof = proof.lifetime(Duration::from_secs((**lifetime).into()));
    }
    for (name, value) in said.iter().flat_map(|said| &said.claims) {
        proof = proof.claim(name, values.text(value)?.as_str());
    }
    Ok(proof)
}

fn tenants_key(
    said: &ClientAssertion,
    input: &str,
    oauth2: &OAuth2,
    values: Values<'_>,
) -> Result<SigningKey, Error> {
    let pem = Secret::new(values.value(Root::Input, input)?.as_str());
    let key = signing_key(&pem, oauth2).map_err(|error| no_key(&error))?;
    Ok(match &said.key_id_input {
        Some(input) => key.key_id(values.value(Root::Input, input)?.as_str()),
        None => key,
    })
}

/// A key that signs as the manifest says.
pub(crate) fn signing_key(pem: &Secret, oauth2: &OAuth2) -> Result<SigningKey, Error> {
    let key = SigningKey::from_pem(pem)?;
    let said = oauth2.client_assertion.as_ref().and_then(|said| said.signing_alg.as_deref());
    match said {
        None => Ok(key),
        Some(SigningAlg::Rs256) => key.algorithm(Algorithm::Rs256),
        Some(SigningAlg::Ps256) => key.algorithm(Algorithm::Ps256),
        Some(SigningAlg::Es256) => key.algorithm(Algorithm::Es256),
    }
}

/// A key that a tenant gave is a credential of theirs.
pub(super) fn no_key(error: &Error) -> Error {
    Diagnosis::new(Cause::UserCredentialsInvalid).message(&error.to_string()).into()
}

pub(super) fn misconfigured() -> Error {
    Error::new(ErrorKind::ConfigInvalid, "the settings do not fit this way to hold a grant")
}
