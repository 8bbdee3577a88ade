//! How grants are kept alive.

use std::time::Duration;

use trunkline_core::{NewConsent, RefreshPolicy, Reuse, RevokeScope};

use crate::config::{GrantMethod, SalesforceConfig};

/// What Salesforce does with the tokens of a grant that was made by `method`.
pub(crate) fn policy(config: &SalesforceConfig, method: GrantMethod) -> RefreshPolicy {
    let seconds = |seconds: u32| Duration::from_secs(seconds.into());
    let mut policy = RefreshPolicy::default();
    policy.default_lifetime = config.default_lifetime_s.map(seconds);
    // Five approvals of one user and app live side by side; a sixth ends the oldest, which then looks like any
    // other revocation.
    policy.new_consent = NewConsent::Coexists;
    match method {
        GrantMethod::AuthorizationCode => {
            // With rotation, which apps of several customers must have, a spent token revokes the current one.
            policy.reuse = Reuse::KillsFamily;
            policy.idle_limit = Some(config.refresh_idle_limit_s).filter(|limit| *limit > 0).map(seconds);
            // Revoking the refresh token ends its access tokens, and no other grant.
            policy.revoke_scope = RevokeScope::Grant;
        }
        GrantMethod::JwtBearer | GrantMethod::ClientCredentials => {
            policy.reuse = Reuse::RejectSoft;
            // There is an access token alone. Another connection may have been given the same; it asks again.
            policy.revoke_scope = RevokeScope::Token;
        }
    }
    policy
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spent_refresh_token_is_taken_for_fatal_and_an_unused_grant_is_kept_alive() {
        let mut config = SalesforceConfig::new("key");
        let of = |config: &SalesforceConfig| policy(config, GrantMethod::AuthorizationCode);
        let kept = of(&config);
        assert_eq!((kept.reuse, kept.revoke_scope), (Reuse::KillsFamily, RevokeScope::Grant));
        assert_eq!(kept.idle_limit, Some(Duration::from_secs(30 * 24 * 60 * 60)));
        assert_eq!(kept.default_lifetime, None, "it is learned");
        config.refresh_idle_limit_s = 0;
        config.default_lifetime_s = Some(900);
        let kept = of(&config);
        assert_eq!((kept.idle_limit, kept.default_lifetime), (None, Some(Duration::from_secs(900))));
    }

    #[test]
    fn where_nothing_is_spent_asking_again_is_harmless() {
        for method in [GrantMethod::JwtBearer, GrantMethod::ClientCredentials] {
            let kept = policy(&SalesforceConfig::new("key"), method);
            assert_eq!((kept.reuse, kept.idle_limit), (Reuse::RejectSoft, None), "{method:?}");
        }
    }
}
