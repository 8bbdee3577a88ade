//! Who the service says we are.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

/// The account behind a connection: captured when it connects and pinned from then on.
///
/// The parts are the service's own identifiers, none of them secret. `company` and `user` together
/// say whether two grants are for the same account; `entity` and `details` do not take part.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Account {
    /// The organisation: company, org, workspace. Empty where the service has none.
    #[serde(default)]
    pub company: String,
    /// The user who gave consent. Empty for an application's own account.
    #[serde(default)]
    pub user: String,
    /// The part of the company the grant is limited to, if it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entity: Option<String>,
    /// Anything else worth showing, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub details: BTreeMap<String, String>,
}

impl Account {
    /// An account of `user` in `company`.
    #[must_use]
    pub fn new(company: impl Into<String>, user: impl Into<String>) -> Self {
        Self { company: company.into(), user: user.into(), ..Self::default() }
    }

    /// Whether both are the same user of the same company.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.company == other.company && self.user == other.user
    }

    /// Whether both are known well enough to say that they differ. What a service left out says
    /// nothing, so that a part that is empty on either side contradicts nothing.
    #[must_use]
    pub fn contradicts(&self, other: &Self) -> bool {
        let differ = |one: &str, two: &str| !one.is_empty() && !two.is_empty() && one != two;
        differ(&self.company, &other.company) || differ(&self.user, &other.user)
    }

    /// One text that is equal for equal accounts; an index key, so that a store can find the other
    /// connections of an account.
    #[must_use]
    pub fn key(&self) -> String {
        // The length keeps ("a", "b@c") and ("a@b", "c") apart.
        format!("{}:{}@{}", self.user.len(), self.user, self.company)
    }

    /// The range of the [keys](Self::key) of a user's accounts, whatever the company: these and no other keys
    /// lie in it, compared by their bytes.
    #[must_use]
    pub fn keys_of_user(user: &str) -> RangeInclusive<String> {
        let of_user = format!("{}:{user}", user.len());
        // No key has another character after so many bytes than the first of these two.
        format!("{of_user}@")..=format!("{of_user}A")
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.user.as_str(), self.company.as_str()) {
            (user, "") => f.write_str(user)?,
            ("", company) => f.write_str(company)?,
            (user, company) => write!(f, "{user}@{company}")?,
        }
        self.entity.as_ref().map_or(Ok(()), |entity| write!(f, "|{entity}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_part_of_an_account_contradicts_nothing() {
        let ada = Account::new("acme", "ada");
        assert!(ada.contradicts(&Account::new("acme", "bob")));
        assert!(ada.contradicts(&Account::new("globex", "ada")));
        assert!(!ada.contradicts(&Account::new("acme", "")) && !Account::new("", "ada").contradicts(&ada));
    }

    #[test]
    fn keys_of_different_accounts_differ() {
        assert_ne!(Account::new("b@c", "a").key(), Account::new("c", "a@b").key());
    }

    #[test]
    fn the_keys_of_a_user_are_a_range() {
        let keys = Account::keys_of_user("ada");
        for company in ["", "acme", "@", "A", "\u{10ffff}"] {
            assert!(keys.contains(&Account::new(company, "ada").key()), "{company}");
        }
        for user in ["", "ad", "adaA", "ada@", "Ada", "adb"] {
            for company in ["", "acme", "ada@", "A", "\u{10ffff}"] {
                assert!(!keys.contains(&Account::new(company, user).key()), "{user} of {company}");
            }
        }
    }
}
