//! What can go wrong with a store and its keys.

use trunkline_core::{ConnectionId, Error, ErrorKind};

use crate::KeyId;

/// Failure of a store. It holds no secret and nothing of what is stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The store cannot be reached or is busy beyond its bound; the change was not made, or, if
    /// the failure fell on its last step, may have been: read again.
    #[error("the store cannot be used: {reason}")]
    Unavailable {
        /// What the database says.
        reason: String,
    },
    /// What is stored makes no sense. Nothing was changed.
    #[error("the store is damaged: {what}")]
    Corrupt {
        /// Where.
        what: &'static str,
    },
    /// The secrets of a connection do not open: they were altered, or belong to another row.
    #[error("the secrets of connection {id} do not open: they were altered or moved")]
    CannotOpen {
        /// Which connection.
        id: ConnectionId,
    },
    /// A pending consent does not open: it was altered, or belongs to another row.
    #[error("a pending consent does not open: it was altered or moved")]
    ConsentCannotOpen,
    /// Something is sealed under a key that the ring lacks.
    #[error("the key ring lacks key {key_id}, under which secrets are sealed")]
    KeyMissing {
        /// Which key.
        key_id: KeyId,
    },
    /// A newer version of Trunkline has used this store. Nothing was changed.
    #[error("the store has schema version {found}, but this build knows only {known}")]
    SchemaTooNew {
        /// The store's version.
        found: u64,
        /// The newest version that is known here.
        known: u64,
    },
    /// The file is something else than a database. Nothing was changed.
    #[error("the file is not a database")]
    NotADatabase,
    /// The database is on another machine, and its URL turns TLS off.
    #[error("the database is on another machine, and its URL turns TLS off")]
    TlsRequired,
    /// The caller passed something that no store accepts. Nothing was changed.
    #[error("the change cannot be made: {what}")]
    Invalid {
        /// What is wrong with it.
        what: &'static str,
    },
    /// The cryptographic library failed: no random bytes, for instance. Nothing was changed.
    #[error("sealing failed")]
    SealFailed,
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::KeyMissing { key_id } => {
                let hint = format!(
                    "Put key {key_id} back into the key ring; a key stays there, after the current one, \
                     until nothing is sealed under it."
                );
                Error::new(ErrorKind::ConfigInvalid, "a sealing key is missing").hint(hint)
            }
            StoreError::SchemaTooNew { .. } => Error::new(ErrorKind::StoreFailed, "the store is too new")
                .hint("Run the newest version of Trunkline that has used this store."),
            StoreError::NotADatabase => Error::new(ErrorKind::StoreFailed, "the store is not a database")
                .hint("Check the path of the store; the file was left as it is."),
            StoreError::TlsRequired => {
                Error::new(ErrorKind::ConfigInvalid, "the connection to the database is not encrypted").hint(
                    "Take sslmode=disable out of the URL; sslrootcert= names the certificate of an \
                     authority of your own.",
                )
            }
            StoreError::CannotOpen { .. } | StoreError::Corrupt { .. } => {
                Error::new(ErrorKind::StoreFailed, "the store is damaged")
                    .hint("Restore a backup of the store.")
            }
            _ => Error::new(ErrorKind::StoreFailed, "the store failed"),
        }
        .caused_by(error)
    }
}

/// Why a key ring cannot be made. It never shows a key or a part of one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// There is no key.
    #[error("{var} is not set: it must hold a sealing key, 32 bytes in base64 or hex")]
    Missing {
        /// Where a key was looked for.
        var: String,
    },
    /// A key has another length than 32 bytes.
    #[error("key {position} in {var} has {bytes} bytes, but a sealing key has 32")]
    WrongLength {
        /// Where it was found.
        var: String,
        /// Which of the keys there, counted from 1.
        position: usize,
        /// How many bytes it has.
        bytes: usize,
    },
    /// A key is neither base64 nor hex.
    #[error("key {position} in {var} is neither base64 nor hex")]
    NotBase64 {
        /// Where it was found.
        var: String,
        /// Which of the keys there, counted from 1.
        position: usize,
    },
    /// The cryptographic library gave no random bytes.
    #[error("no random bytes to make a key of")]
    NoRandom,
}

impl From<KeyError> for Error {
    fn from(error: KeyError) -> Self {
        Error::new(ErrorKind::ConfigInvalid, "there is no usable sealing key")
            .hint("Make a key with `openssl rand -base64 32` and pass it as the key ring's variable.")
            .caused_by(error)
    }
}
