//! The service: where requests go, who we are, why something failed.

use std::sync::Arc;
use std::time::Duration;

use trunkline_core::http::{HeaderMap, Method, Response, StatusCode};
use trunkline_core::permission::PermissionMap;
use trunkline_core::{
    Account, AuthProvider, Body, BuildConnector, Call, Captures, Cause, Connector, ConnectorInfo, Cx,
    Diagnosis, Endpoint, Error, Exchange, Grant, Probe, Request, Session, async_trait,
};

use crate::config::{GrantMethod, SageIntacctConfig};
use crate::diagnose::diagnose;
use crate::entity::{Entity, entity_header};
use crate::evidence::recast;
use crate::provider::{CAPTURE_COMPANY, CAPTURE_ENTITY, CAPTURE_USER, Lives, SageProvider, claims};
use crate::{oauth, remedy};

/// Where the API lives below the gateway.
pub(crate) const API_ROOT: &str = "/ia/api/v1";

/// Proves that a token works without touching a business object.
pub(crate) const SESSION_PATH: &str = "/services/core/session/id";

/// How long the proof may take, to the end of its answer.
const PROBE_TIME: Duration = Duration::from_secs(30);

/// Most bytes of an answer that are read here.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// Sage Intacct. Every connection shares one endpoint: the company is inside the token.
#[derive(Debug)]
pub struct SageIntacct {
    endpoint: Arc<Endpoint>,
    default_method: GrantMethod,
    authorization_code: Option<Arc<dyn AuthProvider>>,
    client_credentials: Arc<dyn AuthProvider>,
}

impl SageIntacct {
    /// Checks the settings together.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ConfigInvalid`](trunkline_core::ErrorKind): a blank around id or secret, a base
    /// URL or redirect URI that is neither https nor loopback, no redirect URI where one is needed.
    pub fn new(config: &SageIntacctConfig) -> Result<Self, Error> {
        config.check()?;
        let mut base = Endpoint::new(config.base_url.clone())?.base().clone();
        base.set_path(&format!("{}{API_ROOT}", base.path().trim_end_matches('/')));
        let endpoint = Arc::new(Endpoint::new(base)?.entity_header(entity_header()));
        let entity = config.entity.as_deref().map(Entity::parse).transpose()?;
        let idle = Some(config.refresh_idle_limit_s).filter(|seconds| *seconds > 0);
        let lives = Lives {
            access: Duration::from_secs(config.default_lifetime_s.into()),
            idle: idle.map(|seconds| Duration::from_secs(seconds.into())),
        };
        let provider = |oauth, method| -> Arc<dyn AuthProvider> {
            Arc::new(SageProvider::new(oauth, method, entity.clone(), lives))
        };
        let authorization_code = oauth::authorization_code(config, &endpoint)?;
        let client_credentials = oauth::client_credentials(config, &endpoint)?;
        Ok(Self {
            default_method: config.grant,
            authorization_code: authorization_code
                .map(|oauth| provider(oauth, GrantMethod::AuthorizationCode)),
            client_credentials: provider(client_credentials, GrantMethod::ClientCredentials),
            endpoint,
        })
    }

    /// Asks for the session behind the token, in `entity` if one is given.
    async fn prove(&self, cx: &Cx, session: &Session, entity: Option<&Entity>) -> Result<(), Error> {
        let mut request = Request::new(Method::GET, self.endpoint.join(SESSION_PATH)?);
        request.timeout = Some(PROBE_TIME);
        if let Some(entity) = entity {
            request.headers.insert(entity_header(), entity.header_value()?);
        }
        let response = session.send(request).await.map_err(|error| dated(error, cx))?;
        self.judge(response, entity.is_some()).await.map_err(|error| dated(error, cx))
    }

    async fn judge(&self, response: Response<Body>, in_entity: bool) -> Result<(), Error> {
        let (head, mut body) = response.into_parts();
        body.look(MAX_BODY_BYTES).await;
        let body = body.seen(MAX_BODY_BYTES);
        if head.status.is_success() && names_session(&body) {
            return Ok(());
        }
        Err(self.refused(head.status, &head.headers, &body, in_entity).into())
    }

    fn refused(&self, status: StatusCode, headers: &HeaderMap, body: &[u8], in_entity: bool) -> Diagnosis {
        let path = format!("{}{SESSION_PATH}", self.endpoint.base().path());
        let method = Method::GET;
        let exchange = Exchange { call: Call::Api, method: &method, path: &path, status, headers, body };
        let Some(diagnosis) = self.diagnose(&exchange) else {
            return Diagnosis::new(Cause::ResponseInvalid).status(status);
        };
        // This call needs no permission on any object, so a refusal is about what comes before those:
        // the entity, if the same call went through without one, else the application itself.
        let (cause, remedy) = match (diagnosis.cause(), in_entity) {
            (Cause::PermissionMissing | Cause::NotFound, true) => (Cause::EntityForbidden, remedy::ENTITY),
            (Cause::PermissionMissing, false) => (Cause::ClientNotAuthorized, remedy::CLIENT_OR_WEB_SERVICES),
            _ => return diagnosis,
        };
        recast(&diagnosis, cause, remedy)
    }
}

/// Adds to an error which call it was and when.
fn dated(error: Error, cx: &Cx) -> Error {
    error.map_diagnosis(|diagnosis| diagnosis.during(format!("GET {SESSION_PATH}"), cx.clock().wall()))
}

/// Whether an answer is the one that a living token gets. The session id itself is not looked at: it
/// is a credential of the XML gateway, and stays in this body.
fn names_session(body: &[u8]) -> bool {
    #[derive(serde::Deserialize)]
    struct Answer {
        #[serde(rename = "ia::result")]
        result: Named,
    }

    #[derive(serde::Deserialize)]
    struct Named {
        #[serde(rename = "sessionId")]
        session: trunkline_core::Secret,
    }

    serde_json::from_slice::<Answer>(body).is_ok_and(|answer| !answer.result.session.is_empty())
}

#[async_trait]
impl Connector for SageIntacct {
    fn info(&self) -> &'static ConnectorInfo {
        const INFO: &ConnectorInfo = &SageIntacctConfig::INFO;
        INFO
    }

    fn auth(&self, method: Option<&str>) -> Option<Arc<dyn AuthProvider>> {
        match method.map_or(Some(self.default_method), GrantMethod::named)? {
            GrantMethod::AuthorizationCode => self.authorization_code.clone(),
            GrantMethod::ClientCredentials => Some(Arc::clone(&self.client_credentials)),
        }
    }

    /// The one endpoint of the connector.
    fn endpoint(&self, captures: &Captures) -> Result<Arc<Endpoint>, Error> {
        match captures.get(CAPTURE_ENTITY) {
            // One endpoint for all connections of the whole company: it costs them no memory.
            None => Ok(Arc::clone(&self.endpoint)),
            Some(entity) => {
                let entity = Entity::parse(entity)?;
                Ok(Arc::new(Endpoint::clone(&self.endpoint).scoped_to(entity.header_value()?)))
            }
        }
    }

    /// Proves the token with a call that touches no business object, and a second time in the
    /// connection's entity where it has one.
    async fn identify(&self, cx: &Cx, session: &Session, grant: &Grant) -> Result<Account, Error> {
        let account = grant.account.clone().unwrap_or_else(|| account_of(session.captures(), grant));
        self.prove(cx, session, None).await?;
        if let Some(entity) = &account.entity {
            self.prove(cx, session, Some(&Entity::parse(entity)?)).await?;
        }
        Ok(account)
    }

    /// Asks for the session behind the token: no permission on any object is needed for that.
    async fn probe(&self, cx: &Cx, session: &Session) -> Result<Probe, Error> {
        self.prove(cx, session, None).await.map(|()| Probe::Alive)
    }

    fn diagnose(&self, exchange: &Exchange<'_>) -> Option<Diagnosis> {
        diagnose(exchange, None)
    }

    fn permissions(&self) -> Option<&dyn PermissionMap> {
        Some(&crate::permission::SageMap)
    }
}

/// The account of a grant that was stored before, without a hint.
fn account_of(captures: &Captures, grant: &Grant) -> Account {
    let claims = claims(&grant.credential);
    let known = |name: &str| grant.captures.get(name).or_else(|| captures.get(name)).map(str::to_owned);
    let company = known(CAPTURE_COMPANY).or(claims.company).unwrap_or_default();
    let mut account = Account::new(company, known(CAPTURE_USER).or(claims.user).unwrap_or_default());
    account.entity = known(CAPTURE_ENTITY);
    account
}
