//! What the service is known to do, and the connector has to know of it.

use std::time::Duration;

use trunkline_core::{NewConsent, RefreshPolicy, Reuse, RevokeScope};

use super::Profile;

/// Facts of the service. What is `None` is not stated, and the connector is believed.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    pub(crate) reuse: Option<Reuse>,
    pub(crate) idle_limit: Option<Duration>,
    pub(crate) default_lifetime: Option<Duration>,
    pub(crate) revoke_scope: Option<RevokeScope>,
    pub(crate) new_consent: Option<NewConsent>,
    pub(crate) scope_separator: char,
    /// What lives of access tokens are whole multiples of.
    pub(crate) granularity: Duration,
}

impl Default for Facts {
    fn default() -> Self {
        Self {
            reuse: None,
            idle_limit: None,
            default_lifetime: None,
            revoke_scope: None,
            new_consent: None,
            scope_separator: ' ',
            granularity: Duration::from_secs(1),
        }
    }
}

impl Facts {
    /// The shortest life that the service can state, and that is not shorter than `life`.
    pub(crate) fn whole(&self, life: Duration) -> Duration {
        let unit = self.granularity.as_secs().max(1);
        Duration::from_secs(life.as_secs().next_multiple_of(unit))
    }

    /// Each fact that is stated of how grants live: its name, what is stated, and what a policy says.
    pub(crate) fn of_grants(&self, policy: &RefreshPolicy) -> Vec<(&'static str, String, String)> {
        let told = |is: &dyn std::fmt::Debug| format!("{is:?}");
        let life = |life: Duration, of_policy: Option<Duration>| (told(&Some(life)), told(&of_policy));
        let facts = [
            self.reuse.map(|it| ("reuse", (told(&it), told(&policy.reuse)))),
            self.idle_limit.map(|it| ("idle_limit", life(it, policy.idle_limit))),
            self.default_lifetime.map(|it| ("default_lifetime", life(it, policy.default_lifetime))),
            self.revoke_scope.map(|it| ("revoke_scope", (told(&it), told(&policy.revoke_scope)))),
            self.new_consent.map(|it| ("new_consent", (told(&it), told(&policy.new_consent)))),
        ];
        facts.into_iter().flatten().map(|(name, (stated, said))| (name, stated, said)).collect()
    }
}

impl Profile {
    /// What the service does when a refresh token that was spent comes again. The hostile service does it, and the policy of
    /// the connector has to say it. Default: the connector is believed.
    #[must_use]
    pub fn reuse(mut self, reuse: Reuse) -> Self {
        self.facts.reuse = Some(reuse);
        self
    }

    /// How long a refresh token lives that is not used: the policy of the connector has to say it.
    #[must_use]
    pub fn idle_limit(mut self, limit: Duration) -> Self {
        self.facts.idle_limit = Some(limit);
        self
    }

    /// How long an access token lives whose answer does not say so: the policy of the connector has to say it.
    #[must_use]
    pub fn default_lifetime(mut self, life: Duration) -> Self {
        self.facts.default_lifetime = Some(life);
        self
    }

    /// What a revocation ends at the service: the policy of the connector has to say it.
    #[must_use]
    pub fn revocation_ends(mut self, scope: RevokeScope) -> Self {
        self.facts.revoke_scope = Some(scope);
        self
    }

    /// What a new consent does to earlier grants of the account: the policy of the connector has to say it.
    #[must_use]
    pub fn new_consent(mut self, new_consent: NewConsent) -> Self {
        self.facts.new_consent = Some(new_consent);
        self
    }

    /// What stands between two scopes, in requests and in answers. Default: a space, as RFC 6749, 3.3 says.
    #[must_use]
    pub fn scope_separator(mut self, separator: char) -> Self {
        self.facts.scope_separator = separator;
        self
    }

    /// Lives of access tokens are whole multiples of this: a minute, where the service counts in minutes. Whole seconds, an
    /// hour at most. Default: a second.
    #[must_use]
    pub fn lives_in(mut self, unit: Duration) -> Self {
        self.facts.granularity = unit;
        self
    }
}
