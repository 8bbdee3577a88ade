//! Listens on a loopback address for the one answer to a consent (RFC 8252, 7.3 and 8.3).

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use trunkline::{Callback, Connection};
use trunkline_core::Secret;
use url::{Host, Url};

use super::page::Page;
use crate::exit::{Exit, Failure};

/// How long the browser has to take the page before the listener is gone.
const FAREWELL: Duration = Duration::from_secs(2);

/// A socket on the address of the consent's redirect URI.
pub(super) struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    redirect_uri: Url,
    state: Secret,
}

/// An answer that belongs to the consent, and where the browser's page goes.
struct Answer {
    callback: Callback,
    page: oneshot::Sender<Page>,
}

struct Expected {
    redirect_uri: Url,
    state: Secret,
    answers: mpsc::Sender<Answer>,
}

pub(super) async fn bind(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| {
        Failure::new(Exit::Failed, format!("cannot listen on {address}: {error}"))
            .hint("Add --port 0 for a free port, if the service accepts any port of the loopback address.")
    })
}

impl Listener {
    /// Listens where the service will send the browser. `early` is a socket that was opened before.
    pub(super) async fn of(authorize_url: &Url, early: Option<TcpListener>) -> Result<Self, Failure> {
        let value =
            |name: &str| authorize_url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value);
        let redirect_uri = value("redirect_uri").and_then(|uri| Url::parse(&uri).ok());
        let (Some(redirect_uri), Some(state)) = (redirect_uri, value("state")) else {
            return Err(Failure::new(Exit::Failed, "the service's page does not say where the answer goes"));
        };
        let wanted = loopback(&redirect_uri).ok_or_else(|| {
            Failure::usage("the answer would not come to this machine: the redirect URI is not of a loopback address")
                .hint("Use settings whose redirect_uri is one such as http://127.0.0.1:8400/connect/callback, registered at the service.")
        })?;
        let state = Secret::new(state);
        let early = early.filter(|socket| socket.local_addr().is_ok_and(|address| address == wanted));
        let socket = match early {
            Some(socket) => socket,
            None => bind(wanted).await?,
        };
        let address = socket.local_addr()?;
        Ok(Self { socket, address, redirect_uri, state })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn redirect_uri(&self) -> &Url {
        &self.redirect_uri
    }

    /// Waits for the one answer, completes it, tells the browser how it went, and closes. What is
    /// requested besides is turned away. Ctrl-C ends the waiting, but not the completing: by then the code
    /// may be spent.
    pub(super) async fn answer(
        self,
        wait: Duration,
        complete: impl AsyncFnOnce(Callback) -> Result<Connection, Failure>,
    ) -> Result<Connection, Failure> {
        let (answers, mut answered) = mpsc::channel(1);
        let (close, closed) = oneshot::channel::<()>();
        let expected = Expected { redirect_uri: self.redirect_uri, state: self.state, answers };
        let router = Router::new().fallback(take).with_state(Arc::new(expected));
        let closing = async move { drop(closed.await) };
        let mut serving =
            pin!(axum::serve(self.socket, router).with_graceful_shutdown(closing).into_future());
        let answer = tokio::select! {
            answer = answered.recv() => answer,
            ended = &mut serving => return Err(ended.err().map_or_else(deaf, Failure::from)),
            () = tokio::time::sleep(wait) => return Err(late(wait)),
            stopped = tokio::signal::ctrl_c() => {
                stopped?;
                return Err(Failure::interrupted());
            }
        };
        let Answer { callback, page } = answer.ok_or_else(deaf)?;
        // One answer is enough: nobody else is let in.
        drop(close);
        let completing = async {
            let outcome = complete(callback).await;
            // A browser that went away misses a page, and nothing else.
            let _missed = page.send(farewell(&outcome)).is_err();
            outcome
        };
        let mut completing = pin!(completing);
        let outcome = tokio::select! {
            outcome = &mut completing => outcome,
            // The browser went away; the completing goes on.
            _ = &mut serving => return completing.await,
        };
        drop(tokio::time::timeout(FAREWELL, serving).await);
        outcome
    }
}

/// Answers one request.
async fn take(State(expected): State<Arc<Expected>>, request: Request) -> Page {
    if request.method() != Method::GET {
        return Page(StatusCode::METHOD_NOT_ALLOWED, "Only GET is answered here.");
    }
    if request.uri().path() != expected.redirect_uri.path() {
        return Page(StatusCode::NOT_FOUND, "There is nothing here.");
    }
    let mut url = expected.redirect_uri.clone();
    url.set_query(request.uri().query());
    let Ok(callback) = Callback::from_url(&url) else {
        return Page(StatusCode::BAD_REQUEST, "This is not the answer to a consent.");
    };
    if callback.state() != Some(&expected.state) {
        return Page(
            StatusCode::BAD_REQUEST,
            "This answer does not belong to the consent that is waited for.",
        );
    }
    let (page, shown) = oneshot::channel();
    match expected.answers.try_send(Answer { callback, page }) {
        Ok(()) => shown.await.unwrap_or(Page(StatusCode::OK, "The terminal shows how it went.")),
        Err(_) => Page(StatusCode::CONFLICT, "The answer is here already. The terminal shows how it went."),
    }
}

fn farewell(outcome: &Result<Connection, Failure>) -> Page {
    match outcome {
        Ok(_) => Page(StatusCode::OK, "Connected. You can close this window."),
        Err(_) => {
            Page(StatusCode::BAD_REQUEST, "Not connected. The terminal shows why; you can close this window.")
        }
    }
}

fn late(wait: Duration) -> Failure {
    Failure::new(Exit::NeedsConsent, format!("no answer came within {} s", wait.as_secs()))
        .hint("Run the command again; its old page is of no use any more.")
}

fn deaf() -> Failure {
    Failure::new(Exit::Failed, "the listener ended before an answer came")
}

/// The address that a redirect URI names, if it is on this machine and needs no certificate. A name is
/// not looked up: it could be resolved to somewhere else.
fn loopback(redirect_uri: &Url) -> Option<SocketAddr> {
    let address = match redirect_uri.host()? {
        Host::Ipv4(address) => IpAddr::V4(address),
        Host::Ipv6(address) => IpAddr::V6(address),
        Host::Domain("localhost") => IpAddr::V4(Ipv4Addr::LOCALHOST),
        Host::Domain(_) => return None,
    };
    let is_plain = redirect_uri.scheme() == "http" && address.is_loopback();
    is_plain.then_some(SocketAddr::new(address, redirect_uri.port_or_known_default()?))
}
