//! What requests carry.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use trunkline_auth::oauth2;
use trunkline_core::http::header::{AUTHORIZATION, COOKIE, InvalidHeaderValue};
use trunkline_core::http::{HeaderName, HeaderValue};
use trunkline_core::{Cause, Credential, Diagnosis, Error, Prepared, Request, Secret};
use zeroize::Zeroizing;

use crate::at::At;
use crate::format::{BasicPair, Injection};
use crate::template::Template;

/// The name under which templates find the access token.
const ACCESS_TOKEN: &str = "access_token";

/// Puts a credential on requests as a manifest says.
#[derive(Debug, Clone)]
pub(crate) struct Injector {
    headers: Vec<(HeaderName, Template)>,
    /// The parameter and what it holds.
    query: Vec<(String, Template)>,
    basic: Option<BasicPair>,
    /// Headers that every request has, unless it brings its own.
    fixed: Vec<(HeaderName, HeaderValue)>,
}

impl Injector {
    /// `None` is a bearer token. `fixed` are headers that are always the same.
    pub(crate) fn new(
        injection: Option<&Injection>,
        fixed: Vec<(HeaderName, HeaderValue)>,
    ) -> Result<Self, Error> {
        let headers = injection.iter().flat_map(|injection| &injection.headers);
        let headers = headers.map(|(name, value)| Ok((header(name)?, template(value))));
        let query = injection.iter().flat_map(|injection| &injection.query);
        let query = query.map(|(name, value)| (name.clone(), template(value)));
        Ok(Self {
            headers: headers.collect::<Result<_, Error>>()?,
            query: query.collect(),
            basic: injection.and_then(|injection| injection.basic.clone()),
            fixed,
        })
    }

    /// HTTP Basic.
    pub(crate) fn basic(pair: BasicPair, fixed: Vec<(HeaderName, HeaderValue)>) -> Self {
        Self { headers: Vec::new(), query: Vec::new(), basic: Some(pair), fixed }
    }

    /// The access token as a cookie.
    pub(crate) fn cookie(name: &str, fixed: Vec<(HeaderName, HeaderValue)>) -> Result<Self, Error> {
        let text = format!("{name}={{credential.{ACCESS_TOKEN}}}");
        let value = Template::parse(&text).map_err(|_| Error::of(Cause::ConfigurationInvalid))?;
        Ok(Self { headers: vec![(COOKIE, value)], query: Vec::new(), basic: None, fixed })
    }

    /// What requests carry of `credential`.
    pub(crate) fn prepare(&self, credential: &Credential) -> Result<Prepared, Error> {
        if self.headers.is_empty() && self.query.is_empty() && self.basic.is_none() {
            return oauth2::bearer(credential);
        }
        let mut prepared = match &self.basic {
            Some(pair) => basic(pair, credential)?,
            None => Prepared::none(),
        };
        for (name, value) in &self.headers {
            let value = fill(value, credential)?;
            let scheme = value.split_once(' ').filter(|_| *name == AUTHORIZATION);
            prepared = match scheme {
                Some((scheme, token)) if self.headers.len() == 1 && self.query.is_empty() => {
                    Prepared::authorization(scheme, &Secret::new(token)).map_err(unfit)?
                }
                _ => prepared.header(name.clone(), &Secret::new(value.as_str())).map_err(unfit)?,
            };
        }
        for (name, value) in &self.query {
            prepared = prepared.private(name, Secret::new(fill(value, credential)?.as_str()));
        }
        Ok(prepared)
    }

    /// Moves what belongs into the query there, and adds the headers that are always the same.
    pub(crate) fn sign(&self, request: &mut Request, prepared: &Prepared) -> Result<(), Error> {
        for (name, _) in &self.query {
            let value = prepared.private_value(name);
            let value = value.ok_or_else(|| Error::of(Cause::ConfigurationInvalid))?.expose();
            // A request that is sent again has it already.
            let others: Vec<_> = request
                .url
                .query_pairs()
                .filter(|(other, _)| other != name)
                .map(|pair| (pair.0.into_owned(), pair.1.into_owned()))
                .collect();
            request.url.query_pairs_mut().clear().extend_pairs(others).append_pair(name, value);
        }
        for (name, value) in &self.fixed {
            if !request.headers.contains_key(name) {
                request.headers.insert(name.clone(), value.clone());
            }
        }
        Ok(())
    }
}

/// The name of a header. The format was checked, so that it is one.
pub(crate) fn header(name: &str) -> Result<HeaderName, Error> {
    HeaderName::from_bytes(name.as_bytes()).map_err(|_| Error::of(Cause::ConfigurationInvalid))
}

fn template(value: &At<Template>) -> Template {
    Template::clone(value)
}

fn fill(template: &Template, credential: &Credential) -> Result<Zeroizing<String>, Error> {
    template.fill(|_, name| {
        let secret = match name {
            ACCESS_TOKEN => credential.access_token.as_ref(),
            name => credential.other.get(name),
        };
        let secret = secret.filter(|secret| !secret.is_empty());
        let secret = secret.ok_or_else(|| Error::of(Cause::AccessTokenExpired))?;
        Ok(Zeroizing::new(secret.expose().to_owned()))
    })
}

fn basic(pair: &BasicPair, credential: &Credential) -> Result<Prepared, Error> {
    let (user, password) = (fill(&pair.username, credential)?, fill(&pair.password, credential)?);
    // RFC 7617, 2: the first colon ends the user name, and neither half has control characters.
    if user.contains(':') || user.chars().chain(password.chars()).any(char::is_control) {
        return Err(Diagnosis::new(Cause::UserCredentialsInvalid)
            .message("the user name holds a colon, or the credentials a control character")
            .into());
    }
    let plain = Zeroizing::new(format!("{}:{}", *user, *password));
    let mut encoded = Zeroizing::new(String::with_capacity(plain.len().div_ceil(3) * 4));
    STANDARD.encode_string(plain.as_bytes(), &mut encoded);
    Prepared::authorization("Basic", &Secret::new(encoded.as_str())).map_err(unfit)
}

fn unfit(error: InvalidHeaderValue) -> Error {
    Error::of(Cause::UserCredentialsInvalid).caused_by(error)
}
