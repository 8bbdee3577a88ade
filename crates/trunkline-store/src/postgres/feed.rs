//! The order of all events, made by those who read it.
//!
//! Transactions commit in another order than they begin, so no number that is given when an event is written tells
//! which events can be seen already. Here an event gets its place afterwards, under the lock of one row: what is
//! placed is committed, and a place is committed before the next one is given. Writers wait for none of this.

/// Places the events that this statement can see and that have no place, those of a connection in their order.
///
/// Who waited for the row may still see events as they were before: what was placed meanwhile keeps its place, and
/// the numbers meant for it are skipped. Answers a row if there was anything without a place.
pub(super) const PLACE: &str = "WITH fresh AS MATERIALIZED ( \
         SELECT connection, sequence, row_number() OVER (ORDER BY connection, sequence) AS place \
         FROM trunkline_events WHERE position IS NULL ORDER BY connection, sequence LIMIT $1 \
     ), counter AS ( \
         UPDATE trunkline_feed SET last = last + (SELECT count(*) FROM fresh) \
         WHERE id = 1 AND EXISTS (SELECT 1 FROM fresh) \
         RETURNING last - (SELECT count(*) FROM fresh) AS before \
     ), placed AS ( \
         UPDATE trunkline_events AS e SET position = counter.before + fresh.place FROM fresh, counter \
         WHERE e.connection = fresh.connection AND e.sequence = fresh.sequence AND e.position IS NULL \
     ) SELECT 1 FROM fresh LIMIT 1";

pub(super) const FEED: &str = "SELECT f.last, f.purged, e.position, e.connection, c.tenant, c.connector, c.label, \
     e.sequence, e.kind, e.at, e.detail \
     FROM trunkline_feed AS f \
     LEFT JOIN (SELECT * FROM trunkline_events WHERE position > $1 ORDER BY position LIMIT $2) AS e ON true \
     LEFT JOIN trunkline_connections AS c ON c.id = e.connection WHERE f.id = 1 ORDER BY e.position";

/// The array is there for the planner, as in a claim.
pub(super) const PURGE: &str = "WITH head AS MATERIALIZED ( \
         SELECT position, at FROM trunkline_events WHERE position IS NOT NULL ORDER BY position LIMIT $2 \
     ), gone AS ( \
         DELETE FROM trunkline_events WHERE position = ANY (ARRAY( \
             SELECT position FROM head WHERE position < \
                 coalesce((SELECT min(position) FROM head WHERE at >= $1), 9223372036854775807) \
         )) RETURNING position \
     ), noted AS ( \
         UPDATE trunkline_feed SET purged = greatest(purged, (SELECT max(position) FROM gone)) \
         WHERE id = 1 AND EXISTS (SELECT 1 FROM gone) \
     ) SELECT position FROM gone";
