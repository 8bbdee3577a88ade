//! What a service keeps about a grant whose refresh tokens rotate.

use std::time::Duration;

use trunkline_core::Reuse;

/// The refresh tokens of one grant. They are numbered in the order in which they were given.
#[derive(Debug, Clone)]
pub struct Family {
    reuse: Reuse,
    live: u64,
    alive: bool,
    /// When each token was spent first, in milliseconds of whatever clock the service goes by.
    spent: Vec<u64>,
    reused: Option<u64>,
}

impl Family {
    /// A new grant: its first token is number 0.
    #[must_use]
    pub fn new(reuse: Reuse) -> Self {
        Self { reuse, live: 0, alive: true, spent: Vec::new(), reused: None }
    }

    /// Spends a token. Answers the number of the next one, or `None` for a refusal.
    pub fn spend(&mut self, number: u64, now_ms: u64) -> Option<u64> {
        if !self.alive || number > self.live {
            return None;
        }
        if number < self.live {
            self.reused = Some(number);
            match self.reuse {
                Reuse::RejectSoft => return None,
                Reuse::Grace { window } if self.within(window, number, now_ms) => {}
                _ => {
                    self.alive = false;
                    return None;
                }
            }
        }
        // In its grace a spent token brings the next one after the one that was lost.
        for _ in self.spent.len() as u64..=self.live {
            self.spent.push(now_ms);
        }
        self.live += 1;
        Some(self.live)
    }

    /// Only the last token that was spent has a grace, counted from its first use.
    fn within(&self, window: Duration, number: u64, now_ms: u64) -> bool {
        let first = usize::try_from(number).ok().and_then(|number| self.spent.get(number));
        let since = first.map(|first| now_ms.saturating_sub(*first));
        since.is_some_and(|since| u128::from(since) <= window.as_millis())
    }

    /// Ends the grant.
    pub fn end(&mut self) {
        self.alive = false;
    }

    /// Whether it lives.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.alive
    }

    /// The number of the token that can be spent.
    #[must_use]
    pub fn live(&self) -> u64 {
        self.live
    }

    /// The token that was spent again last, if one was.
    #[must_use]
    pub fn reused(&self) -> Option<u64> {
        self.reused
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after_a_replay(reuse: Reuse, at_ms: u64) -> (Option<u64>, bool, u64) {
        let mut family = Family::new(reuse);
        assert_eq!(family.spend(0, 0), Some(1));
        let replay = family.spend(0, at_ms);
        (replay, family.is_alive(), family.live())
    }

    #[test]
    fn each_policy_answers_a_replay_in_its_own_way() {
        let window = Duration::from_secs(1);
        assert_eq!(after_a_replay(Reuse::KillsFamily, 1), (None, false, 1));
        assert_eq!(after_a_replay(Reuse::RejectSoft, 1), (None, true, 1));
        assert_eq!(after_a_replay(Reuse::Grace { window }, 1_000), (Some(2), true, 2));
        assert_eq!(after_a_replay(Reuse::Grace { window }, 1_001), (None, false, 1));
    }
}
