//! OAuth 1.0a from the service's side: what signs, and how credentials are asked for.

use std::collections::BTreeMap;

use trunkline_auth::oauth1;
use trunkline_core::http::header::AUTHORIZATION;
use trunkline_core::url::form_urlencoded;

use super::Mirror;
use super::request::{Params, Request, verb};
use crate::at::At;
use crate::format::{Method, OAuth1};
use crate::template::Template;

/// How requests are signed, and with what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signing {
    /// `HMAC-SHA1`, `HMAC-SHA256` or `PLAINTEXT`.
    pub method: &'static str,
    /// The realm of each account; `None` where requests name none.
    pub realms: Option<[String; 2]>,
    /// The inputs that are token and secret, where a tenant gives them.
    pub token_inputs: Option<[String; 2]>,
    /// The inputs that are the client's identifier and secret, where each customer has a client of its own.
    pub client_inputs: Option<[String; 2]>,
}

impl Mirror {
    /// How requests are signed, where they are.
    #[must_use]
    pub fn signing(&self) -> Option<Signing> {
        let own = self.format().signature(self.method)?;
        let given = self.format().oauth1_token.as_ref().filter(|_| self.method == Method::OAuth1Token);
        let both = |one: &At<String>, other: &At<String>| [one.to_string(), other.to_string()];
        let client = given.and_then(|it| it.client_id_input.as_ref().zip(it.client_secret_input.as_ref()));
        Some(Signing {
            method: oauth1::SignatureMethod::from(own.method).name(),
            realms: own.realm.map(|realm| [0, 1].map(|who| own.case.write(&self.text(realm, who)))),
            token_inputs: given.map(|it| both(&it.token_input, &it.token_secret_input)),
            client_inputs: client.map(|(id, secret)| both(id, secret)),
        })
    }

    /// Where credentials are asked for, and where a person approves.
    pub(super) fn oauth1_urls(&self) -> impl Iterator<Item = &Template> {
        let oauth1 = self.format().oauth1.as_ref().filter(|_| self.method == Method::OAuth1);
        oauth1.into_iter().flat_map(|it| {
            [&*it.temporary_credential_endpoint, &*it.authorization_endpoint, &*it.token_endpoint]
        })
    }

    /// The protocol's parameters of a request for credentials; whether its signature is good is not looked at here.
    pub(super) fn credential_request(
        &self,
        oauth1: &OAuth1,
        request: &Request<'_>,
    ) -> Result<Params, String> {
        let verb = verb(oauth1.token_request_method);
        if request.method != verb {
            return Err(format!("it is {}, and {verb} is meant", request.method));
        }
        if !request.body.is_empty() {
            return Err("it has a body, and its parameters stand in a header".to_owned());
        }
        let value = request.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let mut sent = value.and_then(protocol).ok_or("it is not signed")?;
        let (endpoint, named) = match sent.contains_key("oauth_callback") {
            true => (&oauth1.temporary_credential_endpoint, "oauth_callback"),
            false => (&oauth1.token_endpoint, "oauth_verifier"),
        };
        if !self.is_at(request.url, Some(endpoint)) {
            return Err(format!("it is sent to {}", request.url.path()));
        }
        sent.retain(|name, _| [named, "oauth_token"].contains(&name.as_str()));
        if sent.contains_key(named) { Ok(sent) } else { Err(format!("`{named}` is missing")) }
    }
}

/// The parameters of an `Authorization` header (RFC 5849, 3.5.1).
fn protocol(value: &str) -> Option<Params> {
    let decode = |text: &str| {
        // What the protocol leaves as it is means itself in a form, too.
        form_urlencoded::parse(text.as_bytes()).next().map(|(text, _)| text.into_owned()).unwrap_or_default()
    };
    let pairs = value.strip_prefix("OAuth ")?.split(',').map(|pair| pair.trim().split_once('='));
    let pairs: Option<Vec<(&str, &str)>> = pairs.collect();
    let pairs = pairs?.into_iter().map(|(name, value)| (name.to_owned(), decode(value.trim_matches('"'))));
    Some(pairs.collect::<BTreeMap<_, _>>())
}
