//! A grant that is a token: OAuth 2, OAuth 1.0a, a login, a signed statement. Each is one of `trunkline-auth`'s, made for
//! the connection at hand.

use std::sync::Arc;

use trunkline_core::url::{Url, form_urlencoded};
use trunkline_core::{
    Account, AuthProvider, Begun, Callback, Captures, Cause, Clock, ConsentAnswer, ConsentAsk, ConsentKind,
    ConsentStep, Credential, Cx, Error, Grant, Held, InputSpec, Inputs, Poll, Prepared, RefreshPolicy,
    Request, Revoked, Secret, async_trait,
};

use super::build::Grants;
use super::oauth1::{self, RequestSigner};
use super::{Shared, build, captured};
use crate::config::Operator;
use crate::format::{Format, Method};
use crate::injection::Injector;
use crate::values::Values;

/// One way to hold a grant that is a token.
#[derive(Debug)]
pub(crate) struct TokenProvider {
    shared: Arc<Shared>,
    method: Method,
    carrier: Carrier,
}

/// How requests carry a grant.
#[derive(Debug)]
pub(crate) enum Carrier {
    /// Parts of it are put on them.
    Injects(Injector),
    /// They are signed with it.
    Signs(RequestSigner),
}

impl TokenProvider {
    pub(crate) fn new(shared: Arc<Shared>, method: Method, carrier: Carrier) -> Self {
        Self { shared, method, carrier }
    }

    fn format(&self) -> &Format {
        &self.shared.manifest.format
    }

    fn operator(&self) -> &Operator {
        &self.shared.operator
    }

    /// The ready-made grant at this connection's endpoints.
    fn inner(&self, inputs: &Inputs, captures: Option<&Captures>) -> Result<Box<dyn AuthProvider>, Error> {
        let grants = Grants { operator: self.operator(), manifest: Some(&self.shared.manifest) };
        let values = self.shared.values(Some(inputs), captures);
        inner(&grants, self.method, values, &self.specs())
    }

    /// The same before anything is captured: for the way to the service, and for a refusal that comes back. Neither
    /// leads to a token request.
    fn asking(&self, inputs: &Inputs) -> Result<Box<dyn AuthProvider>, Error> {
        match (&self.format().oauth2, self.method) {
            (Some(oauth2), Method::AuthorizationCode) => {
                let grants = Grants { operator: self.operator(), manifest: Some(&self.shared.manifest) };
                Ok(Box::new(build::consent(&grants, oauth2, self.shared.values(Some(inputs), None))?))
            }
            _ => self.inner(inputs, None),
        }
    }

    /// Every input as the grants name it, the operator's among them.
    fn specs(&self) -> Vec<InputSpec> {
        specs(self.format())
    }

    /// Turns what the ready-made grant made into what the manifest says.
    fn finish(
        &self,
        mut grant: Grant,
        inputs: &Inputs,
        known: Captures,
        is_first: bool,
    ) -> Result<Grant, Error> {
        let read = grant.account.take().map(|account| account.details).unwrap_or_default();
        let mut captures = known;
        captured::of_answer(self.format(), &read, is_first, &mut captures)?;
        self.shared.keep_inputs(inputs, &mut captures);
        oauth1::keep_realm(self.method, self.shared.values(Some(inputs), None), &mut grant.credential)?;
        grant.account = self.hint(inputs, &captures);
        grant.captures = captures;
        Ok(grant)
    }

    /// The account, where no request has to be made for it.
    fn hint(&self, inputs: &Inputs, captures: &Captures) -> Option<Account> {
        let identity = self.format().identity.as_ref().filter(|it| it.url.is_none() && !it.introspection)?;
        crate::identity::account(identity, self.shared.values(Some(inputs), Some(captures)), &|_| None)
    }

    /// The callback, the code under the standard's name.
    fn callback(&self, callback: &Callback) -> Result<Callback, Error> {
        let named = self.format().oauth2.as_ref().and_then(|oauth2| oauth2.callback_code.as_ref());
        let Some(named) = named else { return Ok(callback.clone()) };
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in callback.iter().filter(|(name, _)| *name != "code") {
            query.append_pair(if name == named.as_str() { "code" } else { name }, value.expose());
        }
        let query = query.finish();
        match callback
            .path()
            .and_then(|path| Url::parse(&format!("https://callback.invalid{path}?{query}")).ok())
        {
            Some(url) => Callback::from_url(&url),
            None => Callback::from_query(&query),
        }
    }

    fn is_form(&self) -> bool {
        let inputs = self.shared.inputs(self.method);
        match self.method {
            Method::SessionLogin | Method::OAuth1Token => !inputs.is_empty(),
            Method::ClientCredentials => inputs.iter().any(|input| input.secret),
            _ => false,
        }
    }
}

/// Every input of a manifest, as a grant names it.
pub(crate) fn specs(format: &Format) -> Vec<InputSpec> {
    format.inputs.iter().map(|(name, input)| input.spec(name)).collect()
}

/// The ready-made grant for these values.
pub(crate) fn inner(
    grants: &Grants<'_>,
    method: Method,
    values: Values<'_>,
    specs: &[InputSpec],
) -> Result<Box<dyn AuthProvider>, Error> {
    let format = values.format;
    let wrong = || Error::of(trunkline_core::Cause::ConfigurationInvalid);
    Ok(match method {
        Method::AuthorizationCode => {
            Box::new(build::code(grants, format.oauth2.as_ref().ok_or_else(wrong)?, values)?)
        }
        Method::DeviceCode => {
            Box::new(build::device(grants, format.oauth2.as_ref().ok_or_else(wrong)?, values)?)
        }
        Method::ClientCredentials => {
            Box::new(build::credentials(grants, format.oauth2.as_ref().ok_or_else(wrong)?, values)?)
        }
        Method::SessionLogin => {
            Box::new(build::login(grants, format.session_login.as_ref().ok_or_else(wrong)?, values, specs)?)
        }
        Method::JwtBearer => {
            Box::new(build::jwt(grants, format.jwt_bearer.as_ref().ok_or_else(wrong)?, values)?)
        }
        Method::OAuth1 => {
            Box::new(oauth1::three_legged(grants, format.oauth1.as_ref().ok_or_else(wrong)?, values)?)
        }
        Method::OAuth1Token => {
            let oauth1 = format.oauth1_token.as_ref().ok_or_else(wrong)?;
            Box::new(oauth1::token_based(grants, oauth1, values, specs)?)
        }
        Method::ApiKey | Method::Basic => return Err(wrong()),
    })
}

#[async_trait]
impl AuthProvider for TokenProvider {
    fn method(&self) -> &'static str {
        self.method.name()
    }

    fn consent(&self) -> ConsentKind {
        match self.method {
            Method::AuthorizationCode | Method::OAuth1 => ConsentKind::Redirect,
            Method::DeviceCode => ConsentKind::Device,
            _ if self.is_form() => ConsentKind::Form,
            _ => ConsentKind::Unattended,
        }
    }

    fn inputs(&self) -> Vec<InputSpec> {
        self.shared.inputs(self.method)
    }

    fn policy(&self) -> RefreshPolicy {
        let format = self.format();
        match self.method {
            Method::AuthorizationCode | Method::DeviceCode => {
                format.oauth2.as_ref().map(|it| build::policy(&it.renewal))
            }
            Method::ClientCredentials => format.oauth2.as_ref().map(|it| build::minted(&it.renewal)),
            Method::SessionLogin => format.session_login.as_ref().map(|it| build::minted(&it.renewal)),
            Method::JwtBearer => format.jwt_bearer.as_ref().map(|it| build::minted(&it.renewal)),
            Method::ApiKey | Method::Basic | Method::OAuth1 | Method::OAuth1Token => None,
        }
        .unwrap_or_default()
    }

    fn client_identity(&self) -> Option<Secret> {
        if let Some(consumer) = oauth1::consumer(self.format(), self.method, self.operator()) {
            return Some(consumer.identity());
        }
        let is_clients =
            matches!(self.method, Method::AuthorizationCode | Method::DeviceCode | Method::ClientCredentials);
        let oauth2 = self.format().oauth2.as_ref().filter(|_| is_clients)?;
        // A customer's own client is no fault of the application's.
        let id = self.operator().client_id.as_ref().filter(|_| oauth2.client_id_input.is_none())?;
        let key = || self.operator().key.as_ref().map(|key| key.identity());
        let proof = self.operator().client_secret.clone().or_else(key);
        Some(trunkline_auth::oauth2::Client::new(id, proof).identity())
    }

    async fn begin(&self, cx: &Cx, ask: &ConsentAsk) -> Result<Begun, Error> {
        let now = cx.clock().wall();
        let dated = |error: Error| error.map_diagnosis(|diagnosis| diagnosis.during("consent", now));
        if self.is_form() {
            let step = ConsentStep::Form { state: ask.state.clone(), inputs: self.inputs() };
            return Ok(Begun { step, pending: Default::default(), requested: ask.scopes.clone() });
        }
        self.asking(&ask.inputs).map_err(dated)?.begin(cx, ask).await
    }

    async fn complete(&self, cx: &Cx, answer: &ConsentAnswer) -> Result<Grant, Error> {
        let now = cx.clock().wall();
        let dated = |error: Error| error.map_diagnosis(|diagnosis| diagnosis.during("consent", now));
        let mut answer = answer.clone();
        let known = match self.method {
            Method::AuthorizationCode | Method::OAuth1 => {
                answer.callback = self.callback(&answer.callback)?;
                captured::of_callback(self.format(), &answer.callback).map_err(dated)?
            }
            _ => Captures::default(),
        };
        let tenants = answer.inputs.clone();
        answer.inputs = self.shared.all_inputs(&tenants);
        // Before anything is spent: whatever the endpoints and the API need is there and good.
        self.shared.check_inputs(self.method, &tenants).map_err(dated)?;
        let inner = match answer.callback.get("error") {
            Some(_) => self.asking(&tenants),
            None => self.inner(&tenants, Some(&known)),
        };
        let grant = inner.map_err(dated)?.complete(cx, &answer).await?;
        self.finish(grant, &tenants, known, true).map_err(dated)
    }

    async fn poll(&self, cx: &Cx, answer: &ConsentAnswer) -> Result<Poll, Error> {
        let now = cx.clock().wall();
        let dated = |error: Error| error.map_diagnosis(|diagnosis| diagnosis.during("consent", now));
        let known = Captures::default();
        self.shared.check_inputs(self.method, &answer.inputs).map_err(dated)?;
        let inner = self.inner(&answer.inputs, Some(&known)).map_err(dated)?;
        match inner.poll(cx, answer).await? {
            Poll::Granted(grant) => {
                let grant = self.finish(*grant, &answer.inputs, known, true).map_err(dated)?;
                Ok(Poll::Granted(Box::new(grant)))
            }
            waiting => Ok(waiting),
        }
    }

    async fn refresh(&self, cx: &Cx, held: &Held) -> Result<Grant, Error> {
        let now = cx.clock().wall();
        let dated = |error: Error| error.map_diagnosis(|diagnosis| diagnosis.during("refresh", now));
        if self.inputs().iter().any(|input| input.once) {
            // What the login needs is not stored: only a person can give it again.
            return Err(dated(Error::of(Cause::RefreshTokenMissing)));
        }
        let inner = self.inner(&held.inputs, Some(&held.captures)).map_err(dated)?;
        let mut with_operators = held.clone();
        with_operators.inputs = self.shared.all_inputs(&held.inputs);
        let grant = inner.refresh(cx, &with_operators).await?;
        self.finish(grant, &held.inputs, held.captures.clone(), false)
    }

    async fn revoke(&self, cx: &Cx, held: &Held) -> Result<Revoked, Error> {
        let inner = self.inner(&held.inputs, Some(&held.captures))?;
        inner.revoke(cx, held).await
    }

    fn prepare(&self, credential: &Credential) -> Result<Prepared, Error> {
        match &self.carrier {
            Carrier::Injects(injector) => injector.prepare(credential),
            Carrier::Signs(signer) => signer.prepare(credential),
        }
    }

    fn sign(&self, request: &mut Request, prepared: &Prepared, clock: &dyn Clock) -> Result<(), Error> {
        match &self.carrier {
            Carrier::Injects(injector) => injector.sign(request, prepared),
            Carrier::Signs(signer) => signer.sign(request, prepared, clock),
        }
    }
}
