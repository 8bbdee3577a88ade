//! A new folder: all of it, or nothing.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use crate::exit::{Exit, Failure};
use crate::output::plain;

/// Writes files, each a path within the folder and a text, into a folder that is not there or empty. It is written under
/// another name beside its place, and takes it only when it is whole.
pub(super) fn write(folder: &Path, files: &[(String, String)]) -> Result<(), Failure> {
    let shown = plain(&folder.display().to_string());
    let is_taken = match fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_some() || is_here(folder),
        Err(_) => fs::symlink_metadata(folder).is_ok(),
    };
    if is_taken {
        return Err(Failure::usage(format!("{shown} is already there"))
            .hint("Nothing is overwritten: name another folder with --path."));
    }
    whole(folder, files).map_err(|error| {
        Failure::new(Exit::Failed, format!("{shown} cannot be written: {}", plain(&error.to_string()))).hint(
            "Nothing was left there. Name a folder with --path whose parent is there and can be written to.",
        )
    })
}

/// Whether somebody works in it: another folder in its place would not be theirs.
fn is_here(folder: &Path) -> bool {
    let here = std::env::current_dir();
    here.is_ok_and(|here| folder.canonicalize().is_ok_and(|folder| folder == here))
}

fn whole(folder: &Path, files: &[(String, String)]) -> io::Result<()> {
    let place = std::path::absolute(folder)?;
    let parent = place.parent().ok_or(ErrorKind::InvalidInput)?;
    // It goes when it is dropped, with all that is in it then.
    let beside = tempfile::Builder::new().prefix(".new-connector-").tempdir_in(parent)?;
    // Below it, since it is itself for the eyes of its owner only.
    let new = beside.path().join("new");
    fs::create_dir(&new)?;
    for (path, text) in files {
        file(&new.join(path), text)?;
    }
    // Never onto a folder that somebody else filled meanwhile: that is an error.
    fs::rename(new, place)
}

fn file(path: &PathBuf, text: &str) -> io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)?;
    File::create_new(path)?.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
        entries.map(|name| name.to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn a_write_that_fails_half_way_leaves_nothing() {
        let parent = tempfile::tempdir().unwrap();
        // The second needs a folder where the first is a file.
        let files = ["a", "a/b"].map(|path| (path.to_owned(), String::new()));
        let failure = write(&parent.path().join("new"), &files).unwrap_err();
        assert_eq!((failure.exit, entries(parent.path())), (Exit::Failed, vec![]));
        write(&parent.path().join("new"), &files[..1]).unwrap();
        assert_eq!(entries(parent.path()), ["new"], "and nothing beside it");
    }
}
