//! What a service returned that is no secret but belongs to the connection.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Named values such as an instance URL or a company id. Stored with each credential and replaced
/// with it; a provider validates them before it hands them over.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Captures(BTreeMap<String, String>);

impl Captures {
    /// The value under `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Sets `name` to `value`.
    pub fn insert(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.0.insert(name.into(), value.into());
    }

    /// Takes over all of `newer`, each in the place of an older value.
    pub fn extend(&mut self, newer: &Self) {
        self.0.extend(newer.0.iter().map(|(name, value)| (name.clone(), value.clone())));
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}
