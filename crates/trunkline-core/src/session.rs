//! A transport that carries one connection's credential, to the hosts of its endpoint and no other.

use std::sync::Arc;

use crate::{
    AuthProvider, Body, Captures, Cause, Clock, Diagnosis, Endpoint, Error, Prepared, Request, SentSecrets,
    Transport, TransportError,
};

/// Sends authorised requests on behalf of one grant.
#[derive(Debug, Clone)]
pub struct Session {
    transport: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
    auth: Arc<dyn AuthProvider>,
    endpoint: Arc<Endpoint>,
    prepared: Prepared,
    captures: Captures,
}

impl Session {
    /// Binds a credential to the endpoint it belongs to.
    #[must_use]
    pub fn new(
        transport: Arc<dyn Transport>,
        clock: Arc<dyn Clock>,
        auth: Arc<dyn AuthProvider>,
        endpoint: Arc<Endpoint>,
        prepared: Prepared,
        captures: Captures,
    ) -> Self {
        Self { transport, clock, auth, endpoint, prepared, captures }
    }

    /// The same grant in another part of the account.
    #[must_use]
    pub fn scoped_to(mut self, entity: http::HeaderValue) -> Self {
        self.endpoint = Arc::new(Endpoint::clone(&self.endpoint).scoped_to(entity));
        self
    }

    /// Where requests go, and in which part of the account.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// What belongs to the connection.
    #[must_use]
    pub fn captures(&self) -> &Captures {
        &self.captures
    }

    /// Sends `request` with the credential. The answer comes without it, should the service quote it, whatever its
    /// status: some refuse with 200, and what a connector reads is shown.
    ///
    /// # Errors
    ///
    /// [`Cause::ServiceUnreachable`] when nothing was sent, [`Cause::OutcomeUnknown`] when the
    /// answer did not come, and an error when the URL is not of an allowed host.
    pub async fn send(&self, mut request: Request) -> Result<http::Response<Body>, Error> {
        authorize(&mut request, &self.endpoint, &self.prepared, &*self.auth, &*self.clock)?;
        let response = self.transport.send(request).await.map_err(|error| transport_failure(&error))?;
        let secrets = SentSecrets::of(&self.prepared);
        let (mut head, body) = response.into_parts();
        if let Some(headers) = secrets.clean_headers(&head.headers) {
            head.headers = headers;
        }
        Ok(http::Response::from_parts(head, secrets.clean_body(body)))
    }
}

/// Puts a credential on a request; the one place where that happens. A request of an endpoint that is
/// [public only](Endpoint::public_only) becomes so.
///
/// # Errors
///
/// [`ErrorKind::InvalidInput`](crate::ErrorKind) when the URL's origin is not one that `endpoint` allows.
pub fn authorize(
    request: &mut Request,
    endpoint: &Endpoint,
    prepared: &Prepared,
    auth: &dyn AuthProvider,
    clock: &dyn Clock,
) -> Result<(), Error> {
    if !endpoint.allows(&request.url) {
        return Err(Error::new(
            crate::ErrorKind::InvalidInput,
            "the credential may not be sent to this host",
        ));
    }
    request.public_only |= endpoint.is_public_only(&request.url);
    prepared.put_on(&mut request.headers);
    auth.sign(request, prepared, clock)
}

/// The error for a request that brought no whole answer.
#[must_use]
pub fn transport_failure(error: &TransportError) -> Error {
    let cause = match error {
        TransportError::NotSent(_) => Cause::ServiceUnreachable,
        TransportError::Unknown(_) => Cause::OutcomeUnknown,
    };
    Error::from(Diagnosis::new(cause)).caused_by(error.clone())
}
