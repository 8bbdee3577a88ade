//! The keys that a transmitter signs with.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Method, StatusCode, header};
use jsonwebtoken::crypto::aws_lc;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Mutex;
use trunkline_core::{Clock, Error, ErrorKind, Request, Ticks, Transport, is_secure};
use url::Url;

use crate::token::Unverified;
use crate::{Refusal, RefusalCode, Rejected};

/// How much of a key set is read.
const LARGEST: usize = 256 * 1024;
/// How long the fetch of a key set may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The public keys of a transmitter, a JSON Web Key Set (RFC 7517): given, or fetched from where the
/// transmitter publishes it. Clones share what was fetched.
#[derive(Clone)]
pub struct Keys(Arc<Source>);

enum Source {
    Given(Vec<Key>),
    Published { url: Url, keep: Duration, pause: Duration, cache: Mutex<Cache> },
}

/// What was fetched, and when it was last tried.
#[derive(Default)]
struct Cache {
    keys: Vec<Key>,
    fetched_at: Option<Ticks>,
    tried_at: Option<Ticks>,
}

/// What a fetch needs.
#[derive(Debug, Clone)]
pub(crate) struct Network {
    pub(crate) transport: Option<Arc<dyn Transport>>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Keys {
    /// A key set as a document. New keys need a new start.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ConfigInvalid`] when it is no key set, or has no key for RS256, PS256, ES256 or EdDSA.
    pub fn from_document(json: &str) -> Result<Self, Error> {
        match parse(json.as_bytes()) {
            Some(keys) if !keys.is_empty() => Ok(Self(Arc::new(Source::Given(keys)))),
            _ => Err(Error::new(ErrorKind::ConfigInvalid, "no JSON Web Key Set with a key that can be used")),
        }
    }

    /// The key set that is published at `url`, the transmitter's `jwks_uri`. It is fetched when the first token
    /// comes, again after an hour, and when a token names a key that is not in it, but at most once a minute.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ConfigInvalid`] unless it is https, or http on loopback.
    pub fn published_at(url: Url) -> Result<Self, Error> {
        if !is_secure(&url) {
            return Err(Error::new(
                ErrorKind::ConfigInvalid,
                "keys are published over https (plain http is for loopback only)",
            ));
        }
        let (keep, pause) = (Duration::from_secs(60 * 60), Duration::from_secs(60));
        Ok(Self(Arc::new(Source::Published { url, keep, pause, cache: Mutex::default() })))
    }

    /// Keeps a published key set for `keep` instead of an hour, and asks for it at most once in `pause`.
    /// Nothing is changed for a document, nor once the keys are shared.
    #[must_use]
    pub fn refetched(mut self, keep: Duration, pause: Duration) -> Self {
        if let Some(Source::Published { keep: old_keep, pause: old_pause, .. }) = Arc::get_mut(&mut self.0) {
            (*old_keep, *old_pause) = (keep, pause);
        }
        self
    }

    pub(crate) fn needs_network(&self) -> bool {
        matches!(&*self.0, Source::Published { .. })
    }

    /// Whether the transmitter signed `token`.
    ///
    /// # Cancel safety
    ///
    /// A fetch that is dropped counts as one that failed: the next is made after the pause.
    pub(crate) async fn verify(&self, token: &Unverified<'_>, network: &Network) -> Result<(), Rejected> {
        let (url, keep, pause, cache) = match &*self.0 {
            Source::Given(keys) => {
                return found(keys, token)?.map_or(Err(UNKNOWN.into()), |key| key.check(token));
            }
            Source::Published { url, keep, pause, cache } => (url, *keep, *pause, cache),
        };
        // Meant to queue: who comes while the keys are fetched needs them too.
        let mut cache = cache.lock().await;
        let now = network.clock.coarse();
        if cache.fetched_at.is_some_and(|at| now.since(at) < keep)
            && let Some(key) = found(&cache.keys, token)?
        {
            return key.check(token);
        }
        if cache.tried_at.is_some_and(|at| now.since(at) < pause) {
            // The key may have been published since: whoever sends the token again gets the truth.
            return Err(Rejected::NotNow);
        }
        cache.tried_at = Some(now);
        cache.keys = fetch(url, network).await?;
        cache.fetched_at = Some(now);
        found(&cache.keys, token)?.map_or(Err(UNKNOWN.into()), |key| key.check(token))
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            Source::Given(keys) => write!(f, "Keys({} given)", keys.len()),
            Source::Published { url, .. } => write!(f, "Keys(published at {})", url.host_str().unwrap_or("")),
        }
    }
}

const UNKNOWN: Refusal = Refusal::new(RefusalCode::InvalidKey, "the key is none of the transmitter's");

struct Key {
    kid: Option<String>,
    /// What it may be used with: a key of one kind is never tried as one of another.
    algorithms: Vec<Algorithm>,
    key: DecodingKey,
}

impl Key {
    fn check(&self, token: &Unverified<'_>) -> Result<(), Rejected> {
        // Named, not the process's default, which panics where an application links two.
        let verifier = (aws_lc::DEFAULT_PROVIDER.verifier_factory)(&token.algorithm, &self.key);
        let verified = verifier.is_ok_and(|verifier| verifier.verify(token.signed, &token.signature).is_ok());
        let forged =
            Refusal::new(RefusalCode::AuthenticationFailed, "the signature is not the transmitter's");
        if verified { Ok(()) } else { Err(forged.into()) }
    }
}

/// The key that `token` names. Where it names none, only a lone key can be meant.
fn found<'k>(keys: &'k [Key], token: &Unverified<'_>) -> Result<Option<&'k Key>, Refusal> {
    let fits = |key: &&Key| key.algorithms.contains(&token.algorithm);
    let Some(kid) = token.kid.as_deref() else {
        let mut fitting = keys.iter().filter(fits);
        let first = fitting.next();
        return match fitting.next() {
            None => Ok(first),
            Some(_) => Err(Refusal::new(RefusalCode::InvalidKey, "kid is missing, and several keys fit")),
        };
    };
    let mut named = keys.iter().filter(|key| key.kid.as_deref() == Some(kid)).peekable();
    if named.peek().is_none() {
        return Ok(None);
    }
    let other = Refusal::new(RefusalCode::InvalidKey, "the key is not for this alg");
    named.find(fits).map(Some).ok_or(other)
}

async fn fetch(url: &Url, network: &Network) -> Result<Vec<Key>, Rejected> {
    let failed = |why: &dyn fmt::Display| {
        tracing::warn!(target: "trunkline", host = url.host_str(), error = %why, "keys of a transmitter could not be fetched");
        Rejected::NotNow
    };
    let Some(transport) = &network.transport else { return Err(failed(&"there is no transport")) };
    let mut request = Request::new(Method::GET, url.clone());
    request
        .headers
        .insert(header::ACCEPT, HeaderValue::from_static("application/jwk-set+json, application/json"));
    request.timeout = Some(PATIENCE);
    let response = transport.send(request).await.map_err(|error| failed(&error))?;
    if response.status() != StatusCode::OK {
        return Err(failed(&response.status()));
    }
    let body = response.into_body().collect(LARGEST).await.map_err(|error| failed(&error))?;
    parse(&body).ok_or_else(|| failed(&"no JSON Web Key Set"))
}

/// The keys of a set that can be used here. The others are none of a receiver's business (RFC 7517, 5).
fn parse(json: &[u8]) -> Option<Vec<Key>> {
    #[derive(Deserialize)]
    struct Set {
        keys: Vec<Value>,
    }
    let set: Set = serde_json::from_slice(json).ok()?;
    Some(set.keys.into_iter().filter_map(|key| usable(&serde_json::from_value(key).ok()?)).collect())
}

fn usable(jwk: &Jwk) -> Option<Key> {
    let common = &jwk.common;
    let of_kind: &[Algorithm] = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => &[Algorithm::RS256, Algorithm::PS256],
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => &[Algorithm::ES256],
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => &[Algorithm::EdDSA],
        _ => return None,
    };
    let signs = common.public_key_use.as_ref().is_none_or(|usage| *usage == PublicKeyUse::Signature)
        && common.key_operations.as_ref().is_none_or(|usage| usage.contains(&KeyOperations::Verify));
    let algorithms: Vec<_> = of_kind
        .iter()
        .copied()
        .filter(|algorithm| signs && common.key_algorithm.is_none_or(|only| only == (*algorithm).into()))
        .collect();
    let key = DecodingKey::from_jwk(jwk).ok()?;
    (!algorithms.is_empty()).then(|| Key { kid: common.key_id.clone(), algorithms, key })
}
