//! The ways to hold a grant: OAuth 2 as it is, and what Salesforce adds to it.

use std::sync::Arc;

use trunkline_core::{
    Account, AuthProvider, Begun, Captures, Cause, ConsentAnswer, ConsentAsk, ConsentKind, Credential, Cx,
    Diagnosis, Error, Grant, Held, InputSpec, Inputs, Prepared, RefreshPolicy, Remedy, Revoked, Secret,
    async_trait,
};

use crate::config::GrantMethod;
use crate::host::LoginHost;
use crate::oauth::{App, USERNAME};
use crate::remedy;

/// The capture that holds where the org's data is, as the latest token answer said.
pub const CAPTURE_INSTANCE_URL: &str = "instance_url";

/// The capture that holds where the grant was made, and is renewed and revoked.
pub const CAPTURE_LOGIN_URL: &str = "login_url";

/// The capture that holds the id of the org, in its long form.
pub const CAPTURE_ORGANIZATION_ID: &str = "organization_id";

/// The capture that holds the id of the user, in its long form.
pub const CAPTURE_USER_ID: &str = "user_id";

/// The input that names the user of the JWT bearer flow.
pub const INPUT_USERNAME: &str = "username";

/// The input that names where a connection's user signs in, in place of the setting.
pub const INPUT_LOGIN_URL: &str = "login_url";

const LOGIN_URL: InputSpec = InputSpec::new(INPUT_LOGIN_URL, "My Domain", "https://acme.my.salesforce.com");

/// A ready-made OAuth 2 provider at the host of each connection.
#[derive(Debug)]
pub(crate) struct SalesforceProvider {
    app: Arc<App>,
    method: GrantMethod,
    /// Where connections sign in that name no host.
    host: LoginHost,
}

impl SalesforceProvider {
    pub(crate) fn new(app: Arc<App>, method: GrantMethod, host: LoginHost) -> Self {
        Self { app, method, host }
    }

    /// Where a new grant is asked for.
    fn host(&self, inputs: &Inputs) -> Result<LoginHost, Error> {
        let named = inputs.get(INPUT_LOGIN_URL).filter(|named| !named.is_empty());
        let host = match named {
            Some(named) => login_host(named.expose())?,
            None => self.host.clone(),
        };
        // Salesforce would refuse it, and its answer says less.
        if self.method == GrantMethod::ClientCredentials && !host.is_of_one_org() {
            return Err(missing(remedy::MY_DOMAIN));
        }
        Ok(host)
    }

    /// Where a grant was made; what was made before that was remembered goes by inputs and settings.
    fn host_of(&self, held: &Held) -> Result<LoginHost, Error> {
        match held.captures.get(CAPTURE_LOGIN_URL) {
            Some(known) => login_host(known),
            None => self.host(&held.inputs),
        }
    }

    /// Adds to a grant where it was made, where its data is, and who it is for. `held` is what was known before.
    fn finish(&self, mut grant: Grant, host: &LoginHost, held: Option<&Captures>) -> Result<Grant, Error> {
        let known = |name: &str| held.and_then(|held| held.get(name)).map(str::to_owned);
        let told = grant.captures.get(CAPTURE_INSTANCE_URL).and_then(|told| host.instance(told));
        let instance = told.map(|url| url.as_str().trim_end_matches('/').to_owned());
        // A renewal is not thrown away over its address: the new refresh token would be lost with it.
        let instance = instance.or_else(|| known(CAPTURE_INSTANCE_URL));
        if instance.is_none() && held.is_none() {
            let why = "the token answer names no instance_url of Salesforce";
            return Err(Diagnosis::new(Cause::ResponseInvalid).message(why).into());
        }
        let account = grant
            .account
            .take()
            .or_else(|| Some(Account::new(known(CAPTURE_ORGANIZATION_ID)?, known(CAPTURE_USER_ID)?)));
        let (org, user) = account.as_ref().map_or(("", ""), |account| (&account.company, &account.user));
        let ours = [
            (CAPTURE_INSTANCE_URL, instance.as_deref().unwrap_or_default()),
            (CAPTURE_LOGIN_URL, host.as_str()),
            (CAPTURE_ORGANIZATION_ID, org),
            (CAPTURE_USER_ID, user),
        ];
        let mut captures = Captures::default();
        let others = grant.captures.iter().filter(|(name, _)| ours.iter().all(|(own, _)| own != name));
        for (name, value) in others.chain(ours).filter(|(_, value)| !value.is_empty()) {
            captures.insert(name, value);
        }
        grant.captures = captures;
        grant.account = account;
        Ok(grant)
    }
}

fn login_host(text: &str) -> Result<LoginHost, Error> {
    LoginHost::parse(text).map_err(|_| missing(remedy::LOGIN_URL))
}

fn missing(remedy: Remedy) -> Error {
    Diagnosis::new(Cause::InputMissing).remedied(remedy).into()
}

/// Adds to an error which call it was and when.
fn dated(error: Error, cx: &Cx, call: &str) -> Error {
    error.map_diagnosis(|diagnosis| diagnosis.during(call, cx.clock().wall()))
}

#[async_trait]
impl AuthProvider for SalesforceProvider {
    fn method(&self) -> &'static str {
        self.method.name()
    }

    fn consent(&self) -> ConsentKind {
        match self.method {
            GrantMethod::AuthorizationCode => ConsentKind::Redirect,
            GrantMethod::JwtBearer | GrantMethod::ClientCredentials => ConsentKind::Unattended,
        }
    }

    fn inputs(&self) -> Vec<InputSpec> {
        match self.method {
            GrantMethod::AuthorizationCode => Vec::new(),
            GrantMethod::JwtBearer => vec![USERNAME],
            GrantMethod::ClientCredentials if self.host.is_of_one_org() => Vec::new(),
            GrantMethod::ClientCredentials => vec![LOGIN_URL],
        }
    }

    fn policy(&self) -> RefreshPolicy {
        self.app.policy(self.method)
    }

    fn client_identity(&self) -> Option<Secret> {
        self.app.client_identity(&self.host, self.method)
    }

    async fn begin(&self, cx: &Cx, ask: &ConsentAsk) -> Result<Begun, Error> {
        let host = self.host(&ask.inputs).map_err(|error| dated(error, cx, "consent"))?;
        let mut begun = self.app.at(&host, self.method)?.begin(cx, ask).await?;
        // The code is only good where it was made.
        begun.pending.insert(CAPTURE_LOGIN_URL.to_owned(), Secret::new(host.as_str()));
        Ok(begun)
    }

    async fn complete(&self, cx: &Cx, answer: &ConsentAnswer) -> Result<Grant, Error> {
        let host = match answer.pending.get(CAPTURE_LOGIN_URL) {
            Some(known) => login_host(known.expose()),
            None => self.host(&answer.inputs),
        };
        let host = host.map_err(|error| dated(error, cx, "exchange"))?;
        let grant = self.app.at(&host, self.method)?.complete(cx, answer).await?;
        self.finish(grant, &host, None).map_err(|error| dated(error, cx, "exchange"))
    }

    async fn refresh(&self, cx: &Cx, held: &Held) -> Result<Grant, Error> {
        let host = self.host_of(held).map_err(|error| dated(error, cx, "refresh"))?;
        let grant = self.app.at(&host, self.method)?.refresh(cx, held).await?;
        self.finish(grant, &host, Some(&held.captures))
    }

    async fn revoke(&self, cx: &Cx, held: &Held) -> Result<Revoked, Error> {
        let host = self.host_of(held).map_err(|error| dated(error, cx, "revoke"))?;
        self.app.at(&host, self.method)?.revoke(cx, held).await
    }

    fn prepare(&self, credential: &Credential) -> Result<Prepared, Error> {
        trunkline_auth::oauth2::bearer(credential)
    }
}
