//! The part of a connection that is kept in memory: what requests carry, and until when.

use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use jiff::Timestamp;
use trunkline_core::{
    AuthProvider, Clock, ConnectionId, ConnectionKey, Connector, Credential, Endpoint, Error, ErrorKind,
    Held, Prepared, Ticks,
};
use trunkline_store::Record;

use crate::hub::Hub;
use crate::keeper::Flight;

/// How long the fast path may go without comparing the two clocks: so long may a machine that was
/// suspended go on serving a token whose time is over.
const RECHECK: Duration = Duration::from_secs(10);

/// A connector under the name it is configured by.
#[derive(Debug)]
pub(crate) struct Mounted {
    pub(crate) name: String,
    pub(crate) connector: Arc<dyn Connector>,
}

impl Mounted {
    /// The way to hold a grant that a record was made with.
    pub(crate) fn auth(&self, method: Option<&str>) -> Result<Arc<dyn AuthProvider>, Error> {
        self.connector.auth(method).ok_or_else(|| {
            let method = trunkline_core::printable(method.unwrap_or("default"));
            Error::new(
                ErrorKind::ConfigInvalid,
                format!("the connector `{}` is not configured for the method `{method}`", self.name),
            )
        })
    }
}

/// One connection in memory. Found by its three names, without building a key.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) id: ConnectionId,
    pub(crate) mounted: Arc<Mounted>,
    tenant: Box<str>,
    label: Box<str>,
    /// `None` when no token may be served: none is loaded, or the grant is lost.
    pub(crate) live: ArcSwapOption<Live>,
    /// The renewal under way, if one is.
    pub(crate) flight: Mutex<Option<Flight>>,
    /// When the last forced renewal began, or any renewal ended, in ticks; 0 for never.
    pub(crate) forced_at: AtomicU64,
    /// Before this point no renewal starts in the background, since the last one failed; in ticks.
    pub(crate) quiet_until: AtomicU64,
    /// When a call last succeeded, in ticks; 0 for never. Written by each, so it is one plain store.
    used_at: AtomicU64,
}

impl Entry {
    pub(crate) fn new(id: ConnectionId, key: &ConnectionKey, mounted: Arc<Mounted>) -> Self {
        Self {
            id,
            mounted,
            tenant: key.tenant().into(),
            label: key.label().into(),
            live: ArcSwapOption::empty(),
            flight: Mutex::new(None),
            forced_at: AtomicU64::new(0),
            quiet_until: AtomicU64::new(0),
            used_at: AtomicU64::new(0),
        }
    }

    /// The one in memory, or one for this occasion: what nobody uses is not brought into memory.
    pub(crate) fn of(hub: &Hub, record: &Record, mounted: &Arc<Mounted>) -> Arc<Self> {
        let fresh = Arc::new(Self::new(record.id, &record.key, mounted.clone()));
        hub.entry(fresh.names()).filter(|entry| entry.id == record.id).unwrap_or(fresh)
    }

    /// The service took the credential.
    #[inline]
    pub(crate) fn used(&self, now: Ticks) {
        self.used_at.store(now.as_millis(), Ordering::Relaxed);
    }

    /// When it last did.
    pub(crate) fn used_at(&self) -> Option<Ticks> {
        let at = self.used_at.load(Ordering::Relaxed);
        (at != 0).then(|| Ticks::from_millis(at))
    }

    /// A token that is rejected right after its renewal was not too old.
    pub(crate) fn renewed(&self, now: Ticks) {
        self.forced_at.store(now.as_millis().max(1), Ordering::Release);
        self.quiet_until.store(0, Ordering::Release);
    }

    pub(crate) fn names(&self) -> Names<'_> {
        Names { tenant: &self.tenant, connector: &self.mounted.name, label: &self.label }
    }
}

/// The three names of a connection, borrowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Names<'a> {
    pub(crate) tenant: &'a str,
    pub(crate) connector: &'a str,
    pub(crate) label: &'a str,
}

/// An entry in the map of connections: hashed and compared by its names.
#[derive(Debug, Clone)]
pub(crate) struct ByName(pub(crate) Arc<Entry>);

impl Hash for ByName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.names().hash(state);
    }
}

impl PartialEq for ByName {
    fn eq(&self, other: &Self) -> bool {
        self.0.names() == other.0.names()
    }
}

impl Eq for ByName {}

impl papaya::Equivalent<ByName> for Names<'_> {
    fn equivalent(&self, key: &ByName) -> bool {
        *self == key.0.names()
    }
}

/// What one generation of a credential puts on requests, and until when.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) prepared: Prepared,
    pub(crate) endpoint: Arc<Endpoint>,
    pub(crate) auth: Arc<dyn AuthProvider>,
    pub(crate) generation: u64,
    /// Up to this point of the coarse clock nothing else need be looked at; in ticks.
    fast_until: AtomicU64,
    /// The deadline on both clocks: the wall clock sees a suspended machine, the ticks see a wall
    /// clock that was set back.
    expires_at_ms: i64,
    expires_ticks: Ticks,
    renew_at_ms: i64,
}

/// What a look at a token's deadlines says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    /// It serves.
    Serves,
    /// It serves, and it is time to renew it.
    ServesRenew,
    /// Its time is over.
    Over,
}

impl Live {
    pub(crate) fn new(
        held: &Held,
        generation: u64,
        id: ConnectionId,
        mounted: &Mounted,
        auth: Arc<dyn AuthProvider>,
        clock: &dyn Clock,
    ) -> Result<Self, Error> {
        let credential = &held.credential;
        let now = clock.wall();
        let expires_at_ms = end_ms(credential);
        let left = expires_at_ms.saturating_sub(now.as_millisecond());
        let expires_ticks = match credential.access_expires_at {
            None => Ticks::NEVER,
            Some(_) => clock.coarse().plus(Duration::from_millis(u64::try_from(left).unwrap_or(0))),
        };
        Ok(Self {
            prepared: auth.prepare(credential)?,
            endpoint: mounted.connector.endpoint(&held.captures)?,
            generation,
            fast_until: AtomicU64::new(0),
            expires_at_ms,
            expires_ticks,
            renew_at_ms: expires_at_ms.saturating_sub(margin_ms(credential, &*auth, id)),
            auth,
        })
    }

    /// Whether this is the credential of that record. Where a store went back, the generation alone does not
    /// tell.
    pub(crate) fn is_of(&self, record: &Record, held: &Held) -> bool {
        self.generation == record.generation && self.expires_at_ms == end_ms(&held.credential)
    }

    /// The one comparison of the fast path.
    pub(crate) fn is_fresh(&self, now: Ticks) -> bool {
        now.as_millis() < self.fast_until.load(Ordering::Relaxed)
    }

    /// Looks at both clocks, and lets the fast path serve until the next look is due.
    pub(crate) fn look(&self, clock: &dyn Clock) -> Look {
        let (ticks, wall) = (clock.coarse(), clock.wall().as_millisecond());
        if wall >= self.expires_at_ms || ticks >= self.expires_ticks {
            return Look::Over;
        }
        let due = wall >= self.renew_at_ms;
        let next = if due { self.expires_at_ms } else { self.renew_at_ms };
        let until_next = Duration::from_millis(u64::try_from(next.saturating_sub(wall)).unwrap_or(0));
        // While a renewal is due, look once a second, so that one that failed is tried again.
        let longest = if due { Duration::from_secs(1) } else { RECHECK };
        let fast_until = ticks.plus(until_next.min(longest)).min(self.expires_ticks);
        self.fast_until.store(fast_until.as_millis(), Ordering::Relaxed);
        if due { Look::ServesRenew } else { Look::Serves }
    }
}

fn end_ms(credential: &Credential) -> i64 {
    credential.access_expires_at.map_or(i64::MAX, Timestamp::as_millisecond)
}

/// How long before its end this token is renewed: the policy's margin, at most a tenth of the
/// token's life, moved by up to a quarter per connection so that tokens made together are not all
/// renewed together.
fn margin_ms(credential: &Credential, auth: &dyn AuthProvider, id: ConnectionId) -> i64 {
    let margin = auth.policy().margin;
    let margin = credential.lifetime().map_or(margin, |lifetime| margin.min(lifetime / 10));
    let spread = 100 - u32::from(id.as_bytes()[15]) * 25 / 255;
    i64::try_from((margin * spread / 100).as_millis()).unwrap_or(i64::MAX)
}
