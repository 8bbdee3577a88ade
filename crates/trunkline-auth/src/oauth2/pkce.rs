//! PKCE (RFC 7636), method S256 only, and unguessable values.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use trunkline_core::{Error, ErrorKind, Secret};
use zeroize::Zeroizing;

/// 32 random bytes in base64url without padding: 43 characters, good for a state or a verifier.
///
/// # Panics
///
/// When the operating system has no random numbers: nothing could be protected then.
#[must_use]
pub fn random_token() -> Secret {
    let mut bytes = Zeroizing::new([0_u8; 32]);
    SystemRandom::new().fill(&mut *bytes).expect("the operating system gives random numbers");
    Secret::new(URL_SAFE_NO_PAD.encode(*bytes))
}

/// A verifier and its S256 challenge. The verifier stays with us until the code is exchanged.
#[derive(Debug, Clone)]
pub struct Pkce {
    verifier: Secret,
}

impl Pkce {
    /// A fresh verifier; use it for one consent.
    #[must_use]
    pub fn generate() -> Self {
        Self { verifier: random_token() }
    }

    /// Takes a verifier made elsewhere.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] unless it has 43 to 128 unreserved characters (RFC 7636, 4.1).
    pub fn from_verifier(verifier: Secret) -> Result<Self, Error> {
        let text = verifier.expose();
        let unreserved = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
        if (43..=128).contains(&text.len()) && text.bytes().all(unreserved) {
            return Ok(Self { verifier });
        }
        Err(Error::new(ErrorKind::InvalidInput, "a PKCE verifier has 43 to 128 unreserved characters"))
    }

    /// The verifier: never put it into a URL or the state.
    #[must_use]
    pub fn verifier(&self) -> &Secret {
        &self.verifier
    }

    /// The S256 challenge; no secret.
    #[must_use]
    pub fn challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(digest(&SHA256, self.verifier.expose().as_bytes()))
    }
}
