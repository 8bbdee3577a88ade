//! What a good client never does, noticed as it happens.

use serde::Serialize;

use super::host::Host;
use super::state::World;
use crate::exchange::Call;

/// Something that a client of this service must not do. [`Control::violations`] lists them.
///
/// [`Control::violations`]: crate::control::Control::violations
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "rule", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Violation {
    /// Two refreshes of one refresh token at once.
    ConcurrentRefresh {
        /// The family.
        family: u64,
    },
    /// A rotated-out refresh token was presented.
    RotatedTokenPresented {
        /// The family.
        family: u64,
    },
    /// A refresh was asked for after it had been said that the family is at its end.
    RefreshAfterTheEnd {
        /// The family.
        family: u64,
    },
    /// A token of this simulator stood in a URL.
    TokenInUrl {
        /// Path of the request.
        path: String,
    },
    /// A data call went to a login host.
    DataAtLoginHost {
        /// Path of the request.
        path: String,
    },
}

/// What is wrong with a request wherever it leads.
pub(crate) fn notice(world: &mut World, host: &Host, call: &Call, is_data: bool) {
    let path = || call.path.clone();
    let is_token =
        |value: &str| world.sessions.contains_key(value) || world.refresh_tokens.contains_key(value);
    if form_urlencoded::parse(call.query.as_bytes()).any(|(_, value)| is_token(&value)) {
        world.violations.push(Violation::TokenInUrl { path: path() });
    }
    if is_data && matches!(host, Host::Login | Host::Test) {
        world.violations.push(Violation::DataAtLoginHost { path: path() });
    }
}
