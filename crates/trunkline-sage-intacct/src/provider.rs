//! The two ways to hold a grant: OAuth 2 as it is, and what Sage adds to it.

use std::sync::Arc;
use std::time::Duration;

use trunkline_core::jiff::{SignedDuration, Timestamp};
use trunkline_core::{
    Account, AuthProvider, Begun, Captures, Clock, ConsentAnswer, ConsentAsk, ConsentKind, Credential, Cx,
    Error, Grant, Held, InputSpec, Inputs, NewConsent, Prepared, RefreshPolicy, Request, Reuse, RevokeScope,
    Revoked, Secret, async_trait,
};

use crate::claims::Claims;
use crate::config::GrantMethod;
use crate::entity::Entity;
use crate::username::Username;

/// The capture that holds the company.
pub const CAPTURE_COMPANY: &str = "company_id";

/// The capture that holds the user, where that is known.
pub const CAPTURE_USER: &str = "user_id";

/// The capture that holds the entity that the connection works in, where there is one.
pub const CAPTURE_ENTITY: &str = "entity";

/// The input that names the Web Services user: `user@company`, or `user@company|entity`.
pub const INPUT_USERNAME: &str = "username";

/// The optional input that names the connection's entity.
pub const INPUT_ENTITY: &str = "entity";

/// How long before its end an access token is renewed; what other clients of Sage use.
const MARGIN: Duration = Duration::from_secs(60);

/// A ready-made OAuth 2 provider, with the account read from the token and the inputs.
#[derive(Debug)]
pub(crate) struct SageProvider {
    oauth: Arc<dyn AuthProvider>,
    method: GrantMethod,
    /// The connector's own default.
    entity: Option<Entity>,
    lives: Lives,
}

/// How long tokens are taken to live where Sage does not say.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lives {
    pub(crate) access: Duration,
    /// Of a refresh token that is not used.
    pub(crate) idle: Option<Duration>,
}

impl SageProvider {
    pub(crate) fn new(
        oauth: Arc<dyn AuthProvider>,
        method: GrantMethod,
        entity: Option<Entity>,
        lives: Lives,
    ) -> Self {
        Self { oauth, method, entity, lives }
    }

    /// Who is asked for, as far as the inputs say; refuses what Sage would refuse before it is sent.
    fn subject(&self, inputs: &Inputs) -> Result<Subject, Error> {
        let username = match self.method {
            GrantMethod::ClientCredentials => Some(Username::parse(inputs.require(INPUT_USERNAME)?)?),
            GrantMethod::AuthorizationCode => None,
        };
        let named = inputs.get(INPUT_ENTITY).filter(|entity| !entity.is_empty());
        let named = named.map(|entity| Entity::parse(entity.expose())).transpose()?;
        let of_username = username.as_ref().and_then(|username| username.entity.clone());
        Ok(Subject { entity: named.or(of_username).or_else(|| self.entity.clone()), username })
    }

    /// Adds to a grant what Sage's tokens and the inputs say. `held` is what was known before.
    fn finish(&self, mut grant: Grant, subject: Subject, held: &Captures) -> Grant {
        let Subject { username, entity } = subject;
        let claims = claims(&grant.credential);
        let (company, user) = match username {
            Some(username) => (Some(username.company), Some(username.user)),
            None => (claims.company.clone(), claims.user.clone()),
        };
        let known = |name: &str| held.get(name).map(str::to_owned);
        let company = company.or_else(|| known(CAPTURE_COMPANY)).unwrap_or_default();
        let user = user.or_else(|| known(CAPTURE_USER)).unwrap_or_default();
        grant.captures = captures(&grant.captures, &company, &user, entity.as_ref());
        let mut account = Account::new(company, user);
        account.entity = entity.map(|entity| entity.as_str().to_owned());
        grant.account = Some(account);
        self.date(&mut grant.credential, &claims);
        grant
    }

    /// Says when an access token ends whose answer had no `expires_in`.
    fn date(&self, credential: &mut Credential, claims: &Claims) {
        if credential.access_expires_at.is_some() || credential.access_token.is_none() {
            return;
        }
        let by_claims = claims.expires_at.map(|end| match (claims.issued_at, credential.issued_at) {
            // Both by Sage's clock: their difference is right even where the clocks are not.
            (Some(start), Some(asked)) if start <= end => later(asked, end.duration_since(start)),
            _ => end,
        });
        let by_default = || {
            let lifetime = SignedDuration::try_from(self.lives.access).ok()?;
            Some(later(credential.issued_at?, lifetime))
        };
        credential.access_expires_at = by_claims.or_else(by_default);
    }
}

/// `others`, with ours anew: an entity that no longer applies must not linger.
fn captures(others: &Captures, company: &str, user: &str, entity: Option<&Entity>) -> Captures {
    const OURS: [&str; 3] = [CAPTURE_COMPANY, CAPTURE_USER, CAPTURE_ENTITY];
    let ours = OURS.into_iter().zip([company, user, entity.map_or("", Entity::as_str)]);
    let mut captures = Captures::default();
    for (name, value) in others.iter().filter(|(name, _)| !OURS.contains(name)).chain(ours) {
        if !value.is_empty() {
            captures.insert(name, value);
        }
    }
    captures
}

/// Who a grant is asked for.
struct Subject {
    username: Option<Username>,
    entity: Option<Entity>,
}

/// The claims of the access token, and of the refresh token where that one has none.
pub(crate) fn claims(credential: &Credential) -> Claims {
    let of = |token: &Option<trunkline_core::Secret>| token.as_ref().and_then(Claims::of).unwrap_or_default();
    let (access, refresh) = (of(&credential.access_token), of(&credential.refresh_token));
    Claims {
        company: access.company.or(refresh.company),
        user: access.user.or(refresh.user),
        // The refresh token's deadlines are its own.
        issued_at: access.issued_at,
        expires_at: access.expires_at,
    }
}

/// Adds to an error which call it was and when.
fn dated(error: Error, cx: &Cx, call: &str) -> Error {
    error.map_diagnosis(|diagnosis| diagnosis.during(call, cx.clock().wall()))
}

fn later(start: Timestamp, by: SignedDuration) -> Timestamp {
    start.checked_add(by).unwrap_or(Timestamp::MAX)
}

#[async_trait]
impl AuthProvider for SageProvider {
    fn method(&self) -> &'static str {
        self.method.name()
    }

    fn consent(&self) -> ConsentKind {
        self.oauth.consent()
    }

    fn inputs(&self) -> Vec<InputSpec> {
        self.oauth.inputs()
    }

    fn policy(&self) -> RefreshPolicy {
        let mut policy = RefreshPolicy::default();
        policy.margin = MARGIN;
        policy.default_lifetime = Some(self.lives.access);
        policy.idle_limit = self.lives.idle;
        policy.reuse = match self.method {
            // Sage says nothing about rotation, so the worst is assumed.
            GrantMethod::AuthorizationCode => Reuse::KillsFamily,
            // Each renewal mints anew; nothing is spent.
            GrantMethod::ClientCredentials => Reuse::RejectSoft,
        };
        // Revoking one token ends every grant of the same user and company.
        policy.revoke_scope = RevokeScope::AccountPool;
        // Not documented; integrators saw each failure of an older connection at the time of a newer one.
        policy.new_consent = NewConsent::EndsEarlier;
        policy
    }

    /// The user that client credentials speak for. Who approves a consent is known afterwards only.
    fn account(&self, inputs: &Inputs) -> Option<Account> {
        let Subject { username, .. } = self.subject(inputs).ok()?;
        username.map(|username| Account::new(username.company, username.user))
    }

    fn client_identity(&self) -> Option<Secret> {
        self.oauth.client_identity()
    }

    async fn begin(&self, cx: &Cx, ask: &ConsentAsk) -> Result<Begun, Error> {
        self.subject(&ask.inputs).map_err(|error| dated(error, cx, "consent"))?;
        self.oauth.begin(cx, ask).await
    }

    async fn complete(&self, cx: &Cx, answer: &ConsentAnswer) -> Result<Grant, Error> {
        let subject = self.subject(&answer.inputs).map_err(|error| dated(error, cx, "exchange"))?;
        let grant = self.oauth.complete(cx, answer).await?;
        Ok(self.finish(grant, subject, &Captures::default()))
    }

    async fn refresh(&self, cx: &Cx, held: &Held) -> Result<Grant, Error> {
        let subject = self.subject(&held.inputs).map_err(|error| dated(error, cx, "refresh"))?;
        let grant = self.oauth.refresh(cx, held).await?;
        Ok(self.finish(grant, subject, &held.captures))
    }

    async fn revoke(&self, cx: &Cx, held: &Held) -> Result<Revoked, Error> {
        self.oauth.revoke(cx, held).await
    }

    fn prepare(&self, credential: &Credential) -> Result<Prepared, Error> {
        self.oauth.prepare(credential)
    }

    fn sign(&self, request: &mut Request, prepared: &Prepared, clock: &dyn Clock) -> Result<(), Error> {
        self.oauth.sign(request, prepared, clock)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use trunkline_core::{BuildConnector as _, Endpoint};

    use super::*;
    use crate::claims::tests::token;
    use crate::config::SageIntacctConfig;
    use crate::oauth;

    const ASKED: Timestamp = Timestamp::constant(2_000_000, 0);

    fn provider(method: GrantMethod) -> SageProvider {
        let config = SageIntacctConfig::new("id", Secret::new("s3cr3t"));
        let endpoint = Endpoint::new(config.base_url.clone()).unwrap();
        let oauth = oauth::client_credentials(&config, &endpoint).unwrap();
        let lives = Lives { access: Duration::from_secs(600), idle: None };
        SageProvider::new(oauth, method, Some(Entity::parse("E1").unwrap()), lives)
    }

    fn grant(claims: &serde_json::Value) -> Grant {
        let credential =
            Credential { access_token: Some(token(claims)), issued_at: Some(ASKED), ..Credential::default() };
        Grant { credential, ..Grant::default() }
    }

    fn inputs(pairs: &[(&str, &str)]) -> Inputs {
        let mut inputs = Inputs::default();
        pairs.iter().for_each(|(name, value)| inputs.insert(*name, Secret::new(*value)));
        inputs
    }

    fn finished(method: GrantMethod, claims: &serde_json::Value, held: &Captures, given: &Inputs) -> Grant {
        let provider = provider(method);
        let subject = provider.subject(given).unwrap();
        provider.finish(grant(claims), subject, held)
    }

    #[test]
    fn the_connections_entity_wins_over_the_usernames_and_that_over_the_setting() {
        let of = |pairs: &[(&str, &str)]| {
            let subject = provider(GrantMethod::ClientCredentials).subject(&inputs(pairs)).unwrap();
            subject.entity.unwrap().as_str().to_owned()
        };
        assert_eq!(of(&[("username", "u@c|E2"), ("entity", "E3")]), "E3");
        assert_eq!(of(&[("username", "u@c|E2")]), "E2");
        assert_eq!(of(&[("username", "u@c"), ("entity", "")]), "E1");
        let bad = inputs(&[("username", "u@c"), ("entity", "E\r\nX: 1")]);
        assert!(provider(GrantMethod::ClientCredentials).subject(&bad).is_err());
    }

    #[test]
    fn fresh_claims_win_over_what_was_known_and_absent_ones_leave_it() {
        let held = captures(&Captures::default(), "acme", "Ada", None);
        let none = Inputs::default();
        let of = |claims| finished(GrantMethod::AuthorizationCode, &claims, &held, &none).account.unwrap();
        assert_eq!(of(json!({ "cnyId": "globex", "userId": "Ben" })).to_string(), "Ben@globex|E1");
        assert_eq!(of(json!({})).to_string(), "Ada@acme|E1");
    }

    #[test]
    fn a_username_names_the_account_before_anybody_is_asked() {
        let given = inputs(&[("username", "ada@acme|E2")]);
        let named = provider(GrantMethod::ClientCredentials).account(&given).unwrap();
        assert_eq!(named.key(), Account::new("acme", "ada").key());
        assert_eq!(provider(GrantMethod::ClientCredentials).account(&inputs(&[])), None);
        assert_eq!(provider(GrantMethod::AuthorizationCode).account(&given), None, "any user may approve");
    }

    #[test]
    fn without_any_claim_a_grant_still_comes_to_be() {
        let grant =
            finished(GrantMethod::AuthorizationCode, &json!({}), &Captures::default(), &Inputs::default());
        assert!(grant.account.unwrap().is_same(&Account::default()));
        assert_eq!(grant.captures.iter().collect::<Vec<_>>(), [(CAPTURE_ENTITY, "E1")]);
    }

    #[test]
    fn an_undated_token_ends_by_its_claims_and_else_by_the_default() {
        let end = |claims| {
            let grant =
                finished(GrantMethod::AuthorizationCode, &claims, &Captures::default(), &Inputs::default());
            grant.credential.access_expires_at.unwrap().as_second() - ASKED.as_second()
        };
        // By Sage's clock the token was made an hour ago: what counts is how long it lives.
        assert_eq!(end(json!({ "iat": 1_996_400, "exp": 1_996_500 })), 100);
        assert_eq!(end(json!({ "exp": 2_000_050 })), 50);
        assert_eq!(end(json!({})), 600);
        assert_eq!(end(json!({ "iat": 9, "exp": i64::MAX })), 600);
    }

    #[test]
    fn an_entity_that_no_longer_applies_does_not_linger() {
        let known = captures(&Captures::default(), "acme", "Ada", Some(&Entity::parse("E9").unwrap()));
        assert_eq!(captures(&known, "acme", "Ada", None).get(CAPTURE_ENTITY), None);
    }

    #[test]
    fn the_policy_is_careful_where_a_refresh_token_is_spent() {
        let code = provider(GrantMethod::AuthorizationCode).policy();
        assert_eq!((code.reuse, code.revoke_scope), (Reuse::KillsFamily, RevokeScope::AccountPool));
        assert_eq!((code.margin, code.default_lifetime), (MARGIN, Some(Duration::from_secs(600))));
        let unattended = provider(GrantMethod::ClientCredentials).policy();
        assert_eq!(
            (unattended.reuse, unattended.revoke_scope),
            (Reuse::RejectSoft, RevokeScope::AccountPool)
        );
    }

    #[test]
    fn a_way_to_hold_a_grant_is_there_when_the_settings_allow_it() {
        let config =
            SageIntacctConfig::new("id", Secret::new("s3cr3t")).grant(GrantMethod::ClientCredentials);
        let connector = config.build("x").unwrap();
        assert_eq!(connector.auth(None).unwrap().method(), "client_credentials");
        assert!(connector.auth(Some("authorization_code")).is_none());
        assert!(connector.auth(Some("password")).is_none());
        let both = config.redirect_uri("https://app.example.com/cb").build("x").unwrap();
        assert_eq!(both.auth(Some("authorization_code")).unwrap().consent(), ConsentKind::Redirect);
        assert_eq!(both.auth(None).unwrap().inputs()[0].name, INPUT_USERNAME);
    }

    #[test]
    fn every_connection_shares_the_one_endpoint_below_the_base_url() {
        let base = "https://gateway.example.com/intacct/".parse().unwrap();
        let config = SageIntacctConfig::new("id", Secret::new("s3cr3t")).base_url(base);
        let connector = config.grant(GrantMethod::ClientCredentials).build("x").unwrap();
        let endpoint = connector.endpoint(&Captures::default()).unwrap();
        let url = endpoint.join("/objects/accounts-payable/bill").unwrap();
        let expected = "https://gateway.example.com/intacct/ia/api/v1/objects/accounts-payable/bill";
        assert_eq!(url.as_str(), expected);
        let other = connector.endpoint(&captures(&Captures::default(), "globex", "Ben", None)).unwrap();
        assert!(Arc::ptr_eq(&endpoint, &other));
    }
}
