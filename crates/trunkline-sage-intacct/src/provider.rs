//! The two ways to hold a grant: OAuth 2 as it is, and what Sage adds to it.

use std::sync::Arc;
use std::time::Duration;

use trunkline_core::jiff::{SignedDuration, Timestamp};
use trunkline_core::{
    Account, AuthProvider, Begun, Captures, ConsentAnswer, ConsentAsk, ConsentKind, Credential, Cx, Error, Grant,
    Held, InputSpec, Inputs, Prepared, RefreshPolicy, Request, Reuse, RevokeScope, Revoked, async_trait,
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
    default_lifetime: Duration,
}

impl SageProvider {
    pub(crate) fn new(
        oauth: Arc<dyn AuthProvider>,
        method: GrantMethod,
        entity: Option<Entity>,
        default_lifetime: Duration,
    ) -> Self {
        Self { oauth, method, entity, default_lifetime }
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
        for (name, value) in [(CAPTURE_COMPANY, &company), (CAPTURE_USER, &user)] {
            if !value.is_empty() {
                grant.captures.insert(name, value);
            }
        }
        if let Some(entity) = &entity {
            grant.captures.insert(CAPTURE_ENTITY, entity.as_str());
        }
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
            let lifetime = SignedDuration::try_from(self.default_lifetime).ok()?;
            Some(later(credential.issued_at?, lifetime))
        };
        credential.access_expires_at = by_claims.or_else(by_default);
    }
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
        policy.default_lifetime = Some(self.default_lifetime);
        policy.reuse = match self.method {
            // Sage says nothing about rotation, so the worst is assumed.
            GrantMethod::AuthorizationCode => Reuse::KillsFamily,
            // Each renewal mints anew; nothing is spent.
            GrantMethod::ClientCredentials => Reuse::RejectSoft,
        };
        // Revoking one token ends every grant of the same user and company.
        policy.revoke_scope = RevokeScope::AccountPool;
        policy
    }

    async fn begin(&self, cx: &Cx, ask: &ConsentAsk) -> Result<Begun, Error> {
        self.subject(&ask.inputs)?;
        self.oauth.begin(cx, ask).await
    }

    async fn complete(&self, cx: &Cx, answer: &ConsentAnswer) -> Result<Grant, Error> {
        let subject = self.subject(&answer.inputs)?;
        let grant = self.oauth.complete(cx, answer).await?;
        Ok(self.finish(grant, subject, &Captures::default()))
    }

    async fn refresh(&self, cx: &Cx, held: &Held) -> Result<Grant, Error> {
        let subject = self.subject(&held.inputs)?;
        let grant = self.oauth.refresh(cx, held).await?;
        Ok(self.finish(grant, subject, &held.captures))
    }

    async fn revoke(&self, cx: &Cx, held: &Held) -> Result<Revoked, Error> {
        self.oauth.revoke(cx, held).await
    }

    fn prepare(&self, credential: &Credential) -> Result<Prepared, Error> {
        self.oauth.prepare(credential)
    }

    fn sign(&self, request: &mut Request, prepared: &Prepared) -> Result<(), Error> {
        self.oauth.sign(request, prepared)
    }
}
