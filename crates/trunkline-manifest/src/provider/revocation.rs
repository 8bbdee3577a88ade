//! How a revocation is asked for, as a manifest says.

use trunkline_auth::oauth2::{ClientAuth, RevocationRequest};
use trunkline_core::Error;
use trunkline_core::http::Method;

use super::build::encoding;
use crate::format::{AuthMethod, Revocation, RevocationMethod, RevokedToken};
use crate::values::Values;

pub(super) fn revocation(asks: &Revocation, values: Values<'_>) -> Result<RevocationRequest, Error> {
    let mut request = RevocationRequest::new().encoding(encoding(asks.encoding));
    if asks.method == RevocationMethod::Delete {
        request = request.method(Method::DELETE);
    }
    if asks.bearer {
        request = request.bearer();
    }
    if asks.token.as_deref() == Some(&RevokedToken::AccessToken) {
        request = request.access_token();
    }
    let own = asks.secret_scheme.as_ref().map(|scheme| ClientAuth::Scheme(scheme.to_string()));
    let auth = own.or_else(|| match asks.auth_method.as_deref()? {
        AuthMethod::ClientSecretBasic => Some(ClientAuth::Basic),
        AuthMethod::ClientSecretBasicRaw => Some(ClientAuth::BasicRaw),
        AuthMethod::ClientSecretPost => Some(ClientAuth::Body),
        // Refused when the manifest was read.
        AuthMethod::PrivateKeyJwt | AuthMethod::None => None,
    });
    request = auth.into_iter().fold(request, RevocationRequest::auth);
    for (standard, name) in &asks.parameter_names {
        request = request.rename(standard, name.as_str());
    }
    for (name, value) in &asks.params {
        if let Some(value) = values.text_if_given(value)? {
            request = request.param(name, value.as_str());
        }
    }
    Ok(request)
}
