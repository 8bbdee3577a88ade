//! What a diagnosis keeps of Sage's answer: codes, texts for people and the support id, never a body.

use std::borrow::Cow;

use trunkline_core::http::StatusCode;
use trunkline_core::{Cause, Diagnosis, Remedy};

use crate::envelope::ServiceError;

/// Most codes that a diagnosis keeps.
const MAX_CODES: usize = 8;

/// Adds what is known of a failure.
pub(crate) fn testify(diagnosis: Diagnosis, status: StatusCode, error: &ServiceError) -> Diagnosis {
    let mut diagnosis = diagnosis.status(status);
    let mut codes: Vec<&str> = Vec::new();
    for code in error.chain().flat_map(ServiceError::codes) {
        if codes.len() < MAX_CODES && !codes.contains(&code.as_str()) {
            codes.push(code.as_str());
        }
    }
    for code in codes {
        diagnosis = diagnosis.code(&without_tokens(code));
    }
    if let Some(id) = &error.support_id {
        diagnosis = diagnosis.support_id(&without_tokens(id.as_str()));
    }
    diagnosis.message(&message(error))
}

/// The same evidence under another cause.
pub(crate) fn recast(diagnosis: &Diagnosis, cause: Cause, remedy: Remedy) -> Diagnosis {
    let evidence = diagnosis.evidence();
    let mut recast = Diagnosis::new(cause).remedied(remedy);
    for code in &evidence.codes {
        recast = recast.code(code.as_str());
    }
    if let Some(id) = &evidence.support_id {
        recast = recast.support_id(id.as_str());
    }
    if let Some(message) = &evidence.message {
        recast = recast.message(message.as_str());
    }
    match evidence.status.and_then(|status| StatusCode::from_u16(status).ok()) {
        Some(status) => recast.status(status),
        None => recast,
    }
}

/// The error's message and those of its details: the outer one is often a mere wrapper.
fn message(error: &ServiceError) -> String {
    let mut texts: Vec<&str> = Vec::new();
    for error in error.chain() {
        for text in [&error.message, &error.correction].into_iter().flatten() {
            if !texts.contains(&text.as_str()) {
                texts.push(text.as_str());
            }
        }
    }
    without_tokens(&texts.join("; ")).into_owned()
}

/// Takes out every word that is long enough to be a token, and what follows the name of a secret: a service
/// may quote what it was sent.
fn without_tokens(text: &str) -> Cow<'_, str> {
    const MIN_TOKEN_CHARS: usize = 48;
    // Codes: too short for a token, and no room for a name beside its value.
    if text.len() < MIN_TOKEN_CHARS && !text.contains([' ', '=', ':']) {
        return Cow::Borrowed(text);
    }
    let is_token = |c: char| c.is_ascii_alphanumeric() || "._~+/-".contains(c);
    let mut out = String::with_capacity(text.len());
    let mut follows = Follows::Nothing;
    for word in text.split_inclusive(|c| !is_token(c)) {
        let run = word.trim_end_matches(|c| !is_token(c));
        let between = &word[run.len()..];
        let is_secret = run.len() >= MIN_TOKEN_CHARS || follows.makes_secret(run);
        out.push_str(if is_secret { "[redacted]" } else { run });
        out.push_str(between);
        follows = follows.then(run, between);
    }
    Cow::Owned(out)
}

/// What stood before a word.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Follows {
    Nothing,
    /// The name of a secret, without a sign that its value follows.
    Name,
    /// The name, and `=` or `:`.
    Value,
    /// The scheme of a bearer token.
    Bearer,
}

impl Follows {
    /// Shorter words after `Bearer` are words: "Bearer token is missing".
    const MIN_BEARER_CHARS: usize = 16;

    fn makes_secret(self, run: &str) -> bool {
        match self {
            Self::Nothing | Self::Name => false,
            Self::Value => !run.is_empty(),
            Self::Bearer => run.len() >= Self::MIN_BEARER_CHARS,
        }
    }

    fn then(self, run: &str, between: &str) -> Self {
        const NAMES: [&str; 10] = [
            "client_secret",
            "password",
            "access_token",
            "refresh_token",
            "id_token",
            "api_key",
            "sessionid",
            "session_id",
            "code_verifier",
            "authorization",
        ];
        let is = |name: &&str| run.eq_ignore_ascii_case(name);
        let assigns = matches!(between, "=" | ":");
        match self {
            _ if is(&"bearer") => Self::Bearer,
            _ if NAMES.iter().any(is) => {
                if assigns {
                    Self::Value
                } else {
                    Self::Name
                }
            }
            // Quotes and blanks may stand between the name, the sign and the value.
            Self::Name if run.is_empty() && assigns => Self::Value,
            Self::Name | Self::Value | Self::Bearer if run.is_empty() => self,
            _ => Self::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_words_as_long_as_a_token_are_taken_out() {
        let token = "x".repeat(48);
        assert_eq!(without_tokens(&format!("é <{token}> é|{token}")), "é <[redacted]> é|[redacted]");
        let support = "Ask for Kxi78%7EZuyXBDEGVHD2UmO1phYXDQAAAAo.";
        assert_eq!(without_tokens(support), support);
        assert_eq!(without_tokens(""), "");
    }

    #[test]
    fn what_follows_the_name_of_a_secret_is_taken_out() {
        for (text, expected) in [
            ("client_secret=s3cr3t&x=1", "client_secret=[redacted]&x=1"),
            (r#"{"password": "hunter2", "a": 1}"#, r#"{"password": "[redacted]", "a": 1}"#),
            ("sessionId : abc def", "sessionId : [redacted] def"),
            ("sent Bearer abcdefghijklmnop.", "sent Bearer [redacted]"),
            ("Bearer token is missing", "Bearer token is missing"),
            ("The refresh_token is not valid", "The refresh_token is not valid"),
            ("Invalid token: expired", "Invalid token: expired"),
            ("password", "password"),
        ] {
            assert_eq!(without_tokens(text), expected, "{text}");
        }
    }

    #[test]
    fn a_recast_diagnosis_keeps_its_evidence() {
        let first = Diagnosis::new(Cause::PermissionMissing)
            .code("a")
            .message("b")
            .support_id("c")
            .status(StatusCode::FORBIDDEN);
        let second = recast(&first, Cause::EntityForbidden, Remedy::fixed("k", &["Do it."]));
        assert_eq!(second.evidence(), first.evidence());
        assert_eq!((second.cause(), second.remedy().key()), (Cause::EntityForbidden, "k"));
    }
}
