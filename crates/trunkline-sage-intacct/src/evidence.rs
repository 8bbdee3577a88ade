//! What a diagnosis keeps of Sage's answer: codes, texts for people and the support id, never a body.

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
    without_tokens(&texts.join("; "))
}

/// Takes out every word that is long enough to be a token: a service may quote what it was sent.
fn without_tokens(text: &str) -> String {
    const MIN_TOKEN_CHARS: usize = 48;
    let is_token = |c: char| c.is_ascii_alphanumeric() || "._~+=/-".contains(c);
    let mut out = String::with_capacity(text.len());
    for word in text.split_inclusive(|c| !is_token(c)) {
        let run = word.trim_end_matches(|c| !is_token(c));
        out.push_str(if run.len() < MIN_TOKEN_CHARS { run } else { "[redacted]" });
        out.push_str(&word[run.len()..]);
    }
    out
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
