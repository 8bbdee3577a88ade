//! A loopback HTTP server that can also do what a failing network does: hang up without an answer.

use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

/// Marks a response, as an extension, that must never be written: the connection is closed instead.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HangUp;

/// A server that runs until it is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    // Dropping the set aborts the accept loop, which owns the connections' set.
    _tasks: JoinSet<()>,
}

impl Server {
    /// Binds `listen` and serves `router` on it.
    pub(crate) async fn bind(listen: SocketAddr) -> std::io::Result<(TcpListener, SocketAddr)> {
        let listener = TcpListener::bind(listen).await?;
        let address = listener.local_addr()?;
        Ok((listener, address))
    }

    pub(crate) fn run(listener: TcpListener, address: SocketAddr, router: Router) -> Self {
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, router));
        Self { address, _tasks: tasks }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

async fn accept(listener: TcpListener, router: Router) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _peer)) => {
                    connections.spawn(connection(stream, router.clone()));
                }
                // Out of descriptors: let running connections end before trying again.
                Err(_) => tokio::task::yield_now().await,
            },
            Some(_ended) = connections.join_next(), if !connections.is_empty() => {}
        }
    }
}

async fn connection(stream: TcpStream, router: Router) {
    // Answers are small; waiting for more bytes would only add the peer's delayed acknowledgement.
    let _best_effort = stream.set_nodelay(true);
    let service = TowerToHyperService::new(router);
    // Calls run on tasks of their own: a service does not stop half-way because its caller was killed.
    let calls = Mutex::new(JoinSet::new());
    let answer = service_fn(|request: Request<Incoming>| {
        let (service, (done, answered)) = (service.clone(), oneshot::channel());
        let mut calls = calls.lock().unwrap_or_else(PoisonError::into_inner);
        while calls.try_join_next().is_some() {}
        calls.spawn(async move {
            let _caller_is_gone = done.send(service.call(request).await);
        });
        async move { answered.await.map_or(Err(HungUp), write_or_hang_up) }
    });
    // An error here is the peer's disconnect or our own hang-up; both end the connection.
    let _ended = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
    let mut running = calls.into_inner().unwrap_or_else(PoisonError::into_inner);
    while running.join_next().await.is_some() {}
}

fn write_or_hang_up<E>(answer: Result<Response<Body>, E>) -> Result<Response<Body>, HungUp> {
    match answer {
        Ok(response) if response.extensions().get::<HangUp>().is_none() => Ok(response),
        _ => Err(HungUp),
    }
}

#[derive(Debug, thiserror::Error)]
#[error("connection closed on purpose")]
pub(crate) struct HungUp;
