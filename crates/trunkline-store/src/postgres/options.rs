//! How a database is reached.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use sqlx::ConnectOptions as _;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgSslMode};

use super::suspicion::Suspicion;
use crate::StoreError;

/// PostgreSQL cuts longer names off.
const MAX_SCHEMA_BYTES: usize = 63;

/// How a [`PostgresStore`](crate::PostgresStore) reaches its database.
///
/// TLS is not a setting but a rule. Unless the database is on this machine (loopback or a Unix socket),
/// the connection is encrypted and the server's certificate is checked, against `sslrootcert=` of the
/// URL or else the well-known authorities. `sslmode=require` and `verify-ca` in the URL relax the
/// check; `allow` and `prefer` count as not said.
#[derive(Clone)]
pub struct PostgresOptions {
    server: PgConnectOptions,
    schema: Option<String>,
    max_connections: u32,
    acquire_timeout: Duration,
    statement_timeout: Duration,
    without_tls: bool,
}

impl PostgresOptions {
    /// Reads a URL, `postgres://user:password@host:port/database?sslmode=verify-full`. What it does not
    /// say is taken from `PGHOST`, `PGUSER`, `PGPASSWORD` and their like, and from `~/.pgpass`.
    ///
    /// # Errors
    ///
    /// [`StoreError::Invalid`], which does not quote the URL.
    pub fn parse(url: &str) -> Result<Self, StoreError> {
        // The driver would take any other scheme for this one.
        let scheme = url.split_once("://").map(|(scheme, _)| scheme);
        let server = match scheme {
            Some("postgres" | "postgresql") => url.parse::<PgConnectOptions>().ok(),
            _ => None,
        };
        let server = server.ok_or(StoreError::Invalid { what: "the URL of the database" })?;
        Ok(Self {
            server,
            schema: None,
            max_connections: 10,
            acquire_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(10),
            without_tls: false,
        })
    }

    /// Keeps the tables in this schema, which is made if it is not there: a small letter or an underscore,
    /// then such, or digits. Without it, the first one of the role's search path is used.
    #[must_use]
    pub fn schema(mut self, name: impl Into<String>) -> Self {
        self.schema = Some(name.into());
        self
    }

    /// How many connections there are at most. 10 by default; a connection is in use only while a statement
    /// runs, so a few serve many renewals.
    #[must_use]
    pub fn max_connections(mut self, most: u32) -> Self {
        self.max_connections = most;
        self
    }

    /// How long an operation waits for a connection, a new one included. 5 s by default. While the database
    /// is away, this is how long a call takes to say so.
    #[must_use]
    pub fn acquire_timeout(mut self, timeout: Duration) -> Self {
        self.acquire_timeout = timeout;
        self
    }

    /// How long a statement may take, the wait for another's lock included. 10 s by default. The database
    /// ends it then; one that does not even do that is given up 2 s later.
    #[must_use]
    pub fn statement_timeout(mut self, timeout: Duration) -> Self {
        self.statement_timeout = timeout;
        self
    }

    /// Lets `sslmode=disable` of the URL stand for a database elsewhere. Whoever listens on the way
    /// then reads the password's proof, names and accounts, and can change what is stored; the secrets
    /// are sealed.
    #[must_use]
    pub fn insecure_without_tls(mut self) -> Self {
        self.without_tls = true;
        self
    }

    /// The server with all that is settled.
    pub(super) fn server(&self) -> Result<PgConnectOptions, StoreError> {
        let mut server = self.server.clone().ssl_mode(self.tls()?).disable_statement_logging();
        if server.get_application_name().is_none() {
            server = server.application_name("trunkline");
        }
        let timeout = self.statement_timeout.as_millis().to_string();
        // Said here and not left to the database's configuration: a commit is on the disk when it
        // answers, and stricter isolation would only undo statements that check what they rely on anyway.
        server = server.options([
            ("synchronous_commit", "on"),
            ("default_transaction_isolation", "read committed"),
            ("statement_timeout", &timeout),
        ]);
        Ok(match self.checked_schema()? {
            Some(schema) => server.options([("search_path", schema)]),
            None => server,
        })
    }

    pub(super) fn pool(&self, suspicion: Suspicion) -> PgPoolOptions {
        PgPoolOptions::new()
            .max_connections(self.max_connections)
            .acquire_timeout(self.acquire_timeout)
            // It would double the cost of every read.
            .test_before_acquire(false)
            .before_acquire(move |connection, about| {
                let suspicion = suspicion.clone();
                Box::pin(async move { Ok(suspicion.clears(connection, about.idle_for).await) })
            })
    }

    /// How long a statement is waited for: the database's own bound comes first.
    pub(super) fn statement_bound(&self) -> Duration {
        self.statement_timeout.saturating_add(Duration::from_secs(2))
    }

    pub(super) fn connect_bound(&self) -> Duration {
        self.acquire_timeout
    }

    /// The schema's name, if it can stand in a statement as it is.
    pub(super) fn checked_schema(&self) -> Result<Option<&str>, StoreError> {
        let Some(name) = self.schema.as_deref() else { return Ok(None) };
        let starts = name.starts_with(|first: char| first.is_ascii_lowercase() || first == '_');
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        if starts && name.bytes().all(plain) && name.len() <= MAX_SCHEMA_BYTES {
            return Ok(Some(name));
        }
        Err(StoreError::Invalid { what: "the name of a schema has small letters, digits and underscores" })
    }

    fn tls(&self) -> Result<PgSslMode, StoreError> {
        let said = self.server.get_ssl_mode();
        match said {
            _ if self.is_on_this_machine() => Ok(said),
            PgSslMode::Disable if self.without_tls => Ok(said),
            PgSslMode::Disable => Err(StoreError::TlsRequired),
            PgSslMode::Allow | PgSslMode::Prefer => Ok(PgSslMode::VerifyFull),
            PgSslMode::Require | PgSslMode::VerifyCa | PgSslMode::VerifyFull => Ok(said),
        }
    }

    fn is_on_this_machine(&self) -> bool {
        let host = self.server.get_host();
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        self.server.get_socket().is_some()
            || host.starts_with('/')
            || host.eq_ignore_ascii_case("localhost")
            || address.is_ok_and(|address| address.is_loopback())
    }
}

/// Without the password.
impl fmt::Debug for PostgresOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresOptions")
            .field("host", &self.server.get_host())
            .field("port", &self.server.get_port())
            .field("database", &self.server.get_database())
            .field("schema", &self.schema)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tls(url: &str) -> Result<PgSslMode, StoreError> {
        PostgresOptions::parse(url).unwrap().tls()
    }

    #[test]
    fn off_this_machine_there_is_no_connection_without_tls() {
        for url in ["postgres://u@db.example/d", "postgres://u@db.example/d?sslmode=prefer"] {
            assert!(matches!(tls(url), Ok(PgSslMode::VerifyFull)), "{url}");
        }
        for host in ["db.example", "10.0.0.1", "127.0.0.1.example", "localhost.example", "[2001:db8::1]"] {
            assert!(matches!(
                tls(&format!("postgres://u@{host}/d?sslmode=allow")),
                Ok(PgSslMode::VerifyFull)
            ));
            let url = format!("postgres://u@{host}/d?sslmode=disable");
            assert_eq!(tls(&url).err(), Some(StoreError::TlsRequired), "{url}");
            let options = PostgresOptions::parse(&url).unwrap().insecure_without_tls();
            assert!(matches!(options.tls(), Ok(PgSslMode::Disable)));
        }
        assert!(matches!(tls("postgres://u@db.example/d?sslmode=require"), Ok(PgSslMode::Require)));
    }

    #[test]
    fn on_this_machine_the_url_decides() {
        for url in [
            "postgres://u@127.0.0.1/d?sslmode=disable",
            "postgres://u@localhost/d?sslmode=disable",
            "postgres://u@[::1]/d?sslmode=disable",
            "postgres://u@%2Frun%2Fpostgresql/d?sslmode=disable",
            "postgres:///d?host=/run/postgresql&sslmode=disable",
        ] {
            assert!(matches!(tls(url), Ok(PgSslMode::Disable)), "{url}");
        }
    }

    #[test]
    fn a_schema_that_needs_quotes_is_refused() {
        for name in ["", "1a", "A", "a-b", "a\"; DROP SCHEMA x", "a b", &"a".repeat(64)] {
            let options = PostgresOptions::parse("postgres://localhost").unwrap().schema(name);
            assert!(matches!(options.server(), Err(StoreError::Invalid { .. })), "{name}");
        }
        let options = PostgresOptions::parse("postgres://localhost").unwrap().schema("_a1");
        let server = options.server().unwrap();
        assert!(server.get_options().unwrap().contains("search_path=_a1"));
        assert!(server.get_options().unwrap().contains("synchronous_commit=on"));
    }

    #[test]
    fn no_password_is_shown() {
        let options = PostgresOptions::parse("postgres://u:canary@db.example/d").unwrap();
        assert!(!format!("{options:?}").contains("canary"));
        for url in
            ["canary:canary://", "mysql://u:canary@localhost", "postgres://u:canary@local host/d", "canary"]
        {
            let error = PostgresOptions::parse(url).unwrap_err();
            assert!(!format!("{error:?}{error}").contains("canary"), "{error:?}");
        }
    }
}
