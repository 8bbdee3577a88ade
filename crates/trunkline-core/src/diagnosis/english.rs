//! The English texts of every cause, one file per concern. Other languages are an application's:
//! [`Texts`](super::Texts).

mod consent;
mod grant;
mod identity;
mod permission;
mod request;
mod service;

use super::{Actor, Cause};

/// What is told about one cause.
pub(super) struct Entry {
    /// Which one.
    pub(super) cause: Cause,
    /// What it means for the connection.
    pub(super) means: &'static str,
    /// How it is recognised.
    pub(super) recognised: &'static str,
    /// What each of those who meet it does, in steps.
    pub(super) advice: &'static [(Actor, &'static [&'static str])],
}

const CONCERNS: [&[Entry]; 6] = [
    grant::ENTRIES,
    consent::ENTRIES,
    identity::ENTRIES,
    permission::ENTRIES,
    request::ENTRIES,
    service::ENTRIES,
];

/// The entries by cause. A cause without an entry, or with two, does not compile.
const BY_CAUSE: [&Entry; Cause::ALL.len()] = {
    let mut found: [Option<&Entry>; Cause::ALL.len()] = [None; Cause::ALL.len()];
    let mut concern = 0;
    while concern < CONCERNS.len() {
        let mut at = 0;
        while at < CONCERNS[concern].len() {
            let entry = &CONCERNS[concern][at];
            assert!(found[entry.cause as usize].is_none(), "a cause has two entries");
            found[entry.cause as usize] = Some(entry);
            at += 1;
        }
        concern += 1;
    }
    let mut entries = [&CONCERNS[0][0]; Cause::ALL.len()];
    let mut at = 0;
    while at < entries.len() {
        entries[at] = found[at].expect("a cause has no entry");
        at += 1;
    }
    entries
};

pub(super) fn entry(cause: Cause) -> &'static Entry {
    BY_CAUSE[cause as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cause_advises_exactly_those_who_can_meet_it() {
        for cause in Cause::ALL {
            let entry = entry(*cause);
            assert_eq!(entry.cause, *cause);
            let advised: Vec<Actor> = entry.advice.iter().map(|(actor, _)| *actor).collect();
            assert_eq!(advised, cause.met_by(), "{cause}: advice and `met_by` differ");
            assert!(cause.met_by().contains(&Actor::Operator), "{cause}: the operator reads every log");
        }
    }

    #[test]
    fn texts_are_whole_sentences_on_one_line() {
        for cause in Cause::ALL {
            let entry = entry(*cause);
            let steps = entry.advice.iter().flat_map(|(_, steps)| steps.iter().copied());
            for text in [entry.means, entry.recognised].into_iter().chain(steps) {
                assert!(text.ends_with('.') && !text.contains(['\n', '|']), "{cause}: {text}");
                assert!(
                    text.starts_with(|c: char| c.is_uppercase() || c == '`' || c.is_ascii_digit()),
                    "{cause}: {text}"
                );
                assert!(!text.contains("  "), "{cause}: {text}");
            }
            assert!(entry.advice.iter().all(|(_, steps)| !steps.is_empty()), "{cause}");
            let summary = cause.summary();
            assert!(!summary.ends_with('.') && summary.starts_with(char::is_lowercase), "{cause}: {summary}");
        }
    }

    #[test]
    fn no_two_actors_of_a_cause_are_told_the_same() {
        for cause in Cause::ALL {
            let advice = entry(*cause).advice;
            for (at, (actor, steps)) in advice.iter().enumerate() {
                assert!(advice[..at].iter().all(|(_, before)| before != steps), "{cause}, {actor}");
            }
        }
    }
}
