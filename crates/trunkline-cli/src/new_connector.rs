//! `trunkline new-connector`: a connector of one's own, complete and tested, in a new folder.

mod folder;
mod names;
mod templates;

use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::arguments::{ConnectorKind, NewConnectorArguments};
use crate::exit::{Exit, Failure};
use crate::new_connector::names::Names;
use crate::output::{BOLD, Output, plain};

/// What was written. The names of its fields are stable.
#[derive(Serialize)]
struct Written<'a> {
    name: &'a str,
    kind: ConnectorKind,
    path: String,
    /// From `path`.
    files: Vec<&'a str>,
    /// What to do now, in this order.
    next: Vec<String>,
}

pub(crate) fn run(arguments: &NewConnectorArguments, output: &mut Output) -> Result<Exit, Failure> {
    let names = Names::of(&arguments.name)?;
    let checkout = arguments.trunkline.as_deref().map(checkout).transpose()?;
    let path = arguments.path.clone().unwrap_or_else(|| names.package().into());
    let files = templates::files(arguments.kind, &names, checkout.as_deref());
    folder::write(&path, &files)?;
    let path = path.display().to_string();
    let written = Written {
        name: &arguments.name,
        kind: arguments.kind,
        files: files.iter().map(|(file, _)| file.as_str()).collect(),
        next: templates::next(arguments.kind, &names, &path),
        path,
    };
    if output.is_json() {
        output.json(&written)?;
        return Ok(Exit::Done);
    }
    writeln!(output.out(), "{BOLD}{}{BOLD:#}", plain(&written.path))?;
    written.files.iter().try_for_each(|file| writeln!(output.out(), "  {file}"))?;
    writeln!(output.out(), "{BOLD}next{BOLD:#}")?;
    written.next.iter().try_for_each(|step| writeln!(output.out(), "  {}", plain(step)))?;
    Ok(Exit::Done)
}

/// The folder of a checkout, from the root, since the new folder may stand anywhere.
fn checkout(given: &Path) -> Result<String, Failure> {
    let absolute = std::path::absolute(given).unwrap_or_else(|_| PathBuf::from(given));
    let is_there = absolute.join("crates/trunkline-core/Cargo.toml").is_file();
    match absolute.into_os_string().into_string() {
        Ok(folder) if is_there => Ok(folder),
        _ => Err(Failure::usage(format!(
            "{} is no checkout of Trunkline",
            plain(&given.display().to_string())
        ))
        .hint("Name the folder that `crates/trunkline-core` is in.")),
    }
}
