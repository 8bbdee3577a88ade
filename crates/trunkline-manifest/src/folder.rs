//! Manifests of a folder.

use std::collections::HashSet;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::catalogue::Catalogue;
use crate::load::{MAX_FILE_BYTES, MAX_FILES, read_all};
use crate::manifest::Manifest;
use crate::problem::{Problem, Problems};

/// Largest folder, in bytes of manifests.
const MAX_FOLDER_BYTES: usize = 64 * 1024 * 1024;

/// Reads the `*.toml` files of a folder.
///
/// Each file is read once, from one handle, up to [`MAX_FILE_BYTES`]: what is checked is what was read, so a file that
/// changes meanwhile is either the old one, the new one, or no sound manifest, and then the load as a whole fails and
/// whoever loads keeps what he has. Files that are replaced by renaming are never seen half.
#[derive(Debug)]
pub struct Folder;

impl Folder {
    /// Reads every manifest of `path`; folders in it are not looked into, and files whose name begins with a dot are
    /// left out.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with any of them, and what cannot be read.
    pub fn load(path: impl AsRef<Path>) -> Result<Catalogue, Problems> {
        let path = path.as_ref();
        let mut problems = Vec::new();
        let mut files = Vec::new();
        let mut total = 0;
        for file in list(path)? {
            match read(&file) {
                Ok(text) => {
                    total += text.len();
                    if total > MAX_FOLDER_BYTES {
                        let message = format!("a folder has at most {MAX_FOLDER_BYTES} bytes of manifests");
                        return Err(Problem::of_file(path.display().to_string(), message).into());
                    }
                    files.push((file.display().to_string(), text));
                }
                Err(problem) => problems.push(problem),
            }
        }
        let texts = files.iter().map(|(file, text)| (file.as_str(), text.as_str()));
        match Catalogue::parse(texts) {
            Ok(catalogue) => Problems::none_or(problems, catalogue),
            Err(more) => {
                problems.extend(more.iter().cloned());
                Problems::none_or(problems, Catalogue::default())
            }
        }
    }

    /// Reads one manifest, and beside it those it extends: `extends = "acme"` is `acme.toml`.
    pub(crate) fn load_one(file: &Path) -> Result<Arc<Manifest>, Problems> {
        let mut files = vec![(file.display().to_string(), read(file)?)];
        let mut seen = HashSet::new();
        let mut next = base_of(&files[0].1);
        // A circle, or a chain that is too long, is a problem that reading finds.
        while let Some(base) = next.filter(|base| seen.insert(base.clone()) && seen.len() <= 16) {
            let path = file.with_file_name(format!("{base}.toml"));
            if path == file {
                break;
            }
            let text = read(&path)?;
            next = base_of(&text);
            files.push((path.display().to_string(), text));
        }
        let texts = files.iter().map(|(file, text)| (file.as_str(), text.as_str()));
        // Manifests come in the order of their files.
        let manifests = read_all(texts)?;
        manifests
            .into_iter()
            .next()
            .ok_or_else(|| Problem::of_file(file.display().to_string(), "there is no manifest").into())
    }
}

/// The name after `extends`, if it is one that can be a file's.
fn base_of(text: &str) -> Option<String> {
    let table: toml::Table = text.parse().ok()?;
    let name = table.get("extends")?.as_str()?;
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_').then(|| name.to_owned())
}

/// The manifests of a folder, by name.
fn list(path: &Path) -> Result<Vec<PathBuf>, Problems> {
    let unreadable = |error: std::io::Error| {
        Problems::from(Problem::of_file(
            path.display().to_string(),
            format!("the folder cannot be read ({})", error.kind()),
        ))
    };
    let mut files = Vec::new();
    for entry in fs::read_dir(path).map_err(unreadable)? {
        let file = entry.map_err(unreadable)?.path();
        let is_hidden = file.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if file.extension().is_some_and(|extension| extension == "toml") && !is_hidden {
            files.push(file);
        }
        if files.len() > MAX_FILES {
            let message = format!("a folder has at most {MAX_FILES} manifests");
            return Err(Problem::of_file(path.display().to_string(), message).into());
        }
    }
    files.sort_unstable();
    Ok(files)
}

/// The text of a file, no more of it than a manifest may have.
fn read(path: &Path) -> Result<String, Problem> {
    let of = |message: String| Problem::of_file(path.display().to_string(), message);
    let unreadable = |error: std::io::Error| of(format!("the file cannot be read ({})", error.kind()));
    // A pipe or a device could be waited for, or read, for ever.
    if !fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(of("this is no file".to_owned()));
    }
    let file = fs::File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    let most = u64::try_from(MAX_FILE_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    file.take(most).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() > MAX_FILE_BYTES {
        return Err(of(format!("a manifest has at most {MAX_FILE_BYTES} bytes")));
    }
    String::from_utf8(bytes).map_err(|_| of("a manifest is UTF-8".to_owned()))
}
