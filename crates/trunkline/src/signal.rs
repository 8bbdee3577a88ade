//! What a service says about a grant unasked: its own push.

mod apply;
mod token_hint;

use jiff::Timestamp;
use trunkline_core::Account;

pub use apply::Signalled;
pub use token_hint::{HintKind, TokenHint};

/// What a service said about the grants of an account.
///
/// Whoever makes one has verified that the service said so. `trunkline-security-events` makes them of Security
/// Event Tokens; a webhook of a service's own can be turned into one by hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signal {
    /// The name of the connector whose connections are meant.
    pub connector: String,
    /// Whose grants. Of several, each names the same account in another way; one that fits is enough.
    pub subjects: Vec<SignalSubject>,
    /// What happened.
    pub kind: SignalKind,
    /// When it happened there, by the service's clock.
    pub at: Timestamp,
    /// Who said so, and in which message.
    pub origin: SignalOrigin,
    /// From when on the same message is refused before it becomes a signal. Until then it is remembered, so
    /// that it counts once.
    pub forget_at: Timestamp,
}

/// The message that a signal was made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignalOrigin {
    /// Who sent it: the issuer of the token.
    pub issuer: String,
    /// What tells it from the issuer's other messages: the token's `jti`.
    pub id: String,
    /// The service's name for what happened. It becomes evidence.
    pub event: String,
}

/// What happened to an account's grants, as far as it matters to who holds one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SignalKind {
    /// The grant was revoked, or the account is gone.
    GrantRevoked,
    /// Sessions were ended: the access token may be dead, the grant may live.
    SessionRevoked,
    /// The account cannot be used for now.
    AccountDisabled,
    /// The account can be used again.
    AccountEnabled,
    /// A credential of the account changed or has to: the grant may have ended with it.
    CredentialChanged,
    /// What the tokens say about the account changed: what the grant permits may have, too.
    ClaimsChanged,
}

/// The account that a signal is about, as far as the service named it. Never empty: a part without text
/// fits no account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignalSubject {
    company: Option<String>,
    user: Option<String>,
    token: Option<TokenHint>,
}

impl SignalSubject {
    /// A user, whatever the company: for services whose user ids are unique among all companies.
    #[must_use]
    pub fn user(user: impl Into<String>) -> Self {
        Self { company: None, user: Some(user.into()), token: None }
    }

    /// Every user of a company.
    #[must_use]
    pub fn company(company: impl Into<String>) -> Self {
        Self { company: Some(company.into()), user: None, token: None }
    }

    /// A user of a company.
    #[must_use]
    pub fn account(company: impl Into<String>, user: impl Into<String>) -> Self {
        Self { company: Some(company.into()), user: Some(user.into()), token: None }
    }

    /// Means only the grant that holds this token.
    #[must_use]
    pub fn with_token(mut self, token: TokenHint) -> Self {
        self.token = Some(token);
        self
    }

    /// Whether `account` is meant. What the service has not named does not take part.
    #[must_use]
    pub fn fits(&self, account: &Account) -> bool {
        let fits = |part: &Option<String>, of: &str| {
            part.as_deref().is_none_or(|part| !part.is_empty() && part == of)
        };
        fits(&self.company, &account.company) && fits(&self.user, &account.user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_fits_by_the_parts_it_names() {
        let ada = Account::new("acme", "ada");
        assert!(SignalSubject::user("ada").fits(&ada));
        assert!(SignalSubject::company("acme").fits(&ada));
        assert!(SignalSubject::account("acme", "ada").fits(&ada));
        assert!(!SignalSubject::account("globex", "ada").fits(&ada));
        assert!(!SignalSubject::user("bob").fits(&ada));
    }

    #[test]
    fn an_empty_part_fits_no_account() {
        assert!(!SignalSubject::user("").fits(&Account::default()));
        assert!(!SignalSubject::account("acme", "").fits(&Account::new("acme", "")));
    }
}
