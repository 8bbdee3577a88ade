//! A PostgreSQL server to test against, and a schema of one's own in it.
//!
//! The server is that of the environment variable [`SERVER`], or the one on this machine. Where none
//! answers, tests are skipped and say so on the terminal; they fail instead if the variable is set, or if
//! `CI=true`.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};

use super::Backend;
use crate::{PostgresOptions, PostgresStore, Store, StoreError};

/// The environment variable that holds the URL of the server to test against. Its role must be allowed to
/// make schemas.
pub const SERVER: &str = "TRUNKLINE_TEST_POSTGRES";

const ON_THIS_MACHINE: &str = "postgres://root@127.0.0.1:5432/test?sslmode=disable";

const PATIENCE: Duration = Duration::from_secs(5);

/// Few, since many tests run at once and a server has a hundred.
const MAX_CONNECTIONS: u32 = 5;

/// A schema of its own on the server, which is dropped with this value.
#[derive(Debug)]
pub struct TestSchema {
    url: String,
    name: String,
}

impl TestSchema {
    /// A new, empty schema; `None` where no server answers, which is said on the terminal.
    ///
    /// # Panics
    ///
    /// If there must be a server and there is none.
    pub async fn find() -> Option<Self> {
        let given = variable(SERVER);
        let url = given.clone().unwrap_or_else(|| ON_THIS_MACHINE.to_owned());
        let answer = match url.parse::<PgConnectOptions>() {
            Ok(server) => tokio::time::timeout(PATIENCE, server.connect()).await.map_err(|_| "it is silent"),
            Err(_) => Err("its URL cannot be read"),
        };
        match answer {
            Ok(Ok(mut connection)) => Some(Self::make(url, &mut connection).await),
            why => {
                let why = why.map_or_else(str::to_owned, |answer| format!("{:?}", answer.err()));
                assert!(given.is_none(), "the PostgreSQL server that {SERVER} names cannot be used: {why}");
                assert!(variable("CI").as_deref() != Some("true"), "there is no PostgreSQL server: {why}");
                say_skipped();
                None
            }
        }
    }

    async fn make(url: String, connection: &mut PgConnection) -> Self {
        // Random, since other machines may test against the same server.
        let mut random = [0; 8];
        assert!(aws_lc_rs::rand::fill(&mut random).is_ok(), "there are random bytes");
        let name = format!("trunkline_test_{:016x}", u64::from_be_bytes(random));
        run(connection, &format!("CREATE SCHEMA {name}")).await;
        Self { url, name }
    }

    /// The URL of the server.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The name of the schema.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Options with which a store keeps its tables in the schema. They can be changed further.
    ///
    /// # Errors
    ///
    /// Those of [`PostgresOptions::parse`].
    pub fn options(&self) -> Result<PostgresOptions, StoreError> {
        Ok(PostgresOptions::parse(&self.url)?.schema(&self.name).max_connections(MAX_CONNECTIONS))
    }

    /// A store on the schema.
    ///
    /// # Errors
    ///
    /// Those of [`PostgresStore::connect_with`].
    pub async fn store(&self) -> Result<PostgresStore, StoreError> {
        PostgresStore::connect_with(self.options()?).await
    }

    /// Does to the schema what somebody with a client of the database might do.
    ///
    /// # Panics
    ///
    /// If the statements cannot be run.
    pub async fn run(&self, statements: &str) {
        let pool = self.pool(&[]);
        let done = sqlx::raw_sql(AssertSqlSafe(statements.to_owned())).execute(&pool).await;
        assert!(done.is_ok(), "{statements}: {done:?}");
        pool.close().await;
    }

    /// A pool as an application might have it, whose connections look into the schema, with further
    /// settings for its sessions.
    ///
    /// # Panics
    ///
    /// If there must be a server and there is none.
    #[must_use]
    pub fn pool(&self, settings: &[(&str, &str)]) -> PgPool {
        let server: PgConnectOptions = self.url.parse().unwrap_or_else(|_| panic!("{SERVER}"));
        let server = server.options([("search_path", &self.name)]).options(settings.iter().copied());
        PgPoolOptions::new().max_connections(MAX_CONNECTIONS).connect_lazy_with(server)
    }
}

#[async_trait]
impl Backend for TestSchema {
    async fn open(&self) -> Result<Arc<dyn Store>, StoreError> {
        Ok(Arc::new(self.store().await?))
    }

    fn is_shared(&self) -> bool {
        true
    }
}

impl Drop for TestSchema {
    fn drop(&mut self) {
        let Ok(server) = self.url.parse::<PgConnectOptions>() else { return };
        let statement = format!("DROP SCHEMA IF EXISTS {} CASCADE", self.name);
        // A thread of its own: a runtime cannot be waited for from inside another.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let Ok(runtime) = runtime else { return };
            runtime.block_on(async {
                if let Ok(mut connection) = server.connect().await {
                    run(&mut connection, &statement).await;
                    drop(connection.close().await);
                }
            });
        });
        drop(dropping.join());
    }
}

async fn run(connection: &mut PgConnection, statement: &str) {
    let done = sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(connection).await;
    assert!(done.is_ok(), "{statement}: {done:?}");
}

#[expect(clippy::disallowed_methods, reason = "the environment says what tests are to run against")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Not by `eprintln!`, which a test that passes swallows.
fn say_skipped() {
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    let line = format!(
        "SKIPPED {test}: no PostgreSQL server answers at {ON_THIS_MACHINE}; {SERVER} names another\n"
    );
    drop(std::io::stderr().write_all(line.as_bytes()));
}
