//! What an issuer publishes about itself: RFC 8414, and OpenID Connect Discovery.

use std::time::Duration;

use serde::Deserialize;
use trunkline_auth::oauth2;
use trunkline_core::http::header::ACCEPT;
use trunkline_core::http::{HeaderValue, Method, StatusCode};
use trunkline_core::url::Url;
use trunkline_core::{
    Call, Cause, Cx, Diagnosis, Error, Exchange, Request, TransportError, Verdict, is_public_host, is_secure,
};

use crate::config::is_loopback;

/// How long one of the two questions may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Larger documents are no metadata.
const MAX_DOCUMENT_BYTES: usize = 256 * 1024;

/// What is used of the metadata; other members are ignored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct Metadata {
    issuer: String,
    pub(crate) authorization_endpoint: Option<Url>,
    pub(crate) token_endpoint: Option<Url>,
    pub(crate) device_authorization_endpoint: Option<Url>,
    pub(crate) revocation_endpoint: Option<Url>,
    pub(crate) introspection_endpoint: Option<Url>,
    pub(crate) userinfo_endpoint: Option<Url>,
    pub(crate) token_endpoint_auth_methods_supported: Option<Vec<String>>,
    pub(crate) authorization_response_iss_parameter_supported: Option<bool>,
}

/// Asks `issuer` for its metadata, at both well-known places, and believes what fits.
///
/// # Errors
///
/// Something transient while the service cannot be reached or publishes nothing; `configuration_invalid`
/// when it publishes metadata of another issuer; `response_invalid` for endpoints that must not be asked.
pub(crate) async fn discover(cx: &Cx, issuer: &str) -> Result<Metadata, Error> {
    let base = Url::parse(issuer).map_err(|_| Error::of(Cause::ConfigurationInvalid))?;
    let mut told = None;
    for url in well_known(&base) {
        let Some(document) = fetch(cx, url).await? else { continue };
        match read(&document, issuer, &base) {
            Ok(metadata) => return Ok(metadata),
            // The other document may be the issuer's own.
            Err(error) => told = told.or(Some(error)),
        }
    }
    let nothing = || because(Cause::ServiceUnavailable, "the issuer publishes no metadata");
    Err(told.unwrap_or_else(nothing))
}

/// Where metadata stands: inserted between host and path (RFC 8414, 3.1), and appended (OpenID Connect).
pub(crate) fn well_known(issuer: &Url) -> [Url; 2] {
    let path = issuer.path().trim_end_matches('/');
    let at = |path: String| {
        let mut url = issuer.clone();
        url.set_path(&path);
        url
    };
    [
        at(format!("/.well-known/oauth-authorization-server{path}")),
        at(format!("{path}/.well-known/openid-configuration")),
    ]
}

/// The document at `url`; `None` when there is none.
async fn fetch(cx: &Cx, url: Url) -> Result<Option<Vec<u8>>, Error> {
    let path = url.path().to_owned();
    let mut request = Request::new(Method::GET, url);
    request.timeout = Some(TIMEOUT);
    request.public_only = is_public_host(&request.url);
    request.headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    let unreached = |error: TransportError| {
        let cause = match error {
            TransportError::NotSent(_) => Cause::ServiceUnreachable,
            // A question may be asked again.
            TransportError::Unknown(_) => Cause::ServiceUnavailable,
        };
        Error::of(cause).caused_by(error)
    };
    let (head, body) = cx.transport().send(request).await.map_err(unreached)?.into_parts();
    if head.status == StatusCode::OK {
        let document = body.collect(MAX_DOCUMENT_BYTES).await;
        return document.map(|document| Some(document.to_vec())).map_err(|error| {
            because(Cause::ServiceUnavailable, "the metadata did not come whole").caused_by(error)
        });
    }
    let (status, headers, method) = (head.status, &head.headers, &Method::GET);
    let exchange = Exchange { call: Call::Api, method, path: &path, status, headers, body: b"" };
    let diagnosis = oauth2::diagnose(&exchange, cx.clock().wall());
    match diagnosis.cause().verdict() {
        Verdict::Transient => Err(diagnosis.into()),
        // Not found, or not for us; a redirect is not followed.
        _ => Ok(None),
    }
}

/// Reads a document, and refuses what must not be believed.
pub(crate) fn read(document: &[u8], issuer: &str, base: &Url) -> Result<Metadata, Error> {
    let metadata: Metadata = serde_json::from_slice(document)
        .map_err(|_| because(Cause::ServiceUnavailable, "the metadata cannot be read"))?;
    if metadata.issuer != issuer {
        // RFC 8414, 3.3: else one service could speak for another.
        return Err(because(Cause::ConfigurationInvalid, "the metadata is of another issuer"));
    }
    let endpoints = [
        &metadata.authorization_endpoint,
        &metadata.token_endpoint,
        &metadata.device_authorization_endpoint,
        &metadata.revocation_endpoint,
        &metadata.introspection_endpoint,
        &metadata.userinfo_endpoint,
    ];
    if endpoints.into_iter().flatten().any(|url| !may_be_asked(url, base)) {
        let why = "the metadata names an endpoint that is not https, or is in a network of one's own";
        return Err(because(Cause::ResponseInvalid, why));
    }
    Ok(metadata)
}

fn may_be_asked(url: &Url, issuer: &Url) -> bool {
    let plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    plain && is_secure(url) && (is_public_host(url) || (is_loopback(url) && is_loopback(issuer)))
}

fn because(cause: Cause, why: &str) -> Error {
    Diagnosis::new(cause).message(why).into()
}
