//! Everything the service remembers.

use std::collections::{BTreeMap, HashMap, VecDeque};

use super::company::Company;
use super::fault::{Fixture, TokenFault};
use super::idempotency::Remembered;
use super::knobs::{AccessDeath, Knobs};
use super::log::LoggedRequest;

/// A registered application.
#[derive(Debug, Clone)]
pub struct App {
    /// `<20 hex>.app.sage.com`.
    pub client_id: String,
    /// Random per start unless the builder names one.
    pub client_secret: String,
    /// Compared byte for byte; for an `http://127.0.0.1` entry the port may differ (RFC 8252, 7.3).
    pub redirect_uris: Vec<String>,
    /// A production application is refused by sandbox companies and the reverse.
    pub production: bool,
}

/// The state of the service, behind one lock.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) knobs: Knobs,
    pub(crate) apps: Vec<App>,
    pub(crate) companies: BTreeMap<String, Company>,
    pub(crate) codes: HashMap<String, Code>,
    pub(crate) grants: Vec<Grant>,
    /// By session id, which the access token carries.
    pub(crate) sessions: HashMap<String, Session>,
    pub(crate) signing_key: Vec<u8>,
    pub(crate) default_user: (String, String),
    pub(crate) log: Vec<LoggedRequest>,
    /// How often the log was emptied, so that a late status finds no stranger at its place.
    pub(crate) log_cleared: u64,
    pub(crate) fixtures: Vec<Fixture>,
    pub(crate) token_faults: VecDeque<TokenFault>,
    pub(crate) remembered: HashMap<String, Remembered>,
    pub(crate) in_flight: HashMap<(String, String), u32>,
    pub(crate) expired_answers: u64,
}

/// An authorization code.
#[derive(Debug, Clone)]
pub(crate) struct Code {
    pub(crate) company: String,
    pub(crate) user: String,
    pub(crate) client: String,
    pub(crate) redirect_uri: String,
    pub(crate) challenge: Option<String>,
    pub(crate) offline: bool,
    pub(crate) expires_at_s: i64,
}

/// What a consent, or a client-credentials call, produced.
#[derive(Debug, Clone)]
pub(crate) struct Grant {
    pub(crate) id: u64,
    pub(crate) company: String,
    pub(crate) user: String,
    pub(crate) client: String,
    pub(crate) from_consent: bool,
    pub(crate) refresh_token: Option<String>,
    pub(crate) spent_refresh_tokens: Vec<String>,
    pub(crate) refresh_expires_at_s: Option<i64>,
    pub(crate) ended: bool,
}

/// A server session, wrapped by one access token.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub(crate) grant: u64,
    pub(crate) company: String,
    pub(crate) user: String,
    pub(crate) client: String,
    pub(crate) entity: Option<String>,
    pub(crate) expires_at_s: i64,
    pub(crate) life: Life,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Life {
    Alive,
    /// Ended, but served once more.
    LastUse,
    Dead,
}

impl World {
    pub(crate) fn app(&self, client_id: &str) -> Option<&App> {
        self.apps.iter().find(|app| app.client_id == client_id)
    }

    /// Ends every grant that `select` picks, and its sessions as `access` says.
    pub(crate) fn end_grants(&mut self, access: AccessDeath, select: impl Fn(&Grant) -> bool) {
        let mut ended = Vec::new();
        for grant in self.grants.iter_mut().filter(|grant| !grant.ended && select(grant)) {
            grant.ended = true;
            ended.push(grant.id);
        }
        self.end_sessions(access, |session| ended.contains(&session.grant));
    }

    pub(crate) fn end_sessions(&mut self, access: AccessDeath, select: impl Fn(&Session) -> bool) {
        for session in self.sessions.values_mut().filter(|session| select(session)) {
            if session.life == Life::Alive {
                session.life = match access {
                    AccessDeath::AtOnce => Life::Dead,
                    AccessDeath::AfterNextUse => Life::LastUse,
                };
            }
        }
    }

    /// Ends everything of one user in one company: the pool of the service's revocation rule.
    pub(crate) fn end_pool(&mut self, user: &str, company: &str) {
        self.end_grants(AccessDeath::AtOnce, |grant| grant.user == user && grant.company == company);
    }
}
