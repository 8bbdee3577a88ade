//! The closed list of causes, one row each.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Actor, Family, Remedy, Retry, english};
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
    ($($variant:ident $code:literal $family:ident $verdict:ident $kind:ident
        [$usual:ident $($other:ident)*] $summary:literal;)*) => {
        /// Why something failed: a closed list with stable codes.
        ///
        /// `docs/errors.md` describes each of them: what it means, how it is recognised, who acts and
        /// what they do. The same texts are behind [`meaning`](Self::meaning),
        /// [`recognised`](Self::recognised) and [`advice`](Self::advice).
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
                match self { $(Self::$variant => Actor::$usual,)* }
            }

            /// Who can meet it, the usual actor first: each of them has [`advice`](Self::advice).
            #[must_use]
            pub const fn met_by(self) -> &'static [Actor] {
                match self { $(Self::$variant => &[Actor::$usual, $(Actor::$other,)*],)* }
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
        }
    };
}

// Variant, code, family, what the keeper may conclude, kind of error, who meets it (the usual actor
// first), what happened. The texts for those who meet it stand in `english/`.
causes! {
    AccessTokenExpired "access_token_expired" ExpiredAccessToken RenewAccessToken Unauthenticated
        [Nobody Operator] "the access token has expired";
    AccessTokenRejected "access_token_rejected" RevokedOrInvalidToken RenewAccessToken Unauthenticated
        [Nobody Operator] "the service no longer accepts the access token";
    GrantRevoked "grant_revoked" RevokedOrInvalidToken GrantDead Unauthenticated
        [CustomerUser CustomerAdministrator Operator] "the service no longer accepts the grant";
    GrantExpired "grant_expired" RevokedOrInvalidToken GrantDead Unauthenticated
        [CustomerUser Operator] "the grant has reached its end";
    GrantSuperseded "grant_superseded" RevokedOrInvalidToken GrantDead Unauthenticated
        [Operator CustomerUser] "a newer consent for the same account replaced the grant";
    InteractionRequired "interaction_required" RevokedOrInvalidToken GrantDead Unauthenticated
        [CustomerUser Operator] "the service wants the user to sign in or to approve again";
    RefreshTokenMissing "refresh_token_missing" RevokedOrInvalidToken GrantDead Unauthenticated
        [CustomerUser Operator] "the access token has expired and there is nothing to renew it with";
    RefreshOutcomeUnknown "refresh_outcome_unknown" Other OutcomeUnknown Unavailable
        [Nobody Operator] "the service did not say whether it renewed the grant";

    ConsentMissing "consent_missing" Other CallOnly Unauthenticated
        [CustomerUser Operator] "nobody has connected this account yet";
    ConsentDenied "consent_denied" Other CallOnly ConsentFailed
        [CustomerUser CustomerAdministrator Operator] "access was not approved at the service";
    ConsentInvalid "consent_invalid" Other CallOnly ConsentFailed
        [CustomerUser Operator] "the answer does not belong to a consent that was started here";
    ConsentExpired "consent_expired" Other CallOnly ConsentFailed
        [CustomerUser Operator] "the consent took too long or was used already";
    ConsentOutcomeUnknown "consent_outcome_unknown" Other CallOnly ConsentFailed
        [CustomerUser Operator] "the service did not say whether it accepted the consent";
    AccountMismatch "account_mismatch" Other CallOnly ConsentFailed
        [CustomerUser Operator] "another account approved access than the one this connection belongs to";
    Disconnected "disconnected" Other CallOnly Unauthenticated
        [CustomerUser Operator] "the connection was disconnected here";
    InputMissing "input_missing" Other CallOnly InvalidInput
        [CustomerUser Operator] "something that the connection needs was not given";

    ClientCredentialsInvalid "client_credentials_invalid" InvalidCredentials ClientBroken ClientBroken
        [Operator CustomerUser] "the service does not accept the application's client id or secret";
    ClientNotPermitted "client_not_permitted" InvalidCredentials ClientBroken ClientBroken
        [Operator CustomerUser] "the service does not let the application's client ask in this way";
    ClientNotAuthorized "client_not_authorized" InvalidCredentials Suspended PermissionDenied
        [CustomerAdministrator CustomerUser Operator] "the customer's company does not authorise the application";
    SenderNotAuthorized "sender_not_authorized" InsufficientPermissions Suspended PermissionDenied
        [CustomerAdministrator CustomerUser Operator] "the customer's company does not authorise the application's maker to call";
    UserCredentialsInvalid "user_credentials_invalid" InvalidCredentials GrantDead Unauthenticated
        [CustomerUser CustomerAdministrator Operator] "the service does not accept the user's name or credentials";
    UserDisabled "user_disabled" InvalidCredentials Suspended Suspended
        [CustomerAdministrator CustomerUser Operator] "the user is disabled at the service";
    CompanyInactive "company_inactive" Other Suspended Suspended
        [CustomerAdministrator CustomerUser Operator] "the company, or the application for it, is not active at the service";
    CompanyExpired "company_expired" Other Suspended Suspended
        [CustomerAdministrator CustomerUser Operator] "the company's trial or subscription at the service has ended";
    IpAddressDenied "ip_address_denied" InsufficientPermissions Suspended Suspended
        [CustomerAdministrator CustomerUser Operator] "the company does not admit the address that the calls come from";

    PermissionMissing "permission_missing" InsufficientPermissions CallOnly PermissionDenied
        [CustomerAdministrator CustomerUser Operator] "the user lacks a permission for this";
    ScopeMissing "scope_missing" InsufficientPermissions CallOnly PermissionDenied
        [CustomerUser Operator] "the grant lacks a scope for this";
    AuthenticationRequired "authentication_required" InsufficientPermissions CallOnly PermissionDenied
        [CustomerUser Operator] "the service wants the user to sign in again, more recently or more strongly, for this";
    ModuleNotSubscribed "module_not_subscribed" InsufficientPermissions CallOnly PermissionDenied
        [CustomerAdministrator CustomerUser Operator] "the company does not subscribe to the module";
    EntityForbidden "entity_forbidden" InsufficientPermissions CallOnly PermissionDenied
        [CustomerAdministrator CustomerUser Operator] "the user may not act in this entity";
    FeatureDenied "feature_denied" InsufficientPermissions CallOnly PermissionDenied
        [CustomerAdministrator CustomerUser Operator] "a setting of the company forbids this";

    RequestInvalid "request_invalid" Other CallOnly InvalidInput
        [Operator CustomerUser] "the service does not accept the request as it is";
    NotFound "not_found" Other CallOnly NotFound
        [Operator CustomerUser CustomerAdministrator] "the service has no such thing";
    Conflict "conflict" Other CallOnly Conflict
        [Operator CustomerUser] "the request clashes with what the service already has";
    BusinessRule "business_rule" Other CallOnly InvalidInput
        [CustomerUser Operator] "a rule of the service forbids this";
    PartiallyDone "partially_done" Other CallOnly InvalidInput
        [Operator CustomerUser] "a part of the request was carried out and the rest refused";
    ConfigurationInvalid "configuration_invalid" Other ClientBroken ConfigInvalid
        [Operator CustomerUser] "the connector's settings do not fit the service";
    ScopeInvalid "scope_invalid" Other ClientBroken ConfigInvalid
        [Operator CustomerUser] "the service does not know a scope that was asked for, or does not give it to this application";

    RateLimited "rate_limited" Other Transient RateLimited
        [Nobody Operator CustomerUser] "the service asks for a pause";
    ServiceUnavailable "service_unavailable" Other Transient Unavailable
        [Service Operator CustomerUser] "the service cannot answer now";
    ServiceMaintenance "service_maintenance" Other Transient Unavailable
        [Service Operator CustomerUser] "the service is down for maintenance";
    EdgeFailure "edge_failure" Other Transient Unavailable
        [Service Operator CustomerUser] "something in front of the service answered in its place";
    ServiceUnreachable "service_unreachable" Other Transient NotSent
        [Service Operator CustomerUser] "the service could not be reached; nothing was sent";
    OutcomeUnknown "outcome_unknown" Other Transient Unavailable
        [Operator CustomerUser] "no whole answer came; the request may have been carried out";
    ResponseInvalid "response_invalid" Other OutcomeUnknown ResponseInvalid
        [Service Operator CustomerUser] "the service's answer makes no sense";
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

    /// What it means, in a sentence or two.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        english::entry(self).means
    }

    /// How it is recognised.
    #[must_use]
    pub fn recognised(self) -> &'static str {
        english::entry(self).recognised
    }

    /// What `actor` does about it; `None` for one who cannot meet it.
    #[must_use]
    pub fn advice(self, actor: Actor) -> Option<Remedy> {
        let steps = english::entry(self).advice.iter().find(|(to, _)| *to == actor)?.1;
        Some(Remedy::usual(self.code(), steps))
    }
}

impl Cause {
    pub(super) fn usual_advice(self) -> Remedy {
        Remedy::usual(self.code(), english::entry(self).advice[0].1)
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
