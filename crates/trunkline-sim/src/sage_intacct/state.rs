//! Everything the service remembers.

use std::collections::{BTreeMap, HashMap};

use super::company::Company;
use super::family::Ended;
use super::idempotency::Remembered;
use super::knobs::{AccessDeath, Knobs};
use crate::clock::SimClock;
use crate::ledger::Counts;

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
    pub(crate) clock: SimClock,
    pub(crate) knobs: Knobs,
    pub(crate) apps: Vec<App>,
    pub(crate) companies: BTreeMap<String, Company>,
    pub(crate) codes: HashMap<String, Code>,
    pub(crate) grants: Vec<Grant>,
    /// Every refresh token that was ever issued, spent ones too.
    pub(crate) refresh_tokens: HashMap<String, RefreshToken>,
    /// By session id, which the access token carries.
    pub(crate) sessions: HashMap<String, Session>,
    pub(crate) signing_key: Vec<u8>,
    pub(crate) default_user: (String, String),
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
    /// How often the refresh token was replaced.
    pub(crate) rotations: u64,
    pub(crate) refresh_expires_at_s: Option<i64>,
    pub(crate) ended: Option<Ended>,
    pub(crate) counts: Counts,
}

/// A refresh token, current or spent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RefreshToken {
    pub(crate) grant: u64,
    /// The grant's count of rotations when it was issued.
    pub(crate) rotation: u64,
    /// When the next one took its place.
    pub(crate) spent_at_s: Option<i64>,
}

/// A server session, wrapped by one access token.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub(crate) grant: u64,
    pub(crate) company: String,
    pub(crate) user: String,
    pub(crate) client: String,
    pub(crate) entity: Option<String>,
    /// Finer than the token's `exp`: a token that lives a second must not die with the second it was
    /// issued in.
    pub(crate) expires_at_ms: i64,
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

    pub(crate) fn grant(&self, id: u64) -> Option<&Grant> {
        self.grants.get(grant_index(id)?)
    }

    pub(crate) fn grant_mut(&mut self, id: u64) -> Option<&mut Grant> {
        self.grants.get_mut(grant_index(id)?)
    }

    /// Ends every grant that `select` picks, and its sessions as `access` says.
    pub(crate) fn end_grants(&mut self, why: Ended, access: AccessDeath, select: impl Fn(&Grant) -> bool) {
        let mut ended = Vec::new();
        for grant in self.grants.iter_mut().filter(|grant| grant.ended.is_none() && select(grant)) {
            grant.ended = Some(why);
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
    pub(crate) fn end_pool(&mut self, why: Ended, user: &str, company: &str) {
        self.end_grants(why, AccessDeath::AtOnce, |grant| grant.user == user && grant.company == company);
    }
}

/// Grants are numbered from 1 in their list, and none is ever taken out.
fn grant_index(id: u64) -> Option<usize> {
    usize::try_from(id.checked_sub(1)?).ok()
}
