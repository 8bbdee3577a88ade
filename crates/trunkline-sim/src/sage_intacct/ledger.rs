//! What became of token requests: a line for each, and the sums of each family.

use serde::Serialize;

use super::state::{Grant, RefreshToken};

/// One token request that the service processed, whether or not its answer arrived.
///
/// A request that met a fault or a fixture before it was processed is not among them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TokenExchange {
    /// When, in seconds since the Unix epoch by the simulator's clock.
    pub at_s: i64,
    /// `grant_type` of the request.
    pub grant_type: Option<String>,
    /// The family that the request belongs to; `None` where code, token or client were not recognised.
    pub family: Option<u64>,
    /// Which of the family's refresh tokens was presented, in a refresh.
    pub presented: Option<Presented>,
    /// Status that was decided on.
    pub status: u16,
}

impl TokenExchange {
    pub(crate) fn new(at_s: i64, grant_type: Option<&str>) -> Self {
        Self { at_s, grant_type: grant_type.map(str::to_owned), family: None, presented: None, status: 0 }
    }

    /// Whether tokens were issued.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        self.status == 200
    }

    /// Whether the presented refresh token had been spent before.
    #[must_use]
    pub fn is_reuse(&self) -> bool {
        self.presented.is_some_and(|token| token != Presented::Current)
    }
}

/// Which refresh token of its family a request presented.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Presented {
    /// The one issued last.
    Current,
    /// The one before it: spent, and what a grace window spares.
    Previous,
    /// One spent earlier.
    Older,
}

impl Presented {
    pub(crate) fn of(token: &RefreshToken, grant: &Grant) -> Self {
        match grant.rotations.saturating_sub(token.rotation) {
            0 => Self::Current,
            1 => Self::Previous,
            _ => Self::Older,
        }
    }
}

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
            refreshed: grant.refreshed,
            reused: grant.reused,
            refused: grant.refused,
            ended: grant.ended,
        }
    }
}
