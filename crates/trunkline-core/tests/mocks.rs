//! The contract's mocks stand in for the real thing wherever a trait object is asked for.
#![cfg(feature = "mock")]

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use trunkline_core::bytes::Bytes;
use trunkline_core::http::{HeaderMap, HeaderName, Method, Response, StatusCode};
use trunkline_core::jiff::Timestamp;
use trunkline_core::{
    Account, AuthProvider, Begun, Body, Call, Captures, Cause, Clock, Connector, ConnectorInfo, ConsentAsk,
    ConsentKind, ConsentStep, Credential, Cx, Diagnosis, Endpoint, Error, Exchange, Grant, Held, Inputs,
    MockAuthProvider, MockClock, MockConnector, MockTransport, Prepared, Request, Revoked, ScopeSet, Secret,
    Session, Ticks, Transport, TransportError,
};

static INFO: ConnectorInfo = ConnectorInfo { title: "Acme", docs: "", methods: &["api_key"] };

/// The output of a future that never waits, as all are that a mock makes.
fn now<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("the future waits"),
    }
}

fn cx(transport: MockTransport, clock: MockClock) -> Cx {
    let transport: Arc<dyn Transport> = Arc::new(transport);
    let clock: Arc<dyn Clock> = Arc::new(clock);
    Cx::new("acme", transport, clock)
}

fn api_key() -> MockAuthProvider {
    let mut auth = MockAuthProvider::new();
    auth.expect_prepare().returning(|credential| {
        let key = credential.access_token.as_ref().ok_or_else(|| Error::of(Cause::InputMissing))?;
        let prepared = Prepared::none().header(HeaderName::from_static("x-api-key"), key);
        prepared.map_err(|error| Error::of(Cause::UserCredentialsInvalid).caused_by(error))
    });
    auth.expect_sign().returning(|_, _, _| Ok(()));
    auth
}

#[test]
fn a_mocked_clock_tells_the_time_it_was_given() {
    let mut clock = MockClock::new();
    clock.expect_wall().return_const(Timestamp::UNIX_EPOCH);
    clock.expect_coarse().return_const(Ticks::from_millis(7));
    let cx = cx(MockTransport::new(), clock);

    assert_eq!(cx.clock().wall(), Timestamp::UNIX_EPOCH);
    assert_eq!(cx.clock().coarse().as_millis(), 7);
}

#[test]
fn a_mocked_way_to_hold_a_grant_goes_through_its_life() {
    let mut auth = api_key();
    auth.expect_method().return_const("api_key");
    auth.expect_consent().return_const(ConsentKind::Form);
    auth.expect_begin().returning(|_, ask| {
        let step = ConsentStep::Form { state: ask.state.clone(), inputs: Vec::new() };
        Ok(Begun { step, pending: [].into(), requested: ask.scopes.clone() })
    });
    auth.expect_refresh().returning(|_, _| Err(Error::of(Cause::RefreshTokenMissing)));
    auth.expect_revoke().returning(|_, _| Ok(Revoked::NotSupported));
    let auth: Arc<dyn AuthProvider> = Arc::new(auth);
    let cx = cx(MockTransport::new(), MockClock::new());

    let ask = ConsentAsk {
        state: Secret::new("s"),
        scopes: ScopeSet::default(),
        inputs: Inputs::default(),
        loopback_port: None,
    };
    let begun = now(auth.begin(&cx, &ask)).unwrap();
    assert!(matches!(begun.step, ConsentStep::Form { .. }));
    assert_eq!((auth.method(), auth.consent()), ("api_key", ConsentKind::Form));
    let refused = now(auth.refresh(&cx, &Held::default())).unwrap_err();
    assert_eq!(refused.cause(), Some(Cause::RefreshTokenMissing));
    assert_eq!(now(auth.revoke(&cx, &Held::default())).unwrap(), Revoked::NotSupported);
}

#[test]
fn a_mocked_connector_identifies_through_a_mocked_transport() {
    let mut transport = MockTransport::new();
    transport.expect_send().times(1).returning(|request: Request| {
        let carried = request.headers.get("x-api-key").is_some_and(|key| key.is_sensitive());
        assert!(carried && request.url.path() == "/whoami", "{request:?}");
        Ok(Response::new(Body::from(Bytes::from_static(b"ada"))))
    });
    let mut connector = MockConnector::new();
    connector.expect_info().return_const(&INFO);
    connector.expect_auth().returning(|_| Some(Arc::new(api_key())));
    connector.expect_endpoint().returning(|_| {
        Endpoint::new("https://api.acme.example".parse().map_err(|_| Error::of(Cause::ConfigurationInvalid))?)
            .map(Arc::new)
    });
    connector.expect_identify().returning(|_, session, _| {
        let request = Request::new(Method::GET, session.endpoint().join("/whoami")?);
        let body = now(now(session.send(request))?.into_body().collect(100))
            .map_err(|error| Error::of(Cause::ResponseInvalid).caused_by(error))?;
        Ok(Account::new("", String::from_utf8_lossy(&body)))
    });
    let connector: Arc<dyn Connector> = Arc::new(connector);

    let auth = connector.auth(Some("api_key")).unwrap();
    let credential = Credential { access_token: Some(Secret::new("k")), ..Credential::default() };
    let prepared = auth.prepare(&credential).unwrap();
    let captures = Captures::default();
    let endpoint = connector.endpoint(&captures).unwrap();
    let session =
        Session::new(Arc::new(transport), Arc::new(MockClock::new()), auth, endpoint, prepared, captures);
    let cx = cx(MockTransport::new(), MockClock::new());
    let account = now(connector.identify(&cx, &session, &Grant::default())).unwrap();

    assert_eq!((connector.info().title, account.user.as_str()), ("Acme", "ada"));
}

#[test]
fn a_mocked_connector_reads_a_failed_exchange() {
    let mut connector = MockConnector::new();
    connector.expect_diagnose().returning(|exchange| {
        (exchange.body == b"gone").then(|| Diagnosis::new(Cause::GrantRevoked).status(exchange.status))
    });
    let headers = HeaderMap::new();
    let of = |body: &'static [u8]| {
        let (method, status) = (&Method::GET, StatusCode::UNAUTHORIZED);
        connector.diagnose(&Exchange { call: Call::Api, method, path: "/", status, headers: &headers, body })
    };

    assert_eq!(of(b"gone").map(|diagnosis| diagnosis.cause()), Some(Cause::GrantRevoked));
    assert_eq!(of(b"other"), None);
}

#[test]
fn a_mocked_transport_fails_as_it_is_told() {
    let mut transport = MockTransport::new();
    transport.expect_send().returning(|_| Err(TransportError::NotSent("refused".to_owned())));
    let cx = cx(transport, MockClock::new());
    let request = Request::new(Method::GET, "https://api.acme.example".parse().unwrap());

    let failure = now(cx.transport().send(request)).map(|_| ()).unwrap_err();
    assert_eq!(failure, TransportError::NotSent("refused".to_owned()));
}
