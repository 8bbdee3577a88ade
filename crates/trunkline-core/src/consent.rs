//! Consent: the step a person takes at the service, from its start to its answer.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use url::{Url, form_urlencoded};

use crate::{Cause, Diagnosis, Error, Grant, Remedy, ScopeSet, Secret};

/// Which shape a provider's consent takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConsentKind {
    /// A person is sent to a URL of the service and comes back with an answer.
    Redirect,
    /// A person enters inputs, such as an API key.
    Form,
    /// A person opens a page of the service, on whatever device, and enters a code there (RFC 8628).
    Device,
    /// Nobody is asked: the inputs suffice.
    Unattended,
}

/// One thing that a connection needs to know before it can be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InputSpec {
    /// The name under which it is passed.
    pub name: &'static str,
    /// What a person is asked for.
    pub title: &'static str,
    /// What a good value looks like.
    pub example: &'static str,
    /// Whether it must not be shown.
    pub secret: bool,
    /// Whether a connection can be made without it.
    pub optional: bool,
    /// Whether only the exchange needs it, such as a password that is exchanged for a key: the hub does not store
    /// it with the grant, and a renewal does not get it.
    pub once: bool,
}

impl InputSpec {
    /// An input that may be shown, has to be given, and is stored with the grant.
    #[must_use]
    pub const fn new(name: &'static str, title: &'static str, example: &'static str) -> Self {
        Self { name, title, example, secret: false, optional: false, once: false }
    }

    /// The same as something that must not be shown.
    #[must_use]
    pub const fn secret(mut self) -> Self {
        self.secret = true;
        self
    }

    /// The same as something that a connection can be made without.
    #[must_use]
    pub const fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    /// The same as something that only the exchange needs.
    #[must_use]
    pub const fn once(mut self) -> Self {
        self.once = true;
        self
    }
}

/// Inputs by name. `Debug` shows the names only.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Inputs(BTreeMap<String, Secret>);

impl Inputs {
    /// Sets `name` to `value`.
    pub fn insert(&mut self, name: impl Into<String>, value: Secret) {
        self.0.insert(name.into(), value);
    }

    /// The value under `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Secret> {
        self.0.get(name)
    }

    /// The value under `name`, which the provider cannot do without.
    ///
    /// # Errors
    ///
    /// [`Cause::InputMissing`], naming the input.
    pub fn require(&self, name: &str) -> Result<&Secret, Error> {
        self.get(name).filter(|value| !value.is_empty()).ok_or_else(|| {
            let remedy =
                Remedy::new("input_missing.named").value("input", name).step("Give the input `{input}`.");
            Diagnosis::new(Cause::InputMissing).remedied(remedy).into()
        })
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Secret)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }
}

impl fmt::Debug for Inputs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// What a provider is given to start a consent.
#[derive(Debug, Clone)]
pub struct ConsentAsk {
    /// Unguessable and single use; comes back with the answer (RFC 6749, 10.12).
    pub state: Secret,
    /// Scopes asked for beyond the connector's own.
    pub scopes: ScopeSet,
    /// What the application or the tenant gave.
    pub inputs: Inputs,
    /// The port of a listener on this machine that waits for the answer (RFC 8252, 7.3): it takes the
    /// place of the port in the redirect URI, which must be of a loopback address. `None` leaves the
    /// redirect URI as it is configured.
    pub loopback_port: Option<u16>,
}

/// What a provider answers: the step to show, and what it needs again when the answer comes.
#[derive(Debug, Clone)]
pub struct Begun {
    /// The step to show.
    pub step: ConsentStep,
    /// Sealed and kept by the hub until the answer comes: a PKCE verifier, the redirect URI.
    pub pending: BTreeMap<String, Secret>,
    /// The scopes that were asked for.
    pub requested: ScopeSet,
}

/// The step that a person takes.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConsentStep {
    /// Send the browser to this URL. It carries the state: do not log it.
    Redirect {
        /// A URL of the service.
        url: Url,
    },
    /// Ask for these inputs and hand them to `complete` together with the state.
    Form {
        /// Belongs to this consent; keep it in the form, hidden.
        state: Secret,
        /// What to ask for.
        inputs: Vec<InputSpec>,
    },
    /// Show the code and the page where it is entered, and hand the state to `complete` at once, which waits
    /// for the person (RFC 8628, 3.3).
    Device {
        /// Belongs to this consent; it is not shown.
        state: Secret,
        /// What the person enters. Whoever sees it can approve in the person's place: show it to nobody else.
        user_code: String,
        /// A page of the service.
        verification_uri: Url,
        /// The same page with the code in it, to be clicked or shown as a QR code.
        verification_uri_complete: Option<Url>,
        /// When the codes end.
        expires_at: Timestamp,
        /// The shortest pause between two polls. The hub keeps it.
        interval: Duration,
    },
}

impl fmt::Debug for ConsentStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Redirect { url } => write!(f, "Redirect({}{})", url.host_str().unwrap_or(""), url.path()),
            Self::Form { inputs, .. } => f.debug_tuple("Form").field(inputs).finish(),
            Self::Device { verification_uri, expires_at, interval, .. } => f
                .debug_struct("Device")
                .field("host", &verification_uri.host_str())
                .field("expires_at", expires_at)
                .field("interval", interval)
                .finish_non_exhaustive(),
        }
    }
}

/// The answer to a consent: what the service appended to the redirect URI, or what a form held.
///
/// `Debug` shows the names only: the values hold the code.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Callback {
    values: BTreeMap<String, Secret>,
    /// Where it arrived, where that is known.
    path: Option<String>,
}

impl Callback {
    /// Reads a query string, with or without its question mark; every value is decoded once.
    ///
    /// # Errors
    ///
    /// [`Cause::ConsentInvalid`] when a parameter is repeated (RFC 6749, 3.1), when the query is
    /// longer than 16 KiB, or when it has both `code` and `error`.
    pub fn from_query(query: &str) -> Result<Self, Error> {
        const MAX_QUERY_BYTES: usize = 16 * 1024;
        if query.len() > MAX_QUERY_BYTES {
            return Err(invalid("the answer is too long"));
        }
        let mut values = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(query.trim_start_matches('?').as_bytes()) {
            if values.insert(name.into_owned(), Secret::new(value)).is_some() {
                return Err(invalid("a parameter of the answer is repeated"));
            }
        }
        if values.contains_key("code") && values.contains_key("error") {
            return Err(invalid("the answer has both a code and an error"));
        }
        Ok(Self { values, path: None })
    }

    /// Reads the query of a whole callback URL, and remembers its path: an answer that arrives at
    /// the redirect URI of another service is refused (RFC 9700, 4.4.2.2). Scheme and host do not
    /// count, since proxies change them; behind one that changes the path too, use
    /// [`from_query`](Self::from_query).
    ///
    /// # Errors
    ///
    /// As [`from_query`](Self::from_query).
    pub fn from_url(url: &Url) -> Result<Self, Error> {
        let path = Some(url.path().to_owned());
        Ok(Self { path, ..Self::from_query(url.query().unwrap_or(""))? })
    }

    /// The answer to a form.
    #[must_use]
    pub fn from_form(state: &Secret, inputs: &Inputs) -> Self {
        let inputs = inputs.iter().map(|(name, value)| (name.to_owned(), value.clone()));
        Self { values: inputs.chain([("state".to_owned(), state.clone())]).collect(), path: None }
    }

    /// The path at which it arrived; `None` unless it was read [from a URL](Self::from_url).
    #[must_use]
    pub fn path(&self) -> Option<&str> {
        self.path.as_deref()
    }

    /// The state, if it is there.
    #[must_use]
    pub fn state(&self) -> Option<&Secret> {
        self.get("state")
    }

    /// The value under `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Secret> {
        self.values.get(name)
    }

    /// All parameters, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Secret)> {
        self.values.iter().map(|(name, value)| (name.as_str(), value))
    }
}

impl fmt::Debug for Callback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.values.keys()).finish()
    }
}

fn invalid(why: &'static str) -> Error {
    Diagnosis::new(Cause::ConsentInvalid).message(why).into()
}

/// What a provider is given to finish a consent.
#[derive(Debug, Clone, Default)]
pub struct ConsentAnswer {
    /// What came back; empty for an unattended consent.
    pub callback: Callback,
    /// What the application or the tenant gave.
    pub inputs: Inputs,
    /// What [`Begun`] held.
    pub pending: BTreeMap<String, Secret>,
    /// The scopes that were asked for.
    pub requested: ScopeSet,
}

/// What came of one poll of a device consent (RFC 8628, 3.5).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Poll {
    /// The person approved.
    Granted(Box<Grant>),
    /// The person has not answered yet.
    Pending,
    /// The same, and every later poll has to wait 5 s longer.
    SlowDown,
}
