//! Unguessable values: secrets, codes, session and support ids.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

fn bytes<const N: usize>() -> [u8; N] {
    let mut buffer = [0; N];
    aws_lc_rs::rand::fill(&mut buffer).expect("the operating system has no random source");
    buffer
}

/// Lower-case hexadecimal text of `N` random bytes.
pub(crate) fn hex<const N: usize>() -> String {
    bytes::<N>().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// URL-safe text of `N` random bytes.
pub(crate) fn text<const N: usize>() -> String {
    URL_SAFE_NO_PAD.encode(bytes::<N>())
}

/// URL-safe text of the SHA-256 digest, without padding: what PKCE calls S256.
pub(crate) fn sha256(input: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, input))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s256_matches_the_vector_of_the_reference() {
        let challenge = sha256(b"zWiRBuiUcmnIbPBCoNqA5cWDFuaEZwZ7jLJJGJ4P3NQ");

        assert_eq!(challenge, "manPXpjp75EFeofO-YWtY3gIPp0S6_CJ-ciRJyYIonw");
    }
}
