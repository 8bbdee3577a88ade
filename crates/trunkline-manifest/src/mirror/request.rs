//! Token requests, read as the service that the manifest describes reads them: strictly.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::Value;
use trunkline_core::http::HeaderMap;
use trunkline_core::http::header::{AUTHORIZATION, CONTENT_TYPE};
use trunkline_core::url::{Url, form_urlencoded};

use super::{CLIENT_ID, Mirror};
use crate::at::At;
use crate::format::{
    AuthMethod, Encoding, JwtBearer, Method, OAuth2, RequestMethod, SigningAlg, StatementIn, Templates,
};
use crate::template::{Root, Template};

/// What proves who the client is.
pub(super) const CLIENT: [&str; 4] =
    ["client_id", "client_secret", "client_assertion_type", "client_assertion"];

/// The grant of RFC 8628, 3.4.
const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// `grant_type` of a JWT (RFC 7523, 2.1).
const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// Parameters by name.
pub(super) type Params = BTreeMap<String, String>;

/// A request as it came.
pub(super) struct Request<'r> {
    pub(super) method: &'r str,
    pub(super) url: &'r Url,
    pub(super) headers: &'r HeaderMap,
    pub(super) body: &'r str,
}

impl Mirror {
    /// Reads a token request, a login, an exchange of a statement or a revocation into the standard's parameters; what has
    /// no `grant_type` of its own gets `login`, and a revocation none. Of a request for credentials of OAuth 1.0a it reads
    /// `oauth_callback`, or `oauth_token` and `oauth_verifier`; its signature is whoever's that has the secrets.
    ///
    /// # Errors
    ///
    /// Why the service would refuse it: it is sent elsewhere, written in another form, proves the client in another way,
    /// or has parameters that the manifest does not name.
    pub fn token_request(
        &self,
        method: &str,
        url: &Url,
        headers: &HeaderMap,
        body: &str,
    ) -> Result<Params, String> {
        let request = Request { method, url, headers, body };
        match self.method {
            Method::AuthorizationCode | Method::DeviceCode | Method::ClientCredentials => {
                let oauth2 = self.oauth2().ok_or("there is no [oauth2]")?;
                self.grant_request(oauth2, &request)
            }
            Method::SessionLogin => {
                let login = self.format().session_login.as_ref().ok_or("there is no [session_login]")?;
                self.login(login, &request)
            }
            Method::JwtBearer => {
                let jwt = self.format().jwt_bearer.as_ref().ok_or("there is no [jwt_bearer]")?;
                self.statement(jwt, &request)
            }
            Method::OAuth1 => {
                let oauth1 = self.format().oauth1.as_ref().ok_or("there is no [oauth1]")?;
                self.credential_request(oauth1, &request)
            }
            Method::ApiKey | Method::Basic | Method::OAuth1Token => {
                Err("a key is given as it is: no token is asked for".to_owned())
            }
        }
    }

    /// Whether a URL is this one, for either account.
    pub(super) fn is_at(&self, url: &Url, template: Option<&Template>) -> bool {
        let same = |own: Url| own.origin() == url.origin() && own.path() == url.path();
        template.is_some_and(|template| [0, 1].iter().any(|who| self.url(template, *who).is_some_and(same)))
    }

    fn grant_request(&self, oauth2: &OAuth2, request: &Request<'_>) -> Result<Params, String> {
        if self.is_at(request.url, oauth2.revocation_endpoint.as_deref()) {
            return self.revocation(oauth2, request);
        }
        if self.method == Method::DeviceCode
            && self.is_at(request.url, oauth2.device_authorization_endpoint.as_deref())
        {
            return self.device_request(oauth2, request);
        }
        let verb = verb(oauth2.token_request_method);
        let own = self.url(&oauth2.token_endpoint, 0);
        let sent = params(request, verb, oauth2.token_request_encoding, own.as_ref())?;
        let mut sent = self.standard(oauth2, sent)?;
        self.proves_client(oauth2, request, &sent)?;
        self.has_params(&oauth2.token_params, &sent)?;
        self.standard_grant(oauth2, &mut sent)?;
        let fixed: Vec<&str> = oauth2.token_params.keys().map(String::as_str).collect();
        let renews = sent.get("grant_type").is_some_and(|grant| grant == "refresh_token");
        let endpoint = match &oauth2.refresh_endpoint {
            Some(endpoint) if renews => endpoint,
            _ => &oauth2.token_endpoint,
        };
        if !self.is_at(request.url, Some(endpoint)) {
            return Err(format!("it is sent to {}", request.url.path()));
        }
        for omitted in &oauth2.omitted_params {
            if sent.contains_key(omitted.as_str()) {
                return Err(format!("`{}` is sent, which the service does not take", **omitted));
            }
        }
        let is_known = matches!(
            (sent.get("grant_type").map(String::as_str), self.method),
            (Some("authorization_code" | "refresh_token"), Method::AuthorizationCode)
                | (Some(DEVICE_CODE | "refresh_token"), Method::DeviceCode)
                | (Some("client_credentials"), Method::ClientCredentials)
        );
        if !is_known {
            return Err(format!("{} does not ask so", self.method()));
        }
        let is_exchange = self.method == Method::AuthorizationCode && !renews;
        if is_exchange && oauth2.omitted_params.iter().any(|name| **name == "redirect_uri") {
            // The service goes by the one that is registered.
            sent.insert("redirect_uri".to_owned(), self.redirect_uri());
        }
        let standard =
            ["grant_type", "code", "redirect_uri", "code_verifier", "device_code", "refresh_token", "scope"];
        only(sent, &[&standard, &CLIENT[..]].concat(), &fixed)
    }

    /// RFC 8628, 3.1.
    fn device_request(&self, oauth2: &OAuth2, request: &Request<'_>) -> Result<Params, String> {
        let verb = verb(oauth2.token_request_method);
        let sent = params(request, verb, oauth2.token_request_encoding, None)?;
        let sent = self.standard(oauth2, sent)?;
        self.proves_client(oauth2, request, &sent)?;
        only(sent, &[&["scope"], &CLIENT[..]].concat(), &[])
    }

    /// Parameters under the standard's names.
    fn standard(&self, oauth2: &OAuth2, sent: Params) -> Result<Params, String> {
        standard(&oauth2.parameter_names, sent)
    }

    /// The standard's word for a grant that the service calls otherwise.
    fn standard_grant(&self, oauth2: &OAuth2, sent: &mut Params) -> Result<(), String> {
        let standard = match self.method {
            Method::DeviceCode => DEVICE_CODE,
            _ => self.method(),
        };
        let Some(own) = oauth2.grant_type_names.get(self.method()) else { return Ok(()) };
        match sent.get_mut("grant_type") {
            Some(word) if word == standard => Err(format!("`{standard}` has another name at this service")),
            Some(word) if word == own.as_str() => {
                *word = standard.to_owned();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// The client proves who it is in the one way that the manifest names.
    fn proves_client(&self, oauth2: &OAuth2, request: &Request<'_>, sent: &Params) -> Result<(), String> {
        self.proves(oauth2, oauth2.token_endpoint_auth_method, request, sent)
    }

    /// The same, in this way.
    pub(super) fn proves(
        &self,
        oauth2: &OAuth2,
        method: AuthMethod,
        request: &Request<'_>,
        sent: &Params,
    ) -> Result<(), String> {
        let is_id = |given: &str| self.is_client(oauth2, given);
        let in_body = sent.get("client_id").map(String::as_str);
        let has_secret = sent.get("client_secret").is_some_and(|secret| !secret.is_empty());
        let in_header = basic(request.headers);
        let is_proved = match method {
            AuthMethod::ClientSecretPost => in_body.is_some_and(is_id) && has_secret && in_header.is_none(),
            AuthMethod::None => in_body.is_some_and(is_id) && !has_secret && in_header.is_none(),
            AuthMethod::ClientSecretBasic => {
                let decoded =
                    |text: &str| form_urlencoded::parse(text.as_bytes()).next().map(|it| it.0.into_owned());
                let pair = in_header.as_ref().and_then(|(user, secret)| Some((decoded(user)?, secret)));
                pair.is_some_and(|(user, secret)| is_id(&user) && !secret.is_empty()) && !has_secret
            }
            AuthMethod::ClientSecretBasicRaw => {
                in_header.is_some_and(|(user, secret)| is_id(&user) && !secret.is_empty()) && !has_secret
            }
            AuthMethod::PrivateKeyJwt => {
                !has_secret && in_header.is_none() && self.is_statement(oauth2, sent, is_id)
            }
        };
        if is_proved {
            Ok(())
        } else {
            Err("the client does not prove who it is as the manifest says".to_owned())
        }
    }

    /// Whether it is the client's id.
    pub(super) fn is_client(&self, oauth2: &OAuth2, given: &str) -> bool {
        match &oauth2.client_id_input {
            Some(input) => [0, 1].iter().any(|who| self.words.get(Root::Input, input, *who) == Some(given)),
            None => given == CLIENT_ID,
        }
    }

    /// Whether a statement of the client is there, as RFC 7523, 3 wants it. Nobody here has its public key.
    fn is_statement(&self, oauth2: &OAuth2, sent: &Params, is_id: impl Fn(&str) -> bool) -> bool {
        let kind = sent.get("client_assertion_type").map(String::as_str);
        let parts = sent.get("client_assertion").and_then(|statement| decoded(statement));
        let (Some("urn:ietf:params:oauth:client-assertion-type:jwt-bearer"), Some((header, claims))) =
            (kind, parts)
        else {
            return false;
        };
        let assertion = oauth2.client_assertion.as_ref();
        let algorithm = match assertion.and_then(|it| it.signing_alg.as_deref()) {
            Some(SigningAlg::Es256) => "ES256",
            Some(SigningAlg::Ps256) => "PS256",
            Some(SigningAlg::Rs256) | None => "RS256",
        };
        let audience = assertion.and_then(|it| it.audience.as_deref()).unwrap_or(&oauth2.token_endpoint);
        let told = |name: &str| claims.get(name).and_then(Value::as_str);
        let meant = [0, 1].map(|who| self.text(audience, who));
        header.get("alg").and_then(Value::as_str) == Some(algorithm)
            && ["iss", "sub"].iter().all(|name| told(name).is_some_and(&is_id))
            && told("aud").is_some_and(|aud| meant.iter().any(|meant| meant == aud))
            && told("jti").is_some_and(|id| !id.is_empty())
            && claims.get("exp").is_some_and(Value::is_i64)
    }

    /// The parameters that are always sent.
    pub(super) fn has_params(&self, fixed: &Templates, sent: &Params) -> Result<(), String> {
        for (name, template) in fixed {
            let values = [0, 1].map(|who| self.text(template, who));
            if !sent.get(name).is_some_and(|value| values.contains(value)) {
                return Err(format!("`{name}` is missing, or another"));
            }
        }
        Ok(())
    }

    fn statement(&self, login: &JwtBearer, request: &Request<'_>) -> Result<Params, String> {
        let in_header = login.statement_in == StatementIn::Authorization;
        let encoding = if in_header { Encoding::Json } else { Encoding::Form };
        let mut sent = params(request, "POST", encoding, None)?;
        if !self.is_at(request.url, Some(&login.token_endpoint)) {
            return Err(format!("it is sent to {}", request.url.path()));
        }
        if in_header {
            sent = only(sent, &[], &[])?;
            let value = request.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
            let statement = value.and_then(|value| value.strip_prefix("Bearer "));
            sent.insert("assertion".to_owned(), statement.ok_or("there is no statement")?.to_owned());
            sent.insert("grant_type".to_owned(), JWT_BEARER.to_owned());
        }
        if sent.get("grant_type").is_none_or(|it| it != JWT_BEARER) {
            return Err("it is not the grant of RFC 7523".to_owned());
        }
        let statement = sent.get("assertion").ok_or("there is no statement")?;
        let (header, claims) = decoded(statement).ok_or("the statement is no JWT")?;
        let key_ids = |template: &Template| [0, 1].map(|who| self.text(template, who));
        let key_id = header.get("kid").and_then(Value::as_str);
        let is_key = login.key_id.as_ref().map_or(key_id.is_none(), |template| {
            key_id.is_some_and(|key_id| key_ids(template).iter().any(|own| own == key_id))
        });
        if header.get("alg").and_then(Value::as_str) != Some("RS256") || !is_key {
            return Err("the statement is signed in another way".to_owned());
        }
        for (name, template) in &login.claims {
            let told = claims.get(name).and_then(Value::as_str);
            if !told.is_some_and(|told| key_ids(template).iter().any(|own| own == told)) {
                return Err(format!("the claim `{name}` is missing, or another"));
            }
        }
        let time = |name: &str| claims.get(name).and_then(Value::as_i64);
        let life = i64::from(login.lifetime_s.as_deref().copied().unwrap_or(300));
        if time("exp").zip(time("iat")).is_none_or(|(end, start)| end - start != life) {
            return Err("the statement has another life".to_owned());
        }
        only(sent, &["grant_type", "assertion", "scope"], &[])
    }
}

/// Parameters under the standard's names.
pub(super) fn standard(names: &BTreeMap<String, At<String>>, sent: Params) -> Result<Params, String> {
    if let Some(name) = names.keys().find(|name| sent.contains_key(*name)) {
        return Err(format!("`{name}` has another name at this service"));
    }
    let standard = |name: String| {
        let renamed = names.iter().find(|(_, own)| own.as_str() == name);
        renamed.map_or(name, |(standard, _)| standard.clone())
    };
    Ok(sent.into_iter().map(|(name, value)| (standard(name), value)).collect())
}

/// The parameters of a request that is written as it should be; those of the endpoint's own URL are none of them.
pub(super) fn params(
    request: &Request<'_>,
    verb: &str,
    encoding: Encoding,
    own: Option<&Url>,
) -> Result<Params, String> {
    if request.method != verb {
        return Err(format!("it is {}, and {verb} is meant", request.method));
    }
    let kind = request.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let wrong = |wanted: &str| format!("it is written as `{kind}`, and {wanted} is meant");
    let pairs: Vec<(String, String)> = match encoding {
        Encoding::Form if kind == "application/x-www-form-urlencoded" => {
            form_urlencoded::parse(request.body.as_bytes()).into_owned().collect()
        }
        Encoding::Form => return Err(wrong("a form")),
        Encoding::Json if kind == "application/json" => {
            serde_json::from_str::<BTreeMap<String, String>>(request.body)
                .map_err(|_| wrong("an object of texts"))?
                .into_iter()
                .collect()
        }
        Encoding::Json => return Err(wrong("JSON")),
        Encoding::Query if request.body.is_empty() => {
            let own: BTreeSet<_> = own.iter().flat_map(|own| own.query_pairs()).collect();
            let sent = request.url.query_pairs().filter(|pair| !own.contains(pair));
            sent.map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
        }
        Encoding::Query => return Err(wrong("a query")),
    };
    let count = pairs.len();
    let params: Params = pairs.into_iter().collect();
    if params.len() == count { Ok(params) } else { Err("a parameter is sent twice".to_owned()) }
}

pub(super) fn verb(method: RequestMethod) -> &'static str {
    match method {
        RequestMethod::Post => "POST",
        RequestMethod::Get => "GET",
    }
}

/// Header and claims of a JWT.
fn decoded(statement: &str) -> Option<(Value, Value)> {
    let mut parts = statement.split('.').map(|part| {
        let bytes = URL_SAFE_NO_PAD.decode(part).ok()?;
        serde_json::from_slice::<Value>(&bytes).ok()
    });
    Some((parts.next()??, parts.next()??))
}

/// The same, if there is nothing but these.
pub(super) fn only(sent: Params, standard: &[&str], own: &[&str]) -> Result<Params, String> {
    match sent.keys().find(|name| !standard.contains(&name.as_str()) && !own.contains(&name.as_str())) {
        Some(unknown) => Err(format!("`{unknown}` is sent, which the manifest does not name")),
        None => Ok(sent),
    }
}

/// User name and password of HTTP Basic.
fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let plain = STANDARD.decode(value.strip_prefix("Basic ")?).ok()?;
    let (user, password) = std::str::from_utf8(&plain).ok()?.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}
