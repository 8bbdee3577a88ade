//! The sums of a family of tokens.

use serde::Serialize;

use super::state::{Grant, World};

/// Why a family ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Ended {
    /// Revoked by the client, the user or an administrator.
    Revoked,
    /// One approval too many of the same user and app.
    Evicted,
    /// A rotated-out refresh token was presented.
    Reuse,
    /// Unused for too long, or too old, by the app's policy.
    Expired,
    /// The app's secret was replaced.
    SecretReplaced,
}

/// All tokens that one approval led to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Family {
    /// Counts from 1 in the order of approvals.
    pub id: u64,
    /// Id of the org.
    pub org: String,
    /// Username.
    pub user: String,
    /// The app.
    pub client_id: String,
    /// What the approval covers.
    pub scopes: Vec<String>,
    /// Refreshes that issued tokens. The exchange of the code is not among them.
    pub refreshed: u64,
    /// Refreshes that presented a rotated-out token.
    pub reused: u64,
    /// Refreshes that were refused, for reuse or otherwise; those that met a lock are not among them.
    pub refused: u64,
    /// Refreshes that met another one of the same token.
    pub raced: u64,
    /// Why it ended; `None` while it lives.
    pub ended: Option<Ended>,
}

impl Family {
    pub(crate) fn of(world: &World, grant: &Grant) -> Self {
        Self {
            id: grant.id,
            org: grant.who.org.clone(),
            user: world.user(&grant.who).map(|user| user.username.clone()).unwrap_or_default(),
            client_id: grant.client.clone(),
            scopes: grant.scopes.clone(),
            refreshed: grant.counts.refreshed,
            reused: grant.counts.reused,
            refused: grant.counts.refused,
            raced: grant.raced,
            ended: grant.ended,
        }
    }
}
