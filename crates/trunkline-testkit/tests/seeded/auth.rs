//! How the plain provider holds a grant: consent, exchange, renewal and revocation.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use trunkline_core::url::Url;
use trunkline_core::{
    AuthProvider, Begun, Call, Callback, Cause, ConsentAnswer, ConsentAsk, ConsentKind, ConsentStep,
    Credential, Cx, Error, Grant, Held, InputSpec, Prepared, RefreshPolicy, Reuse, Revoked, ScopeSet, Secret,
    async_trait,
};

use super::{Inner, REDIRECT_URI, invalid};
use crate::flaw::Flaw;
use crate::label;

#[derive(Debug)]
pub(super) struct PlainAuth(pub(super) Arc<Inner>);

fn challenge(verifier: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, verifier.as_bytes());
    URL_SAFE_NO_PAD.encode(digest)
}

/// Whether the service signed the callback: its parameters are sorted, and none needs an encoding.
fn is_signed(callback: &Callback, secret: &Secret) -> bool {
    let Some(given) = callback.get("hmac") else { return false };
    let others = callback.iter().filter(|(name, _)| *name != "hmac");
    let pairs: Vec<_> = others.map(|(name, value)| format!("{name}={}", value.expose())).collect();
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
    let tag = hmac::sign(&key, pairs.join("&").as_bytes());
    let digits: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    *given == Secret::new(digits)
}

fn verifier() -> String {
    let mut bytes = [0; 32];
    aws_lc_rs::rand::fill(&mut bytes).expect("random bytes");
    URL_SAFE_NO_PAD.encode(bytes)
}

#[async_trait]
impl AuthProvider for PlainAuth {
    fn method(&self) -> &'static str {
        if self.0.has(Flaw::ListsAnotherMethod) { "code" } else { "authorization_code" }
    }

    fn consent(&self) -> ConsentKind {
        ConsentKind::Redirect
    }

    fn inputs(&self) -> Vec<InputSpec> {
        const SHOP: InputSpec = InputSpec::new("shop", "Shop", "acme-shop");
        if self.0.has(Flaw::MissesItsInputTooLate) { vec![SHOP] } else { Vec::new() }
    }

    fn policy(&self) -> RefreshPolicy {
        let mut policy = RefreshPolicy::default();
        if !self.0.has(Flaw::PassesNoPolicyOn) {
            policy.reuse = Reuse::Grace { window: Duration::from_secs(3_600) };
        }
        policy
    }

    fn client_identity(&self) -> Option<Secret> {
        let config = &self.0.config;
        match config.flaw {
            Flaw::PassesNoClientIdentityOn => None,
            Flaw::TellsItsClientByIdAlone => Some(Secret::new(&*config.client_id)),
            _ => Some(Secret::new(format!("{} {}", config.client_id, config.client_secret.expose()))),
        }
    }

    async fn begin(&self, _: &Cx, ask: &ConsentAsk) -> Result<Begun, Error> {
        let flawed = |flaw| self.0.has(flaw);
        let verifier = if flawed(Flaw::UsesOneVerifierForAll) { "v".repeat(43) } else { verifier() };
        let state = if flawed(Flaw::MakesItsOwnState) { "state-1" } else { ask.state.expose() };
        let redirect_uri = if flawed(Flaw::ChangesRedirectUri) {
            format!("{REDIRECT_URI}/")
        } else {
            REDIRECT_URI.to_owned()
        };
        let requested = ["read", "write"].into_iter().collect::<ScopeSet>().union(&ask.scopes);
        let separator = if flawed(Flaw::ReadsScopesBySpaces) { ',' } else { ' ' };
        let mut url = self.0.url("/authorize");
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.0.config.client_id)
            .append_pair("redirect_uri", &redirect_uri)
            .append_pair("scope", &requested.join(separator))
            .append_pair("state", state);
        let by = if flawed(Flaw::SendsPlainPkce) { "plain" } else { "S256" };
        let sent = if flawed(Flaw::SendsPlainPkce) { verifier.clone() } else { challenge(&verifier) };
        if !flawed(Flaw::SkipsPkce) {
            url.query_pairs_mut()
                .append_pair("code_challenge", &sent)
                .append_pair("code_challenge_method", by);
        }
        if flawed(Flaw::PutsVerifierInTheUrl) {
            url.query_pairs_mut().append_pair("hint", &verifier);
        }
        let pending = [
            ("verifier".to_owned(), Secret::new(verifier)),
            ("redirect_uri".to_owned(), Secret::new(REDIRECT_URI)),
        ];
        Ok(Begun { step: ConsentStep::Redirect { url }, pending: pending.into(), requested })
    }

    async fn complete(&self, cx: &Cx, answer: &ConsentAnswer) -> Result<Grant, Error> {
        let callback = &answer.callback;
        let at_home = callback.path().is_none_or(|path| REDIRECT_URI.ends_with(path));
        if !at_home && !self.0.has(Flaw::ChecksNoCallbackPath) {
            return Err(invalid("the answer arrived elsewhere"));
        }
        match callback.get("error").map(Secret::expose) {
            Some("access_denied") => return Err(Error::of(Cause::ConsentDenied)),
            Some("server_error" | "temporarily_unavailable") => {
                return Err(Error::of(Cause::ServiceUnavailable));
            }
            Some(_) => return Err(invalid("the service refused")),
            None => {}
        }
        let is_signed = match self.0.config.flaw {
            Flaw::ChecksNoSignature => true,
            Flaw::ChecksThatThereIsASignature => callback.get("hmac").is_some(),
            _ => is_signed(callback, &self.0.config.client_secret),
        };
        if !is_signed {
            return Err(invalid("the service did not sign the answer"));
        }
        let code = callback.get("code").filter(|code| !code.is_empty());
        let code = match code {
            Some(code) => code.expose(),
            None if self.0.has(Flaw::SpendsACodeThatIsMissing) => "",
            None => return Err(invalid("no code")),
        };
        let verifier = answer.pending.get("verifier").map(Secret::expose);
        if verifier.is_none() && !self.0.has(Flaw::GoesOnWithoutVerifier) {
            return Err(invalid("no verifier"));
        }
        let mut pairs =
            vec![("grant_type", "authorization_code"), ("code", code), ("redirect_uri", REDIRECT_URI)];
        if !self.0.has(Flaw::SkipsPkce) {
            pairs.extend(verifier.map(|verifier| ("code_verifier", verifier)));
        }
        let told = self.0.post(cx, Call::Exchange, "/token", &pairs).await?;
        self.0.exchanged.store(true, Ordering::SeqCst);
        if self.0.has(Flaw::MissesItsInputTooLate) {
            answer.inputs.require("shop")?;
        }
        let mut grant = self.0.grant(cx, Call::Exchange, &told, None, &answer.requested)?;
        if let Some(region) = label::called_back(self.0.config.flaw, answer) {
            grant.captures.insert("region", region);
        }
        Ok(grant)
    }

    async fn refresh(&self, cx: &Cx, held: &Held) -> Result<Grant, Error> {
        let Some(token) = &held.credential.refresh_token else {
            return Err(Error::of(Cause::RefreshTokenMissing));
        };
        let mut pairs = vec![("grant_type", "refresh_token"), ("refresh_token", token.expose())];
        if self.0.has(Flaw::AsksForMoreAtRenewal) {
            pairs.push(("scope", "read write admin"));
        }
        let of_region = label::token_url(self.0.config.flaw, &held.captures);
        let at = of_region.as_deref().filter(|url| Url::parse(url).is_ok()).unwrap_or("/token");
        let told = self.0.post(cx, Call::Refresh, at, &pairs).await?;
        let asked = ["read", "write"].into_iter().collect();
        self.0.grant(cx, Call::Refresh, &told, Some(held), &asked)
    }

    async fn revoke(&self, cx: &Cx, held: &Held) -> Result<Revoked, Error> {
        if self.0.has(Flaw::RevokesNothing) {
            return Ok(Revoked::Done);
        }
        let token = held.credential.refresh_token.as_ref().or(held.credential.access_token.as_ref());
        let Some(token) = token else { return Ok(Revoked::Done) };
        let answer = self.0.post(cx, Call::Revoke, "/revoke", &[("token", token.expose())]).await;
        match answer {
            _ if self.0.has(Flaw::ReportsEveryRevocationAsDone) => Ok(Revoked::Done),
            Ok(answer) if answer.head.status.is_success() => Ok(Revoked::Done),
            Ok(answer) => Err(self.0.refused(cx, Call::Revoke, "/revoke", &answer)),
            Err(error) => Err(error),
        }
    }

    fn prepare(&self, credential: &Credential) -> Result<Prepared, Error> {
        let token = credential.access_token.as_ref().ok_or_else(|| Error::of(Cause::AccessTokenExpired))?;
        Prepared::authorization("Bearer", token).map_err(|_| Error::of(Cause::ResponseInvalid))
    }
}
