//! The keys that wrap data keys.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, LessSafeKey, UnboundKey};
use aws_lc_rs::digest::{Context, SHA256};
use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use trunkline_core::Secret;
use zeroize::Zeroizing;

use crate::KeyError;

const KEY_BYTES: usize = 32;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Names a wrapping key without giving anything of it away: the first 8 bytes of a digest of it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId([u8; 8]);

impl KeyId {
    /// An id of its 8 bytes, as a store kept them.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(bytes)
    }

    /// The 8 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 8] {
        &self.0
    }

    fn of(key: &[u8; KEY_BYTES]) -> Self {
        // The prefix keeps the id apart from any other use of the key's digest.
        let mut context = Context::new(&SHA256);
        context.update(b"trunkline key id v1\0");
        context.update(key);
        let mut id = [0; 8];
        id.copy_from_slice(&context.finish().as_ref()[..8]);
        Self(id)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

/// The keys that secrets are sealed under: the current one, and retired ones that still open what
/// was sealed before.
///
/// `Debug` shows the ids only. Clones share the keys, which are overwritten with the last clone.
#[derive(Clone)]
pub struct KeyRing {
    current: Arc<WrappingKey>,
    retired: Vec<Arc<WrappingKey>>,
}

pub(crate) struct WrappingKey {
    pub(crate) id: KeyId,
    pub(crate) cipher: LessSafeKey,
}

impl WrappingKey {
    fn new(key: &[u8; KEY_BYTES]) -> Arc<Self> {
        // An AES-256 key is refused for its length only, and the length is in the type.
        #[expect(clippy::expect_used, reason = "cannot fail for 32 bytes")]
        let unbound = UnboundKey::new(&AES_256_GCM, key).expect("32 bytes are an AES-256 key");
        Arc::new(Self { id: KeyId::of(key), cipher: LessSafeKey::new(unbound) })
    }
}

impl KeyRing {
    /// A ring of one key: 32 bytes from a secure random source.
    #[must_use]
    pub fn new(key: [u8; 32]) -> Self {
        let key = Zeroizing::new(key);
        Self { current: WrappingKey::new(&key), retired: Vec::new() }
    }

    /// Adds a key that still opens what was sealed under it, but seals nothing new.
    #[must_use]
    pub fn with_retired(mut self, key: [u8; 32]) -> Self {
        let key = Zeroizing::new(key);
        self.retired.push(WrappingKey::new(&key));
        self
    }

    /// Reads the ring from an environment variable: keys of 32 bytes in base64 or hex, separated by
    /// commas. The first is the current one, the others are retired.
    ///
    /// # Errors
    ///
    /// [`KeyError`], which never shows what the variable holds.
    pub fn from_env(var: &str) -> Result<Self, KeyError> {
        #[expect(clippy::disallowed_methods, reason = "this is the edge where keys are read")]
        let text = match std::env::var(var) {
            Ok(text) => Zeroizing::new(text),
            Err(std::env::VarError::NotPresent) => return Err(KeyError::Missing { var: var.to_owned() }),
            Err(std::env::VarError::NotUnicode(_)) => {
                return Err(KeyError::NotBase64 { var: var.to_owned(), position: 1 });
            }
        };
        Self::parse(var, &text)
    }

    /// Reads the ring from a text of the same form as [`from_env`](Self::from_env). `source` says in
    /// errors where the text came from.
    ///
    /// # Errors
    ///
    /// [`KeyError`], which never shows the text.
    pub fn parse(source: &str, text: &str) -> Result<Self, KeyError> {
        if text.trim().is_empty() {
            return Err(KeyError::Missing { var: source.to_owned() });
        }
        let mut keys = text
            .split(',')
            .enumerate()
            .map(|(index, part)| decode(source, index + 1, part.trim()).map(|key| WrappingKey::new(&key)));
        let missing = || KeyError::Missing { var: source.to_owned() };
        let current = keys.next().ok_or_else(missing)??;
        Ok(Self { current, retired: keys.collect::<Result<_, _>>()? })
    }

    /// A ring that everybody knows, so that a first try needs no set-up. What is sealed under it is
    /// not secret.
    #[must_use]
    pub fn insecure_development() -> Self {
        Self::new(*b"this development key is public!!")
    }

    /// Whether the current key is the one that everybody knows.
    #[must_use]
    pub fn is_insecure_development(&self) -> bool {
        self.current.id == Self::insecure_development().current.id
    }

    /// A ring of a new random key, and that key in base64, for [`from_env`](Self::from_env).
    ///
    /// # Errors
    ///
    /// [`KeyError::NoRandom`].
    pub fn generate() -> Result<(Self, Secret), KeyError> {
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        aws_lc_rs::rand::fill(&mut *key).map_err(|_| KeyError::NoRandom)?;
        let text = BASE64.encode(key.as_slice());
        Ok((Self { current: WrappingKey::new(&key), retired: Vec::new() }, Secret::new(text)))
    }

    /// The id of the key that seals.
    #[must_use]
    pub fn current_id(&self) -> KeyId {
        self.current.id
    }

    /// The ids of all keys, the current one first.
    pub fn ids(&self) -> impl Iterator<Item = KeyId> {
        self.keys().map(|key| key.id)
    }

    pub(crate) fn current(&self) -> &WrappingKey {
        &self.current
    }

    pub(crate) fn find(&self, id: KeyId) -> Option<&WrappingKey> {
        self.keys().find(|key| key.id == id)
    }

    fn keys(&self) -> impl Iterator<Item = &WrappingKey> {
        std::iter::once(&*self.current).chain(self.retired.iter().map(|key| &**key))
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyRing")?;
        f.debug_list().entries(self.ids()).finish()
    }
}

/// Hex first: 64 hex digits are base64 too, but of 48 bytes, which is no key.
fn decode(source: &str, position: usize, text: &str) -> Result<Zeroizing<[u8; KEY_BYTES]>, KeyError> {
    let var = || source.to_owned();
    let mut key = Zeroizing::new([0; KEY_BYTES]);
    if text.len() == 2 * KEY_BYTES && text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        for (byte, digits) in key.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let value = |digit: u8| (digit as char).to_digit(16).unwrap_or(0) as u8;
            *byte = value(digits[0]) << 4 | value(digits[1]);
        }
        return Ok(key);
    }
    // Sized for the whole text, so that decoding never moves the bytes to another buffer.
    let mut bytes = Zeroizing::new(vec![0; base64::decoded_len_estimate(text.len())]);
    let length =
        BASE64.decode_slice(text, &mut bytes).map_err(|_| KeyError::NotBase64 { var: var(), position })?;
    if length != KEY_BYTES {
        return Err(KeyError::WrongLength { var: var(), position, bytes: length });
    }
    key.copy_from_slice(&bytes[..KEY_BYTES]);
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_and_hex_are_the_same_key() {
        let key = [0xfb; 32];
        let hex = "fB".repeat(32);
        let base64 = BASE64.encode(key);
        let expected = KeyRing::new(key).current_id();
        for text in [hex.as_str(), base64.as_str(), base64.trim_end_matches('='), &format!(" {base64}\n")] {
            assert_eq!(KeyRing::parse("K", text).unwrap().current_id(), expected, "{text}");
        }
    }

    #[test]
    fn the_first_of_several_keys_is_the_current_one() {
        let text = format!("{},{}", "01".repeat(32), "02".repeat(32));
        let ring = KeyRing::parse("K", &text).unwrap();
        assert_eq!(ring.current_id(), KeyRing::new([1; 32]).current_id());
        assert!(ring.find(KeyRing::new([2; 32]).current_id()).is_some());
    }

    #[test]
    fn a_missing_key_is_a_typed_error() {
        let missing = KeyError::Missing { var: "TRUNKLINE_KEY_THAT_NOBODY_SETS".into() };
        assert_eq!(KeyRing::from_env("TRUNKLINE_KEY_THAT_NOBODY_SETS").unwrap_err(), missing);
        assert_eq!(KeyRing::parse("K", "  ").unwrap_err(), KeyError::Missing { var: "K".into() });
    }

    #[test]
    fn a_short_key_is_a_typed_error() {
        let text = format!("{},{}", "01".repeat(32), BASE64.encode([7; 31]));
        let short = KeyError::WrongLength { var: "K".into(), position: 2, bytes: 31 };
        assert_eq!(KeyRing::parse("K", &text).unwrap_err(), short);
    }

    #[test]
    fn a_key_error_never_shows_the_key() {
        for text in ["canary-canary!", "Y2FuYXJ5Y2FuYXJ5", "canary,", &"canary".repeat(20)] {
            let error = KeyRing::parse("K", text).unwrap_err();
            let shown = format!("{error:?}{error}{:?}", trunkline_core::Error::from(error.clone()));
            assert!(!shown.contains("canary") && !shown.contains("Y2Fu"), "{shown}");
        }
    }

    #[test]
    fn debug_of_a_ring_shows_ids_only() {
        let ring = KeyRing::new([1; 32]);
        assert_eq!(format!("{ring:?}"), format!("KeyRing[KeyId({})]", ring.current_id()));
    }

    #[test]
    fn a_generated_key_reads_back() {
        let (ring, text) = KeyRing::generate().unwrap();
        assert_eq!(KeyRing::parse("K", text.expose()).unwrap().current_id(), ring.current_id());
        assert_ne!(KeyRing::generate().unwrap().0.current_id(), ring.current_id());
        assert!(!ring.is_insecure_development() && KeyRing::insecure_development().is_insecure_development());
    }
}
