//! Sage's OAuth 2 endpoints, wired to the ready-made grants.
//!
//! The client shows who it is in the body, never by HTTP Basic. `offline_access` is the only scope that
//! does anything: it brings the refresh token. What a token may do is what its user may do.

use std::sync::Arc;

use trunkline_auth::oauth2::{AuthorizationCode, Client, ClientAuth, ClientCredentials};
use trunkline_core::{AuthProvider, Endpoint, Error, InputSpec};

use crate::config::{GrantMethod, SageIntacctConfig};
use crate::diagnose::diagnose;
use crate::provider::INPUT_USERNAME;

const AUTHORIZE_PATH: &str = "/oauth2/authorize";
const TOKEN_PATH: &str = "/oauth2/token";
const REVOKE_PATH: &str = "/oauth2/revoke";

const OFFLINE_ACCESS: &str = "offline_access";

/// What a revocation is answered for a token that is dead already: what was wanted.
const DEAD_TOKEN: &str = "tokenInvalid";

fn client(config: &SageIntacctConfig) -> Client {
    Client::new(&config.client_id, Some(config.client_secret.clone())).auth(ClientAuth::Body)
}

/// The authorization code with PKCE; `None` without a redirect URI.
pub(crate) fn authorization_code(
    config: &SageIntacctConfig,
    endpoint: &Endpoint,
) -> Result<Option<Arc<dyn AuthProvider>>, Error> {
    let Some(redirect_uri) = &config.redirect_uri else { return Ok(None) };
    let authorize_url = endpoint.join(AUTHORIZE_PATH)?;
    let token_url = endpoint.join(TOKEN_PATH)?;
    let grant = AuthorizationCode::builder(client(config), authorize_url, token_url, redirect_uri)
        .revoke_url(endpoint.join(REVOKE_PATH)?)
        .revoke_done_code(DEAD_TOKEN)
        .scope(OFFLINE_ACCESS)
        .judge(|exchange| diagnose(exchange, Some(GrantMethod::AuthorizationCode)))
        .build()?;
    Ok(Some(Arc::new(grant)))
}

/// Client credentials that name a user; Sage gives a bare client no token.
pub(crate) fn client_credentials(
    config: &SageIntacctConfig,
    endpoint: &Endpoint,
) -> Result<Arc<dyn AuthProvider>, Error> {
    let username = InputSpec::new(INPUT_USERNAME, "Web Services user", "user@company");
    let grant = ClientCredentials::builder(client(config), endpoint.join(TOKEN_PATH)?)
        .revoke_url(endpoint.join(REVOKE_PATH)?)
        .revoke_done_code(DEAD_TOKEN)
        .input(username, "username")
        .judge(|exchange| diagnose(exchange, Some(GrantMethod::ClientCredentials)))
        .build()?;
    Ok(Arc::new(grant))
}
