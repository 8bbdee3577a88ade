//! The transport made of reqwest.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use http::Version;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use trunkline_core::{
    Body, Error, ErrorKind, Request, RequestBody, Transport, TransportError, is_public_address,
    is_public_host,
};

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an API may be silent while it answers.
const READ_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a token endpoint may take, from the first byte sent to the last received.
const TOKEN_TIMEOUT: Duration = Duration::from_secs(30);

/// Sends through a [`reqwest::Client`] that follows no redirect and repeats nothing.
#[derive(Debug, Clone)]
pub struct ReqwestTransport {
    client: reqwest::Client,
    /// For requests that may go to the public Internet only; made when there is one.
    guarded: Arc<OnceLock<reqwest::Client>>,
    purpose: Purpose,
}

#[derive(Debug, Clone, Copy)]
enum Purpose {
    Api,
    TokenEndpoint,
}

impl ReqwestTransport {
    /// For a service's API: pooled connections, 10 s to connect, 60 s of silence at most.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unexpected`] when the TLS library cannot be set up.
    pub fn api() -> Result<Self, Error> {
        Self::new(Purpose::Api)
    }

    /// For token endpoints: a fresh connection for each request, since a pooled one that the server
    /// just closed would yield an unknown outcome for nothing; 30 s in all.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unexpected`] when the TLS library cannot be set up.
    pub fn token_endpoint() -> Result<Self, Error> {
        Self::new(Purpose::TokenEndpoint)
    }

    fn new(purpose: Purpose) -> Result<Self, Error> {
        let client = purpose.client().build().map_err(|error| {
            Error::new(ErrorKind::Unexpected, "the HTTP client cannot be set up")
                .caused_by(error.without_url())
        })?;
        Ok(Self { client, guarded: Arc::default(), purpose })
    }

    fn guarded(&self) -> Result<&reqwest::Client, TransportError> {
        if let Some(client) = self.guarded.get() {
            return Ok(client);
        }
        let made = self.purpose.client().dns_resolver(PublicOnly).build().map_err(failure)?;
        Ok(self.guarded.get_or_init(|| made))
    }
}

impl Purpose {
    fn client(self) -> reqwest::ClientBuilder {
        let builder = reqwest::Client::builder();
        let builder = match self {
            Self::Api => builder.read_timeout(READ_TIMEOUT),
            Self::TokenEndpoint => builder.timeout(TOKEN_TIMEOUT).pool_max_idle_per_host(0),
        };
        builder
            .connect_timeout(CONNECT_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .user_agent(concat!("trunkline/", env!("CARGO_PKG_VERSION")))
    }
}

/// Resolves a name to its public addresses, and to no other.
struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public: Vec<SocketAddr> = found.filter(|found| is_public_address(found.ip())).collect();
            match public.is_empty() {
                true => Err("the name leads to no public address".into()),
                false => Ok(Box::new(public.into_iter()) as Addrs),
            }
        })
    }
}

type Sending<'a> = Pin<Box<dyn Future<Output = Result<http::Response<Body>, TransportError>> + Send + 'a>>;

impl Transport for ReqwestTransport {
    // What `async_trait` makes of an async fn, written out: the request becomes reqwest's before the
    // box is made, and is not moved through it.
    fn send<'a, 'f>(&'a self, request: Request) -> Sending<'f>
    where
        'a: 'f,
        Self: 'f,
    {
        let mut sent = reqwest::Request::new(request.method, request.url);
        *sent.headers_mut() = request.headers;
        // Only where there is one: making room for it costs allocations.
        if request.timeout.is_some() {
            *sent.timeout_mut() = request.timeout;
        }
        *sent.body_mut() = match request.body {
            RequestBody::Empty => None,
            RequestBody::Bytes(bytes) => Some(bytes.into()),
            RequestBody::Stream(stream) => Some(reqwest::Body::wrap_stream(stream)),
        };
        let client = match request.public_only {
            // An address needs no resolver.
            true if is_public_host(sent.url()) => self.guarded(),
            true => Err(TransportError::NotSent("the host is not public".to_owned())),
            false => Ok(&self.client),
        };
        let received = client.map(|client| client.execute(sent));
        Box::pin(async move { received?.await.map(answer).map_err(failure) })
    }
}

fn answer(mut received: reqwest::Response) -> http::Response<Body> {
    let headers = std::mem::take(received.headers_mut());
    let (status, version) = (received.status(), received.version());
    // HTTP/2 marks its end after the last byte, and must be read up to there.
    let left = received.content_length().filter(|_| version <= Version::HTTP_11);
    let body = Body::stream(Box::pin(Chunks { stream: received.bytes_stream(), left }));
    let mut response = http::Response::new(body);
    *response.status_mut() = status;
    *response.version_mut() = version;
    *response.headers_mut() = headers;
    response
}

/// The chunks of a response's body. Where the length is known, they end with the last byte: a look
/// for more would find nothing, and cost as much as a chunk.
struct Chunks<S> {
    stream: S,
    left: Option<u64>,
}

impl<S: Stream<Item = reqwest::Result<Bytes>> + Unpin> Stream for Chunks<S> {
    type Item = Result<Bytes, TransportError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.left == Some(0) {
            return Poll::Ready(None);
        }
        let next = ready!(Pin::new(&mut self.stream).poll_next(cx));
        if let (Some(Ok(chunk)), Some(left)) = (&next, &mut self.left) {
            *left = left.saturating_sub(chunk.len() as u64);
        }
        Poll::Ready(next.map(|chunk| chunk.map_err(failure)))
    }
}

/// Only a failure before the first byte counts as not sent. The URL is left out: its query may hold
/// what must not be shown.
fn failure(error: reqwest::Error) -> TransportError {
    let not_sent = error.is_connect() || error.is_builder();
    let error = error.without_url();
    let mut text = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    if not_sent { TransportError::NotSent(text) } else { TransportError::Unknown(text) }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{Shutdown, TcpListener};

    use http::Method;
    use trunkline_core::CollectError;

    use super::*;

    /// Answers the first connection's requests with `answers`, one each, and ends it. A second
    /// connection finds nobody.
    fn server(answers: &'static [&'static str]) -> url::Url {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            drop(listener);
            for answer in answers {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    let mut byte = [0];
                    stream.read_exact(&mut byte).unwrap();
                    head.push(byte[0]);
                }
                stream.write_all(answer.as_bytes()).unwrap();
            }
            stream.shutdown(Shutdown::Both).unwrap();
        });
        format!("http://{address}/").parse().unwrap()
    }

    async fn get(transport: &ReqwestTransport, url: &url::Url) -> Result<Bytes, CollectError> {
        transport.send(Request::new(Method::GET, url.clone())).await.unwrap().into_body().collect(100).await
    }

    #[tokio::test]
    async fn a_body_read_to_its_last_byte_leaves_the_connection_to_the_next_request() {
        let url = server(&[
            "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nde\r\n1\r\nf\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nghi",
        ]);
        let transport = ReqwestTransport::api().unwrap();
        for body in ["abc", "def", "", "ghi"] {
            assert_eq!(get(&transport, &url).await.unwrap(), body);
        }
    }

    /// Every name of the test's own machine is refused by its text already, so the guarded client is asked
    /// directly.
    #[tokio::test]
    async fn a_name_that_leads_into_ones_own_network_has_no_address() {
        let mut url = server(&["HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc"]);
        url.set_host(Some("localhost")).unwrap();
        let transport = ReqwestTransport::api().unwrap();
        let sent = reqwest::Request::new(Method::GET, url.clone());
        let error = failure(transport.guarded().unwrap().execute(sent).await.unwrap_err());
        assert!(
            matches!(&error, TransportError::NotSent(why) if why.contains("no public address")),
            "{error}"
        );
        assert_eq!(get(&transport, &url).await.unwrap(), "abc", "the other client goes there");
    }

    #[tokio::test]
    async fn what_may_go_to_the_public_internet_only_goes_nowhere_else() {
        let url = server(&["HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc"]);
        for transport in [ReqwestTransport::api().unwrap(), ReqwestTransport::token_endpoint().unwrap()] {
            for host in ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]"] {
                let mut url = url.clone();
                url.set_host(Some(host)).unwrap();
                let mut request = Request::new(Method::GET, url);
                request.public_only = true;
                let error = transport.send(request).await.map(|_| ()).unwrap_err();
                assert!(matches!(error, TransportError::NotSent(_)), "{error}");
            }
        }
        assert_eq!(get(&ReqwestTransport::api().unwrap(), &url).await.unwrap(), "abc", "nobody came before");
    }

    #[tokio::test]
    async fn a_body_that_is_cut_off_is_an_unknown_outcome() {
        let transport = ReqwestTransport::api().unwrap();
        for cut in [
            "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nabc",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nde\r\n",
        ] {
            let url = server(Box::leak(Box::new([cut])));
            let error = get(&transport, &url).await.unwrap_err();
            assert!(matches!(error, CollectError::Transport(TransportError::Unknown(_))), "{error:?}");
        }
    }
}
