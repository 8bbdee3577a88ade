//! What a failure means, by what was asked for (RFC 6749, 5.2).

use http::StatusCode;
use trunkline_core::{Call, Cause};

use super::response::Defect;
use super::service_error::ServiceError;

/// Which request failed; decides what an answer that never came means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The exchange of a code.
    Code,
    /// A renewal that spends a refresh token.
    Refresh,
    /// A token from client credentials. `named`: the tenant's inputs take part.
    Mint { named: bool, renewal: bool },
    /// A revocation.
    Revoke,
}

impl Purpose {
    pub(crate) fn call(self) -> Call {
        match self {
            Self::Code | Self::Mint { renewal: false, .. } => Call::Exchange,
            Self::Refresh | Self::Mint { renewal: true, .. } => Call::Refresh,
            Self::Revoke => Call::Revoke,
        }
    }

    /// The name of the call in a diagnosis.
    pub(crate) fn name(self) -> &'static str {
        match self.call() {
            Call::Refresh => "refresh",
            Call::Revoke => "revoke",
            _ => "exchange",
        }
    }

    /// The request may have been carried out, or not.
    pub(crate) fn unknown(self) -> Cause {
        match self {
            Self::Code => Cause::ConsentOutcomeUnknown,
            Self::Refresh => Cause::RefreshOutcomeUnknown,
            // Nothing was spent: asking once more does no harm.
            Self::Mint { .. } => Cause::ServiceUnavailable,
            Self::Revoke => Cause::OutcomeUnknown,
        }
    }

    /// What `status` and what was read of the body mean; `defect` is `None` for a body that reads
    /// like a success although the status is none.
    pub(crate) fn classify(self, status: StatusCode, defect: Option<&Defect>) -> Cause {
        match status.as_u16() {
            429 => return Cause::RateLimited,
            // A gateway's word: the service behind it may have done what was asked.
            502 | 504 => return self.unknown(),
            408 | 425 | 500..=599 | 300..=399 => return Cause::ServiceUnavailable,
            _ => {}
        }
        match defect {
            Some(Defect::Service(error)) => self.of_error(error),
            Some(Defect::Markup) => Cause::ServiceUnavailable,
            Some(Defect::TokenTypeUnknown) => Cause::ResponseInvalid,
            Some(Defect::Unreadable | Defect::TokenMissing) | None => self.unknown(),
        }
    }

    fn of_error(self, error: &ServiceError) -> Cause {
        match error.codes.first().map_or("", String::as_str) {
            "invalid_grant" => self.invalid_grant(error),
            "invalid_client" => Cause::ClientCredentialsInvalid,
            "unauthorized_client" | "unsupported_grant_type" => Cause::ClientNotPermitted,
            "invalid_scope" => Cause::ScopeInvalid,
            "invalid_request" | "invalid_target" => Cause::ConfigurationInvalid,
            "interaction_required"
            | "consent_required"
            | "login_required"
            | "insufficient_user_authentication" => match self {
                Self::Code => Cause::ConsentDenied,
                Self::Refresh | Self::Revoke => Cause::InteractionRequired,
                Self::Mint { .. } => Cause::ClientNotAuthorized,
            },
            "access_denied" if self == Self::Code => Cause::ConsentDenied,
            "server_error" | "temporarily_unavailable" => Cause::ServiceUnavailable,
            "slow_down" => Cause::RateLimited,
            // Somebody tries to connect and can be told; a renewal must not give up over it.
            _ if matches!(self, Self::Mint { renewal: false, .. }) => Cause::RequestInvalid,
            _ => self.unknown(),
        }
    }

    fn invalid_grant(self, error: &ServiceError) -> Cause {
        match self {
            Self::Refresh | Self::Revoke => Cause::GrantRevoked,
            // A wrong name of one tenant must not count against the client of all.
            Self::Mint { named: true, .. } => Cause::UserCredentialsInvalid,
            Self::Mint { named: false, .. } => Cause::ClientCredentialsInvalid,
            Self::Code => {
                // The text is a hint only; both causes ask the person to start again.
                let text = error.message.as_deref().unwrap_or("").to_ascii_lowercase();
                if text.contains("expired") { Cause::ConsentExpired } else { Cause::ConsentInvalid }
            }
        }
    }
}
