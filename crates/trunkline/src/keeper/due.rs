//! When a grant must be used even if nobody uses it.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use trunkline_core::{ConnectionId, Credential, RefreshPolicy};
use trunkline_store::Record;

use super::deadline;
use super::upkeep::CLAIM;
use crate::hub::Hub;

/// The part of its idle time after which an unused grant is renewed, in percent; per connection up to
/// `SPREAD` earlier, so that connections made together are not all due together.
const PART: u32 = 80;
const SPREAD: u32 = 30;

/// When something is to be done about a connection with this credential if nobody uses it: it is renewed, or its
/// end is announced.
pub(crate) fn at(
    hub: &Hub,
    record: &Record,
    policy: &RefreshPolicy,
    credential: &Credential,
) -> Option<Timestamp> {
    let now = hub.clock.wall();
    // A lead that has just begun may be unsaid: whoever was about to say it finds a changed record.
    let since = now.checked_sub(CLAIM).unwrap_or(now);
    let announced = deadline::next(&hub.leads, record.grant_expires_at, since);
    renewal(policy, credential, record.id, now).into_iter().chain(announced).min()
}

/// When the refresh token of this credential, which was stored at `now`, has to be used at the latest, well before
/// it ends of disuse. `None` when it does not, or nobody knows.
pub(super) fn renewal(
    policy: &RefreshPolicy,
    credential: &Credential,
    id: ConnectionId,
    now: Timestamp,
) -> Option<Timestamp> {
    credential.refresh_token.as_ref()?;
    let idle = match credential.refresh_expires_at {
        // A use does not move it.
        Some(end) if credential.grant_expires_at.is_some_and(|grant| grant <= end) => return None,
        Some(end) => Duration::try_from(end.duration_since(now)).ok(),
        None => policy.idle_limit,
    }?;
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
        let at = renewal(&policy, credential, ConnectionId::from_bytes([byte; 16]), now)?;
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
    fn a_refresh_token_whose_end_cannot_be_moved_is_not_used_for_nothing() {
        let end = Timestamp::UNIX_EPOCH.checked_add(DAY * 10).ok();
        let refresh_token = Some(Secret::new("r"));
        let credential = Credential {
            refresh_token,
            refresh_expires_at: end,
            grant_expires_at: end,
            ..Credential::default()
        };
        assert_eq!(days(&credential, Some(DAY * 100), 0), None);
    }

    #[test]
    fn without_a_refresh_token_nothing_is_due() {
        assert_eq!(days(&Credential::default(), Some(DAY), 0), None);
    }
}
