//! Where everything that is printed goes: results to standard output, the rest to standard error.

use std::fmt::Display;
use std::io::{IsTerminal, Stderr, Stdout, Write};
use std::process::ExitCode;
use std::time::Duration;

use anstream::AutoStream;
use anstyle::{AnsiColor, Style};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use serde_json::json;
use trunkline_core::ServiceText;

use crate::advice;
use crate::exit::{Exit, Failure};

pub(crate) const BOLD: Style = Style::new().bold();
pub(crate) const DIM: Style = Style::new().dimmed();
pub(crate) const GREEN: Style = AnsiColor::Green.on_default();
pub(crate) const YELLOW: Style = AnsiColor::Yellow.on_default();
pub(crate) const RED: Style = AnsiColor::Red.on_default();

/// Both streams. Colours are dropped where nobody looks, and where NO_COLOR says so.
#[derive(Debug)]
pub(crate) struct Output {
    is_json: bool,
    out: AutoStream<Stdout>,
    err: AutoStream<Stderr>,
}

impl Output {
    pub(crate) fn new(is_json: bool) -> Self {
        let (out, err) = (std::io::stdout(), std::io::stderr());
        Self { is_json, out: AutoStream::auto(out), err: AutoStream::auto(err) }
    }

    pub(crate) fn is_json(&self) -> bool {
        self.is_json
    }

    pub(crate) fn out(&mut self) -> &mut AutoStream<Stdout> {
        &mut self.out
    }

    /// One result, on one line.
    pub(crate) fn json(&mut self, value: &impl Serialize) -> Result<(), Failure> {
        let line = serde_json::to_string(value).map_err(std::io::Error::from)?;
        writeln!(self.out, "{}", inert(&line))?;
        Ok(self.out.flush()?)
    }

    /// Something that a person should know and a program need not.
    pub(crate) fn note(&mut self, text: impl Display) -> Result<(), Failure> {
        Ok(writeln!(self.err, "{text}")?)
    }

    /// Says why the command failed, and answers how it ends.
    pub(crate) fn failed(&mut self, failure: &Failure) -> ExitCode {
        if failure.is_unheard {
            return Exit::Done.into();
        }
        let (message, hint) = (plain(&failure.message), failure.hint.as_deref().map(plain));
        let written = if self.is_json {
            let diagnosis = failure.diagnosis.as_deref().map(advice::advice);
            let error = json!({"message": message, "hint": hint, "diagnosis": diagnosis});
            writeln!(self.err, "{}", inert(&json!({"error": error}).to_string()))
        } else {
            let hint = hint.map_or_else(String::new, |hint| format!("\n{BOLD}hint:{BOLD:#} {hint}"));
            writeln!(self.err, "{RED}error:{RED:#} {message}{hint}")
        };
        match written {
            // Standard error is gone too: the code alone has to tell.
            Ok(()) | Err(_) => failure.exit.into(),
        }
    }

    /// Shows, where somebody looks, that something is under way, until it is dropped.
    pub(crate) fn progress(&self, what: &'static str) -> Progress {
        if self.is_json || !std::io::stderr().is_terminal() {
            return Progress(None);
        }
        let bar = ProgressBar::new_spinner().with_style(ProgressStyle::default_spinner()).with_message(what);
        bar.enable_steady_tick(Duration::from_millis(120));
        Progress(Some(bar))
    }
}

/// Something under way. Clears its line when it is dropped.
pub(crate) struct Progress(Option<ProgressBar>);

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

/// A text of unknown origin, on one line and without anything that a terminal obeys.
pub(crate) fn plain(text: &str) -> String {
    let is_inert = |c: &char| !is_obeyed(*c);
    text.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).filter(is_inert).collect()
}

/// A short text of a service.
pub(crate) fn short(text: &str) -> String {
    ServiceText::new(text).to_string()
}

/// JSON in which nothing is left that a terminal obeys; it reads back as the same value.
fn inert(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        // Within the basic plane, all of them; and they stand in strings only.
        if is_obeyed(c) { out.push_str(&format!("\\u{:04x}", u32::from(c))) } else { out.push(c) }
    }
    out
}

/// Control characters, and those that turn the direction of a line or cannot be seen.
fn is_obeyed(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_stays_the_same_value_and_moves_no_cursor() {
        let value = json!({"a\u{9b}2J": "b\u{1b}[31m\u{202e}c\u{7f}é\u{2028}"});
        let text = inert(&value.to_string());
        assert!(!text.chars().any(is_obeyed), "{text}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    }

    #[test]
    fn a_plain_text_is_one_line_that_moves_no_cursor() {
        assert_eq!(plain("a\r\nb\u{1b}[2J\u{9b}c\u{202e}"), "a  b[2Jc");
    }
}
