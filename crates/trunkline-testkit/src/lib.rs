//! Attacks a connector with a hostile service, and lends its tools to applications.
//!
//! [`conformance_tests!`] in a provider's crate makes one test of each [`Rule`]. What the kit has to know stands in a
//! [`Profile`]: the settings, how the service answers, and what the provider does not claim. The adversary is a
//! [`HostileService`]: an authorization server and an API in process, which follow the provider's own settings, and rotate,
//! detect reuse, lose and cut answers, delay, lie with 200, throttle, revoke, or have a wrong clock.
//!
//! No rule passes for want of something to check: it holds, it is broken, or it does not apply, for a reason that the
//! profile states and that the provider is held to.
//!
//! For the tests of an application there are, besides:
//! - [`VirtualClock`]: time that a test moves;
//! - [`ScriptedTransport`]: a network that answers as a test says;
//! - [`LeakDetector`] and [`Logs`]: canaries, and whether they are where no secret may be;
//! - [`CrashPoints`] and [`Watched`]: a store that fails, or a process that dies, at a chosen call.
//!
//! `docs/guides/test-a-connector.md` shows all of it.

mod clock;
mod crash;
mod leak;
mod logs;
#[cfg(feature = "manifest")]
mod manifest;
mod profile;
mod rule;
mod rules;
mod script;
mod service;
mod signing;
mod stage;
mod walk;
mod watched;
mod world;

pub use clock::VirtualClock;
pub use crash::{Crash, CrashPoints};
pub use leak::{Leak, LeakDetector};
pub use logs::Logs;
pub use profile::{Ability, Mint, Profile, TokenAnswer};
pub use rule::{Outcome, Report, Rule, check};
pub use script::{Answer, ScriptedTransport, Sent, chunks, json, token};
pub use service::{Asked, Fault, HostileService, Line, Received, ServiceLine};
pub use signing::Signing;
pub use walk::{End, Exchanged, Step, Walk};
pub use watched::{Call, Watch, Watched};
