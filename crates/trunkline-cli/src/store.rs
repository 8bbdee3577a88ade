//! The store that a command works on.

use std::path::Path;

use trunkline::{Builder, PostgresStore, SqliteStore, Store};
use trunkline_core::printable;

use crate::exit::{Exit, Failure};

/// A store by the place it was named with.
pub(crate) enum OpenStore {
    Sqlite(Box<SqliteStore>),
    Postgres(PostgresStore),
}

impl OpenStore {
    /// Opens a store that is there. A mistyped path makes no file.
    pub(crate) async fn existing(place: &str) -> Result<Self, Failure> {
        if !is_url(place) && !Path::new(place).exists() {
            return Err(Failure::new(Exit::NotFound, format!("there is no store at `{}`", printable(place)))
                .hint("Name it with --store or TRUNKLINE_STORE; `trunkline connect` makes a new one."));
        }
        Self::open(place).await
    }

    /// Opens a store, and makes the file if it is not there.
    pub(crate) async fn open(place: &str) -> Result<Self, Failure> {
        if ["postgres://", "postgresql://"].iter().any(|scheme| place.starts_with(scheme)) {
            return Ok(Self::Postgres(PostgresStore::connect(place).await?));
        }
        if is_url(place) {
            return Err(Failure::usage("the store is neither a path nor a URL of PostgreSQL")
                .hint("Write --store trunkline.db or --store postgres://user@host/database."));
        }
        Ok(Self::Sqlite(SqliteStore::open(place).await?.into()))
    }

    pub(crate) fn reader(&self) -> &dyn Store {
        match self {
            Self::Sqlite(store) => &**store,
            Self::Postgres(store) => store,
        }
    }

    pub(crate) fn give_to(self, builder: Builder) -> Builder {
        match self {
            Self::Sqlite(store) => builder.store(*store),
            Self::Postgres(store) => builder.store(store),
        }
    }
}

fn is_url(place: &str) -> bool {
    place.contains("://")
}
