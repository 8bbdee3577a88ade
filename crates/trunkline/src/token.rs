//! Reading a token: nanoseconds while it is valid.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use arc_swap::Guard;
use http::HeaderValue;
use trunkline_core::Error;

use crate::connection::Connection;
use crate::keeper::{self, Why};
use crate::live::{Live, Look};

/// A valid token, borrowed from memory.
///
/// Short-lived: it stays on its thread, and a thread should hold only a few at a time (each takes
/// one of a handful of fast slots; past those it costs a shared count). Do not keep one across an
/// `.await`.
pub struct TokenGuard {
    live: Guard<Option<Arc<Live>>>,
    not_send: PhantomData<*const ()>,
}

impl TokenGuard {
    pub(crate) fn of(live: Arc<Live>) -> Self {
        Self { live: Guard::from_inner(Some(live)), not_send: PhantomData }
    }

    fn live(&self) -> Option<&Live> {
        self.live.as_deref()
    }

    /// The `Authorization` value, marked sensitive; `None` where requests carry the credential in
    /// another way. Sending it anywhere but to the connection's own hosts gives the grant away.
    #[must_use]
    pub fn authorization(&self) -> Option<&HeaderValue> {
        self.live()?.prepared.authorization_value()
    }

    /// The token itself, without its scheme.
    #[must_use]
    pub fn expose(&self) -> Option<&str> {
        let line = self.authorization()?.to_str().ok()?;
        line.split_once(' ').map(|(_, token)| token)
    }

    /// Counts up each time the credential is replaced.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.live().map_or(0, |live| live.generation)
    }
}

impl fmt::Debug for TokenGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenGuard").field("generation", &self.generation()).finish_non_exhaustive()
    }
}

impl Connection {
    /// The token, if it is valid now: no lock, no shared count, no I/O, no allocation.
    ///
    /// Inside the renewal window it starts one renewal in the background and answers all the same.
    /// `None` when the token's time is over or the grant is lost:
    /// [`access_token`](Self::access_token) then says more.
    #[must_use]
    #[inline]
    pub fn token_now(&self) -> Option<TokenGuard> {
        let live = self.entry.live.load();
        let fresh = live.as_ref()?.is_fresh(self.hub.clock.coarse());
        let guard = TokenGuard { live, not_send: PhantomData };
        if fresh || self.look(&guard) { Some(guard) } else { None }
    }

    #[cold]
    fn look(&self, guard: &TokenGuard) -> bool {
        match guard.live().map_or(Look::Over, |live| live.look(&*self.hub.clock)) {
            Look::Serves => true,
            Look::ServesRenew => {
                keeper::renew_behind(&self.hub, &self.entry);
                true
            }
            Look::Over => false,
        }
    }

    /// The token; waits for the one renewal when its time is over.
    ///
    /// # Errors
    ///
    /// The diagnosis of what keeps the connection from having one.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels nothing but the waiting.
    pub fn access_token(&self) -> AccessToken<'_> {
        AccessToken { connection: self, slow: None }
    }

    /// What requests carry, if it is valid now; owned, so that it can be held across an await.
    pub(crate) fn live_now(&self) -> Option<Arc<Live>> {
        let guard = self.token_now()?;
        Guard::into_inner(guard.live)
    }
}

type Slow<'a> = Pin<Box<dyn Future<Output = Result<Arc<Live>, Error>> + Send + 'a>>;

/// The future of [`Connection::access_token`]. Allocates only when it has to wait.
pub struct AccessToken<'a> {
    connection: &'a Connection,
    slow: Option<Slow<'a>>,
}

impl Future for AccessToken<'_> {
    type Output = Result<TokenGuard, Error>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.slow.is_none() {
            if let Some(guard) = self.connection.token_now() {
                return Poll::Ready(Ok(guard));
            }
            let connection = self.connection;
            self.slow = Some(Box::pin(keeper::renew(&connection.hub, &connection.entry, Why::Expired)));
        }
        match &mut self.slow {
            Some(slow) => slow.as_mut().poll(cx).map_ok(TokenGuard::of),
            None => Poll::Pending,
        }
    }
}

impl fmt::Debug for AccessToken<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessToken").field("waits", &self.slow.is_some()).finish_non_exhaustive()
    }
}
