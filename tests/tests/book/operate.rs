//! `docs/guides/operate.md`.
#![expect(dead_code, reason = "it is compiled, not run")]

use std::time::Duration;

use trunkline::{Builder, PostgresOptions, PostgresStore, Probes, Trunkline};

async fn one_url() -> Result<PostgresStore, Box<dyn std::error::Error>> {
    let options =
        PostgresOptions::parse("postgres://app@db.example/app")?.schema("trunkline").max_connections(10);
    let store = PostgresStore::connect_with(options).await?;
    Ok(store)
}

async fn own_pool(pool: sqlx::PgPool) -> Result<PostgresStore, Box<dyn std::error::Error>> {
    let store = PostgresStore::from_pool(pool).await?;
    Ok(store)
}

fn probes() -> Builder {
    let mut probes = Probes::default();
    probes.within = Duration::from_secs(5 * 60);
    probes.per_second = 50;
    probes.concurrency = 16;
    let builder = Trunkline::builder().probes(probes);
    builder
}
