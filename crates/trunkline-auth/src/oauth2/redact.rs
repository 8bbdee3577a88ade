//! Takes secrets and markup out of what a service wrote.

use trunkline_core::Secret;

const REDACTED: &str = "[redacted]";

/// Shorter secrets would take ordinary words out of a text and so give themselves away.
const MIN_SECRET_BYTES: usize = 4;

/// A run of token characters this long is taken for a token, whatever is in it.
const MIN_TOKEN_CHARS: usize = 48;

/// A run this long is, too, if it holds a few digits: names and words hold none. Support ids (a UUID has 36) stay.
const MIN_MIXED_TOKEN_CHARS: usize = 37;
const MIN_TOKEN_DIGITS: usize = 4;

/// Knows what was sent, since services like to quote it in their messages.
pub(crate) struct Redactor(Vec<Secret>);

impl Redactor {
    pub(crate) fn new(secrets: &[Secret]) -> Self {
        let mut secrets: Vec<Secret> = secrets.iter().flat_map(Secret::spellings).collect();
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
            cut_tail(&mut text, secret.expose());
        }
        without_tags(&without_long_runs(&text))
    }
}

/// A text that was shortened before may end within a secret.
fn cut_tail(text: &mut String, secret: &str) {
    let starts = (MIN_SECRET_BYTES..secret.len()).rev().filter_map(|length| secret.get(..length));
    if let Some(start) = starts.into_iter().find(|start| text.ends_with(start)) {
        text.truncate(text.len() - start.len());
        text.push_str(REDACTED);
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
        out.push_str(if is_token(first) && looks_like_token(run) { REDACTED } else { run });
        rest = tail;
    }
    out
}

fn looks_like_token(run: &str) -> bool {
    let digits = || run.bytes().filter(u8::is_ascii_digit).count();
    run.len() >= MIN_TOKEN_CHARS || (run.len() >= MIN_MIXED_TOKEN_CHARS && digits() >= MIN_TOKEN_DIGITS)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sent_secrets_their_beginnings_at_the_end_tokens_and_tags_are_taken_out() {
        let redactor = Redactor::new(&[
            Secret::new("s3cr3t"),
            Secret::new("s3cr3t-and-more"),
            Secret::new("a"),
            Secret::new("ab/cd"),
        ]);
        let token = "x".repeat(48);
        for (text, expected) in [
            ("a s3cr3t-and-more, s3cr3t!", "a [redacted], [redacted]!"),
            ("it ends in s3cr3t-an", "it ends in [redacted]"),
            ("it ends in s3cr", "it ends in [redacted]"),
            (&format!("token {token}."), "token [redacted]"),
            ("short 0123456789abcdef0123456789abcdef01234567!", "short [redacted]!"),
            (
                "name accounts-payable.vendor-bank-account-field",
                "name accounts-payable.vendor-bank-account-field",
            ),
            ("id 123e4567-e89b-12d3-a456-426614174000", "id 123e4567-e89b-12d3-a456-426614174000"),
            ("1 < 2 <b>bold</b> <open", "1 bold <open"),
            ("ab%2Fcd ab\\/cd ab/cd", "[redacted] [redacted] [redacted]"),
            ("", ""),
        ] {
            assert_eq!(redactor.clean(text), expected, "{text}");
        }
    }
}
