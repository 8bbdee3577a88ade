//! Revocation (RFC 7009).

use http::Method;
use trunkline_core::{Credential, Cx, Error, Revoked, Secret};

use super::purpose::Purpose;
use super::request::{Params, TokenEncoding};
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
        let tokens = [
            ("refresh_token", credential.refresh_token.as_ref()),
            ("access_token", credential.access_token.as_ref()),
        ];
        let held =
            tokens.into_iter().filter_map(|(kind, token)| Some((kind, token.filter(|t| !t.is_empty())?)));
        let mut refused = false;
        for (kind, token) in held {
            match self.revoke_one(cx, url, kind, token).await? {
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
        let mut params = Params::default();
        params.secret("token", token.expose());
        if self.revoke_hint {
            params.plain("token_type_hint", kind);
        }
        let request = self.request(cx, url, Method::POST, TokenEncoding::Form, &mut params)?;
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
