//! What one credential teaches about the next, where the service does not state it.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use trunkline_core::Credential;

use super::Why;

/// A deadline that a use moves by less than this was stated anew, with the clocks' own differences.
const MOVED: SignedDuration = SignedDuration::from_mins(1);

/// A token that was rejected sooner than this was not too old: something else ended it.
const SHORTEST: Duration = Duration::from_secs(5 * 60);

/// Sets the end of a new token whose service states none, from what the token before it taught. One that
/// was rejected for its age lived that long; the next is given a tenth less. One that served to the end it
/// was given gives the next a quarter more. Before the first rejection such a token has no end.
pub(super) fn lifetime(mut new: Credential, old: &Credential, why: Why, now: Timestamp) -> Credential {
    let (None, Some(issued)) = (new.access_expires_at, new.issued_at) else { return new };
    let given = old.lifetime();
    let life = match why {
        Why::Rejected { .. } => lived(old, now).map(|lived| lived - lived / 10).or(given),
        Why::Expired => given.map(|life| life + life / 4),
        Why::Told { .. } | Why::Ahead { .. } | Why::Due { .. } => given,
    };
    let life = life.and_then(|life| SignedDuration::try_from(life).ok());
    new.access_expires_at = life.and_then(|life| issued.checked_add(life).ok());
    new
}

/// Sets the end of a new grant. One that was stated stays. The end of a refresh token that the service stated anew
/// and a use did not move is that of the grant as well: nothing but a new consent moves it.
pub(super) fn end(mut new: Credential, old: &Credential) -> Credential {
    let stated = new.grant_expires_at.or(old.grant_expires_at).filter(|end| !is_learned(*end, old));
    let unmoved = new.refresh_expires_at.zip(old.refresh_expires_at).filter(|(now, before)| {
        // The very same was not stated anew.
        now != before && before.checked_add(MOVED).is_ok_and(|moved| *now < moved)
    });
    new.grant_expires_at = stated.into_iter().chain(unmoved.map(|(now, _)| now)).min();
    new
}

/// Whether this end of a grant was not stated but is that of its refresh token, as [`end`] says.
pub(super) fn is_learned(end: Timestamp, credential: &Credential) -> bool {
    credential.refresh_expires_at == Some(end)
}

/// How long a token lived that was rejected now, if it was its age that ended it.
fn lived(old: &Credential, now: Timestamp) -> Option<Duration> {
    let lived = Duration::try_from(now.duration_since(old.issued_at?)).ok()?;
    (lived >= SHORTEST).then_some(lived)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn token(issued: i64, life: Option<i64>) -> Credential {
        let issued_at = Some(at(issued));
        Credential {
            issued_at,
            access_expires_at: life.map(|life| at(issued + life)),
            ..Credential::default()
        }
    }

    fn life(new: Credential, old: &Credential, why: Why, now: i64) -> Option<u64> {
        lifetime(new, old, why, at(now)).lifetime().map(|life| life.as_secs())
    }

    const REJECTED: Why = Why::Rejected { generation: 1 };

    #[test]
    fn a_life_that_the_service_states_is_kept() {
        assert_eq!(life(token(7_200, Some(60)), &token(0, Some(3_600)), REJECTED, 7_200), Some(60));
    }

    #[test]
    fn a_rejection_teaches_and_a_full_life_relaxes() {
        assert_eq!(life(token(7_200, None), &token(0, None), REJECTED, 7_200), Some(6_480));
        assert_eq!(life(token(9_000, None), &token(1_000, Some(6_400)), Why::Expired, 9_000), Some(8_000));
    }

    #[test]
    fn an_early_rejection_teaches_nothing() {
        assert_eq!(life(token(100, None), &token(0, None), REJECTED, 100), None);
        assert_eq!(life(token(100, None), &token(0, Some(3_600)), REJECTED, 100), Some(3_600));
    }

    #[test]
    fn a_refresh_token_whose_end_a_use_does_not_move_ends_the_grant() {
        let of = |refresh, grant: Option<i64>| Credential {
            refresh_expires_at: Some(at(refresh)),
            grant_expires_at: grant.map(at),
            ..Credential::default()
        };
        let ends = |new, old| end(new, &old).grant_expires_at.map(Timestamp::as_second);
        assert_eq!(ends(of(10_001, None), of(10_000, None)), Some(10_001));
        assert_eq!(ends(of(9_999, None), of(10_000, None)), Some(9_999), "clocks differ");
        assert_eq!(ends(of(10_000, None), of(10_000, None)), None, "nothing was said about it");
        assert_eq!(ends(of(20_000, None), of(10_000, None)), None, "it moves");
        assert_eq!(ends(of(20_000, None), of(10_000, Some(10_000))), None, "what was learned is corrected");
        assert_eq!(ends(of(20_000, None), of(10_000, Some(50_000))), Some(50_000), "what was stated stays");
        assert_eq!(ends(of(20_000, Some(10_000)), of(10_000, Some(10_000))), None, "even if it is repeated");
        assert_eq!(ends(of(10_001, Some(60_000)), of(10_000, Some(50_000))), Some(10_001));
    }

    #[test]
    fn nothing_is_known_before_the_first_rejection() {
        assert_eq!(life(token(7_200, None), &token(0, None), Why::Expired, 7_200), None);
    }
}
