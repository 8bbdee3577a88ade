//! The life of an access token whose service does not state it.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use trunkline_core::Credential;

use super::Why;

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
        Why::Told { .. } | Why::Due { .. } => given,
    };
    let life = life.and_then(|life| SignedDuration::try_from(life).ok());
    new.access_expires_at = life.and_then(|life| issued.checked_add(life).ok());
    new
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
    fn nothing_is_known_before_the_first_rejection() {
        assert_eq!(life(token(7_200, None), &token(0, None), Why::Expired, 7_200), None);
    }
}
