//! When a grant must be used even if nobody uses it.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use trunkline_core::{ConnectionId, Credential, RefreshPolicy};

/// The part of its idle time after which an unused grant is renewed, in percent; per connection up to
/// `SPREAD` earlier, so that connections made together are not all due together.
const PART: u32 = 80;
const SPREAD: u32 = 30;

/// When the refresh token of this credential has to be used at the latest, well before it ends of disuse.
/// `None` when it does not, or nobody knows.
pub(crate) fn at(
    policy: &RefreshPolicy,
    credential: &Credential,
    id: ConnectionId,
    now: Timestamp,
) -> Option<Timestamp> {
    credential.refresh_token.as_ref()?;
    let stated =
        credential.refresh_expires_at.and_then(|end| Duration::try_from(end.duration_since(now)).ok());
    let idle = stated.or(policy.idle_limit)?;
    let spread = SPREAD * u32::from(id.as_bytes()[14]) / 255;
    let wait = SignedDuration::try_from(idle / 100 * (PART - spread)).ok()?;
    now.checked_add(wait).ok()
}

#[cfg(test)]
mod tests {
    use trunkline_core::Secret;

    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    fn days(credential: &Credential, idle_limit: Option<Duration>, byte: u8) -> Option<i64> {
        let mut policy = RefreshPolicy::default();
        policy.idle_limit = idle_limit;
        let now = Timestamp::UNIX_EPOCH;
        let at = at(&policy, credential, ConnectionId::from_bytes([byte; 16]), now)?;
        Some(at.duration_since(now).as_hours() / 24)
    }

    #[test]
    fn a_grant_is_due_between_half_and_four_fifths_of_its_idle_time() {
        let credential = Credential { refresh_token: Some(Secret::new("r")), ..Credential::default() };
        assert_eq!(days(&credential, Some(DAY * 100), 0), Some(80));
        assert_eq!(days(&credential, Some(DAY * 100), 255), Some(50));
        assert_eq!(days(&credential, None, 0), None);
    }

    #[test]
    fn what_the_service_states_counts_more_than_the_policy() {
        let refresh_expires_at = Timestamp::UNIX_EPOCH.checked_add(DAY * 10).ok();
        let refresh_token = Some(Secret::new("r"));
        let credential = Credential { refresh_token, refresh_expires_at, ..Credential::default() };
        assert_eq!(days(&credential, Some(DAY * 100), 0), Some(8));
    }

    #[test]
    fn without_a_refresh_token_nothing_is_due() {
        assert_eq!(days(&Credential::default(), Some(DAY), 0), None);
    }
}
