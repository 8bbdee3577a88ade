//! Stands between a store and its database, and does what a network may do.
#![expect(clippy::unwrap_used, reason = "only tests use it")]

use std::net::SocketAddr;
use std::sync::Arc;

use sqlx::postgres::PgConnectOptions;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Pass,
    /// Connections are cut, also new ones.
    Away,
    /// Nothing passes either way any more.
    Silent,
    /// What the server says next is not passed on; the connection is cut instead.
    LoseAnswers,
}

pub(crate) struct Proxy {
    address: SocketAddr,
    mode: Arc<watch::Sender<Mode>>,
}

impl Proxy {
    /// `None` where the server is reached by a socket only.
    pub(crate) async fn start(server: &str) -> Option<Self> {
        let server: PgConnectOptions = server.parse().unwrap();
        if server.get_socket().is_some() {
            return None;
        }
        let server = (server.get_host().to_owned(), server.get_port());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mode = Arc::new(watch::Sender::new(Mode::Pass));
        let modes = mode.clone();
        spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let mode = modes.subscribe();
                if *mode.borrow() == Mode::Away {
                    continue;
                }
                let Ok(server) = TcpStream::connect(&server).await else { continue };
                let (from_client, to_client) = client.into_split();
                let (from_server, to_server) = server.into_split();
                spawn(pass(from_client, to_server, mode.clone(), false));
                spawn(pass(from_server, to_client, mode, true));
            }
        });
        Some(Self { address, mode })
    }

    /// The server's URL, led through here.
    pub(crate) fn url(&self, server: &str) -> String {
        let separator = if server.contains('?') { '&' } else { '?' };
        format!("{server}{separator}host=127.0.0.1&port={}", self.address.port())
    }

    pub(crate) fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }
}

#[expect(clippy::disallowed_methods, reason = "a test waits for nothing at its end")]
fn spawn(task: impl Future<Output = ()> + Send + 'static) {
    drop(tokio::spawn(task));
}

/// Passes bytes on until the mode or an end of the connection ends it. Both halves end together, since each
/// looks at the mode.
async fn pass(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut mode: watch::Receiver<Mode>,
    is_answer: bool,
) {
    let mut buffer = vec![0; 16 * 1024];
    let mut silent = false;
    loop {
        let now = *mode.borrow_and_update();
        match now {
            Mode::Away => return,
            // A connection that fell silent stays so.
            Mode::Silent => silent = true,
            Mode::Pass | Mode::LoseAnswers => {}
        }
        tokio::select! {
            changed = mode.changed() => if changed.is_err() { return },
            read = from.read(&mut buffer), if !silent => {
                let Ok(length @ 1..) = read else { return };
                if is_answer && *mode.borrow() == Mode::LoseAnswers {
                    return;
                }
                if to.write_all(&buffer[..length]).await.is_err() {
                    return;
                }
            }
        }
    }
}
