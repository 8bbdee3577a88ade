//! Events in memory: those of each connection, and the order of all.

use std::collections::{HashMap, VecDeque};

use jiff::Timestamp;
use trunkline_core::ConnectionId;

use crate::{Event, Feed};

#[derive(Default)]
pub(super) struct Events {
    of: HashMap<ConnectionId, VecDeque<Event>>,
    /// Connection and sequence; the position of the first is that of the last that was purged, and one.
    order: VecDeque<(ConnectionId, u64)>,
    purged: u64,
}

impl Events {
    pub(super) fn add(&mut self, id: ConnectionId, events: Vec<Event>) {
        self.order.extend(events.iter().map(|event| (id, event.sequence)));
        self.of.entry(id).or_default().extend(events);
    }

    pub(super) fn of(&self, id: ConnectionId, after_sequence: u64, limit: u32) -> Vec<Event> {
        let events = self.of.get(&id).into_iter().flatten();
        let page = events.filter(|event| event.sequence > after_sequence);
        page.take(usize::try_from(limit).unwrap_or(usize::MAX)).cloned().collect()
    }

    /// A feed without its events.
    pub(super) fn bounds(&self) -> Feed {
        Feed { purged: self.purged, last: self.purged + self.order.len() as u64, events: Vec::new() }
    }

    /// Those after a position, with their own.
    pub(super) fn placed(&self, after: u64) -> impl Iterator<Item = (u64, &Event)> {
        let skipped = usize::try_from(after.saturating_sub(self.purged)).unwrap_or(usize::MAX);
        let placed = (self.purged + 1..).zip(&self.order).skip(skipped);
        placed.filter_map(|(position, (id, sequence))| Some((position, self.event(*id, *sequence)?)))
    }

    fn event(&self, id: ConnectionId, sequence: u64) -> Option<&Event> {
        let events = self.of.get(&id)?;
        events.get(events.binary_search_by_key(&sequence, |event| event.sequence).ok()?)
    }

    pub(super) fn purge(&mut self, before: Timestamp, limit: u32) -> u64 {
        let mut gone = 0;
        while gone < u64::from(limit)
            && let Some((id, sequence)) = self.order.front().copied()
            && self.event(id, sequence).is_none_or(|event| event.at < before)
        {
            self.order.pop_front();
            // The first of all is the first of its connection.
            self.of.get_mut(&id).map(VecDeque::pop_front);
            gone += 1;
        }
        self.purged += gone;
        gone
    }
}
