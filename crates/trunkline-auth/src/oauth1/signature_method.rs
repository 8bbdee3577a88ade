//! How requests are signed (RFC 5849, 3.4.2 to 3.4.4).

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use trunkline_core::Secret;
use zeroize::Zeroizing;

use super::base_string::encode;

/// How requests are signed (RFC 5849, 3.4). Not there: RSA-SHA1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SignatureMethod {
    /// HMAC with SHA-1, the standard's own.
    HmacSha1,
    /// HMAC with SHA-256, in the same way.
    HmacSha256,
    /// The secrets themselves, over TLS only: for services that document nothing else.
    Plaintext,
}

impl SignatureMethod {
    /// The word for it on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::HmacSha1 => "HMAC-SHA1",
            Self::HmacSha256 => "HMAC-SHA256",
            Self::Plaintext => "PLAINTEXT",
        }
    }

    /// Signs `text` with the two secrets.
    pub(super) fn sign(self, text: &str, consumer: &Secret, token: Option<&Secret>) -> Zeroizing<String> {
        let encoded = |secret: &Secret| Zeroizing::new(encode(secret.expose().as_bytes()));
        let (consumer, token) = (encoded(consumer), token.map(encoded).unwrap_or_default());
        let key = Zeroizing::new(format!("{}&{}", *consumer, *token));
        let algorithm = match self {
            Self::HmacSha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Self::HmacSha256 => hmac::HMAC_SHA256,
            Self::Plaintext => return key,
        };
        let tag = hmac::sign(&hmac::Key::new(algorithm, key.as_bytes()), text.as_bytes());
        Zeroizing::new(STANDARD.encode(tag))
    }
}
