//! Revocation (RFC 7009).

use trunkline_core::{Credential, Cx, Error, Revoked, Secret};

use super::purpose::Purpose;
use super::request::Params;
use super::response::Defect;
use super::token_endpoint::TokenEndpoint;

/// What one revocation request came to.
enum Outcome {
    Done,
    TypeUnsupported,
}

impl TokenEndpoint {
    /// Revokes the refresh token, or the access token where the service cannot revoke the former:
    /// the one case of two requests, for two tokens.
    pub(crate) async fn revoke(&self, cx: &Cx, credential: &Credential) -> Result<Revoked, Error> {
        let Some(url) = &self.revoke_url else { return Ok(Revoked::NotSupported) };
        let endpoint = self.for_revocation();
        let refresh_token = credential.refresh_token.as_ref().filter(|token| !token.is_empty());
        let is_sent = !self.revocation.access_token;
        let tokens = [
            ("refresh_token", refresh_token.filter(|_| is_sent)),
            ("access_token", credential.access_token.as_ref().filter(|token| !token.is_empty())),
        ];
        // A refresh token that the service does not take still serves, unless an access token ends it.
        let mut refused = refresh_token.is_some() && !is_sent;
        for (kind, token) in tokens.into_iter().filter_map(|(kind, token)| Some((kind, token?))) {
            match endpoint.revoke_one(cx, url, kind, token).await? {
                Outcome::Done => return Ok(Revoked::Done),
                Outcome::TypeUnsupported => refused = true,
            }
        }
        // Without a token there is nothing left that could serve.
        Ok(if refused { Revoked::NotSupported } else { Revoked::Done })
    }

    async fn revoke_one(
        &self,
        cx: &Cx,
        url: &url::Url,
        kind: &str,
        token: &Secret,
    ) -> Result<Outcome, Error> {
        let asks = &self.revocation;
        let mut params = Params::default();
        match asks.is_bearer {
            true => params.bearer(token),
            false => params.secret("token", token.expose()),
        }
        for (name, value) in &asks.params {
            params.plain(name, value);
        }
        if self.revoke_hint {
            params.plain("token_type_hint", kind);
        }
        let request = self.request(cx, url, asks.method.clone(), asks.encoding, &mut params)?;
        let answer = self.send(cx, Purpose::Revoke, request).await?;
        let objection = self.codec.objection(answer.status, &answer.body);
        if answer.status.is_success() && objection.is_none() {
            return Ok(Outcome::Done);
        }
        let codes = match &objection {
            Some(Defect::Service(error)) => &error.codes[..],
            _ => &[],
        };
        // A busy service that also names a code has done nothing yet.
        if answer.status.is_client_error() || answer.status.is_success() {
            if codes.iter().any(|code| code == "unsupported_token_type") {
                return Ok(Outcome::TypeUnsupported);
            }
            if codes.iter().any(|code| self.revoke_done_codes.contains(code)) {
                return Ok(Outcome::Done);
            }
        }
        let defect = objection.unwrap_or(Defect::Unreadable);
        Err(self.refused(cx, Purpose::Revoke, &answer, Some(&defect), &params.redactor()))
    }
}
