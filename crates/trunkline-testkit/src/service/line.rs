//! A way to the service: what becomes of a request, by the fault that it meets.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use trunkline_core::bytes::Bytes;
use trunkline_core::http::Response;
use trunkline_core::{Body, Request, Transport, TransportError, async_trait};

use super::{Fault, HostileService, Line, Received, Reply, fault};
use crate::script::{Sent, lock, response};

/// A way to a [`HostileService`].
#[derive(Debug, Clone)]
pub struct ServiceLine {
    service: HostileService,
    line: Line,
}

impl ServiceLine {
    pub(super) fn new(service: HostileService, line: Line) -> Self {
        Self { service, line }
    }

    fn answer(&self, reply: &Reply, body: Body) -> Response<Body> {
        let date = self.service.now().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        let headers = reply.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        response(reply.status, headers.chain([("date", date.as_str())]), body)
    }
}

#[async_trait]
impl Transport for ServiceLine {
    async fn send(&self, request: Request) -> Result<Response<Body>, TransportError> {
        let shared = &self.service.0;
        let sent = Sent::of(request).await;
        let number = {
            let mut received = lock(&shared.received);
            received.push(Received { line: self.line, sent: sent.clone(), answer: None });
            received.len() - 1
        };
        let fault = lock(&shared.faults)[self.line as usize].pop_front();
        let serve = || {
            let reply = self.service.serve(self.line, &sent);
            if shared.keeps_answers.load(Ordering::SeqCst) {
                lock(&shared.received)[number].answer = Some((reply.status, reply.body.clone()));
            }
            reply
        };
        let whole = |reply: Reply| {
            let body = Body::from(Bytes::from(reply.body.clone()));
            Ok(self.answer(&reply, body))
        };
        match fault {
            None => whole(serve()),
            Some(Fault::NotSent) => Err(TransportError::NotSent("no route".to_owned())),
            Some(Fault::LostRequest) => Err(TransportError::Unknown("reset".to_owned())),
            Some(Fault::LostAnswer) => {
                serve();
                Err(TransportError::Unknown("reset".to_owned()))
            }
            Some(Fault::Hangs) => std::future::pending().await,
            Some(Fault::Late(by)) => {
                let reply = serve();
                tokio::time::sleep(by).await;
                whole(reply)
            }
            Some(Fault::Answer { status, headers, body }) => {
                let headers = headers.into_iter().map(|(name, value)| (name.to_owned(), value));
                whole(Reply { status, headers: headers.collect(), body })
            }
            Some(Fault::Cut { share, is_clean }) => {
                let reply = serve();
                let body = fault::cut(&reply.body, share, is_clean);
                Ok(self.answer(&reply, body))
            }
            Some(Fault::Endless { status }) => {
                let reply = Reply::json(status, "");
                let body = fault::endless(Arc::clone(&shared.swallowed));
                Ok(self.answer(&reply, body))
            }
            Some(Fault::Echo { status }) => {
                let told = fault::echo(&sent);
                whole(Reply::json(status, &told))
            }
        }
    }
}
