//! A text that must not be seen.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, Unexpected, Visitor};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// A secret text: a token, a client secret, a key.
///
/// It cannot be printed, logged or serialised, is compared in constant time, and its memory is
/// overwritten when it is dropped. [`expose`](Self::expose) is the one way to read it, so that a
/// search for that word finds every place that does.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes ownership of a secret text. The text keeps its bytes exactly.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text itself. Never pass it to anything that prints, logs or stores it unsealed.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret([redacted])")
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Eq for Secret {}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        // Serde quotes a value of the wrong type in its message; the message is replaced, since a
        // number or a list may well be the secret, forgotten quotes and all.
        let hidden = Unexpected::Other("a value that is not shown");
        input.deserialize_string(SecretVisitor).map_err(|_| D::Error::invalid_type(hidden, &SecretVisitor))
    }
}

struct SecretVisitor;

impl Visitor<'_> for SecretVisitor {
    type Value = Secret;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a secret string")
    }

    fn visit_str<E>(self, text: &str) -> Result<Secret, E> {
        Ok(Secret::new(text))
    }

    fn visit_string<E>(self, text: String) -> Result<Secret, E> {
        Ok(Secret::new(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_of_a_secret_shows_nothing_of_it() {
        assert_eq!(format!("{:?}", Secret::new("s3cr3t")), "Secret([redacted])");
    }

    #[test]
    fn a_secret_of_the_wrong_type_is_not_quoted_in_the_error() {
        let error = serde_json::from_str::<Secret>("90210777").unwrap_err().to_string();
        assert!(!error.contains("90210777"), "{error}");
        assert!(error.contains("expected a secret string"), "{error}");
    }

    /// Compiles only while no type named here implements `Display` or `Serialize`: the call would be
    /// ambiguous.
    #[test]
    fn what_holds_a_secret_can_be_neither_displayed_nor_serialised() {
        trait Unless<Which> {
            fn holds() {}
        }
        struct Displayed;
        struct Serialised;
        impl<T> Unless<()> for T {}
        impl<T: fmt::Display> Unless<Displayed> for T {}
        impl<T: serde::Serialize> Unless<Serialised> for T {}

        <Secret as Unless<_>>::holds();
        <crate::Credential as Unless<_>>::holds();
        <crate::Held as Unless<_>>::holds();
        <crate::Inputs as Unless<_>>::holds();
        <crate::Callback as Unless<_>>::holds();
        <crate::Begun as Unless<_>>::holds();
        <crate::Grant as Unless<_>>::holds();
    }

    #[test]
    fn secrets_are_equal_when_their_texts_are() {
        assert_eq!(Secret::new("a"), Secret::new("a"));
        assert_ne!(Secret::new("a"), Secret::new("ab"));
    }
}
