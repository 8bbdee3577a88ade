//! How a service says which token it means, without sending it.

use aws_lc_rs::digest::{SHA512, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use trunkline_core::Secret;

/// Fewer characters than this do not tell one token from another.
const SHORTEST_PREFIX: usize = 16;

/// What names a token: a part of it, a digest of it, or itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenHint {
    kind: HintKind,
    value: Secret,
}

/// How a [`TokenHint`] names its token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HintKind {
    /// The whole token.
    Plain,
    /// The first characters of it, at least 16.
    Prefix,
    /// The SHA-512 digest of its SHA-512 digest, in Base64.
    DoubleSha512,
}

impl TokenHint {
    /// A hint as the service sent it.
    #[must_use]
    pub const fn new(kind: HintKind, value: Secret) -> Self {
        Self { kind, value }
    }

    /// Whether `token` is the one that is meant.
    #[must_use]
    pub fn is_of(&self, token: &Secret) -> bool {
        let value = self.value.expose();
        match self.kind {
            HintKind::Plain => self.value == *token && !token.is_empty(),
            HintKind::Prefix => value.len() >= SHORTEST_PREFIX && token.expose().starts_with(value),
            HintKind::DoubleSha512 => {
                let twice = digest(&SHA512, digest(&SHA512, token.expose().as_bytes()).as_ref());
                STANDARD_NO_PAD.encode(twice) == value.trim_end_matches('=')
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "1//0gAbCdEfGhIjKlMnOpQrStUvWxYz";

    fn fits(kind: HintKind, value: &str) -> bool {
        TokenHint::new(kind, Secret::new(value)).is_of(&Secret::new(TOKEN))
    }

    #[test]
    fn a_token_is_known_by_itself_its_start_or_its_digest() {
        // printf %s "$TOKEN" | openssl dgst -sha512 -binary | openssl dgst -sha512 -binary | base64
        let digest =
            "TOeaXrwY6ns2iCfYveer2VLMbG4Z1NmrzHjRcja2DirvpCjJxn+G/LjWmIPNLGGglmswmuKo3z7OP6/0bCk+8A==";
        assert!(fits(HintKind::Plain, TOKEN));
        assert!(fits(HintKind::Prefix, &TOKEN[..16]));
        assert!(fits(HintKind::DoubleSha512, digest));
        assert!(fits(HintKind::DoubleSha512, digest.trim_end_matches('=')));
    }

    #[test]
    fn another_token_or_too_short_a_start_is_not_it() {
        assert!(!fits(HintKind::Plain, &TOKEN[..30]));
        assert!(!fits(HintKind::Prefix, &TOKEN[..15]));
        assert!(!fits(HintKind::Prefix, ""));
        assert!(!fits(HintKind::DoubleSha512, TOKEN));
        assert!(!TokenHint::new(HintKind::Plain, Secret::new("")).is_of(&Secret::new("")));
    }
}
