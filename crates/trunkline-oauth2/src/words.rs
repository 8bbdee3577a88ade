//! What a service means by codes and texts of its own, as the settings say.

use trunkline_auth::oauth2;
use trunkline_core::jiff::Timestamp;
use trunkline_core::{Call, Cause, Diagnosis, Exchange};

/// The settings' words for "over" and "not now".
#[derive(Debug, Clone)]
pub(crate) struct Words {
    pub(crate) terminal: Vec<String>,
    pub(crate) transient: Vec<String>,
}

impl Words {
    /// Reads a refused exchange of the authorization server by these words. `None` leaves it to the standards.
    pub(crate) fn judge(&self, exchange: &Exchange<'_>) -> Option<Diagnosis> {
        if exchange.call == Call::Api || (self.terminal.is_empty() && self.transient.is_empty()) {
            return None;
        }
        // Only what it found is of use here: whoever asked adds the pause.
        let by_standard = oauth2::diagnose(exchange, Timestamp::UNIX_EPOCH);
        let evidence = by_standard.evidence();
        let message = evidence.message.as_ref().map(|text| text.as_str().to_lowercase()).unwrap_or_default();
        let says = |words: &[String]| {
            words.iter().any(|word| {
                evidence.codes.iter().any(|code| code.as_str() == word)
                    || message.contains(&word.to_lowercase())
            })
        };
        let cause = match exchange.call {
            _ if says(&self.transient) => Cause::ServiceUnavailable,
            Call::Refresh | Call::Revoke if says(&self.terminal) => Cause::GrantRevoked,
            Call::Exchange if says(&self.terminal) => Cause::ConsentInvalid,
            _ => return None,
        };
        let codes = evidence.codes.iter();
        let diagnosis = codes.fold(Diagnosis::new(cause), |diagnosis, code| diagnosis.code(code.as_str()));
        Some(match &evidence.message {
            Some(text) => diagnosis.message(text.as_str()),
            None => diagnosis,
        })
    }
}
