//! Which events there are, and what they mean for a grant (the CAEP, RISC, OAuth and SSF event types).

use trunkline::SignalKind;

/// What an event type asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// The same for every event of the type.
    Signal(SignalKind),
    /// One token was revoked: which one says what that means.
    TokenRevoked,
    /// The transmitter tries whether it is heard.
    Verification,
    /// The transmitter stops sending, or begins again.
    StreamUpdated,
    /// Nothing: it is about something else than a grant.
    Noted,
}

/// What the event type with this URI asks for; `None` where it is not known.
pub(crate) fn effect(uri: &str) -> Option<Effect> {
    use SignalKind::{AccountDisabled, AccountEnabled, ClaimsChanged, CredentialChanged};
    use SignalKind::{GrantRevoked, SessionRevoked};

    let (family, name) =
        uri.strip_prefix("https://schemas.openid.net/secevent/")?.split_once("/event-type/")?;
    Some(match (family, name) {
        ("oauth", "token-revoked") => Effect::TokenRevoked,
        ("oauth", "tokens-revoked") | ("risc", "account-purged") => Effect::Signal(GrantRevoked),
        ("risc", "sessions-revoked") | ("caep", "session-revoked") => Effect::Signal(SessionRevoked),
        ("risc", "account-disabled") => Effect::Signal(AccountDisabled),
        ("risc", "account-enabled") => Effect::Signal(AccountEnabled),
        ("risc", "account-credential-change-required") | ("caep", "credential-change") => {
            Effect::Signal(CredentialChanged)
        }
        ("caep", "token-claims-change") => Effect::Signal(ClaimsChanged),
        // Google's verification is of an older draft than SSF.
        ("ssf" | "risc", "verification") => Effect::Verification,
        ("ssf", "stream-updated") => Effect::StreamUpdated,
        (
            "caep",
            "assurance-level-change"
            | "device-compliance-change"
            | "session-established"
            | "session-presented"
            | "risk-level-change",
        )
        | (
            "risc",
            "identifier-changed"
            | "identifier-recycled"
            | "credential-compromise"
            | "opt-in"
            | "opt-out-initiated"
            | "opt-out-cancelled"
            | "opt-out-effective"
            | "recovery-activated"
            | "recovery-information-changed",
        ) => Effect::Noted,
        _ => return None,
    })
}
