//! What a diagnosis keeps of Salesforce's answer: codes and texts for people, never a body.

use trunkline_core::Diagnosis;
use trunkline_core::http::StatusCode;

use crate::body::ServiceError;

/// Most codes that a diagnosis keeps.
const MAX_CODES: usize = 8;

/// A run of token characters this long is taken for a token.
const MIN_TOKEN_CHARS: usize = 48;

/// How access tokens (behind the org's id) and refresh tokens begin.
const TOKENS: [(&str, usize); 2] = [("00D", 20), ("5Aep", 12)];

/// Adds what is known of a failure.
pub(crate) fn testify(diagnosis: Diagnosis, status: StatusCode, errors: &[ServiceError]) -> Diagnosis {
    let mut codes: Vec<&str> = Vec::new();
    let mut texts: Vec<&str> = Vec::new();
    for error in errors.iter().take(MAX_CODES) {
        let (code, text) = (error.code.as_str(), error.message.as_str());
        if !code.is_empty() && !codes.contains(&code) {
            codes.push(code);
        }
        if !text.is_empty() && !texts.contains(&text) {
            texts.push(text);
        }
    }
    let coded = codes
        .into_iter()
        .fold(diagnosis.status(status), |diagnosis, code| diagnosis.code(&without_tokens(code)));
    coded.message(&without_tokens(&texts.join("; ")))
}

/// Takes out every word that looks like a token: a service may quote what it was sent.
fn without_tokens(text: &str) -> String {
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!._~+/=-".contains(c);
    let mut out = String::with_capacity(text.len());
    for word in text.split_inclusive(|c| !is_token(c)) {
        let run = word.trim_end_matches(|c| !is_token(c));
        let begins = |&(start, length): &(&str, usize)| run.starts_with(start) && run.len() > length;
        let is_secret = run.len() >= MIN_TOKEN_CHARS || TOKENS.iter().any(begins);
        out.push_str(if is_secret { "[redacted]" } else { run });
        out.push_str(&word[run.len()..]);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_taken_out_and_ids_stay() {
        for (text, expected) in [
            ("sent 00Dxx0000001gER!AQ4AQ_x.y", "sent [redacted]"),
            ("refresh 5Aep861dEfghijk.", "refresh [redacted]"),
            (
                "org 00Dxx0000001gEREAY, user 005xx000001SwiUAAS",
                "org 00Dxx0000001gEREAY, user 005xx000001SwiUAAS",
            ),
            (
                "No such column 'Industry' on entity 'Account'.",
                "No such column 'Industry' on entity 'Account'.",
            ),
            ("", ""),
        ] {
            assert_eq!(without_tokens(text), expected);
        }
        assert_eq!(without_tokens(&"x".repeat(48)), "[redacted]");
    }
}
