//! What is sent to a token or revocation endpoint.

use std::collections::BTreeMap;

use bytes::Bytes;
use form_urlencoded::byte_serialize;
use http::{HeaderValue, header};
use serde::Serialize as _;
use trunkline_core::{Error, ErrorKind, Prepared, Request, RequestBody, Secret};
use zeroize::Zeroizing;

use super::nested::Nested;
use super::redact::Redactor;

/// How the parameters of a token request are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum TokenEncoding {
    /// `application/x-www-form-urlencoded`, the standard.
    #[default]
    Form,
    /// A JSON object of texts.
    Json,
    /// A JSON object; dots in a parameter's name lead into objects within it.
    NestedJson,
    /// The URL's query. Secrets in a URL end up in logs, so the builder wants a second word for it:
    /// `allow_secrets_in_url`.
    Query,
}

/// Parameters in the order they are sent, under the standard's names.
#[derive(Default)]
pub(crate) struct Params {
    entries: Vec<(String, Secret)>,
    secrets: Vec<Secret>,
    bearer: Option<Secret>,
}

impl Params {
    /// Adds one that is no secret.
    pub(crate) fn plain(&mut self, name: impl Into<String>, value: &str) {
        self.entries.push((name.into(), Secret::new(value)));
    }

    /// Adds one that must not come back in a message of the service.
    pub(crate) fn secret(&mut self, name: impl Into<String>, value: &str) {
        self.redact(value);
        self.entries.push((name.into(), Secret::new(value)));
    }

    /// Sends `Authorization: Bearer` with this, in the place of what shows who the client is.
    pub(crate) fn bearer(&mut self, token: &Secret) {
        self.redact(token.expose());
        self.bearer = Some(token.clone());
    }

    /// Takes the parameters of these names out.
    pub(crate) fn omit(&mut self, names: &[String]) {
        self.entries.retain(|(name, _)| !names.contains(name));
    }

    /// Remembers a secret that is sent elsewhere in the request.
    pub(crate) fn redact(&mut self, value: &str) {
        self.secrets.push(Secret::new(value));
    }

    /// What takes the sent secrets out of a text.
    pub(crate) fn redactor(&self) -> Redactor {
        Redactor::new(&self.secrets)
    }

    /// Puts the parameters on `request`, under the service's names.
    pub(crate) fn write(
        &self,
        request: &mut Request,
        encoding: TokenEncoding,
        renames: &BTreeMap<String, String>,
    ) -> Result<(), Error> {
        if let Some(token) = &self.bearer {
            let prepared = Prepared::authorization("Bearer", token)
                .map_err(|_| Error::new(ErrorKind::Unexpected, "a token that no header may hold"))?;
            request.headers.extend(prepared.headers().map(|(name, value)| (name.clone(), value.clone())));
        }
        let pairs: Vec<(&str, &str)> = self
            .entries
            .iter()
            .map(|(name, value)| (renames.get(name).unwrap_or(name).as_str(), value.expose()))
            .collect();
        let own: Vec<String> = match encoding {
            TokenEncoding::Query => request.url.query_pairs().map(|(name, _)| name.into_owned()).collect(),
            TokenEncoding::Form | TokenEncoding::Json | TokenEncoding::NestedJson => Vec::new(),
        };
        let names = pairs.iter().map(|(name, _)| *name);
        if let Some(name) = repeated(names.chain(own.iter().map(String::as_str))) {
            let message = format!("the parameter `{name}` would be sent twice");
            return Err(Error::new(ErrorKind::ConfigInvalid, message));
        }
        let (kind, body) = match encoding {
            TokenEncoding::Query => {
                request.url.query_pairs_mut().extend_pairs(pairs);
                return Ok(());
            }
            // Whoever sends a bearer and nothing else has no body.
            TokenEncoding::Form if pairs.is_empty() => return Ok(()),
            TokenEncoding::Form => ("application/x-www-form-urlencoded", form(&pairs)),
            TokenEncoding::Json => {
                let whole =
                    Nested::Object(pairs.iter().map(|(name, value)| (*name, Nested::Text(value))).collect());
                ("application/json", json(&whole, &pairs)?)
            }
            TokenEncoding::NestedJson => {
                let whole = Nested::of(pairs.iter().copied()).ok_or_else(in_one_place)?;
                ("application/json", json(&whole, &pairs)?)
            }
        };
        request.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        request.body = RequestBody::Bytes(owned(body));
        Ok(())
    }
}

/// The first name that stands twice.
pub(crate) fn repeated<'a>(names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let mut seen = std::collections::BTreeSet::new();
    names.into_iter().find(|name| !seen.insert(*name))
}

fn form(pairs: &[(&str, &str)]) -> Zeroizing<Vec<u8>> {
    // Sized once: a buffer that grows leaves copies behind.
    let most = pairs.iter().map(|(name, value)| 3 * (name.len() + value.len()) + 2).sum();
    let mut body = Zeroizing::new(Vec::with_capacity(most));
    for (index, (name, value)) in pairs.iter().enumerate() {
        if index > 0 {
            body.push(b'&');
        }
        byte_serialize(name.as_bytes()).for_each(|part| body.extend_from_slice(part.as_bytes()));
        body.push(b'=');
        byte_serialize(value.as_bytes()).for_each(|part| body.extend_from_slice(part.as_bytes()));
    }
    body
}

/// Two parameters cannot be told apart.
pub(crate) fn in_one_place() -> Error {
    Error::new(ErrorKind::ConfigInvalid, "two parameters would stand in one place of the request")
}

fn json(whole: &Nested<'_>, pairs: &[(&str, &str)]) -> Result<Zeroizing<Vec<u8>>, Error> {
    // A dot becomes two quotes, a colon and two braces at most.
    let most: usize = pairs.iter().map(|(name, value)| 6 * (name.len() + value.len()) + 6).sum();
    let mut body = Zeroizing::new(Vec::with_capacity(most + 2));
    match whole.serialize(&mut serde_json::Serializer::new(&mut *body)) {
        Ok(()) => Ok(body),
        Err(_) => Err(Error::new(ErrorKind::Unexpected, "the token request cannot be written as JSON")),
    }
}

/// Bytes whose memory is overwritten when the last copy is dropped.
pub(crate) fn owned(buffer: Zeroizing<Vec<u8>>) -> Bytes {
    struct Owner(Zeroizing<Vec<u8>>);

    impl AsRef<[u8]> for Owner {
        fn as_ref(&self) -> &[u8] {
            &self.0
        }
    }

    Bytes::from_owner(Owner(buffer))
}
