//! What could not be stored before the process had to end: a file of sealed credentials, applied at the
//! next start.
//!
//! One JSON object a line. It holds no secret in the clear: the credential is sealed for the very row and
//! generation it belongs to.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use trunkline_core::{Account, ConnectionId, ConnectionKey, Error, ErrorKind};
use trunkline_store::{Body, Change, Commit, Expected, Fence, KeyId, Record, Sealed, Status};

use super::commit::{Stand, rebase, stand};
use crate::hub::Hub;

/// One credential.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    id: ConnectionId,
    tenant: String,
    connector: String,
    label: String,
    method: String,
    account: Option<Account>,
    status: Status,
    /// The generation it replaces; `None` for a new connection.
    replaces: Option<u64>,
    /// Under which intent.
    epoch: Option<u64>,
    created_at: Timestamp,
    granted_at: Option<Timestamp>,
    credential_at: Option<Timestamp>,
    access_expires_at: Option<Timestamp>,
    grant_expires_at: Option<Timestamp>,
    due_at: Option<Timestamp>,
    proved_at: Option<Timestamp>,
    probe_at: Option<Timestamp>,
    key_id: String,
    wrapped_key: String,
    body: String,
}

impl Entry {
    /// `None` for a change that stores no credential: nothing is lost with it.
    fn of(change: &Change) -> Option<Self> {
        let (Body::Replace(sealed) | Body::Restore(sealed)) = &change.body else { return None };
        let record = &change.record;
        Some(Self {
            id: record.id,
            tenant: record.key.tenant().to_owned(),
            connector: record.key.connector().to_owned(),
            label: record.key.label().to_owned(),
            method: record.method.clone(),
            account: record.account.clone(),
            status: record.status().clone(),
            replaces: change.expected.generation(),
            epoch: change.under.map(|fence| fence.epoch),
            created_at: record.created_at,
            granted_at: record.granted_at,
            credential_at: record.credential_at,
            access_expires_at: record.access_expires_at,
            grant_expires_at: record.grant_expires_at,
            due_at: record.due_at,
            proved_at: record.proved_at,
            probe_at: record.probe_at,
            key_id: STANDARD.encode(sealed.key_id.as_bytes()),
            wrapped_key: STANDARD.encode(&sealed.wrapped_key),
            body: STANDARD.encode(&sealed.body),
        })
    }

    fn change(&self) -> Result<Change, Error> {
        let bytes = |text: &str| STANDARD.decode(text).map_err(|_| damaged());
        let key_id = bytes(&self.key_id)?.try_into().map_err(|_| damaged())?;
        let sealed = Sealed {
            key_id: KeyId::from_bytes(key_id),
            wrapped_key: bytes(&self.wrapped_key)?,
            body: bytes(&self.body)?,
        };
        let generation = self.replaces.map_or(Some(1), |old| old.checked_add(1)).ok_or_else(damaged)?;
        let key = ConnectionKey::new(&self.tenant, &self.connector, &self.label)?;
        let mut record =
            Record::read(self.id, key, self.method.clone(), self.created_at, self.status.clone());
        record.account = self.account.clone();
        record.generation = generation;
        record.granted_at = self.granted_at;
        record.credential_at = self.credential_at;
        record.access_expires_at = self.access_expires_at;
        record.grant_expires_at = self.grant_expires_at;
        record.due_at = self.due_at;
        record.proved_at = self.proved_at;
        record.probe_at = self.probe_at;
        Ok(Change {
            expected: self.replaces.map_or(Expected::Absent, Expected::Generation),
            under: self.epoch.map(Fence::close),
            record,
            body: Body::Replace(sealed),
            events: Vec::new(),
        })
    }
}

/// The lines for these changes.
pub(crate) fn lines(changes: &[Change]) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    for entry in changes.iter().filter_map(Entry::of) {
        serde_json::to_writer(&mut out, &entry).map_err(|_| damaged())?;
        out.push(b'\n');
    }
    Ok(out)
}

/// Adds lines to a journal: readable by its owner only from its first byte, and on the disk when it answers.
pub(crate) fn append(path: &Path, lines: &[u8]) -> Result<(), Error> {
    let mut all = read(path)?;
    all.extend_from_slice(lines);
    replace(path, &all).map_err(|error| unusable(&error))
}

/// Applies a journal as a holder would write what it holds: where the row still is as it was left. What
/// counts no more is dropped; what a successor's intent stands against stays for the next start.
///
/// # Errors
///
/// A journal that cannot be read or a store that fails: everything stays in the file.
pub(crate) async fn apply(hub: &Hub, path: &Path) -> Result<(), Error> {
    let text = read(path)?;
    if text.is_empty() {
        return Ok(());
    }
    let mut left = Vec::new();
    for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let entry: Entry = serde_json::from_slice(line).map_err(|_| damaged())?;
        if !apply_one(hub, &entry).await? {
            left.extend_from_slice(line);
            left.push(b'\n');
        }
    }
    let kept = if left.is_empty() { remove(path) } else { replace(path, &left) };
    kept.map_err(|error| unusable(&error))
}

/// Answers whether the entry has done its work.
async fn apply_one(hub: &Hub, entry: &Entry) -> Result<bool, Error> {
    let mut change = entry.change()?;
    for _ in 0..8 {
        if let Some(stored) = hub.vault.store().get(&change.record.key).await? {
            match stand(&stored.record, &stored.lease, &change) {
                Stand::Ours => rebase(hub, &mut change, stored.record),
                Stand::Newer => {
                    tracing::info!(target: "trunkline", connection = %entry.id, "journal: a newer credential is stored");
                    return Ok(true);
                }
                Stand::WentBack | Stand::Successor => {
                    tracing::warn!(target: "trunkline", connection = %entry.id, "journal: kept for the next start");
                    return Ok(false);
                }
            }
        }
        if let Commit::Done { .. } = hub.commit(&change).await? {
            tracing::info!(target: "trunkline", connection = %entry.id, generation = change.record.generation, "journal: credential stored");
            return Ok(true);
        }
    }
    Ok(false)
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    match fs::read(path) {
        Ok(bytes) => Ok(bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(unusable(&error)),
    }
}

fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = sibling(path);
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    sync_folder(path)
}

fn remove(path: &Path) -> io::Result<()> {
    fs::remove_file(path)?;
    sync_folder(path)
}

fn sibling(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    name.into()
}

/// Without this a power failure may bring the old name back.
fn sync_folder(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    fs::File::open(std::path::absolute(path)?.parent().unwrap_or(Path::new("/")))?.sync_all()?;
    #[cfg(not(unix))]
    drop(path);
    Ok(())
}

fn damaged() -> Error {
    Error::new(ErrorKind::StoreFailed, "the journal is damaged")
        .hint("Keep the file: it may hold the only copy of a credential.")
}

fn unusable(error: &io::Error) -> Error {
    Error::new(ErrorKind::StoreFailed, format!("the journal cannot be used: {}", error.kind()))
}
