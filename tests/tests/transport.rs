//! The transport made of reqwest, against real sockets on loopback: what is sent, how often, and where.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use trunkline::ReqwestTransport;
use trunkline_core::http::Method;
use trunkline_core::url::Url;
use trunkline_core::{CollectError, Request, RequestBody, Transport, TransportError};

/// What a service does with each request.
#[derive(Clone)]
enum Reply {
    /// These bytes.
    Bytes(String),
    /// These bytes, and closes the connection.
    Last(String),
    /// Reads the request and closes the connection.
    Close,
    /// Closes the connection at once.
    Refuse,
}

/// A service that notes each connection and each request.
struct Service {
    url: Url,
    connections: Arc<Mutex<usize>>,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Service {
    fn start(reply: Reply) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}/token?hint=canary", listener.local_addr().expect("an address"));
        let service =
            Self { url: url.parse().expect("a URL"), connections: Arc::default(), requests: Arc::default() };
        let (connections, requests) = (service.connections.clone(), service.requests.clone());
        // Ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                *connections.lock().expect("nothing panics here") += 1;
                let (reply, requests) = (reply.clone(), requests.clone());
                std::thread::spawn(move || answer(stream, &reply, &requests));
            }
        });
        service
    }

    fn request(&self) -> Request {
        let mut request = Request::new(Method::POST, self.url.clone());
        request.body = RequestBody::Bytes("code=canary".into());
        request
    }

    fn counts(&self) -> (usize, usize) {
        (*self.connections.lock().expect("not poisoned"), self.requests.lock().expect("not poisoned").len())
    }
}

fn answer(mut stream: TcpStream, reply: &Reply, requests: &Mutex<Vec<String>>) {
    let mut read = Vec::new();
    let mut buffer = [0; 1024];
    if matches!(reply, Reply::Refuse) {
        return;
    }
    loop {
        // The one body that is sent ends so.
        while !read.ends_with(b"code=canary") {
            match stream.read(&mut buffer) {
                Ok(0) | Err(_) => return,
                Ok(length) => read.extend_from_slice(&buffer[..length]),
            }
        }
        let request = String::from_utf8_lossy(&std::mem::take(&mut read)).into_owned();
        requests.lock().expect("not poisoned").push(request);
        match reply {
            Reply::Bytes(bytes) if stream.write_all(bytes.as_bytes()).is_ok() => {}
            Reply::Last(bytes) => return drop(stream.write_all(bytes.as_bytes())),
            _ => return,
        }
    }
}

fn both() -> [ReqwestTransport; 2] {
    [ReqwestTransport::api().expect("a client"), ReqwestTransport::token_endpoint().expect("a client")]
}

#[tokio::test]
async fn a_redirect_is_handed_on_and_its_target_sees_nothing() {
    for transport in both() {
        for status in [301, 302, 303, 307, 308] {
            let target = Service::start(Reply::Close);
            let head = format!("HTTP/1.1 {status} Moved\r\nlocation: {}\r\n", target.url);
            let service = Service::start(Reply::Bytes(format!("{head}content-length: 0\r\n\r\n")));

            let response = transport.send(service.request()).await.expect("the redirect");

            assert_eq!(response.status(), status);
            assert_eq!(service.counts(), (1, 1));
            assert_eq!(target.counts(), (0, 0), "{status}");
        }
    }
}

#[tokio::test]
async fn each_token_request_has_a_connection_of_its_own_and_an_api_is_spared_that() {
    let ok = || Reply::Bytes("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}".to_owned());
    for (transport, connections) in both().into_iter().zip([1, 3]) {
        let service = Service::start(ok());
        for _ in 0..3 {
            let response = transport.send(service.request()).await.expect("an answer");
            assert_eq!(response.into_body().collect(10).await.expect("a body"), "{}");
        }
        assert_eq!(service.counts(), (connections, 3));
    }
}

#[tokio::test]
async fn a_request_that_may_have_arrived_is_sent_once_and_its_url_is_not_told() {
    for transport in both() {
        for (reply, requests) in [(Reply::Close, 1), (Reply::Refuse, 0)] {
            let service = Service::start(reply);

            let error = transport.send(service.request()).await.expect_err("no answer");

            assert!(matches!(error, TransportError::Unknown(_)), "{error:?}");
            assert!(!format!("{error:?}{error}").contains("canary"), "{error:?}");
            assert_eq!(service.counts(), (1, requests), "no second attempt");
        }
    }
}

#[tokio::test]
async fn where_nobody_listens_nothing_was_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/?hint=canary", listener.local_addr().expect("an address"));
    drop(listener);
    for transport in both() {
        let request = Request::new(Method::POST, url.parse().expect("a URL"));
        let error = transport.send(request).await.expect_err("nobody listens");
        assert!(matches!(error, TransportError::NotSent(_)), "{error:?}");
        assert!(!format!("{error:?}{error}").contains("canary"), "{error:?}");
    }
}

#[tokio::test]
async fn a_body_that_is_cut_off_is_no_body() {
    for transport in both() {
        let half = "HTTP/1.1 200 OK\r\ncontent-length: 90\r\n\r\n{\"access_token\":\"c";
        let service = Service::start(Reply::Last(half.to_owned()));

        let response = transport.send(service.request()).await.expect("a head");

        let error = response.into_body().collect(1_000).await.expect_err("half a body");
        assert!(matches!(error, CollectError::Transport(TransportError::Unknown(_))), "{error:?}");
    }
}
