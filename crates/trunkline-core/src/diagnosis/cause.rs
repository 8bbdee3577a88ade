//! The closed list of causes, one row each.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Actor, Family, Retry};
use crate::error::ErrorKind;

/// What a cause means for the grant: what the keeper may conclude from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Verdict {
    /// Nothing: the failure is about this call only.
    CallOnly,
    /// Nothing yet: the grant lives, trying later may help.
    Transient,
    /// Unknown whether the service acted: a spent credential may or may not still serve.
    OutcomeUnknown,
    /// The access token no longer serves; one renewal decides.
    RenewAccessToken,
    /// The grant is gone; only a person can give a new one.
    GrantDead,
    /// Someone at the customer can undo it without a new consent.
    Suspended,
    /// The application's own client is broken; no connection is to blame.
    ClientBroken,
}

macro_rules! causes {
    ($($variant:ident $code:literal $family:ident $actor:ident $verdict:ident $kind:ident
        $summary:literal, $remedy:literal;)*) => {
        /// Why something failed: a closed list with stable codes.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[non_exhaustive]
        pub enum Cause {
            $(#[doc = $summary] #[serde(rename = $code)] $variant,)*
        }

        impl Cause {
            /// Every cause, in the order of the list.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The stable code, in snake_case.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// Which of the kinds that users know.
            #[must_use]
            pub const fn family(self) -> Family {
                match self { $(Self::$variant => Family::$family,)* }
            }

            /// Who usually ends it.
            #[must_use]
            pub const fn actor(self) -> Actor {
                match self { $(Self::$variant => Actor::$actor,)* }
            }

            /// What it means for the grant.
            #[must_use]
            pub const fn verdict(self) -> Verdict {
                match self { $(Self::$variant => Verdict::$verdict,)* }
            }

            /// The kind of error it makes.
            #[must_use]
            pub const fn kind(self) -> ErrorKind {
                match self { $(Self::$variant => ErrorKind::$kind,)* }
            }

            /// What happened, in one clause.
            #[must_use]
            pub const fn summary(self) -> &'static str {
                match self { $(Self::$variant => $summary,)* }
            }

            /// What the usual actor does.
            #[must_use]
            pub const fn remedy(self) -> &'static str {
                match self { $(Self::$variant => $remedy,)* }
            }
        }
    };
}

causes! {
    AccessTokenExpired "access_token_expired" ExpiredAccessToken Nobody RenewAccessToken Unauthenticated
        "the access token has expired", "Nothing: it is renewed before the next call.";
    AccessTokenRejected "access_token_rejected" RevokedOrInvalidToken Nobody RenewAccessToken Unauthenticated
        "the service no longer accepts the access token", "Nothing: one renewal decides whether the grant still lives.";
    GrantRevoked "grant_revoked" RevokedOrInvalidToken CustomerUser GrantDead Unauthenticated
        "the service no longer accepts the grant", "Connect again and approve access at the service.";
    GrantExpired "grant_expired" RevokedOrInvalidToken CustomerUser GrantDead Unauthenticated
        "the grant has reached its end", "Connect again and approve access at the service.";
    GrantSuperseded "grant_superseded" RevokedOrInvalidToken Operator GrantDead Unauthenticated
        "a newer consent for the same account replaced the grant", "Use the newer connection, or connect again with a user of its own.";
    RefreshTokenMissing "refresh_token_missing" RevokedOrInvalidToken CustomerUser GrantDead Unauthenticated
        "the access token has expired and there is nothing to renew it with", "Connect again; the operator checks that offline access is asked for.";
    RefreshOutcomeUnknown "refresh_outcome_unknown" Other Nobody OutcomeUnknown Unavailable
        "the service did not say whether it renewed the grant", "Nothing: Trunkline tries again by the service's rules.";
    ConsentMissing "consent_missing" Other CustomerUser CallOnly Unauthenticated
        "nobody has connected this account yet", "Connect and approve access at the service.";
    ConsentDenied "consent_denied" Other CustomerUser CallOnly ConsentFailed
        "access was not approved at the service", "Start again and approve access.";
    ConsentInvalid "consent_invalid" Other CustomerUser CallOnly ConsentFailed
        "the answer does not belong to a consent that was started here", "Start again from the application.";
    ConsentExpired "consent_expired" Other CustomerUser CallOnly ConsentFailed
        "the consent took too long or was used already", "Start again from the application.";
    ConsentOutcomeUnknown "consent_outcome_unknown" Other CustomerUser CallOnly ConsentFailed
        "the service did not say whether it accepted the consent", "Start again from the application.";
    AccountMismatch "account_mismatch" Other CustomerUser CallOnly ConsentFailed
        "another account approved access than the one this connection belongs to", "Sign in as the connection's own account, or approve the change of account in the application.";
    Disconnected "disconnected" Other CustomerUser CallOnly Unauthenticated
        "the connection was disconnected here", "Connect again and approve access at the service.";
    InputMissing "input_missing" Other CustomerUser CallOnly InvalidInput
        "something that the connection needs was not given", "Give the missing input.";
    ClientCredentialsInvalid "client_credentials_invalid" InvalidCredentials Operator ClientBroken ClientBroken
        "the service does not accept the application's client id or secret", "Check client id and secret in the configuration, for stray blanks too.";
    ClientNotAuthorized "client_not_authorized" InvalidCredentials CustomerAdministrator Suspended PermissionDenied
        "the customer's company does not authorise the application", "Authorise the application in the service's security settings.";
    UserCredentialsInvalid "user_credentials_invalid" InvalidCredentials CustomerUser GrantDead Unauthenticated
        "the service does not accept the user's name or credentials", "Enter the user's credentials again.";
    UserDisabled "user_disabled" InvalidCredentials CustomerAdministrator Suspended Suspended
        "the user is disabled at the service", "Activate the user at the service.";
    CompanyInactive "company_inactive" Other CustomerAdministrator Suspended Suspended
        "the company, or the application for it, is not active at the service", "Check that company, subscription and application are active at the service.";
    PermissionMissing "permission_missing" InsufficientPermissions CustomerAdministrator CallOnly PermissionDenied
        "the user lacks a permission for this", "Give the user the permission at the service.";
    ScopeMissing "scope_missing" InsufficientPermissions CustomerUser CallOnly PermissionDenied
        "the grant lacks a scope for this", "Connect again and approve the missing access.";
    ModuleNotSubscribed "module_not_subscribed" InsufficientPermissions CustomerAdministrator CallOnly PermissionDenied
        "the company does not subscribe to the module", "Subscribe to the module at the service.";
    EntityForbidden "entity_forbidden" InsufficientPermissions CustomerAdministrator CallOnly PermissionDenied
        "the user may not act in this entity", "Give the user access to the entity at the service.";
    FeatureDenied "feature_denied" InsufficientPermissions CustomerAdministrator CallOnly PermissionDenied
        "a setting of the company forbids this", "Change the setting at the service.";
    RequestInvalid "request_invalid" Other Operator CallOnly InvalidInput
        "the service does not accept the request as it is", "Mend the request; the service's message says where.";
    NotFound "not_found" Other Operator CallOnly NotFound
        "the service has no such thing", "Check the key; the user may not be allowed to see it.";
    Conflict "conflict" Other Operator CallOnly Conflict
        "the request clashes with what the service already has", "Read the current state and decide anew.";
    BusinessRule "business_rule" Other CustomerUser CallOnly InvalidInput
        "a rule of the service forbids this", "Follow the service's message.";
    RateLimited "rate_limited" Other Nobody Transient RateLimited
        "the service asks for a pause", "Nothing: wait as long as the service says.";
    ServiceUnavailable "service_unavailable" Other Service Transient Unavailable
        "the service cannot answer now", "Nothing: the service has to recover.";
    ServiceUnreachable "service_unreachable" Other Service Transient NotSent
        "the service could not be reached; nothing was sent", "Nothing, if it passes; else the operator checks the network.";
    OutcomeUnknown "outcome_unknown" Other Operator Transient Unavailable
        "no whole answer came; the request may have been carried out", "Check at the service before repeating a write.";
    ResponseInvalid "response_invalid" Other Service OutcomeUnknown ResponseInvalid
        "the service's answer makes no sense", "Nothing, if it passes; else tell the service's support.";
    ConfigurationInvalid "configuration_invalid" Other Operator ClientBroken ConfigInvalid
        "the connector's settings do not fit the service", "Mend the connector's settings.";
}

impl Cause {
    /// Whether and when the same call may succeed, where the service named no time.
    #[must_use]
    pub const fn retry(self) -> Retry {
        match self.verdict() {
            Verdict::RenewAccessToken => Retry::AfterRenewal,
            Verdict::Transient | Verdict::OutcomeUnknown => Retry::After { after_s: 30 },
            Verdict::CallOnly | Verdict::GrantDead | Verdict::Suspended | Verdict::ClientBroken => {
                Retry::Never
            }
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn codes_are_unique_and_snake_case() {
        let mut seen = HashSet::new();
        for cause in Cause::ALL {
            assert!(seen.insert(cause.code()), "{cause}");
            assert!(cause.code().chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{cause}");
            assert_eq!(serde_json::to_string(cause).unwrap(), format!("{:?}", cause.code()));
        }
    }
}
