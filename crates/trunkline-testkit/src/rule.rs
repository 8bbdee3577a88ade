//! Rules: what they answer, how they are run, and the report.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::FutureExt as _;

use crate::profile::Profile;
use crate::rules::RULES;
use crate::stage::Stage;

/// What became of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The provider keeps it; so many things were checked.
    Kept(usize),
    /// It does not apply, for this reason, which the profile gives.
    DoesNotApply(String),
    /// The provider breaks it.
    Broken(String),
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kept(checks) => write!(f, "kept ({checks} checks)"),
            Self::DoesNotApply(why) => write!(f, "does not apply: {why}"),
            Self::Broken(why) => write!(f, "BROKEN: {why}"),
        }
    }
}

/// One rule.
pub struct Rule {
    /// Its name, which is the name of its test.
    pub name: &'static str,
    /// What it asks for, in a sentence.
    pub about: &'static str,
    /// Whether it plays the provider in a hub, or alone.
    pub needs_hub: bool,
    pub(crate) run: for<'a> fn(&'a Stage) -> Playing<'a>,
}

pub(crate) type Playing<'a> = Pin<Box<dyn Future<Output = Result<Verdict, Failure>> + 'a>>;

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// What a rule that was not broken says.
#[derive(Debug)]
pub(crate) enum Verdict {
    Held,
    Inapplicable(String),
}

/// Why a rule is broken.
#[derive(Debug)]
pub(crate) struct Failure(pub(crate) String);

impl<T: Into<String>> From<T> for Failure {
    fn from(why: T) -> Self {
        Self(why.into())
    }
}

impl Rule {
    /// Every rule, in the order of the guide.
    #[must_use]
    pub fn all() -> &'static [Self] {
        RULES
    }

    /// The rule of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        RULES.iter().find(|rule| rule.name == name)
    }

    /// Plays the rule against a provider, in a runtime of its own whose time stands still. Blocks until it is done.
    ///
    /// # Panics
    ///
    /// No runtime can be started.
    #[must_use]
    pub fn play(&self, profile: &Profile) -> Outcome {
        quiet().block_on(async {
            let stage = match Stage::new(profile) {
                Ok(stage) => Arc::new(stage),
                Err(Failure(why)) => return Outcome::Broken(why),
            };
            match AssertUnwindSafe((self.run)(&stage)).catch_unwind().await {
                Ok(Ok(Verdict::Held)) => match stage.checks() {
                    0 => Outcome::Broken("the rule found nothing to check".to_owned()),
                    checks => Outcome::Kept(checks),
                },
                Ok(Ok(Verdict::Inapplicable(why))) => Outcome::DoesNotApply(why),
                Ok(Err(Failure(why))) => Outcome::Broken(why),
                Err(panic) => Outcome::Broken(format!("a panic: {}", panic_text(&*panic))),
            }
        })
    }
}

/// A runtime of one thread, whose time stands still.
///
/// # Panics
///
/// It does not start.
pub(crate) fn quiet() -> tokio::runtime::Runtime {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime of one thread starts")
}

/// What a panic said.
pub(crate) fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "without a word".to_owned())
}

/// Plays one rule and fails the test if it is broken; the tests that [`conformance_tests!`](crate::conformance_tests) writes
/// call it.
///
/// # Panics
///
/// The provider breaks the rule, or there is no such rule.
#[expect(clippy::print_stdout, reason = "a test's output, where a reason belongs")]
pub fn check(rule: &str, profile: &Profile) {
    let rule = Rule::named(rule).expect("a rule of this name");
    match rule.play(profile) {
        Outcome::Broken(why) => panic!("{} breaks {}: {why}", profile.provider, rule.name),
        outcome => println!("{}: {}: {outcome}", profile.provider, rule.name),
    }
}

/// What became of every rule.
#[derive(Debug)]
pub struct Report {
    /// Each rule's name and outcome.
    pub rows: Vec<(&'static str, Outcome)>,
}

impl Report {
    /// Plays every rule against a provider.
    #[must_use]
    pub fn of(profile: &Profile) -> Self {
        Self { rows: RULES.iter().map(|rule| (rule.name, rule.play(profile))).collect() }
    }

    /// The rules that are broken.
    pub fn broken(&self) -> impl Iterator<Item = &'static str> {
        self.rows.iter().filter(|(_, outcome)| matches!(outcome, Outcome::Broken(_))).map(|(name, _)| *name)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.rows.iter().try_for_each(|(name, outcome)| writeln!(f, "{name}: {outcome}"))
    }
}
