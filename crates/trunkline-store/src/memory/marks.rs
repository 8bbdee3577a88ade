//! Marks in memory.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;

use crate::{Mark, MarkKind, NewMark, Topic};

/// By topic, and there by holder.
#[derive(Default)]
pub(super) struct Marks(HashMap<(MarkKind, String, Vec<u8>), BTreeMap<String, Mark>>);

impl Marks {
    pub(super) fn make(&mut self, topic: Topic<'_>, new: &NewMark<'_>) -> u64 {
        let holders = self.0.entry(owned(topic)).or_default();
        let mark = holders.entry(new.holder.to_owned()).or_insert_with(|| Mark {
            holder: new.holder.to_owned(),
            since: new.at,
            at: new.at,
            until: new.until,
            times: 0,
            why: None,
        });
        mark.times += 1;
        mark.at = mark.at.max(new.at);
        mark.until = new.until;
        mark.why = new.why.cloned();
        mark.times
    }

    pub(super) fn on(&self, topic: Topic<'_>, since: Timestamp) -> impl Iterator<Item = &Mark> {
        let holders = self.0.get(&owned(topic)).into_iter().flat_map(BTreeMap::values);
        holders.filter(move |mark| mark.at >= since)
    }

    pub(super) fn take_away(&mut self, topic: Topic<'_>) -> u64 {
        self.0.remove(&owned(topic)).map_or(0, |holders| holders.len() as u64)
    }

    pub(super) fn purge(&mut self, before: Timestamp) -> u64 {
        let mut gone = 0;
        self.0.retain(|_, holders| {
            let had = holders.len();
            holders.retain(|_, mark| mark.until >= before);
            gone += (had - holders.len()) as u64;
            !holders.is_empty()
        });
        gone
    }
}

fn owned(topic: Topic<'_>) -> (MarkKind, String, Vec<u8>) {
    (topic.kind, topic.connector.to_owned(), topic.subject.to_vec())
}
