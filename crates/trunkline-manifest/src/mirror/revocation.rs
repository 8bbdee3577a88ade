//! Revocations, read as the service that the manifest describes reads them.

use trunkline_core::http::header::AUTHORIZATION;

use super::Mirror;
use super::request::{CLIENT, Params, Request, only, params, standard};
use crate::format::{Encoding, OAuth2, Revocation, RevocationMethod};

impl Mirror {
    /// A revocation under the standard's names: `token`, and no `grant_type`.
    pub(super) fn revocation(&self, oauth2: &OAuth2, request: &Request<'_>) -> Result<Params, String> {
        let usual = Revocation::default();
        let asks = oauth2.revocation.as_deref().unwrap_or(&usual);
        let verb = match asks.method {
            RevocationMethod::Post => "POST",
            RevocationMethod::Delete => "DELETE",
        };
        let own: Vec<&str> = asks.params.keys().map(String::as_str).collect();
        if asks.bearer {
            let mut sent = match (request.method == verb, request.body.is_empty()) {
                (true, true) if asks.params.is_empty() => Params::new(),
                _ => params(request, verb, asks.encoding, None)?,
            };
            self.has_params(&asks.params, &sent)?;
            sent = only(sent, &[], &own)?;
            let token = authorization(request, "Bearer").ok_or("there is no bearer")?;
            sent.insert("token".to_owned(), token);
            return Ok(sent);
        }
        // RFC 7009: a form, whatever token requests are.
        let encoding = if asks.encoding == Encoding::Json { Encoding::Json } else { Encoding::Form };
        let mut names = oauth2.parameter_names.clone();
        names.extend(asks.parameter_names.clone());
        let sent = standard(&names, params(request, verb, encoding, None)?)?;
        self.has_params(&asks.params, &sent)?;
        match &asks.secret_scheme {
            Some(scheme) => {
                let has_id = sent.get("client_id").is_some_and(|id| self.is_client(oauth2, id));
                let has_secret = authorization(request, scheme).is_some_and(|secret| !secret.is_empty());
                if !has_id || !has_secret || sent.contains_key("client_secret") {
                    return Err(format!("the client does not prove who it is by `{}`", **scheme));
                }
            }
            None => {
                let method = asks.auth_method.as_deref().copied();
                let method = method.unwrap_or(oauth2.token_endpoint_auth_method);
                self.proves(oauth2, method, request, &sent)?;
            }
        }
        only(sent, &[&["token", "token_type_hint"], &CLIENT[..]].concat(), &own)
    }
}

/// What follows the scheme in `Authorization`.
fn authorization(request: &Request<'_>, scheme: &str) -> Option<String> {
    let value = request.headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (given, rest) = value.split_once(' ')?;
    (given == scheme).then(|| rest.to_owned())
}
