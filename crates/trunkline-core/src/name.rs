//! The names by which things are found: tenant, connector, label, connection.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind};

/// The label of a connection when none is given.
pub const DEFAULT_LABEL: &str = "default";

/// Longest tenant name and label, in bytes. They are index keys in every store.
pub const MAX_NAME_BYTES: usize = 200;

/// An immutable 128-bit identifier of one connection, random, written as 32 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId([u8; 16]);

impl ConnectionId {
    /// Makes an identifier of 16 bytes, which the caller took from a secure random source.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The 16 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConnectionId({self})")
    }
}

impl FromStr for ConnectionId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        u128::from_str_radix(text, 16)
            .ok()
            .filter(|_| text.len() == 32 && !text.starts_with('+'))
            .map(|number| Self(number.to_be_bytes()))
            .ok_or_else(|| Error::new(ErrorKind::InvalidInput, "a connection id is 32 hex digits"))
    }
}

impl Serialize for ConnectionId {
    fn serialize<S: serde::Serializer>(&self, output: S) -> Result<S::Ok, S::Error> {
        output.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ConnectionId {
    fn deserialize<D: serde::Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        String::deserialize(input)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Names one connection: unique per tenant, connector and label.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionKey {
    tenant: String,
    connector: String,
    label: String,
}

impl ConnectionKey {
    /// Checks the three names and keeps them.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] when one is empty, longer than [`MAX_NAME_BYTES`] or holds a
    /// control character.
    pub fn new(tenant: &str, connector: &str, label: &str) -> Result<Self, Error> {
        for (what, name) in [("tenant", tenant), ("connector", connector), ("label", label)] {
            if name.is_empty() || name.len() > MAX_NAME_BYTES || name.chars().any(char::is_control) {
                return Err(Error::new(
                    ErrorKind::InvalidInput,
                    format!("a {what} name has 1 to {MAX_NAME_BYTES} bytes and no control characters"),
                ));
            }
        }
        Ok(Self { tenant: tenant.into(), connector: connector.into(), label: label.into() })
    }

    /// The application's customer.
    #[must_use]
    pub fn tenant(&self) -> &str {
        &self.tenant
    }

    /// The configured connector.
    #[must_use]
    pub fn connector(&self) -> &str {
        &self.connector
    }

    /// Which of the tenant's connections through this connector.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_id_reads_back_what_it_prints() {
        let id = ConnectionId::from_bytes([0x0f; 16]);
        assert_eq!(id.to_string().parse::<ConnectionId>().unwrap(), id);
        assert!("12".parse::<ConnectionId>().is_err());
    }

    #[test]
    fn names_that_cannot_be_index_keys_are_refused() {
        for bad in ["", "a\nb", &"x".repeat(201)] {
            let error = ConnectionKey::new(bad, "c", "l").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
        }
        assert!(ConnectionKey::new("acme", "sage_intacct", DEFAULT_LABEL).is_ok());
    }
}
