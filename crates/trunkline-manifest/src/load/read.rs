//! Reads texts into checked manifests, all problems at once.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Deserialize as _;
use toml::Spanned;
use toml::de::{DeTable, DeValue, Deserializer};
use trunkline_core::{nearest, printable};

use super::inherit::Inherited;
use super::sources::Sources;
use super::{MAX_FILE_BYTES, MAX_FILES, check, secrets};
use crate::at::Span;
use crate::format::Format;
use crate::manifest::Manifest;
use crate::problem::{Problem, Problems};

/// Sections of other frameworks' formats, or of later versions of this one.
const NOT_SUPPORTED: [&str; 5] = ["device", "aws_sigv4", "signature", "mtls", "github_app"];

/// Keys of this format by the words of others.
const OTHER_WORDS: [(&str, &str); 7] = [
    ("tba", "oauth1_token"),
    ("request_token_endpoint", "temporary_credential_endpoint"),
    ("temporary_credentials_endpoint", "temporary_credential_endpoint"),
    ("authorize_endpoint", "authorization_endpoint"),
    ("access_token_endpoint", "token_endpoint"),
    ("consumer_key_input", "client_id_input"),
    ("consumer_secret_input", "client_secret_input"),
];

/// A file whose TOML is sound.
pub(super) struct Parsed<'a> {
    pub(super) file: &'a str,
    pub(super) root: Spanned<DeTable<'a>>,
}

/// Reads texts, each under the name of its file.
pub(crate) fn read_all<'a>(
    files: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<Vec<Arc<Manifest>>, Problems> {
    let mut sources = Sources::default();
    let mut problems = Vec::new();
    let mut parsed = Vec::new();
    for (count, (file, text)) in files.into_iter().enumerate() {
        if count == MAX_FILES {
            problems.push(Problem::of_file(file, format!("more than {MAX_FILES} manifests in one load")));
            break;
        }
        if text.len() > MAX_FILE_BYTES {
            problems.push(Problem::of_file(file, format!("a manifest has at most {MAX_FILE_BYTES} bytes")));
            continue;
        }
        let base = sources.add(file, text);
        let (root, errors) = DeTable::parse_recoverable(text);
        problems.extend(errors.iter().map(|error| problem(&sources, error, base)));
        if errors.is_empty() {
            parsed.push(Parsed { file, root: shifted_table(root, base) });
        }
    }
    let mut inherited = Inherited::new(parsed, &sources, &mut problems);
    let mut manifests = Vec::new();
    for root in inherited.roots(&sources, &mut problems) {
        match Format::deserialize(Deserializer::from(root)) {
            Ok(format) => {
                let found = check::check(&format, &sources);
                if found.is_empty() {
                    manifests.push(Arc::new(Manifest::new(format)));
                }
                problems.extend(found);
            }
            // Its places are counted through all texts already.
            Err(error) => problems.push(problem(&sources, &error, 0)),
        }
    }
    Problems::none_or(in_order(problems), manifests)
}

/// Problems in the order of files and lines, each once: what is inherited is read more than once.
fn in_order(mut problems: Vec<Problem>) -> Vec<Problem> {
    let mut order: HashMap<String, usize> = HashMap::new();
    for problem in &problems {
        let next = order.len();
        order.entry(problem.file.clone()).or_insert(next);
    }
    problems.sort_by_key(|problem| (order[&problem.file], problem.line, problem.column));
    problems.dedup();
    problems
}

/// The same table, its places counted from `base`.
fn shifted_table(table: Spanned<DeTable<'_>>, base: usize) -> Spanned<DeTable<'_>> {
    let span = table.span();
    let entries = table.into_inner().into_iter();
    let moved = entries.map(|(key, value)| {
        let at = key.span();
        (Spanned::new(at.start + base..at.end + base, key.into_inner()), shifted(value, base))
    });
    Spanned::new(span.start + base..span.end + base, moved.collect())
}

fn shifted(value: Spanned<DeValue<'_>>, base: usize) -> Spanned<DeValue<'_>> {
    let span = value.span();
    let moved = match value.into_inner() {
        DeValue::Table(table) => {
            DeValue::Table(shifted_table(Spanned::new(span.clone(), table), base).into_inner())
        }
        DeValue::Array(items) => DeValue::Array(items.into_iter().map(|item| shifted(item, base)).collect()),
        other => other,
    };
    Spanned::new(span.start + base..span.end + base, moved)
}

/// The parser's error in our words: its own may quote a value.
fn problem(sources: &Sources<'_>, error: &toml::de::Error, base: usize) -> Problem {
    let range = error.span().unwrap_or(0..0);
    let span: Span = (range.start + base..range.end + base).into();
    let said = error.message();
    let mut names = said.split('`').skip(1).step_by(2);
    let at = |message: String| sources.problem(span, message);
    if said.starts_with("unknown field") {
        let key = printable(names.next().unwrap_or_default());
        return unknown(at, &key, &names.collect::<Vec<_>>());
    }
    if said.starts_with("unknown variant") {
        let value = printable(names.next().unwrap_or_default());
        let known: Vec<_> = names.collect();
        let near = nearest(&value, known.iter().copied());
        let near = near.map_or(String::new(), |near| format!("did you mean `{near}`? "));
        return at(format!("`{value}` is no value of this key"))
            .hint(format!("{near}It takes: {}.", known.join(", ")));
    }
    if said.starts_with("missing field") {
        return at(format!("the key `{}` is missing", names.next().unwrap_or_default()));
    }
    if let Some((_, expected)) = said.split_once(", expected ")
        && (said.starts_with("invalid type") || said.starts_with("invalid value"))
    {
        return at(format!("this must be {expected}"));
    }
    if said.starts_with("duplicate key") {
        return at("a key or table stands twice".to_owned());
    }
    at(said.lines().next().unwrap_or("this is not valid TOML").to_owned())
}

fn unknown(at: impl Fn(String) -> Problem, key: &str, known: &[&str]) -> Problem {
    if NOT_SUPPORTED.contains(&key) {
        return at(format!("`{key}` is not supported by this version"));
    }
    if secrets::names_secret(key) {
        return at(format!("`{key}` is not a key here, and a secret never stands in a manifest")).hint(
            "the application's client secret is a setting of the connector, and a customer's is an input with `secret = true`",
        );
    }
    let other = OTHER_WORDS.iter().find(|(word, own)| *word == key && known.contains(own));
    match other.map(|(_, own)| *own).or_else(|| nearest(key, known.iter().copied())) {
        Some(near) => at(format!("`{key}` is not a key here")).hint(format!("did you mean `{near}`?")),
        None => {
            at(format!("`{key}` is not a key here")).hint(format!("the keys here are: {}.", known.join(", ")))
        }
    }
}
