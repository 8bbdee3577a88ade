//! Reads a request to an OAuth endpoint, and writes its answer in the form that was asked for.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::error::OauthError;
use super::policy::App;
use super::state::World;
use crate::exchange::{Call, Reply, escape};

/// A secret in the URL would stand in logs; the endpoints refuse it there.
const NEVER_IN_QUERY: [&str; 4] = ["client_secret", "refresh_token", "password", "code_verifier"];

/// How a client proved who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Client {
    pub(crate) id: String,
    pub(crate) secret: Option<String>,
}

/// The client's id and secret, from HTTP Basic or the body, not from both.
pub(crate) fn client(call: &Call) -> Result<Client, OauthError> {
    if NEVER_IN_QUERY.iter().any(|name| call.parameter(name).is_some()) {
        return Err(OauthError::invalid_request("credentials are not accepted in the query"));
    }
    let in_body = (call.field("client_id"), call.field("client_secret"));
    let Some(basic) = call.header("authorization").filter(|header| is_basic(header)) else {
        let id =
            in_body.0.ok_or_else(|| OauthError::invalid_request("missing required parameter: client_id"))?;
        return Ok(Client { id, secret: in_body.1 });
    };
    if in_body.1.is_some() {
        return Err(OauthError::invalid_request("more than one way of client authentication"));
    }
    let decoded = STANDARD.decode(basic.get(6..).unwrap_or_default().trim()).ok();
    let pair = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
    match pair.as_deref().and_then(|pair| pair.split_once(':')) {
        Some((id, secret)) if in_body.0.as_deref().is_none_or(|other| other == id) => {
            Ok(Client { id: id.to_owned(), secret: Some(secret.to_owned()) })
        }
        _ => Err(OauthError::new("invalid_basic_auth_header", "the basic authorization header is malformed")),
    }
}

fn is_basic(header: &str) -> bool {
    header.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("basic "))
}

impl Client {
    /// The app, if its secret is right, or missing where `secret_required` says that it may be.
    pub(crate) fn authenticate<'w>(
        &self,
        world: &'w World,
        secret_required: bool,
    ) -> Result<&'w App, OauthError> {
        let app = world
            .app(&self.id)
            .ok_or_else(|| OauthError::new("invalid_client_id", "client identifier invalid"))?;
        let right = match &self.secret {
            Some(secret) => *secret == app.client_secret,
            None => !secret_required,
        };
        if right { Ok(app) } else { Err(OauthError::invalid_client()) }
    }
}

/// A required field of the body.
pub(crate) fn required(call: &Call, name: &str) -> Result<String, OauthError> {
    call.field(name)
        .filter(|value| !value.is_empty())
        .ok_or_else(|| OauthError::invalid_request(&format!("missing required parameter: {name}")))
}

/// The answer in JSON, form or XML, by `format` or `Accept`.
pub(crate) fn reply(call: &Call, status: u16, fields: &[(&'static str, String)]) -> Reply {
    let asked = call.field("format").or_else(|| call.parameter("format"));
    let accept = call.header("accept").unwrap_or_default();
    let reply = match asked.as_deref() {
        Some("urlencoded") => form(status, fields),
        Some("xml") => xml(status, fields),
        Some(_) => json(status, fields),
        None if accept.starts_with("application/x-www-form-urlencoded") => form(status, fields),
        None if accept.starts_with("application/xml") => xml(status, fields),
        None => json(status, fields),
    };
    reply.with_header("cache-control", "no-cache, no-store")
}

fn json(status: u16, fields: &[(&'static str, String)]) -> Reply {
    let body: Map<String, Value> =
        fields.iter().map(|(name, value)| ((*name).to_owned(), value.as_str().into())).collect();
    Reply::json(status, &Value::Object(body))
}

fn form(status: u16, fields: &[(&'static str, String)]) -> Reply {
    let mut reply =
        Reply::empty(status).with_header("content-type", "application/x-www-form-urlencoded;charset=UTF-8");
    let mut body = form_urlencoded::Serializer::new(String::new());
    reply.body = body.extend_pairs(fields).finish();
    reply
}

fn xml(status: u16, fields: &[(&'static str, String)]) -> Reply {
    let mut reply = Reply::empty(status).with_header("content-type", "application/xml;charset=UTF-8");
    let members: String =
        fields.iter().map(|(name, value)| format!("<{name}>{}</{name}>", escape(value))).collect();
    reply.body = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?><OAuth>{members}</OAuth>");
    reply
}
