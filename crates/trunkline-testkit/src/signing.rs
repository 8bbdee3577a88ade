//! How a service of OAuth 1.0a is signed for.

use crate::profile::Profile;

/// How requests are signed (RFC 5849, 3), and where the secrets are that sign.
#[derive(Debug, Clone)]
pub struct Signing {
    pub(crate) method: String,
    pub(crate) realms: Option<[String; 2]>,
    pub(crate) token_inputs: Option<[String; 2]>,
    pub(crate) client_inputs: Option<[String; 2]>,
    pub(crate) client_settings: [String; 2],
}

impl Signing {
    /// By `HMAC-SHA1`, `HMAC-SHA256` or `PLAINTEXT`, with the settings `client_id` and `client_secret` and a token that a
    /// person's consent brings.
    #[must_use]
    pub fn new(method: &str) -> Self {
        Self {
            method: method.to_owned(),
            realms: None,
            token_inputs: None,
            client_inputs: None,
            client_settings: ["client_id", "client_secret"].map(str::to_owned),
        }
    }

    /// The realm that requests name, of each account. Default: none.
    #[must_use]
    pub fn realms(mut self, realms: [&str; 2]) -> Self {
        self.realms = Some(realms.map(str::to_owned));
        self
    }

    /// The inputs that are token and secret, where they are given.
    #[must_use]
    pub fn token_inputs(mut self, names: [&str; 2]) -> Self {
        self.token_inputs = Some(names.map(str::to_owned));
        self
    }

    /// The inputs that are the client's identifier and secret, where each customer has a client of its own.
    #[must_use]
    pub fn client_inputs(mut self, names: [&str; 2]) -> Self {
        self.client_inputs = Some(names.map(str::to_owned));
        self
    }

    /// The settings that are the client's identifier and secret.
    #[must_use]
    pub fn client_settings(mut self, names: [&str; 2]) -> Self {
        self.client_settings = names.map(str::to_owned);
        self
    }

    /// Whether the secrets themselves are sent.
    pub(crate) fn is_plain(&self) -> bool {
        self.method == "PLAINTEXT"
    }
}

impl Profile {
    /// Requests are signed by OAuth 1.0a (RFC 5849): the hostile service computes each signature anew.
    #[must_use]
    pub fn signed(mut self, signing: Signing) -> Self {
        self.signing = Some(signing);
        self
    }
}
