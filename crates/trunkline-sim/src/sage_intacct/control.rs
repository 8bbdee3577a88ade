//! What a test does to the service's users, companies and grants.

use super::company::PermissionType;
use super::family::{Ended, Family};
use super::knobs::{AccessDeath, Knobs};
use super::{Control, jwt, supersede};
use crate::control::NotFound;

impl Control {
    /// Changes switches.
    pub fn knobs(&self, change: impl FnOnce(&mut Knobs)) {
        change(&mut self.inner.world().knobs);
    }

    /// Ends every grant of the pair, as an administrator's revocation does: refreshes answer
    /// `invalid_grant`, access tokens `REST-2102`.
    pub fn revoke_grants(&self, user: &str, company: &str) {
        self.inner.world().end_pool(Ended::Revoked, user, company);
    }

    /// Ends one grant with its tokens, and no other of its user.
    ///
    /// # Errors
    ///
    /// [`NotFound`] if there is no family of that number.
    pub fn end_family(&self, id: u64) -> Result<(), NotFound> {
        let mut world = self.inner.world();
        if world.grant(id).is_none() {
            return Err(NotFound(format!("family {id}")));
        }
        world.end_grants(Ended::Revoked, AccessDeath::AtOnce, |grant| grant.id == id);
        Ok(())
    }

    /// Lets this access token be answered `REST-2102` from now on; its grant lives.
    ///
    /// # Errors
    ///
    /// [`NotFound`] if it is no access token of this simulator.
    pub fn reject_access_token(&self, token: &str) -> Result<(), NotFound> {
        let mut world = self.inner.world();
        let claims = jwt::claims(&world.signing_key, token);
        let session = claims.and_then(|claims| world.sessions.get_mut(&claims.session_id));
        session.ok_or_else(|| NotFound("such access token".to_owned()))?.life = super::state::Life::Dead;
        Ok(())
    }

    /// The same for every access token that the pair has now. Whatever the knobs say, grants live.
    pub fn reject_access_tokens(&self, user: &str, company: &str) {
        self.inner
            .world()
            .end_sessions(AccessDeath::AtOnce, |session| session.user == user && session.company == company);
    }

    /// Ends the pair's consents as a newer consent of `client_id` elsewhere does, by the knobs
    /// `supersede_scope` and `superseded_access`.
    pub fn supersede_grants(&self, user: &str, company: &str, client_id: &str) {
        supersede(&mut self.inner.world(), user, company, client_id);
    }

    /// Signs in to the web UI as the user, which ends the user's access tokens (and the refresh
    /// tokens, by the knob `ui_login_kills_refresh`).
    pub fn ui_login(&self, user: &str, company: &str) {
        self.reject_access_tokens(user, company);
        let mut world = self.inner.world();
        if world.knobs.ui_login_kills_refresh {
            world.end_pool(Ended::UiLogin, user, company);
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

    /// Changes where the company keeps its permissions. What every user may do stays as it is: going to roles,
    /// each user gets a system role of its own; going to users, roles are taken from users and groups.
    pub fn set_permission_type(&self, company: &str, permission_type: PermissionType) {
        let world = &mut *self.inner.world();
        if let Some(company) = world.companies.get_mut(company) {
            super::permission::change_type(company, &world.knobs, permission_type);
        }
    }

    /// Puts a permission into the company's catalogue that opens nothing.
    pub fn add_permission(&self, company: &str, module: &str, name: &str) {
        self.with_company(company, |company| super::seed::permission(company, module, name));
    }

    /// Changes what the company's catalogue calls a permission; it opens what it did before.
    ///
    /// # Errors
    ///
    /// [`NotFound`] if the company or the permission is missing.
    pub fn rename_permission(
        &self,
        company: &str,
        (module, permission): (&str, &str),
        name: &str,
    ) -> Result<(), NotFound> {
        let mut world = self.inner.world();
        let found = world.companies.get_mut(company).ok_or_else(|| NotFound(format!("company {company}")))?;
        let key = found
            .permission(module, permission)
            .ok_or_else(|| NotFound(format!("permission {module}.{permission}")))?;
        let table = found.tables.get_mut("company-config/permission");
        if let Some(record) = table.and_then(|table| table.get_mut(&key)) {
            record.fields.insert("name".to_owned(), name.into());
        }
        found.renamed.insert((module.to_owned(), permission.to_owned()), name.to_owned());
        Ok(())
    }

    /// Lets the company's IP filter admit calls, or refuse them all.
    pub fn set_address_admitted(&self, company: &str, admitted: bool) {
        self.with_company(company, |company| company.address_admitted = admitted);
    }

    /// Lets lines of an invoice name a general ledger account, or refuses that with `AR-0279`.
    pub fn set_account_override(&self, company: &str, on: bool) {
        self.with_company(company, |company| company.account_override = on);
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

    /// All grants with their counts, in the order of consents.
    #[must_use]
    pub fn families(&self) -> Vec<Family> {
        self.inner.world().grants.iter().map(Family::from).collect()
    }
}
