//! Signed statements (RFC 7515, 7519): one signer for grants that are assertions and for clients that prove
//! themselves with a key.

use std::fmt;
use std::sync::Arc;

use jsonwebtoken::{EncodingKey, Header};
use serde::Serialize;
use trunkline_core::{Cause, Diagnosis, Error, ErrorKind, Secret};

/// How a statement is signed (RFC 7518, 3.1). There is no algorithm without a key, and none with a shared one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// RSA with PKCS #1 v1.5 and SHA-256: the usual one of an RSA key.
    Rs256,
    /// RSA with PSS and SHA-256, which FAPI 2.0 asks for (5.4.1).
    Ps256,
    /// ECDSA on the curve P-256 with SHA-256.
    Es256,
}

impl Algorithm {
    fn name(self) -> jsonwebtoken::Algorithm {
        match self {
            Self::Rs256 => jsonwebtoken::Algorithm::RS256,
            Self::Ps256 => jsonwebtoken::Algorithm::PS256,
            Self::Es256 => jsonwebtoken::Algorithm::ES256,
        }
    }
}

/// A private key that signs statements. `Debug` shows the algorithm and the key's id.
///
/// ```
/// use trunkline_auth::jwt::SigningKey;
/// use trunkline_core::Secret;
///
/// let error = SigningKey::from_pem(&Secret::new("-----BEGIN CERTIFICATE-----")).unwrap_err();
/// assert!(error.to_string().contains("no PEM of a private key"));
/// ```
#[derive(Clone)]
pub struct SigningKey {
    key: Arc<EncodingKey>,
    algorithm: Algorithm,
    key_id: Option<String>,
    pem: Secret,
}

impl SigningKey {
    /// Reads an unencrypted private key and tries it: RSA (PKCS #1 or #8, 2048 bits or more) signs with RS256, one
    /// on the curve P-256 (PKCS #8) with ES256.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ConfigInvalid`] if it is anything else; it is not quoted.
    pub fn from_pem(pem: &Secret) -> Result<Self, Error> {
        let bytes = pem.expose().as_bytes();
        let key = EncodingKey::from_ec_pem(bytes)
            .map(|key| (key, Algorithm::Es256))
            .or_else(|_| EncodingKey::from_rsa_pem(bytes).map(|key| (key, Algorithm::Rs256)));
        let (key, algorithm) = key.map_err(|_| unfit())?;
        let read = Self { key: Arc::new(key), algorithm, key_id: None, pem: pem.clone() };
        // A public key, one of another curve, and one that is too short are found only by use.
        read.encode(&()).map_err(|_| unfit())?;
        Ok(read)
    }

    /// Signs with another algorithm of the same kind of key.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ConfigInvalid`] if the key is of another kind.
    pub fn algorithm(mut self, algorithm: Algorithm) -> Result<Self, Error> {
        if self.key.family() != algorithm.name().family() {
            return Err(Error::new(
                ErrorKind::ConfigInvalid,
                "the private key does not fit the algorithm: RS256 and PS256 need an RSA key, ES256 one on P-256",
            ));
        }
        self.algorithm = algorithm;
        Ok(self)
    }

    /// Names the key in the header (`kid`), so that a service that knows several finds it.
    #[must_use]
    pub fn key_id(mut self, key_id: impl Into<String>) -> Self {
        self.key_id = Some(key_id.into());
        self
    }

    /// A text that changes whenever the key, or the id it goes by, does.
    #[must_use]
    pub fn identity(&self) -> Secret {
        let key_id = self.key_id.as_deref().unwrap_or_default();
        Secret::new(format!("{} {key_id} {}", key_id.len(), self.pem.expose()))
    }

    /// Signs `claims`, which are an object.
    ///
    /// # Errors
    ///
    /// [`Cause::ConfigurationInvalid`] if they are not, or if nothing could be signed.
    pub fn sign(&self, claims: &impl Serialize) -> Result<Secret, Error> {
        self.encode(claims).map(Secret::new).map_err(|_| {
            Diagnosis::new(Cause::ConfigurationInvalid).message("the private key signs nothing").into()
        })
    }

    fn encode(&self, claims: &impl Serialize) -> Result<String, jsonwebtoken::errors::Error> {
        let mut header = Header::new(self.algorithm.name());
        header.kid.clone_from(&self.key_id);
        jsonwebtoken::encode(&header, claims, &self.key)
    }
}

fn unfit() -> Error {
    Error::new(
        ErrorKind::ConfigInvalid,
        "this is no PEM of a private key: RSA of 2048 bits or more, or P-256",
    )
    .hint("Give it unencrypted, as PKCS #8: `openssl pkcs8 -topk8 -nocrypt -in key.pem` writes that.")
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("algorithm", &self.algorithm)
            .field("key_id", &self.key_id)
            .finish_non_exhaustive()
    }
}
