//! Takes secrets and markup out of what a service wrote.

use trunkline_core::Secret;

const REDACTED: &str = "[redacted]";

/// Shorter secrets would take ordinary words out of a text and so give themselves away.
const MIN_SECRET_BYTES: usize = 4;

/// A run of token characters this long is taken for a token. Support ids (a UUID has 36) stay.
const MIN_TOKEN_CHARS: usize = 48;

/// Knows what was sent, since services like to quote it in their messages.
pub(crate) struct Redactor(Vec<Secret>);

impl Redactor {
    pub(crate) fn new(mut secrets: Vec<Secret>) -> Self {
        secrets.retain(|secret| secret.expose().len() >= MIN_SECRET_BYTES);
        // The longest first: one secret may hold another.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.expose().len()));
        Self(secrets)
    }

    /// `text` without the sent secrets, without anything that looks like a token, without tags.
    pub(crate) fn clean(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in &self.0 {
            if text.contains(secret.expose()) {
                text = text.replace(secret.expose(), REDACTED);
            }
        }
        without_tags(&without_long_runs(&text))
    }
}

fn without_long_runs(text: &str) -> String {
    let is_token = |c: char| c.is_ascii_alphanumeric() || "._~+=-".contains(c);
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let end = if is_token(first) {
            rest.find(|c| !is_token(c)).unwrap_or(rest.len())
        } else {
            rest.find(is_token).unwrap_or(rest.len())
        };
        let (run, tail) = rest.split_at(end);
        out.push_str(if is_token(first) && run.len() >= MIN_TOKEN_CHARS { REDACTED } else { run });
        rest = tail;
    }
    out
}

fn without_tags(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('<') {
        let Some(length) = rest[start..].find('>') else { break };
        out.push_str(&rest[..start]);
        rest = &rest[start + length + 1..];
    }
    out.push_str(rest);
    out
}
