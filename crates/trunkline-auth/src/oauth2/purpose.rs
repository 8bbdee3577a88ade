//! What a failure means, by what was asked for (RFC 6749, 4.1.2.1 and 5.2; RFC 8628, 3.5; OIDC Core, 3.1.2.6).

use http::StatusCode;
use trunkline_core::{Call, Cause};

use super::response::Defect;
use super::service_error::ServiceError;

/// Which request failed; decides what an answer that never came means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The authorization response, which the browser brings.
    Authorize,
    /// The exchange of a code.
    Code,
    /// The question for a device code and its user code.
    Device,
    /// The question whether a device code was approved: where it was, it is spent.
    Poll,
    /// A renewal that spends a refresh token.
    Refresh,
    /// A token from client credentials. `named`: the tenant's inputs take part.
    Mint { named: bool, renewal: bool },
    /// A revocation.
    Revoke,
    /// A question about a token.
    Introspect,
}

impl Purpose {
    pub(crate) fn call(self) -> Call {
        match self {
            Self::Authorize => Call::Authorize,
            Self::Code | Self::Device | Self::Poll | Self::Mint { renewal: false, .. } => Call::Exchange,
            Self::Refresh | Self::Mint { renewal: true, .. } => Call::Refresh,
            Self::Revoke => Call::Revoke,
            Self::Introspect => Call::Api,
        }
    }

    /// The name of the call in a diagnosis.
    pub(crate) fn name(self) -> &'static str {
        match self.call() {
            Call::Authorize => "consent",
            _ if self == Self::Device => "consent",
            Call::Refresh => "refresh",
            Call::Revoke => "revoke",
            Call::Api => "introspect",
            _ => "exchange",
        }
    }

    /// The request may have been carried out, or not.
    pub(crate) fn unknown(self) -> Cause {
        match self {
            Self::Code | Self::Poll => Cause::ConsentOutcomeUnknown,
            Self::Refresh => Cause::RefreshOutcomeUnknown,
            // Nothing was spent: asking once more does no harm.
            Self::Authorize | Self::Device | Self::Mint { .. } | Self::Introspect => {
                Cause::ServiceUnavailable
            }
            Self::Revoke => Cause::OutcomeUnknown,
        }
    }

    /// What `status` and what was read of the body mean; `defect` is `None` for a body that states nothing.
    ///
    /// A standard's code in the body counts more than the status, 500 included, which some services answer
    /// to every failed token request. The other statuses of an outage and of a limit count more than the
    /// body: whoever is overloaded says that he did not look.
    pub(crate) fn classify(self, status: StatusCode, defect: Option<&Defect>) -> Cause {
        let known = match defect {
            Some(Defect::Service(error)) => self.of_error(error),
            _ => None,
        };
        match (status.as_u16(), known) {
            (429, _) => Cause::RateLimited,
            // A gateway's word: the service behind it may have done what was asked.
            (502 | 504, _) => self.unknown(),
            (408 | 425 | 501..=599, _) | (500, None) => Cause::ServiceUnavailable,
            // A consent's answer is a redirect, everything else must not be one.
            (300..=399, _) if self != Self::Authorize => Cause::ServiceUnavailable,
            (_, Some(cause)) => cause,
            (_, None) => self.unsaid(status, defect),
        }
    }

    /// No code that the standards know.
    fn unsaid(self, status: StatusCode, defect: Option<&Defect>) -> Cause {
        match (self, defect) {
            // Whatever the service made up: nobody approved.
            (Self::Authorize, Some(Defect::Service(_))) => Cause::ConsentDenied,
            // Without a redirect URI that it trusts, a service tells nobody but the person why.
            (Self::Authorize, _) if status.is_client_error() => Cause::RequestInvalid,
            (Self::Authorize, _) => Cause::ConsentInvalid,
            // RFC 7662, 2.3: it is our own credentials that are refused.
            (Self::Introspect, _) if status == StatusCode::UNAUTHORIZED => Cause::ClientCredentialsInvalid,
            (_, Some(Defect::Markup)) => Cause::ServiceUnavailable,
            (_, Some(Defect::TokenTypeUnknown)) => Cause::ResponseInvalid,
            // Somebody tries to connect and can be told; a renewal must not give up over it. RFC 8628, 3.5: a
            // poll ends with whatever else is stated.
            (Self::Device | Self::Poll | Self::Mint { renewal: false, .. }, Some(Defect::Service(_))) => {
                Cause::RequestInvalid
            }
            _ => self.unknown(),
        }
    }

    fn of_error(self, error: &ServiceError) -> Option<Cause> {
        Some(match error.codes.first().map_or("", String::as_str) {
            "invalid_grant" if !matches!(self, Self::Authorize | Self::Introspect) => {
                self.invalid_grant(error)
            }
            "invalid_client" => Cause::ClientCredentialsInvalid,
            "unauthorized_client" | "unsupported_grant_type" | "unsupported_response_type" => {
                Cause::ClientNotPermitted
            }
            "invalid_scope" => Cause::ScopeInvalid,
            "invalid_request"
            | "invalid_target"
            | "invalid_request_uri"
            | "invalid_request_object"
            | "request_not_supported"
            | "request_uri_not_supported"
            | "registration_not_supported" => Cause::ConfigurationInvalid,
            "interaction_required"
            | "consent_required"
            | "login_required"
            | "account_selection_required"
            | "insufficient_user_authentication"
            | "unmet_authentication_requirements" => match self {
                Self::Authorize | Self::Code | Self::Poll => Cause::ConsentDenied,
                Self::Refresh | Self::Revoke => Cause::InteractionRequired,
                Self::Device | Self::Mint { .. } | Self::Introspect => Cause::ClientNotAuthorized,
            },
            "access_denied" if matches!(self, Self::Authorize | Self::Code | Self::Poll) => {
                Cause::ConsentDenied
            }
            "expired_token" if self == Self::Poll => Cause::ConsentExpired,
            "server_error" | "temporarily_unavailable" => Cause::ServiceUnavailable,
            "slow_down" => Cause::RateLimited,
            _ => return None,
        })
    }

    fn invalid_grant(self, error: &ServiceError) -> Cause {
        match self {
            Self::Refresh | Self::Revoke => Cause::GrantRevoked,
            // A wrong name of one tenant must not count against the client of all.
            Self::Mint { named: true, .. } => Cause::UserCredentialsInvalid,
            Self::Mint { named: false, .. } => Cause::ClientCredentialsInvalid,
            Self::Authorize | Self::Code | Self::Device | Self::Poll | Self::Introspect => {
                // The text is a hint only; both causes ask the person to start again.
                let text = error.message.as_deref().unwrap_or("").to_ascii_lowercase();
                if text.contains("expired") { Cause::ConsentExpired } else { Cause::ConsentInvalid }
            }
        }
    }
}
