//! The assertion of the JWT bearer flow.

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;
use trunkline_core::jiff::Timestamp;
use trunkline_core::{Cause, Diagnosis, Error, ErrorKind, Secret};

/// How far ahead an assertion ends, in seconds: Salesforce documents three minutes, and refuses more.
const LIFE_S: i64 = 180;

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: &'a str,
    exp: i64,
}

/// The private key of the certificate that the app has at Salesforce.
///
/// # Errors
///
/// [`ErrorKind::ConfigInvalid`] if it is no PEM of an RSA private key; it is not quoted.
pub(crate) fn key(pem: &Secret) -> Result<EncodingKey, Error> {
    EncodingKey::from_rsa_pem(pem.expose().as_bytes()).map_err(|_| {
        Error::new(ErrorKind::ConfigInvalid, "private_key is no PEM of an RSA private key")
            .hint("Give the private key, unencrypted, whose certificate the app has at Salesforce.")
    })
}

/// Speaks for `username`, for the next three minutes.
pub(crate) fn sign(
    key: &EncodingKey,
    client_id: &str,
    audience: &str,
    username: &Secret,
    now: Timestamp,
) -> Result<Secret, Error> {
    let exp = now.as_second().saturating_add(LIFE_S);
    let claims = Claims { iss: client_id, aud: audience, sub: username.expose(), exp };
    let signed = jsonwebtoken::encode(&Header::new(Algorithm::RS256), &claims, key);
    signed.map(Secret::new).map_err(|_| {
        Diagnosis::new(Cause::ConfigurationInvalid).message("the private key signs nothing").into()
    })
}
