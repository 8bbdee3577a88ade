//! Which indexes the statements use. A table of a few rows is read whole, so these tests fill one.

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Row as _};

use super::PostgresStore;
use crate::conformance::postgres::TestSchema;
use crate::sql::{self, Sql};

/// One in a hundred is still under an old key.
const FILL: &str = "INSERT INTO trunkline_connections \
     (id, tenant, connector, label, method, account, account_key, state, state_since, generation, sequence, created_at, \
      due_at, probe_at, key_id, wrapped_key, body) \
     SELECT decode(lpad(to_hex(n), 32, '0'), 'hex'), 'tenant ' || n, 'connector', 'default', 'oauth2', \
      json_build_object('company', 'company ' || n)::text, 'account ' || n, 'active', 0, 1, 0, 0, n, n, \
      CASE WHEN n % 100 = 0 THEN '\\x0101010101010101'::bytea ELSE '\\x0202020202020202' END, '\\x00', '\\x00' \
     FROM generate_series(1, 20000) AS n; \
     INSERT INTO trunkline_events (connection, sequence, kind, at, position) \
     SELECT '\\x00', n, 'renewed', n, CASE WHEN n <= 19900 THEN n END FROM generate_series(1, 20000) AS n; \
     ANALYZE trunkline_connections; ANALYZE trunkline_events";

/// The plan, by the plan cache mode of the connection: for these values, or for any.
#[expect(clippy::unwrap_used, reason = "a test")]
async fn plan(connection: &mut PgConnection, statement: &str, values: &[&str]) -> String {
    let given = if values.is_empty() { String::new() } else { format!("({})", values.join(", ")) };
    let prepare = format!("DEALLOCATE ALL; PREPARE statement AS {statement}");
    sqlx::raw_sql(AssertSqlSafe(prepare)).execute(&mut *connection).await.unwrap();
    let explain = format!("EXPLAIN EXECUTE statement{given}");
    let rows = sqlx::raw_sql(AssertSqlSafe(explain)).fetch_all(connection).await.unwrap();
    let lines: Vec<String> = rows.iter().map(|row| row.try_get(0).unwrap()).collect();
    lines.join("\n")
}

#[tokio::test]
async fn no_statement_reads_the_whole_table() {
    let Some(schema) = TestSchema::find().await else { return };
    drop(schema.store().await.unwrap());
    schema.run(FILL).await;
    let old_key = "'\\x0101010101010101'";
    let names = ["'t'", "'c'", "'l'"];
    for mode in ["force_custom_plan", "force_generic_plan"] {
        let mut connection = schema.pool(&[("plan_cache_mode", mode)]).acquire().await.unwrap();
        for (index, statement, values) in [
            ("_due", PostgresStore::WORDS.claim_due, &["'connector'", "100", "1000000", "100"][..]),
            ("_probe", PostgresStore::WORDS.claim_probes, &["'connector'", "100", "1000000", "100"]),
            ("_tenant", sql::COUNT_TENANTS, &["'connector'", "100"]),
            ("_pkey", super::run::PROVE, &["'{\\x01,\\x02}'", "'{1,2}'", "'{3,4}'"]),
            ("_position", PostgresStore::WORDS.feed, &["19000", "100"]),
            ("_unplaced", super::feed::PLACE, &["100"]),
            ("_position", PostgresStore::WORDS.purge_events, &["100", "100"]),
            ("_key", sql::WRAPPED_UNDER, &[old_key, "''", "100"]),
            ("_key", sql::KEY_IDS, &[]),
            ("_account", sql::SAME_ACCOUNT, &["'connector'", "'account 7'", "''"]),
            ("_account", sql::HOLDERS, &["'connector'", "'account 7'", "'account 8'"]),
            ("_company", PostgresStore::WORDS.company_holders, &["'connector'", "'company 7'"]),
            ("_revocation", sql::PENDING_REVOCATIONS, &["100"]),
            ("_pkey", PostgresStore::WORDS.by_id, &[old_key]),
            ("_label_key", PostgresStore::WORDS.by_key, &names),
            ("_label_key", sql::PAGE, &[names[0], names[1], names[2], "100"]),
            ("_label_key", sql::PAGE_OF_ALL, &[names[0], names[1], names[2], "100"]),
        ] {
            let plan = plan(&mut connection, statement, values).await;
            let uses_index = plan.lines().any(|line| {
                let (_, name) =
                    line.split_once("Scan using ").or(line.split_once("Scan on ")).unwrap_or_default();
                name.split(' ').next().is_some_and(|name| name.ends_with(index))
            });
            let generic = !plan.contains("'connector'") || mode == "force_custom_plan";
            assert!(uses_index && generic && !plan.contains("Seq Scan"), "{mode} {statement}\n{plan}");
        }
    }
}
