//! The application at the service.

use trunkline_core::{Error, ErrorKind, Secret};

/// Client credentials, or a consumer in OAuth's older words. `Debug` does not show the secret.
#[derive(Debug, Clone)]
pub struct Consumer {
    key: String,
    secret: Secret,
}

impl Consumer {
    /// The application's key and its secret.
    #[must_use]
    pub fn new(key: impl Into<String>, secret: Secret) -> Self {
        Self { key: key.into(), secret }
    }

    /// The key; no secret.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    pub(super) fn secret(&self) -> &Secret {
        &self.secret
    }

    /// A text that changes whenever key or secret does: what an
    /// [`AuthProvider`](trunkline_core::AuthProvider::client_identity) answers.
    #[must_use]
    pub fn identity(&self) -> Secret {
        Secret::new(format!("{} {} {}", self.key.len(), self.key, self.secret.expose()))
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        match self.key.is_empty() || self.secret.is_empty() {
            true => Err(Error::new(ErrorKind::ConfigInvalid, "the consumer needs a key and a secret")),
            false => Ok(()),
        }
    }
}
