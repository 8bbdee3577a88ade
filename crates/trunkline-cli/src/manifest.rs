//! `trunkline manifest check`: what is wrong with connectors that are written as data.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use trunkline::manifest::{Catalogue, Folder, MAX_FILE_BYTES, Problem, Problems};

use crate::exit::{Exit, Failure};
use crate::output::{Output, plain};

#[derive(Serialize)]
struct Wrong<'a> {
    file: &'a str,
    line: u32,
    column: u32,
    message: &'a str,
    hint: Option<&'a str>,
}

#[derive(Serialize)]
struct Sound<'a> {
    name: &'a str,
    title: &'a str,
}

pub(crate) fn check(files: &[PathBuf], output: &mut Output) -> Result<Exit, Failure> {
    match read(files)? {
        Ok(catalogue) => {
            for manifest in catalogue.list() {
                match output.is_json() {
                    true => output.json(&Sound { name: manifest.name(), title: manifest.title() })?,
                    false => {
                        writeln!(output.out(), "{} is sound: {}", manifest.name(), plain(manifest.title()))?
                    }
                }
            }
            Ok(Exit::Done)
        }
        Err(problems) => {
            for (index, problem) in problems.iter().enumerate() {
                let Problem { file, line, column, message, hint, .. } = problem;
                if output.is_json() {
                    let (line, column, hint) = (*line, *column, hint.as_deref());
                    output.json(&Wrong { file, line, column, message, hint })?;
                    continue;
                }
                if index > 0 {
                    writeln!(output.out())?;
                }
                // Line by line, since a line of the file may hold what a terminal obeys.
                problem.to_string().lines().try_for_each(|line| writeln!(output.out(), "{}", plain(line)))?;
            }
            Ok(Exit::Usage)
        }
    }
}

fn read(files: &[PathBuf]) -> Result<Result<Catalogue, Problems>, Failure> {
    if let [folder] = files
        && folder.is_dir()
    {
        return Ok(Folder::load(folder));
    }
    let texts = files.iter().map(|file| Ok((file.display().to_string(), text(file)?)));
    let texts = texts.collect::<Result<Vec<_>, Failure>>()?;
    Ok(Catalogue::parse(texts.iter().map(|(file, text)| (file.as_str(), text.as_str()))))
}

/// One byte more than is allowed tells that a file is too large, which is for the check to say.
fn text(file: &Path) -> Result<String, Failure> {
    let failed = |error: std::io::Error| {
        Failure::usage(format!("{}: {error}", plain(&file.display().to_string())))
            .hint("Name files in TOML, or one folder of them.")
    };
    let mut text = String::new();
    let limit = u64::try_from(MAX_FILE_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    File::open(file).map_err(failed)?.take(limit).read_to_string(&mut text).map_err(failed)?;
    Ok(text)
}
