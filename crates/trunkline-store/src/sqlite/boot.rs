//! The time since the machine was started, which every process of the machine shares and nobody sets.

use std::time::Duration;

/// A point in time of one boot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BootTime<'a> {
    /// Names the boot; `None` where the system gives it no name.
    pub(super) boot: Option<&'a str>,
    pub(super) millis: i64,
}

impl BootTime<'static> {
    pub(super) fn now() -> Self {
        let now = rustix::time::clock_gettime(CLOCK);
        let millis = now.tv_sec.saturating_mul(1_000).saturating_add(now.tv_nsec / 1_000_000);
        Self { boot: boot_id(), millis }
    }
}

impl BootTime<'_> {
    /// How long ago `earlier` was; `None` when it was in another boot, or that cannot be told.
    pub(super) fn since(&self, earlier: &BootTime<'_>) -> Option<Duration> {
        let same = self.boot.is_some() && self.boot == earlier.boot;
        let millis = u64::try_from(self.millis.checked_sub(earlier.millis)?).ok()?;
        same.then_some(Duration::from_millis(millis))
    }
}

/// It goes on while the machine is suspended, as the service's clock does.
#[cfg(target_os = "linux")]
const CLOCK: rustix::time::ClockId = rustix::time::ClockId::Boottime;
#[cfg(not(target_os = "linux"))]
const CLOCK: rustix::time::ClockId = rustix::time::ClockId::Monotonic;

#[cfg(target_os = "linux")]
fn boot_id() -> Option<&'static str> {
    use std::sync::OnceLock;
    // It cannot change while this process lives.
    static ID: OnceLock<Option<String>> = OnceLock::new();
    let read = || std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok();
    ID.get_or_init(|| read().map(|id| id.trim().to_owned()).filter(|id| !id.is_empty())).as_deref()
}

#[cfg(not(target_os = "linux"))]
fn boot_id() -> Option<&'static str> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(boot: Option<&str>, millis: i64) -> BootTime<'_> {
        BootTime { boot, millis }
    }

    #[test]
    fn an_age_is_known_within_one_boot_only() {
        let now = at(Some("a"), 5_000);
        assert_eq!(now.since(&at(Some("a"), 2_000)), Some(Duration::from_secs(3)));
        assert_eq!(now.since(&at(Some("b"), 2_000)), None);
        assert_eq!(now.since(&at(None, 2_000)), None);
        assert_eq!(at(None, 5_000).since(&at(None, 2_000)), None, "an unnamed boot is none");
        assert_eq!(now.since(&at(Some("a"), 9_000)), None, "time does not run backwards");
    }

    #[test]
    fn the_boot_goes_on() {
        let (one, two) = (BootTime::now(), BootTime::now());
        if one.boot.is_some() {
            assert!(two.since(&one).is_some());
        }
    }
}
