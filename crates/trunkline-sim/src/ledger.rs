//! What became of token requests, a line for each.

use serde::Serialize;

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
    /// By how many rotations a family has gone on since the token was issued.
    pub(crate) fn after(rotations: u64) -> Self {
        match rotations {
            0 => Self::Current,
            1 => Self::Previous,
            _ => Self::Older,
        }
    }
}

/// How often a family was refreshed.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    /// Refreshes that issued tokens.
    pub(crate) refreshed: u64,
    /// Those that presented a spent token.
    pub(crate) reused: u64,
    /// Those that were refused.
    pub(crate) refused: u64,
}

impl Counts {
    pub(crate) fn count(&mut self, presented: Presented, issued: bool) {
        self.refreshed += u64::from(issued);
        self.refused += u64::from(!issued);
        self.reused += u64::from(presented != Presented::Current);
    }
}
