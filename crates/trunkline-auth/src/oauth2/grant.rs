//! From a token answer to a grant, and to what requests carry.

use jiff::Timestamp;
use trunkline_core::{Cause, Credential, Cx, Diagnosis, Error, Grant, Held, Prepared, ScopeSet};

use super::purpose::Purpose;
use super::request::Params;
use super::response::TokenResponse;
use super::token_endpoint::TokenEndpoint;

impl TokenEndpoint {
    /// Renews by the refresh token (RFC 6749, 6), which it spends.
    pub(crate) async fn refresh(&self, cx: &Cx, held: &Held) -> Result<Grant, Error> {
        let refresh_token = held.credential.refresh_token.as_ref().filter(|token| !token.is_empty());
        let Some(refresh_token) = refresh_token else {
            let diagnosis = Diagnosis::new(Cause::RefreshTokenMissing);
            return Err(diagnosis.during(Purpose::Refresh.name(), cx.clock().wall()).into());
        };
        // No scope: the grant's own is meant, and more than that must not be asked for.
        let mut params = Params::default();
        params.plain("grant_type", "refresh_token");
        params.secret("refresh_token", refresh_token.expose());
        let (token, started) = self.ask(cx, Purpose::Refresh, params).await?;
        Ok(self.grant(token, started, &ScopeSet::default(), Some(held)))
    }

    /// What a token answer makes of a grant. At a renewal, what the answer leaves out stays as `held`
    /// has it; a refresh token that came replaces the old one.
    pub(crate) fn grant(
        &self,
        token: TokenResponse,
        started: Timestamp,
        requested: &ScopeSet,
        held: Option<&Held>,
    ) -> Grant {
        let account = self.account_hint.as_ref().and_then(|hint| hint(&token));
        let mut credential = held.map(|held| held.credential.clone()).unwrap_or_default();
        let mut captures = held.map(|held| held.captures.clone()).unwrap_or_default();
        captures.extend(&token.captures);
        let rotated = token.refresh_token.is_some() && token.refresh_token != credential.refresh_token;
        if rotated {
            credential.refresh_token = token.refresh_token;
        }
        if rotated || token.refresh_expires_at.is_some() {
            // The old token's end says nothing about the new one.
            credential.refresh_expires_at = token.refresh_expires_at;
        }
        credential.grant_expires_at = token.grant_expires_at.or(credential.grant_expires_at);
        let unsaid = || if requested.is_empty() { None } else { Some(requested.clone()) };
        credential.scopes = token.scopes.or(credential.scopes).or_else(unsaid);
        credential.access_token = Some(token.access_token);
        credential.issued_at = Some(started);
        credential.access_expires_at = token.access_expires_at;
        Grant { credential, captures, account }
    }
}

/// What requests carry: the access token in the `Authorization` header (RFC 6750, 2.1), nowhere else.
///
/// # Errors
///
/// [`Cause::AccessTokenExpired`] when there is none, [`Cause::ResponseInvalid`] when it fits no header.
pub fn bearer(credential: &Credential) -> Result<Prepared, Error> {
    let Some(token) = credential.access_token.as_ref().filter(|token| !token.is_empty()) else {
        return Err(Error::of(Cause::AccessTokenExpired));
    };
    Prepared::authorization("Bearer", token)
        .map_err(|_| Diagnosis::new(Cause::ResponseInvalid).message("the access token fits no header").into())
}
