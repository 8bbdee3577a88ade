//! What is wrong with a manifest, as a compiler prints it.

use std::fmt;

use trunkline_core::{Error, ErrorKind};

/// One thing that is wrong.
///
/// `Display` prints it with its file, line and column, the line itself and what to do. A line that may hold a
/// secret is shown without its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file, as it was given.
    pub file: String,
    /// The line, from 1; 0 for a problem of the whole file.
    pub line: u32,
    /// The column in characters, from 1; 0 for a problem of the whole file.
    pub column: u32,
    /// The line's text, fit to be shown.
    pub quoted: String,
    /// How many characters of it are meant, at least 1.
    pub width: u32,
    /// What is wrong: lower case, without a full stop.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Problem {
    /// A problem of a whole file, such as one that cannot be read.
    pub(crate) fn of_file(file: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            file: file.into(),
            line: 0,
            column: 0,
            quoted: String::new(),
            width: 1,
            message: message.into(),
            hint: None,
        }
    }

    /// Shows nothing of the line from the meant place on: it is a secret.
    pub(crate) fn hide(&mut self) -> &mut Self {
        let before = usize::try_from(self.column.saturating_sub(1)).unwrap_or_default();
        self.quoted = self.quoted.chars().take(before).chain(['…']).collect();
        self.width = 1;
        self
    }

    /// Adds what to do.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.message)?;
        if self.line == 0 {
            write!(f, "\n --> {}", self.file)?;
        } else {
            let number = self.line.to_string();
            let gutter = " ".repeat(number.len());
            write!(f, "\n{gutter}--> {}:{}:{}", self.file, self.line, self.column)?;
            write!(f, "\n{gutter} |\n{number} | {}\n{gutter} | ", self.quoted)?;
            let before = usize::try_from(self.column.saturating_sub(1)).unwrap_or_default();
            let width = usize::try_from(self.width.max(1)).unwrap_or(1);
            write!(f, "{}{}", " ".repeat(before), "^".repeat(width))?;
        }
        match &self.hint {
            Some(hint) => write!(f, "\n  hint: {hint}"),
            None => Ok(()),
        }
    }
}

/// Everything that is wrong, in the order of the files; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// The problems; `Ok(value)` if there are none.
    pub(crate) fn none_or<T>(problems: Vec<Problem>, value: T) -> Result<T, Self> {
        if problems.is_empty() { Ok(value) } else { Err(Self(problems)) }
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.0.iter()
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            let gap = if index == 0 { "" } else { "\n\n" };
            write!(f, "{gap}{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// For whoever mounts a manifest as a connector: the first problem, and how many more there are.
impl From<Problems> for Error {
    fn from(problems: Problems) -> Self {
        let message = match problems.0.first() {
            Some(Problem { file, line, column, message, .. }) if *line > 0 => {
                format!("{file}:{line}:{column}: {message}")
            }
            Some(Problem { file, message, .. }) => format!("{file}: {message}"),
            None => "the manifest is not usable".to_owned(),
        };
        let more = problems.0.len().saturating_sub(1);
        let hint = problems.0.first().and_then(|problem| problem.hint.clone()).unwrap_or_default();
        let also = if more == 0 { String::new() } else { format!(" ({more} more problems)") };
        Self::new(ErrorKind::ConfigInvalid, format!("{message}{also}")).hint(hint)
    }
}
