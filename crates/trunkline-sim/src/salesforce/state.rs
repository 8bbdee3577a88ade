//! Everything the service remembers.

use std::collections::{HashMap, HashSet};

use super::family::Ended;
use super::knobs::Knobs;
use super::org::{Org, User};
use super::policy::App;
use super::query::Cursor;
use super::violation::Violation;
use crate::clock::SimClock;
use crate::ledger::Counts;

/// The state of the service, behind one lock.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) clock: SimClock,
    pub(crate) knobs: Knobs,
    /// Origins without a slash at the end.
    pub(crate) login_url: String,
    pub(crate) test_url: String,
    pub(crate) apps: Vec<App>,
    pub(crate) orgs: Vec<Org>,
    pub(crate) codes: HashMap<String, Code>,
    pub(crate) grants: Vec<Grant>,
    /// Every refresh token that was ever issued, spent ones too.
    pub(crate) refresh_tokens: HashMap<String, RefreshToken>,
    /// By access token.
    pub(crate) sessions: HashMap<String, Session>,
    pub(crate) cursors: HashMap<String, Cursor>,
    /// What a refresh holds while it is processed.
    pub(crate) locks: HashSet<String>,
    /// Data calls in flight, by org.
    pub(crate) in_flight: HashMap<String, u32>,
    /// Data calls made, by app.
    pub(crate) app_calls: HashMap<String, u64>,
    pub(crate) violations: Vec<Violation>,
}

/// Org and user, by their long ids.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Who {
    pub(crate) org: String,
    pub(crate) user: String,
}

/// An authorization code.
#[derive(Debug, Clone)]
pub(crate) struct Code {
    pub(crate) who: Who,
    pub(crate) client: String,
    pub(crate) redirect_uri: String,
    pub(crate) challenge: Option<String>,
    pub(crate) scopes: Vec<String>,
    pub(crate) expires_at_s: i64,
}

/// What an approval produced. The service calls each refresh token of it an approval.
#[derive(Debug, Clone)]
pub(crate) struct Grant {
    pub(crate) id: u64,
    pub(crate) who: Who,
    pub(crate) client: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) refresh_token: Option<String>,
    /// How often the refresh token was replaced.
    pub(crate) rotations: u64,
    pub(crate) created_at_s: i64,
    pub(crate) used_at_s: i64,
    /// What `OauthToken.DeleteToken` shows, for the revoke endpoint.
    pub(crate) delete_token: String,
    pub(crate) ended: Option<Ended>,
    pub(crate) counts: Counts,
    pub(crate) raced: u64,
    /// Whether a refresh was told that it is over.
    pub(crate) told: bool,
}

/// A refresh token, current or spent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RefreshToken {
    pub(crate) grant: u64,
    /// The grant's count of rotations when it was issued.
    pub(crate) rotation: u64,
}

/// What an access token stands for.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub(crate) who: Who,
    /// The app; `None` for a sign-in with SOAP.
    pub(crate) client: Option<String>,
    pub(crate) grant: Option<u64>,
    pub(crate) scopes: Vec<String>,
    pub(crate) issued_at_ms: i64,
    pub(crate) timeout_ms: i64,
    /// When the window began that it may be idle for.
    pub(crate) touched_at_ms: i64,
    pub(crate) ended: bool,
}

impl Session {
    pub(crate) fn expires_at_ms(&self) -> i64 {
        self.touched_at_ms.saturating_add(self.timeout_ms)
    }

    pub(crate) fn is_live(&self, now_ms: i64) -> bool {
        !self.ended && now_ms < self.expires_at_ms()
    }

    /// Activity is only recorded once half of the window has passed.
    pub(crate) fn touch(&mut self, now_ms: i64) {
        if now_ms.saturating_sub(self.touched_at_ms) > self.timeout_ms / 2 {
            self.touched_at_ms = now_ms;
        }
    }

    pub(crate) fn has_scope(&self, wanted: &[&str]) -> bool {
        self.scopes.iter().any(|scope| scope == "full" || wanted.contains(&scope.as_str()))
    }
}

impl World {
    pub(crate) fn app(&self, client_id: &str) -> Option<&App> {
        self.apps.iter().find(|app| app.client_id == client_id)
    }

    pub(crate) fn app_mut(&mut self, client_id: &str) -> Option<&mut App> {
        self.apps.iter_mut().find(|app| app.client_id == client_id)
    }

    /// An org by its id in either form, or by its My Domain.
    pub(crate) fn org(&self, name: &str) -> Option<&Org> {
        let id = super::id::long(name);
        self.orgs.iter().find(|org| Some(&org.id) == id.as_ref() || org.policy.my_domain == name)
    }

    pub(crate) fn org_mut(&mut self, name: &str) -> Option<&mut Org> {
        let id = super::id::long(name);
        self.orgs.iter_mut().find(|org| Some(&org.id) == id.as_ref() || org.policy.my_domain == name)
    }

    pub(crate) fn user(&self, who: &Who) -> Option<&User> {
        self.org(&who.org)?.user(&who.user)
    }

    /// The user of that name, which is unique among all orgs.
    pub(crate) fn by_username(&self, username: &str) -> Option<Who> {
        self.orgs.iter().find_map(|org| {
            let user = org.by_username(username)?;
            Some(Who { org: org.id.clone(), user: user.id.clone() })
        })
    }

    /// The address at which users of this org sign in.
    pub(crate) fn sign_in_url(&self, org: &str) -> &str {
        let sandbox = self.org(org).is_some_and(|org| org.policy.sandbox);
        if sandbox { &self.test_url } else { &self.login_url }
    }

    /// The `id` of token answers: the identity URL.
    pub(crate) fn identity_url(&self, who: &Who) -> String {
        format!("{}/id/{}/{}", self.sign_in_url(&who.org), who.org, who.user)
    }

    pub(crate) fn grant(&self, id: u64) -> Option<&Grant> {
        self.grants.get(grant_index(id)?)
    }

    pub(crate) fn grant_mut(&mut self, id: u64) -> Option<&mut Grant> {
        self.grants.get_mut(grant_index(id)?)
    }

    /// Ends every grant that `select` picks, and its sessions.
    pub(crate) fn end_grants(&mut self, why: Ended, select: impl Fn(&Grant) -> bool) {
        let mut ended = HashSet::new();
        for grant in self.grants.iter_mut().filter(|grant| grant.ended.is_none() && select(grant)) {
            grant.ended = Some(why);
            ended.insert(grant.id);
        }
        self.end_sessions(|session| session.grant.is_some_and(|grant| ended.contains(&grant)));
    }

    pub(crate) fn end_sessions(&mut self, select: impl Fn(&Session) -> bool) {
        for session in self.sessions.values_mut().filter(|session| select(session)) {
            session.ended = true;
        }
    }
}

/// Grants are numbered from 1 in their list, and none is ever taken out.
fn grant_index(id: u64) -> Option<usize> {
    usize::try_from(id.checked_sub(1)?).ok()
}
