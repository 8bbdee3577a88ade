//! Sealing: AES-256-GCM under a data key of its own, wrapped by a key of the ring.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::digest::{SHA256, digest};
use zeroize::Zeroizing;

use crate::{KeyId, KeyRing, Sealed, StoreError};

/// The first byte of every sealed text, and part of what it is bound to.
const FORMAT: u8 = 1;
const TAG_BYTES: usize = 16;
const KEY_BYTES: usize = 32;

/// What a sealed text is bound to: it opens nowhere else.
pub(crate) struct Binding {
    body: Vec<u8>,
    owner: Vec<u8>,
}

impl Binding {
    /// Binds a text to `parts` and its data key to `owner`.
    pub(crate) fn new(owner: &[u8], parts: &[&[u8]]) -> Self {
        let mut body = Vec::with_capacity(1 + parts.iter().map(|part| 4 + part.len()).sum::<usize>());
        body.push(FORMAT);
        for part in parts {
            push(&mut body, part);
        }
        Self { body, owner: owner.to_vec() }
    }

    fn wrap(&self, key_id: &[u8; 8]) -> Vec<u8> {
        let mut wrap = Vec::with_capacity(1 + 4 + key_id.len() + 4 + self.owner.len());
        wrap.push(FORMAT);
        push(&mut wrap, key_id);
        push(&mut wrap, &self.owner);
        wrap
    }
}

/// The length in front keeps ("ab", "c") and ("a", "bc") apart.
fn push(out: &mut Vec<u8>, part: &[u8]) {
    // Parts are names and ids of a few hundred bytes; a part that long cannot be.
    out.extend_from_slice(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
    out.extend_from_slice(part);
}

/// Seals `plain`. Each call has a data key of its own, so no nonce of one is ever used twice; a
/// wrapping key with its random nonces is good for 2^32 seals (NIST SP 800-38D, 8.3).
pub(crate) fn seal(keys: &KeyRing, binding: &Binding, plain: &[u8]) -> Result<Sealed, StoreError> {
    let wrapping = keys.current();
    let mut data_key = Zeroizing::new([0; KEY_BYTES]);
    aws_lc_rs::rand::fill(&mut *data_key).map_err(|_| StoreError::SealFailed)?;
    let body = encrypt(&cipher(&*data_key)?, &binding.body, plain)?;
    let wrapped_key = encrypt(&wrapping.cipher, &binding.wrap(wrapping.id.as_bytes()), &*data_key)?;
    Ok(Sealed { key_id: wrapping.id, wrapped_key, body })
}

/// Why a sealed text does not open.
pub(crate) enum OpenError {
    KeyMissing,
    Altered,
}

/// Opens what [`seal`] made with the same binding.
pub(crate) fn open(
    keys: &KeyRing,
    binding: &Binding,
    sealed: &Sealed,
) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    let wrapping = keys.find(sealed.key_id).ok_or(OpenError::KeyMissing)?;
    let data_key = decrypt(&wrapping.cipher, &binding.wrap(wrapping.id.as_bytes()), &sealed.wrapped_key)?;
    let data_key = cipher(&data_key).map_err(|_| OpenError::Altered)?;
    decrypt(&data_key, &binding.body, &sealed.body)
}

/// Opens a data key that is wrapped under the key `from` and wraps it under the current one.
pub(crate) fn rewrap(
    keys: &KeyRing,
    binding: &Binding,
    from: KeyId,
    wrapped: &[u8],
) -> Result<(KeyId, Vec<u8>), OpenError> {
    let (old, new) = (keys.find(from).ok_or(OpenError::KeyMissing)?, keys.current());
    let data_key = decrypt(&old.cipher, &binding.wrap(old.id.as_bytes()), wrapped)?;
    let wrapped = encrypt(&new.cipher, &binding.wrap(new.id.as_bytes()), &data_key);
    Ok((new.id, wrapped.map_err(|_| OpenError::Altered)?))
}

/// A digest of a text that must not be stored, under a purpose that keeps equal texts apart.
pub(crate) fn digest_of(purpose: &str, text: &str) -> [u8; 32] {
    let mut input = Zeroizing::new(Vec::with_capacity(purpose.len() + 1 + text.len()));
    input.extend_from_slice(purpose.as_bytes());
    input.push(0);
    input.extend_from_slice(text.as_bytes());
    let mut out = [0; 32];
    out.copy_from_slice(digest(&SHA256, &input).as_ref());
    out
}

fn cipher(key: &[u8]) -> Result<LessSafeKey, StoreError> {
    Ok(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).map_err(|_| StoreError::SealFailed)?))
}

/// Format, nonce, ciphertext, tag.
fn encrypt(key: &LessSafeKey, aad: &[u8], plain: &[u8]) -> Result<Vec<u8>, StoreError> {
    let mut nonce = [0; NONCE_LEN];
    aws_lc_rs::rand::fill(&mut nonce).map_err(|_| StoreError::SealFailed)?;
    // Sized for all of it: the plain text is encrypted in place and never copied by growth. Should
    // that fail, what was copied is overwritten.
    let mut out = Zeroizing::new(Vec::with_capacity(1 + NONCE_LEN + plain.len() + TAG_BYTES));
    out.push(FORMAT);
    out.extend_from_slice(&nonce);
    out.extend_from_slice(plain);
    let tag = key
        .seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(aad),
            &mut out[1 + NONCE_LEN..],
        )
        .map_err(|_| StoreError::SealFailed)?;
    out.extend_from_slice(tag.as_ref());
    Ok(std::mem::take(&mut *out))
}

fn decrypt(key: &LessSafeKey, aad: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    let (&format, rest) = sealed.split_first().ok_or(OpenError::Altered)?;
    let (nonce, text) = rest.split_at_checked(NONCE_LEN).ok_or(OpenError::Altered)?;
    if format != FORMAT || text.len() < TAG_BYTES {
        return Err(OpenError::Altered);
    }
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| OpenError::Altered)?;
    let mut out = Zeroizing::new(text.to_vec());
    let length = key.open_in_place(nonce, Aad::from(aad), &mut out).map_err(|_| OpenError::Altered)?.len();
    out.truncate(length);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn binding(owner: &str, parts: &[&str]) -> Binding {
        Binding::new(owner.as_bytes(), &parts.iter().map(|part| part.as_bytes()).collect::<Vec<_>>())
    }

    #[test]
    fn a_sealed_text_opens_where_it_belongs_and_nowhere_else() {
        let keys = KeyRing::new([1; 32]);
        let sealed = seal(&keys, &binding("a", &["t", "bc"]), b"plain").ok().unwrap();
        assert_eq!(&**open(&keys, &binding("a", &["t", "bc"]), &sealed).ok().unwrap(), b"plain");
        for other in [binding("b", &["t", "bc"]), binding("a", &["tb", "c"]), binding("a", &["t", "bd"])] {
            assert!(matches!(open(&keys, &other, &sealed), Err(OpenError::Altered)));
        }
    }

    #[test]
    fn any_flipped_bit_is_found() {
        let keys = KeyRing::new([1; 32]);
        let place = binding("a", &["t"]);
        let sealed = seal(&keys, &place, b"plain").ok().unwrap();
        for bit in 0..sealed.body.len() * 8 {
            let mut bad = sealed.clone();
            bad.body[bit / 8] ^= 1 << (bit % 8);
            assert!(open(&keys, &place, &bad).is_err(), "bit {bit} of the body");
        }
        for bit in 0..sealed.wrapped_key.len() * 8 {
            let mut bad = sealed.clone();
            bad.wrapped_key[bit / 8] ^= 1 << (bit % 8);
            assert!(open(&keys, &place, &bad).is_err(), "bit {bit} of the wrapped key");
        }
        for length in 0..sealed.body.len() {
            let bad = Sealed { body: sealed.body[..length].to_vec(), ..sealed.clone() };
            assert!(open(&keys, &place, &bad).is_err(), "cut to {length}");
        }
    }

    #[test]
    fn a_retired_key_opens_and_a_missing_one_is_named() {
        let place = binding("a", &["t"]);
        let sealed = seal(&KeyRing::new([1; 32]), &place, b"plain").ok().unwrap();
        assert!(open(&KeyRing::new([2; 32]).with_retired([1; 32]), &place, &sealed).is_ok());
        assert!(matches!(open(&KeyRing::new([2; 32]), &place, &sealed), Err(OpenError::KeyMissing)));
    }

    #[test]
    fn the_same_text_is_never_sealed_alike() {
        let keys = KeyRing::new([1; 32]);
        let place = binding("a", &["t"]);
        let (one, two) = (seal(&keys, &place, b"x").ok().unwrap(), seal(&keys, &place, b"x").ok().unwrap());
        assert!(one.body != two.body && one.wrapped_key != two.wrapped_key);
    }
}
