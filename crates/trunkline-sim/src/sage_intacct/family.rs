//! The sums of a family of tokens.

use serde::Serialize;

use super::state::Grant;

/// Why a family ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Ended {
    /// Revoked, by the client or by an administrator.
    Revoked,
    /// A newer consent took its place.
    Superseded,
    /// Its user signed in to the web UI.
    UiLogin,
    /// A spent refresh token was presented.
    Reuse,
}

/// All tokens that one consent, or one client-credentials request, led to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Family {
    /// Counts from 1 in the order of consents.
    pub id: u64,
    /// Login of the user.
    pub user: String,
    /// The company.
    pub company: String,
    /// The application.
    pub client_id: String,
    /// Refreshes that issued tokens. The exchange of the code is not among them.
    pub refreshed: u64,
    /// Refreshes that presented a spent token, whatever they were answered.
    pub reused: u64,
    /// Refreshes that were refused, for reuse or otherwise.
    pub refused: u64,
    /// Why it ended; `None` while it lives.
    pub ended: Option<Ended>,
}

impl From<&Grant> for Family {
    fn from(grant: &Grant) -> Self {
        Self {
            id: grant.id,
            user: grant.user.clone(),
            company: grant.company.clone(),
            client_id: grant.client.clone(),
            refreshed: grant.counts.refreshed,
            reused: grant.counts.reused,
            refused: grant.counts.refused,
            ended: grant.ended,
        }
    }
}
