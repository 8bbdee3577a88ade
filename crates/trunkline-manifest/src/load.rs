//! From texts to manifests: read, inherit, check.

mod check;
mod inherit;
mod read;
mod secrets;
mod sources;
mod url;

pub(crate) use read::read_all;

/// Largest file, in bytes.
pub const MAX_FILE_BYTES: usize = 64 * 1024;
/// Most files of one load.
pub const MAX_FILES: usize = 4096;
