//! Who may send events, and what they mean here.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use trunkline::SignalSubject;
use trunkline_core::ServiceText;

use crate::{Keys, Subject};

/// How old a token may be: a weekend, for who sends again what we missed.
const MAX_AGE: Duration = Duration::from_secs(3 * 24 * 60 * 60);
/// By how much the transmitter's clock may differ from ours.
const SKEW: Duration = Duration::from_secs(60);

type Accounts = Arc<dyn Fn(&Subject) -> Vec<SignalSubject> + Send + Sync>;
type Expected = Arc<dyn Fn(Option<&str>) -> bool + Send + Sync>;
type Told = Arc<dyn Fn(&StreamUpdate) + Send + Sync>;

/// One who sends Security Event Tokens, and whose word counts.
#[derive(Clone)]
pub struct Transmitter {
    pub(crate) issuer: String,
    pub(crate) keys: Keys,
    pub(crate) max_age: Duration,
    pub(crate) skew: Duration,
    streams: Vec<(String, String)>,
    accounts: Option<Accounts>,
    expected: Option<Expected>,
    told: Option<Told>,
}

/// The status of a stream, as its transmitter tells it (SSF 1.0, 8.1.5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamUpdate {
    /// Who tells it.
    pub issuer: String,
    /// `enabled`, `paused` or `disabled`. While it is not enabled, nothing is pushed: losses are found by
    /// renewals and probes alone.
    pub status: ServiceText,
    /// Why, in the transmitter's words.
    pub reason: Option<ServiceText>,
}

impl Transmitter {
    /// A transmitter whose tokens have exactly this `iss` and are signed with one of these keys.
    #[must_use]
    pub fn new(issuer: impl Into<String>, keys: Keys) -> Self {
        Self {
            issuer: issuer.into(),
            keys,
            max_age: MAX_AGE,
            skew: SKEW,
            streams: Vec::new(),
            accounts: None,
            expected: None,
            told: None,
        }
    }

    /// Takes tokens with this `aud`, often the client id: they are about connections of `connector`. May be
    /// called several times.
    #[must_use]
    pub fn audience(mut self, audience: impl Into<String>, connector: impl Into<String>) -> Self {
        self.streams.push((audience.into(), connector.into()));
        self
    }

    /// Takes tokens up to this age. Default 3 days.
    #[must_use]
    pub fn max_age(mut self, age: Duration) -> Self {
        self.max_age = age;
        self
    }

    /// Lets the transmitter's clock differ from ours by this much. Default 60 s.
    #[must_use]
    pub fn skew(mut self, skew: Duration) -> Self {
        self.skew = skew;
        self
    }

    /// Says which accounts a subject means, instead of [`Subject::accounts`]: for services that name users by
    /// address, or whose user ids are unique only within a company.
    #[must_use]
    pub fn accounts(
        mut self,
        accounts: impl Fn(&Subject) -> Vec<SignalSubject> + Send + Sync + 'static,
    ) -> Self {
        self.accounts = Some(Arc::new(accounts));
        self
    }

    /// Is asked when a verification comes, with the `state` in it: whether it is the one that was asked for.
    /// Default: any is, since a transmitter may verify by itself.
    #[must_use]
    pub fn verified(mut self, expected: impl Fn(Option<&str>) -> bool + Send + Sync + 'static) -> Self {
        self.expected = Some(Arc::new(expected));
        self
    }

    /// Is told when the transmitter pauses, disables or enables a stream. The log tells it in any case.
    #[must_use]
    pub fn stream_updated(mut self, told: impl Fn(&StreamUpdate) + Send + Sync + 'static) -> Self {
        self.told = Some(Arc::new(told));
        self
    }

    pub(crate) fn connectors(&self, audience: &str) -> impl Iterator<Item = &str> {
        self.streams.iter().filter(move |(ours, _)| ours == audience).map(|(_, connector)| connector.as_str())
    }

    pub(crate) fn all_connectors(&self) -> impl Iterator<Item = &str> {
        self.streams.iter().map(|(_, connector)| connector.as_str())
    }

    pub(crate) fn accounts_of(&self, subject: &Subject) -> Vec<SignalSubject> {
        self.accounts.as_ref().map_or_else(|| subject.accounts(&self.issuer), |accounts| accounts(subject))
    }

    pub(crate) fn expects(&self, state: Option<&str>) -> bool {
        self.expected.as_ref().is_none_or(|expected| expected(state))
    }

    pub(crate) fn tell(&self, update: &StreamUpdate) {
        if let Some(told) = &self.told {
            told(update);
        }
    }
}

impl fmt::Debug for Transmitter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { issuer, keys, streams, .. } = self;
        f.debug_struct("Transmitter")
            .field("issuer", issuer)
            .field("keys", keys)
            .field("streams", streams)
            .finish_non_exhaustive()
    }
}
