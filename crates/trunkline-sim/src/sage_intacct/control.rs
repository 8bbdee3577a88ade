//! What a test does to the service: time, administration, faults, and a look at the requests.

use std::sync::Arc;
use std::time::Duration;

use super::fault::{Fixture, TokenFault};
use super::knobs::{AccessDeath, Knobs};
use super::log::LoggedRequest;
use super::{Inner, supersede};

/// Why a control call had no effect: the text names what was not found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("simulator has no {0}")]
pub struct NotFound(pub(crate) String);

/// The control API. Cheap to clone; every change acts on the next request.
#[derive(Debug, Clone)]
pub struct Control {
    pub(crate) inner: Arc<Inner>,
}

impl Control {
    /// Moves the service's clock forward, in whole seconds, rounded up.
    pub fn advance_clock(&self, by: Duration) {
        self.inner.clock.advance(by);
    }

    /// Changes switches.
    pub fn knobs(&self, change: impl FnOnce(&mut Knobs)) {
        change(&mut self.inner.world().knobs);
    }

    /// Ends every grant of the pair, as an administrator's revocation does: refreshes answer
    /// `invalid_grant`, access tokens `REST-2102`.
    pub fn revoke_grants(&self, user: &str, company: &str) {
        self.inner.world().end_pool(user, company);
    }

    /// Ends the pair's consents as a newer consent of `client_id` elsewhere does, by the knobs
    /// `supersede_scope` and `superseded_access`.
    pub fn supersede_grants(&self, user: &str, company: &str, client_id: &str) {
        supersede(&mut self.inner.world(), user, company, client_id);
    }

    /// Signs in to the web UI as the user, which ends the user's access tokens (and the refresh
    /// tokens, by the knob `ui_login_kills_refresh`).
    pub fn ui_login(&self, user: &str, company: &str) {
        let mut world = self.inner.world();
        if world.knobs.ui_login_kills_refresh {
            world.end_pool(user, company);
        } else {
            world.end_sessions(AccessDeath::AtOnce, |session| {
                session.user == user && session.company == company
            });
        }
    }

    /// Locks the user out: tokens are refused until [`unlock_user`](Self::unlock_user).
    ///
    /// # Errors
    ///
    /// [`NotFound`] if the company has no such user.
    pub fn lock_user(&self, user: &str, company: &str) -> Result<(), NotFound> {
        self.set_user_field(user, company, "status", "lockedOut")
    }

    /// Makes the user active again.
    ///
    /// # Errors
    ///
    /// [`NotFound`] if the company has no such user.
    pub fn unlock_user(&self, user: &str, company: &str) -> Result<(), NotFound> {
        self.set_user_field(user, company, "status", "active")
    }

    /// Changes the user's type (`business`, `employee`, …), the ceiling of all permissions.
    ///
    /// # Errors
    ///
    /// [`NotFound`] if the company has no such user.
    pub fn set_user_type(&self, user: &str, company: &str, user_type: &str) -> Result<(), NotFound> {
        self.set_user_field(user, company, "userType", user_type)
    }

    fn set_user_field(&self, user: &str, company: &str, field: &str, value: &str) -> Result<(), NotFound> {
        let mut world = self.inner.world();
        let record = world
            .companies
            .get_mut(company)
            .and_then(|company| company.by_id_mut("company-config/user", user))
            .ok_or_else(|| NotFound(format!("user {user} in {company}")))?;
        record.fields.insert(field.to_owned(), value.into());
        Ok(())
    }

    /// Gives the user this role in place of all others.
    ///
    /// # Errors
    ///
    /// [`NotFound`] if the company, the user or the role is missing.
    pub fn change_role(&self, user: &str, company: &str, role: &str) -> Result<(), NotFound> {
        let mut world = self.inner.world();
        let found = world.companies.get_mut(company).ok_or_else(|| NotFound(format!("company {company}")))?;
        let reference = found
            .by_id("company-config/role", role)
            .map(|record| found.reference("company-config/role", record))
            .ok_or_else(|| NotFound(format!("role {role} in {company}")))?;
        let record = found
            .by_id_mut("company-config/user", user)
            .ok_or_else(|| NotFound(format!("user {user} in {company}")))?;
        record.fields.insert("roles".to_owned(), vec![reference].into());
        Ok(())
    }

    /// Gives a role these rights (`list`, `readonly`, `add`, `modify`, `delete`, …) on one
    /// permission, in place of those it had; an empty slice takes them all.
    ///
    /// # Errors
    ///
    /// [`NotFound`] if the company, the role or the permission is missing.
    pub fn set_permissions(
        &self,
        company: &str,
        role: &str,
        (module, permission): (&str, &str),
        rights: &[&str],
    ) -> Result<(), NotFound> {
        let mut world = self.inner.world();
        let found = world.companies.get_mut(company).ok_or_else(|| NotFound(format!("company {company}")))?;
        let key = found
            .by_id("company-config/role", role)
            .map(|record| record.key)
            .ok_or_else(|| NotFound(format!("role {role} in {company}")))?;
        let permission = found
            .permission(module, permission)
            .ok_or_else(|| NotFound(format!("permission {module}.{permission}")))?;
        found.assign(key, permission, rights);
        Ok(())
    }

    /// Ends the company's subscription of a module, in the spelling of the permission catalogue
    /// (`accountsPayable`, `webServices`, …).
    pub fn unsubscribe(&self, company: &str, module: &str) {
        self.with_company(company, |company| {
            company.subscriptions.remove(module);
        });
    }

    /// Subscribes the company to a module.
    pub fn subscribe(&self, company: &str, module: &str) {
        self.with_company(company, |company| {
            company.subscriptions.insert(module.to_owned());
        });
    }

    /// Takes the client off the company's "Authorized client applications".
    pub fn deauthorise_client(&self, company: &str, client_id: &str) {
        self.with_company(company, |company| {
            company.clients.remove(client_id);
        });
    }

    /// Puts the client on that list; `ws_user` is the user that client credentials may name.
    pub fn authorise_client(&self, company: &str, client_id: &str, ws_user: Option<&str>) {
        let entry = super::company::AuthorisedClient { active: true, ws_user: ws_user.map(str::to_owned) };
        self.with_company(company, |company| {
            company.clients.insert(client_id.to_owned(), entry);
        });
    }

    /// Takes the developer's sender id off the company's Web Services authorizations.
    pub fn deauthorise_sender(&self, company: &str) {
        self.with_company(company, |company| company.sender_authorised = false);
    }

    /// Makes the company inactive or active.
    pub fn set_company_active(&self, company: &str, active: bool) {
        self.with_company(company, |company| company.active = active);
    }

    /// Starts or ends maintenance of every company.
    pub fn maintenance(&self, on: bool) {
        for company in self.inner.world().companies.values_mut() {
            company.maintenance = on;
        }
    }

    /// Replaces the secret of a client.
    pub fn set_client_secret(&self, client_id: &str, secret: &str) {
        if let Some(app) = self.inner.world().apps.iter_mut().find(|app| app.client_id == client_id) {
            secret.clone_into(&mut app.client_secret);
        }
    }

    fn with_company(&self, company: &str, change: impl FnOnce(&mut super::company::Company)) {
        if let Some(company) = self.inner.world().companies.get_mut(company) {
            change(company);
        }
    }

    /// Answers the next matching calls with a fixture; earlier injected ones come first.
    pub fn inject(&self, fixture: Fixture) {
        self.inner.world().fixtures.push(fixture);
    }

    /// Lets the next token requests meet this fault, behind faults that wait already.
    pub fn fail_token_endpoint(&self, fault: &TokenFault, times: usize) {
        // A bound, since this also comes over HTTP.
        for _ in 0..times.min(10_000) {
            self.inner.world().token_faults.push_back(fault.clone());
        }
    }

    /// Delays the next token request in real time. To hold requests without measuring time use
    /// [`pause_token_endpoint`](Self::pause_token_endpoint).
    pub fn hold_token_endpoint(&self, by: Duration) {
        self.fail_token_endpoint(&TokenFault::delay(by), 1);
    }

    /// Holds all token requests, already logged but not processed, until
    /// [`resume_token_endpoint`](Self::resume_token_endpoint).
    pub fn pause_token_endpoint(&self) {
        self.inner.paused.send_replace(true);
    }

    /// Lets held token requests go on.
    pub fn resume_token_endpoint(&self) {
        self.inner.paused.send_replace(false);
    }

    /// Number of token requests that arrived, held and failed ones included.
    #[must_use]
    pub fn token_requests(&self) -> usize {
        self.inner.world().log.iter().filter(|request| request.is_token_request()).count()
    }

    /// All requests in order of arrival, control requests excepted.
    #[must_use]
    pub fn requests(&self) -> Vec<LoggedRequest> {
        self.inner.world().log.clone()
    }

    /// Empties the record of requests.
    pub fn clear_requests(&self) {
        self.inner.clear_log();
    }

    /// Waits until `count` token requests have arrived. Without bound: put a timeout around it.
    pub async fn token_requests_reached(&self, count: usize) {
        let mut arrivals = self.inner.arrivals.subscribe();
        while self.token_requests() < count {
            if arrivals.changed().await.is_err() {
                return;
            }
        }
    }
}
