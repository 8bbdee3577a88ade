//! A grant that is a key, or a name and a password: asked for by a form, carried as it is.

use std::collections::BTreeMap;
use std::sync::Arc;

use trunkline_core::{
    AuthProvider, Begun, Cause, Clock, ConsentAnswer, ConsentAsk, ConsentKind, ConsentStep, Credential, Cx,
    Diagnosis, Error, Grant, Held, InputSpec, Prepared, Remedy, Request, Revoked, Secret, async_trait,
};

use super::Shared;
use crate::format::Method;
use crate::injection::Injector;

/// A key that has no end and cannot be renewed.
#[derive(Debug)]
pub(crate) struct KeyProvider {
    shared: Arc<Shared>,
    method: Method,
    injector: Injector,
}

impl KeyProvider {
    pub(crate) fn new(shared: Arc<Shared>, method: Method, injector: Injector) -> Self {
        Self { shared, method, injector }
    }

    /// The inputs that make up the credential, in the manifest's order.
    fn names(&self) -> impl Iterator<Item = &str> {
        let format = &self.shared.manifest.format;
        let key = format.api_key.iter().filter(|_| self.method == Method::ApiKey).flat_map(|key| &key.inputs);
        let basic =
            format.basic.iter().filter(|_| self.method == Method::Basic).flat_map(|basic| &basic.inputs);
        key.chain(basic).map(|name| name.as_str())
    }

    fn asks(&self) -> bool {
        !self.shared.inputs(self.method).is_empty()
    }
}

#[async_trait]
impl AuthProvider for KeyProvider {
    fn method(&self) -> &'static str {
        self.method.name()
    }

    fn consent(&self) -> ConsentKind {
        if self.asks() { ConsentKind::Form } else { ConsentKind::Unattended }
    }

    fn inputs(&self) -> Vec<InputSpec> {
        self.shared.inputs(self.method)
    }

    async fn begin(&self, _: &Cx, ask: &ConsentAsk) -> Result<Begun, Error> {
        let step = ConsentStep::Form { state: ask.state.clone(), inputs: self.inputs() };
        Ok(Begun { step, pending: BTreeMap::new(), requested: ask.scopes.clone() })
    }

    async fn complete(&self, cx: &Cx, answer: &ConsentAnswer) -> Result<Grant, Error> {
        let now = cx.clock().wall();
        let dated = |error: Error| error.map_diagnosis(|diagnosis| diagnosis.during("consent", now));
        let values = self.shared.values(Some(&answer.inputs), None);
        let mut grant = Grant::default();
        // All that the API's URLs need, too: what is missing is said before anything is stored.
        self.shared.check_inputs(self.method, &answer.inputs).map_err(dated)?;
        let mut first_secret = None;
        for name in self.names() {
            let value = values.value(crate::template::Root::Input, name).map_err(dated)?;
            let value = Secret::new(value.as_str());
            let input = self.shared.manifest.format.inputs.get(name);
            if first_secret.is_none() && input.is_some_and(|input| input.secret) {
                first_secret = Some(value.clone());
            }
            grant.credential.other.insert(name.to_owned(), value);
        }
        // What keeps the connection going is that there is an access token: the first secret is it.
        grant.credential.access_token = first_secret;
        grant.credential.issued_at = Some(now);
        self.shared.keep_inputs(&answer.inputs, &mut grant.captures);
        if let Some(identity) = self.shared.manifest.format.identity.as_ref().filter(|it| it.url.is_none()) {
            let values = self.shared.values(Some(&answer.inputs), Some(&grant.captures));
            grant.account = crate::identity::account(identity, values, &|_| None);
        }
        Ok(grant)
    }

    async fn refresh(&self, cx: &Cx, _: &Held) -> Result<Grant, Error> {
        let remedy = Remedy::new(format!("{}.new_key", self.shared.manifest.name()))
            .value("title", self.shared.manifest.title())
            .step("Make a new key at {title}, or reset the password there, and enter it.");
        let diagnosis = Diagnosis::new(Cause::RefreshTokenMissing).remedied(remedy);
        Err(diagnosis.during("refresh", cx.clock().wall()).into())
    }

    async fn revoke(&self, _: &Cx, _: &Held) -> Result<Revoked, Error> {
        Ok(Revoked::NotSupported)
    }

    fn prepare(&self, credential: &Credential) -> Result<Prepared, Error> {
        self.injector.prepare(credential)
    }

    fn sign(&self, request: &mut Request, prepared: &Prepared, _: &dyn Clock) -> Result<(), Error> {
        self.injector.sign(request, prepared)
    }
}
