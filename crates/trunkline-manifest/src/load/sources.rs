//! The texts that manifests are read from, and where in them a place is.

use crate::at::Span;
use crate::problem::Problem;

/// Keys whose values are never quoted, wherever they stand in a line.
const SECRET_WORDS: [&str; 10] = [
    "secret",
    "password",
    "passphrase",
    "api_key",
    "apikey",
    "private_key",
    "token",
    "credential",
    "signature",
    "authorization",
];

/// All texts of one load, one after the other, so that one number says both the file and the place in it.
#[derive(Debug, Default)]
pub(crate) struct Sources<'a> {
    files: Vec<File<'a>>,
    next: usize,
}

#[derive(Debug)]
struct File<'a> {
    name: &'a str,
    text: &'a str,
    base: usize,
}

impl<'a> Sources<'a> {
    /// Adds a text; answers where its bytes start.
    pub(crate) fn add(&mut self, name: &'a str, text: &'a str) -> usize {
        let base = self.next;
        self.files.push(File { name, text, base });
        // One more, so that the end of one file is not the start of the next.
        self.next = base + text.len() + 1;
        base
    }

    /// A problem at `span`.
    pub(crate) fn problem(&self, span: Span, message: impl Into<String>) -> Problem {
        let (start, end) = (wide(span.start), wide(span.end));
        let after = self.files.partition_point(|file| file.base <= start);
        let Some(file) = after.checked_sub(1).and_then(|index| self.files.get(index)) else {
            return Problem::of_file("", message);
        };
        let at = floor(file.text, start - file.base);
        let from = file.text[..at].rfind('\n').map_or(0, |newline| newline + 1);
        let line = file.text[from..].lines().next().unwrap_or("");
        let to = floor(file.text, end.saturating_sub(file.base)).clamp(at, from + line.len().max(at - from));
        let number = file.text[..from].bytes().filter(|byte| *byte == b'\n').count() + 1;
        let count = |text: &str| text.chars().count();
        let quoted = shown(line);
        let column = count(&file.text[from..at]);
        let width = count(&file.text[at..to]).min(count(&quoted).saturating_sub(column)).max(1);
        let narrow = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Problem {
            line: narrow(number),
            column: narrow(column + 1),
            width: narrow(width),
            quoted,
            ..Problem::of_file(file.name, message)
        }
    }
}

fn wide(at: u32) -> usize {
    usize::try_from(at).unwrap_or(usize::MAX)
}

/// The last boundary between characters that is not after `at`.
fn floor(text: &str, at: usize) -> usize {
    let at = at.min(text.len());
    (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// A line without what may be a secret, tabs and other control characters as blanks.
fn shown(line: &str) -> String {
    /// Longer lines are cut.
    const MAX_CHARS: usize = 160;
    let clean = |text: &str| -> String {
        text.chars().take(MAX_CHARS).map(|c| if c.is_control() { ' ' } else { c }).collect()
    };
    let lower = line.to_ascii_lowercase().replace('-', "_");
    let names_secret = SECRET_WORDS.iter().any(|word| lower.contains(word));
    match line.split_once('=') {
        Some((key, value)) if names_secret && !is_harmless(value.trim()) => format!("{}= …", clean(key)),
        _ if looks_secret(line) => "…".to_owned(),
        _ => clean(line),
    }
}

/// A value that is one text: a URL, an expression with a few letters around it, or a word of the format itself.
fn is_harmless(value: &str) -> bool {
    let inner = ['"', '\''].into_iter().find_map(|quote| {
        value.strip_prefix(quote)?.strip_suffix(quote).filter(|inner| !inner.contains(quote))
    });
    let Some(inner) = inner else { return false };
    let around = match (inner.find('{'), inner.rfind('}')) {
        (Some(start), Some(end)) if start < end => Some(start + inner.len() - end),
        _ => None,
    };
    let is_word = inner.len() <= 24 && inner.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    inner.starts_with("https://") || around.is_some_and(|around| around <= 12) || is_word
}

/// What only a secret looks like, such as a private key or a token with a well-known beginning.
pub(crate) fn looks_secret(text: &str) -> bool {
    const BEGINNINGS: [&str; 9] =
        ["-----BEGIN", "sk_live_", "sk_test_", "ghp_", "gho_", "github_pat_", "xoxb-", "xoxp-", "eyJhbGciOi"];
    BEGINNINGS.iter().any(|beginning| text.contains(beginning))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_found_in_its_own_file() {
        let mut sources = Sources::default();
        let (one, two) = (sources.add("one", "a = 1\nb = 2\n"), sources.add("two", "ä = 1\n\tname = 2"));
        let problem = |at: usize, length: usize| sources.problem((at..at + length).into(), "m");
        let found = problem(one + 6, 1);
        assert_eq!((found.file.as_str(), found.line, found.column, found.width), ("one", 2, 1, 1));
        assert_eq!(found.quoted, "b = 2");
        let found = problem(two + 8, 4);
        assert_eq!((found.file.as_str(), found.line, found.column, found.width), ("two", 2, 2, 4));
        assert_eq!(found.to_string(), "error: m\n --> two:2:2\n  |\n2 |  name = 2\n  |  ^^^^");
    }

    #[test]
    fn a_line_that_may_hold_a_secret_is_quoted_without_it() {
        let kept = [
            r#"token_endpoint = "https://a.example/token""#,
            r#"X-Token = "Token {credential.api_key}""#,
            r#"token_endpoint_auth_method = "client_secret_post""#,
        ];
        assert!(kept.iter().all(|line| shown(line) == *line));
        for (line, quoted) in [
            (r#"client_secret = "s3cr3t""#, "client_secret = …"),
            (r#"Authorization = "Basic abc""#, "Authorization = …"),
            (r#"params = { client_secret = "s3cr3t" }"#, "params = …"),
            (r#"params = { a = "{input.x}", password = "s3cr3t" }"#, "params = …"),
            ("key = '-----BEGIN RSA PRIVATE KEY-----'", "…"),
        ] {
            assert_eq!(shown(line), quoted);
        }
    }
}
