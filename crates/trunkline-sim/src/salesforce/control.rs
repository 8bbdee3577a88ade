//! What a test does to the service's apps, orgs, users and grants.

use super::Control;
use super::family::{Ended, Family};
use super::knobs::Knobs;
use super::org::Org;
use super::policy::{App, OrgPolicy, UserPolicy};
use super::state::Who;
use super::violation::Violation;
use crate::control::NotFound;

impl Control {
    /// Changes switches.
    pub fn knobs(&self, change: impl FnOnce(&mut Knobs)) {
        change(&mut self.inner.world().knobs);
    }

    /// Changes an app, as its developer or an administrator does.
    ///
    /// # Errors
    ///
    /// [`NotFound`] if there is no such app.
    pub fn app(&self, client_id: &str, change: impl FnOnce(&mut App)) -> Result<(), NotFound> {
        let mut world = self.inner.world();
        change(world.app_mut(client_id).ok_or_else(|| NotFound(format!("app {client_id}")))?);
        Ok(())
    }

    /// Adds a further app, which may not have the consumer key of another.
    ///
    /// # Errors
    ///
    /// [`NotFound`] if the consumer key is taken.
    pub fn add_app(&self, app: App) -> Result<(), NotFound> {
        let mut world = self.inner.world();
        if world.app(&app.client_id).is_some() {
            return Err(NotFound(format!("place for a second app {}", app.client_id)));
        }
        world.apps.push(app);
        Ok(())
    }

    /// Changes an org, which is named by its id or its My Domain, as all of this API does.
    ///
    /// # Errors
    ///
    /// [`NotFound`] if there is no such org.
    pub fn org(&self, org: &str, change: impl FnOnce(&mut OrgPolicy)) -> Result<(), NotFound> {
        self.with_org(org, |org, _| {
            change(&mut org.policy);
            Ok(())
        })
    }

    /// Changes a user, beside its permissions.
    ///
    /// # Errors
    ///
    /// [`NotFound`] if there is no such user.
    pub fn user(&self, username: &str, change: impl FnOnce(&mut UserPolicy)) -> Result<(), NotFound> {
        self.with_user(username, |org, user, _| {
            let Some(entry) = org.user_mut(user) else { return };
            change(&mut entry.policy);
            let active = entry.policy.active;
            if let Some(record) = org.find_mut("User", user) {
                record.fields.insert("IsActive".into(), active.into());
            }
        })
    }

    /// Replaces an app's consumer secret, which ends every token of the app.
    ///
    /// # Errors
    ///
    /// [`NotFound`] if there is no such app.
    pub fn set_client_secret(&self, client_id: &str, secret: &str) -> Result<(), NotFound> {
        self.app(client_id, |app| secret.clone_into(&mut app.client_secret))?;
        let mut world = self.inner.world();
        world.end_grants(Ended::SecretReplaced, |grant| grant.client == client_id);
        world.end_sessions(|session| session.client.as_deref() == Some(client_id));
        Ok(())
    }

    /// Ends every grant of the user, as the user or an administrator does.
    ///
    /// # Errors
    ///
    /// [`NotFound`] if there is no such user.
    pub fn revoke_grants(&self, username: &str) -> Result<(), NotFound> {
        let who = self.who(username)?;
        self.inner.world().end_grants(Ended::Revoked, |grant| grant.who == who);
        Ok(())
    }

    /// Ends one grant with its tokens, and no other of its user.
    ///
    /// # Errors
    ///
    /// [`NotFound`] if there is no family of that number.
    pub fn end_family(&self, id: u64) -> Result<(), NotFound> {
        let mut world = self.inner.world();
        world.grant(id).ok_or_else(|| NotFound(format!("family {id}")))?;
        world.end_grants(Ended::Revoked, |grant| grant.id == id);
        Ok(())
    }

    /// Lets a grant cover these scopes only, from its next refresh on.
    ///
    /// # Errors
    ///
    /// [`NotFound`] if there is no family of that number.
    pub fn narrow_family(&self, id: u64, scopes: &[&str]) -> Result<(), NotFound> {
        let mut world = self.inner.world();
        let grant = world.grant_mut(id).ok_or_else(|| NotFound(format!("family {id}")))?;
        grant.scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        Ok(())
    }

    /// Ends one session, as an administrator does in Session Management; its grant lives.
    ///
    /// # Errors
    ///
    /// [`NotFound`] if it is no access token of this simulator.
    pub fn end_session(&self, access_token: &str) -> Result<(), NotFound> {
        let mut world = self.inner.world();
        let session = world.sessions.get_mut(access_token);
        session.ok_or_else(|| NotFound("such access token".to_owned()))?.ended = true;
        Ok(())
    }

    /// The same for every session that the user has now.
    ///
    /// # Errors
    ///
    /// [`NotFound`] if there is no such user.
    pub fn end_sessions(&self, username: &str) -> Result<(), NotFound> {
        let who = self.who(username)?;
        self.inner.world().end_sessions(|session| session.who == who);
        Ok(())
    }

    /// Gives the org its other address, as a renamed My Domain does. The old one then serves no data.
    ///
    /// # Errors
    ///
    /// [`NotFound`] if there is no such org, or with [`Hosts::One`](super::Hosts::One) no other address.
    pub fn rename_my_domain(&self, org: &str) -> Result<(), NotFound> {
        self.with_org(org, |org, _| {
            let other = self.inner.other_address(&org.id, &org.instance_url);
            org.instance_url = other.ok_or_else(|| NotFound(format!("other address of {}", org.id)))?;
            Ok(())
        })
    }

    /// All grants with their counts, in the order of approvals.
    #[must_use]
    pub fn families(&self) -> Vec<Family> {
        let world = self.inner.world();
        world.grants.iter().map(|grant| Family::of(&world, grant)).collect()
    }

    /// What no client should have done, in that order.
    #[must_use]
    pub fn violations(&self) -> Vec<Violation> {
        self.inner.world().violations.clone()
    }

    pub(crate) fn who(&self, username: &str) -> Result<Who, NotFound> {
        self.inner.world().by_username(username).ok_or_else(|| NotFound(format!("user {username}")))
    }

    pub(crate) fn with_org<T>(
        &self,
        name: &str,
        change: impl FnOnce(&mut Org, i64) -> Result<T, NotFound>,
    ) -> Result<T, NotFound> {
        let now_s = self.front.clock.now_s();
        let mut world = self.inner.world();
        change(world.org_mut(name).ok_or_else(|| NotFound(format!("org {name}")))?, now_s)
    }

    pub(crate) fn with_user(
        &self,
        username: &str,
        change: impl FnOnce(&mut Org, &str, i64),
    ) -> Result<(), NotFound> {
        let who = self.who(username)?;
        self.with_org(&who.org, |org, now_s| {
            change(org, &who.user, now_s);
            Ok(())
        })
    }
}
