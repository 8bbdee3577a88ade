//! What a connector needs to know: given, found in the environment, or asked for.

#[cfg(all(test, target_os = "linux"))]
mod tests;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{IsTerminal, Read, Write};

use console::Term;
use trunkline::{InputSpec, Inputs, Secret};
use trunkline_core::printable;

use crate::arguments::ConnectArguments;
use crate::exit::{Exit, Failure};

/// Longest input, in bytes.
const MAX_INPUT: u64 = 64 * 1024;

/// Inputs by name.
#[derive(Default)]
pub(super) struct Given(BTreeMap<String, Secret>);

/// Those on the command line, and those in the files that it names.
pub(super) fn given(arguments: &ConnectArguments) -> Result<Given, Failure> {
    let mut given = Given::default();
    for text in &arguments.input {
        let (name, value) = split(text, "--input name=value")?;
        given.add(name, Secret::new(value))?;
    }
    for text in &arguments.input_file {
        let (name, path) = split(text, "--input-file name=path")?;
        given.add(name, read(name, path)?)?;
    }
    Ok(given)
}

impl Given {
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Secret)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    pub(super) fn into_inputs(self) -> Inputs {
        let mut inputs = Inputs::default();
        for (name, value) in self.0 {
            inputs.insert(name, value);
        }
        inputs
    }

    /// Adds what is missing: from the environment, else from whoever sits at the terminal.
    pub(super) async fn complete(&mut self, missing: &[InputSpec]) -> Result<(), Failure> {
        let mut open = Vec::new();
        for input in missing {
            match from_environment(input) {
                Some(value) => drop(self.0.insert(input.name.to_owned(), value)),
                None => open.push(input.clone()),
            }
        }
        if open.is_empty() {
            return Ok(());
        }
        if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
            let names: Vec<_> = open.iter().map(|input| input.name).collect();
            let message = format!("the connector needs to know more: {}", names.join(", "));
            let hint = format!(
                "Give it as --input-file {0}=FILE, as {1}, or as --input {0}=VALUE if it is no secret.",
                names[0],
                variable(names[0])
            );
            return Err(Failure::usage(message).hint(hint));
        }
        let answers = at_terminal(open).await?;
        self.0.extend(answers);
        Ok(())
    }

    fn add(&mut self, name: &str, value: Secret) -> Result<(), Failure> {
        match self.0.insert(name.to_owned(), value) {
            None => Ok(()),
            Some(_) => Err(Failure::usage(format!("the input `{}` is given twice", printable(name)))
                .hint("Give each input once.")),
        }
    }
}

fn split<'a>(text: &'a str, form: &str) -> Result<(&'a str, &'a str), Failure> {
    // The text is not quoted: it may be a secret whose name was forgotten.
    text.split_once('=')
        .filter(|(name, _)| !name.is_empty())
        .ok_or_else(|| Failure::usage("an input has no name").hint(format!("Write {form}.")))
}

fn read(name: &str, path: &str) -> Result<Secret, Failure> {
    let failed = |why: String| {
        Failure::usage(format!(
            "the input `{}` cannot be read from `{}`: {why}",
            printable(name),
            printable(path)
        ))
        .hint("Name a file of text; `-` is standard input.")
    };
    let mut text = String::new();
    let taken = match path {
        "-" => std::io::stdin().lock().take(MAX_INPUT + 1).read_to_string(&mut text),
        path => File::open(path).and_then(|file| file.take(MAX_INPUT + 1).read_to_string(&mut text)),
    };
    match taken {
        Ok(length) if length as u64 > MAX_INPUT => {
            Err(failed(format!("it is longer than {MAX_INPUT} bytes")))
        }
        Ok(_) => Ok(Secret::new(text.trim_end_matches(['\r', '\n']))),
        Err(error) => Err(failed(error.to_string())),
    }
}

fn variable(name: &str) -> String {
    let upper = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    format!("TRUNKLINE_INPUT_{}", name.chars().map(upper).collect::<String>())
}

fn from_environment(input: &InputSpec) -> Option<Secret> {
    #[expect(clippy::disallowed_methods, reason = "the command line is where the environment is read")]
    let value = std::env::var(variable(input.name)).ok()?;
    Some(Secret::new(value)).filter(|value| !value.is_empty())
}

/// Asks, and gives the terminal back as it was, also when Ctrl-C ends it.
async fn at_terminal(open: Vec<InputSpec>) -> Result<Vec<(String, Secret)>, Failure> {
    let _echo = Echo::remember();
    let questions = move || {
        let answers = open.into_iter().map(|input| Ok((input.name.to_owned(), ask(&input)?)));
        answers.collect::<Result<Vec<_>, Failure>>()
    };
    tokio::select! {
        // First listened for, then asked: in between, Ctrl-C would leave a terminal without an echo.
        biased;
        stopped = tokio::signal::ctrl_c() => {
            stopped?;
            Err(Failure::interrupted())
        }
        answers = async { tokio::task::spawn_blocking(questions).await } => {
            answers.map_err(|_| Failure::new(Exit::Failed, "the question could not be asked"))?
        }
    }
}

fn ask(input: &InputSpec) -> Result<Secret, Failure> {
    let mut terminal = Term::stderr();
    let example =
        if input.example.is_empty() { String::new() } else { format!(" (such as {})", input.example) };
    write!(terminal, "{}{example}: ", input.title)?;
    terminal.flush()?;
    let answer = Secret::new(if input.secret { terminal.read_secure_line() } else { terminal.read_line() }?);
    if answer.is_empty() {
        return Err(Failure::usage(format!("nothing was entered for `{}`", input.name))
            .hint("Run the command again and enter it."));
    }
    Ok(answer)
}

/// How the terminal was: a question for a secret turns its echo off.
#[cfg(unix)]
struct Echo(Option<rustix::termios::Termios>);

#[cfg(unix)]
impl Echo {
    fn remember() -> Self {
        Self(rustix::termios::tcgetattr(std::io::stdin()).ok())
    }
}

#[cfg(unix)]
impl Drop for Echo {
    fn drop(&mut self) {
        use rustix::termios::{OptionalActions, tcsetattr};
        if let Some(before) = &self.0 {
            // A terminal that is gone needs no echo.
            let _gone = tcsetattr(std::io::stdin(), OptionalActions::Now, before).is_err();
        }
    }
}

#[cfg(not(unix))]
struct Echo;

#[cfg(not(unix))]
impl Echo {
    fn remember() -> Self {
        Self
    }
}
