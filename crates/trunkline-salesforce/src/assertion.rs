//! The assertion of the JWT bearer flow.

use serde::Serialize;
use trunkline_auth::jwt::{Algorithm, SigningKey};
use trunkline_core::jiff::Timestamp;
use trunkline_core::{Error, ErrorKind, Secret};

/// How far ahead an assertion ends, in seconds: Salesforce documents three minutes, and refuses more.
const LIFE_S: i64 = 180;

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: &'a str,
    exp: i64,
}

/// The private key of the certificate that the app has at Salesforce, which takes RS256 only.
///
/// # Errors
///
/// [`ErrorKind::ConfigInvalid`] if it is no PEM of an RSA private key; it is not quoted.
pub(crate) fn key(pem: &Secret) -> Result<SigningKey, Error> {
    SigningKey::from_pem(pem).and_then(|key| key.algorithm(Algorithm::Rs256)).map_err(|_| {
        Error::new(ErrorKind::ConfigInvalid, "private_key is no PEM of an RSA private key")
            .hint("Give the private key, unencrypted, whose certificate the app has at Salesforce.")
    })
}

/// Speaks for `username`, for the next three minutes.
pub(crate) fn sign(
    key: &SigningKey,
    client_id: &str,
    audience: &str,
    username: &Secret,
    now: Timestamp,
) -> Result<Secret, Error> {
    let exp = now.as_second().saturating_add(LIFE_S);
    key.sign(&Claims { iss: client_id, aud: audience, sub: username.expose(), exp })
}
