//! The file, before SQLite opens it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf, absolute};
use std::sync::{Mutex, PoisonError};

use crate::StoreError;

/// Closing any descriptor of a file drops all locks that the process holds on it, SQLite's too
/// (POSIX). So the only descriptor of ours is the one that creates the file, and nobody in this process
/// opens the file with SQLite before it is closed.
static CREATING: Mutex<()> = Mutex::new(());

/// Creates the file, readable by its owner only from its first byte, unless it is there, and answers
/// its absolute path.
pub(super) fn prepare(path: &Path) -> Result<PathBuf, StoreError> {
    if path.as_os_str().is_empty() || path.as_os_str() == ":memory:" {
        return Err(StoreError::Invalid { what: "a store in SQLite needs a file; MemoryStore needs none" });
    }
    // SQLite reads a relative path that starts with `file:` as a URI.
    let path = absolute(path).map_err(|error| unusable(&error))?;
    let _creating = CREATING.lock().unwrap_or_else(PoisonError::into_inner);
    match create(&path) {
        Ok(()) => sync_folder(&path)?,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(unusable(&error)),
    }
    refuse_emptied(&path)?;
    restrict(&path)?;
    Ok(path)
}

/// Takes the rights of others from the file and its companions.
pub(super) fn restrict(path: &Path) -> Result<(), StoreError> {
    for path in [path.to_owned(), companion(path, "-wal"), companion(path, "-shm")] {
        match owner_only(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            result => result.map_err(|error| unusable(&error))?,
        }
    }
    Ok(())
}

/// SQLite takes a file of no bytes, and also one of a single byte, for a new database, and drops the
/// log beside it. But a log has content only after the file has some: such a file was truncated, and its
/// log may be all that is left.
fn refuse_emptied(path: &Path) -> Result<(), StoreError> {
    let log = fs::metadata(companion(path, "-wal")).map_or(0, |found| found.len());
    match fs::metadata(path).map_err(|error| unusable(&error))?.len() {
        0 if log > 0 => Err(StoreError::Corrupt { what: "the file is empty, but its log is not" }),
        1 => Err(StoreError::NotADatabase),
        _ => Ok(()),
    }
}

/// Whether the file ends within a page and there is no log to mend it from: its end is lost. SQLite
/// itself would read zeros there. Pages are written whole, so no other process's write looks like this.
pub(super) fn is_cut(path: &Path) -> Result<bool, StoreError> {
    const SMALLEST_PAGE: u64 = 512;
    let length = fs::metadata(path).map_err(|error| unusable(&error))?.len();
    let log = |suffix| fs::metadata(companion(path, suffix)).is_ok_and(|found| found.len() > 0);
    Ok(length % SMALLEST_PAGE != 0 && !log("-wal") && !log("-journal"))
}

fn companion(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn unusable(error: &io::Error) -> StoreError {
    StoreError::Unavailable { reason: format!("the file cannot be used: {}", error.kind()) }
}

#[cfg(unix)]
fn create(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map(drop)
}

#[cfg(not(unix))]
fn create(path: &Path) -> io::Result<()> {
    fs::OpenOptions::new().write(true).create_new(true).open(path).map(drop)
}

/// By path, not by descriptor: see [`CREATING`].
#[cfg(unix)]
fn owner_only(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    if fs::metadata(path)?.permissions().mode() & 0o077 == 0 {
        return Ok(());
    }
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))
}

/// Elsewhere the folder's access list decides.
#[cfg(not(unix))]
fn owner_only(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Without this a power failure may take the new file's name away, with all that was committed to it.
#[cfg(unix)]
fn sync_folder(path: &Path) -> Result<(), StoreError> {
    let Some(folder) = path.parent() else { return Ok(()) };
    fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| unusable(&error))
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> Result<(), StoreError> {
    Ok(())
}
