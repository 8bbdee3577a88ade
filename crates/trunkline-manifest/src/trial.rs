//! A manifest is tried with made-up settings when it is read, so that what the grants refuse is found then.

use std::collections::BTreeMap;

use trunkline_core::{Captures, Error, Inputs, Secret};

use crate::at::Span;
use crate::config::Operator;
use crate::format::{AuthMethod, Format, GivenBy, Method};
use crate::provider::{Grants, inner, introspection, specs};
use crate::values::{Values, good};

/// Makes every grant and the endpoint; sends nothing.
pub(crate) fn run(format: &Format) -> Result<(), (Span, Error)> {
    let (inputs, operators) = samples(format);
    let mut captures = Captures::default();
    for (name, capture) in &format.captures {
        let sample = match (&capture.hosts, &capture.one_of, &capture.pattern) {
            (Some(hosts), ..) => hosts.first().map(|host| format!("https://{}", host.sample())),
            (_, Some(values), _) => values.first().cloned(),
            (.., Some(pattern)) => Some(pattern.sample()),
            _ => None,
        };
        // Plain http is for loopback, where a host pattern says so.
        let good = sample.and_then(|sample| {
            good(capture, &sample).or_else(|| good(capture, &sample.replacen("https", "http", 1)))
        });
        match good {
            Some(value) => captures.insert(name, value),
            None => {
                let message = format!("no value of the capture `{name}` can be good");
                return Err((capture.span, Error::new(trunkline_core::ErrorKind::ConfigInvalid, message)));
            }
        }
    }
    let is_public = format.oauth2.as_ref().is_some_and(|it| {
        matches!(it.token_endpoint_auth_method, AuthMethod::None | AuthMethod::PrivateKeyJwt)
    });
    let operator = Operator {
        client_id: Some("client-1".to_owned()),
        client_secret: (!is_public).then(|| Secret::new("made-up")),
        redirect_uri: Some("https://app.example.com/callback".to_owned()),
        inputs: operators,
        ..Operator::default()
    };
    let values =
        Values { format, operator: &operator.inputs, inputs: Some(&inputs), captures: Some(&captures) };
    let grants = Grants { operator: &operator, manifest: None };
    let needs_specs = format.session_login.is_some() || format.oauth1_token.is_some();
    let specs = if needs_specs { specs(format) } else { Vec::new() };
    for method in format.methods() {
        let span = span(format, method);
        if !matches!(method, Method::ApiKey | Method::Basic) {
            inner(&grants, method, values, &specs).map_err(|error| (span, error))?;
        }
    }
    if let Some(oauth2) = &format.oauth2 {
        introspection(&grants, oauth2, values).map_err(|error| (oauth2.span, error))?;
    }
    if let Some(after) = &format.after_consent {
        crate::after::endpoint(after, values).map_err(|error| (after.span, error))?;
    }
    crate::connector::endpoint(values).map_err(|error| (format.api.base_url.span, error)).map(drop)
}

fn samples(format: &Format) -> (Inputs, BTreeMap<String, Secret>) {
    let mut inputs = Inputs::default();
    let mut operators = BTreeMap::new();
    for (name, input) in &format.inputs {
        let value = Secret::new(input.example.as_str());
        match input.given_by {
            GivenBy::Tenant | GivenBy::Once => inputs.insert(name, value),
            GivenBy::Operator => {
                operators.insert(name.clone(), value);
            }
        }
    }
    (inputs, operators)
}

fn span(format: &Format, method: Method) -> Span {
    let span = match method {
        Method::AuthorizationCode | Method::DeviceCode | Method::ClientCredentials => {
            format.oauth2.as_ref().map(|it| it.span)
        }
        Method::ApiKey => format.api_key.as_ref().map(|it| it.span),
        Method::Basic => format.basic.as_ref().map(|it| it.span),
        Method::SessionLogin => format.session_login.as_ref().map(|it| it.span),
        Method::JwtBearer => format.jwt_bearer.as_ref().map(|it| it.span),
        Method::OAuth1 => format.oauth1.as_ref().map(|it| it.span),
        Method::OAuth1Token => format.oauth1_token.as_ref().map(|it| it.span),
    };
    span.unwrap_or(format.name.span)
}
