//! No query of the adapter reads more of a large table than it answers with.
//!
//! The server itself tells the plan of each statement that it ran, with the rows that each step really read
//! (`auto_explain`, as notices). So nothing is left out, and nothing is compared with what it was yesterday.

mod access;
mod exercise;
mod explain;

use std::collections::BTreeSet;

use sqlx::{Connection, PgConnection};
use systemprompt_users_postgres::{PostgresOptions, PostgresStorage};
use tracing::subscriber::set_default;

use crate::database::migrated_database;
use explain::Plans;

/// Names the settings for the sessions of a database, which begin with the next connection.
const TELL_PLANS: &str = "DO $$ BEGIN
    EXECUTE format('ALTER DATABASE %I SET session_preload_libraries = auto_explain', current_database());
    EXECUTE format('ALTER DATABASE %I SET auto_explain.log_min_duration = 0', current_database());
    EXECUTE format('ALTER DATABASE %I SET auto_explain.log_level = notice', current_database());
    EXECUTE format('ALTER DATABASE %I SET auto_explain.log_format = json', current_database());
    EXECUTE format('ALTER DATABASE %I SET auto_explain.log_analyze = on', current_database());
    EXECUTE format('ALTER DATABASE %I SET auto_explain.log_timing = off', current_database());
    EXECUTE format('ALTER DATABASE %I SET auto_explain.log_nested_statements = on', current_database());
END $$";

/// Each call twice: with plans made for the values at hand, and with those that a statement gets that is
/// prepared and run often.
#[test]
fn every_query_is_served_by_an_index() {
    let database = migrated_database();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let plans = Plans::default();
    runtime.block_on(async {
        let mut connection = PgConnection::connect(database.url()).await.unwrap();
        sqlx::raw_sql(include_str!("large.sql")).execute(&mut connection).await.unwrap();
        sqlx::raw_sql("VACUUM ANALYZE").execute(&mut connection).await.unwrap();
        sqlx::raw_sql(TELL_PLANS).execute(&mut connection).await.unwrap();
        for mode in ["force_custom_plan", "force_generic_plan"] {
            let set =
                format!("ALTER DATABASE \"{}\" SET plan_cache_mode = {mode}", database.name());
            sqlx::raw_sql(sqlx::AssertSqlSafe(set)).execute(&mut connection).await.unwrap();
            let listening = set_default(plans.listener());
            let options = PostgresOptions { max_connections: 1, ..PostgresOptions::default() };
            let storage = PostgresStorage::connect_with(database.url(), options).await.unwrap();
            exercise::prepared(&storage, &plans).await;
            if mode == "force_custom_plan" {
                exercise::unprepared(&storage, &plans).await;
            }
            storage.close().await;
            drop(listening);
        }
        connection.close().await.unwrap();
    });
    let complaints = plans.complaints();
    assert!(complaints.is_empty(), "{} complaints:\n{}", complaints.len(), complaints.join("\n\n"));
    check_all_were_seen(&plans);
}

/// What is in a statement that is left out here: those about the connection, and those of the migration that
/// adds old users to the search.
const LEFT_OUT: [&str; 5] = [
    "pg_cancel_backend",
    "pg_backend_pid",
    "user_search_pending",
    "'systemprompt-users:search'",
    "NOT EXISTS (SELECT 1 FROM user_search s",
];

/// Every statement that is checked at compile time was run, but for those that touch no table or only such
/// as are empty but once.
fn check_all_were_seen(plans: &Plans) {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/.sqlx");
    let mut missing = BTreeSet::new();
    let mut count = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        let query: serde_json::Value = serde_json::from_str(&text).unwrap();
        let query = query["query"].as_str().unwrap().to_owned();
        let is_left_out = LEFT_OUT.iter().any(|part| query.contains(part));
        if !is_left_out && !plans.saw(&query) {
            missing.insert(query);
        }
        count += 1;
    }
    assert!(count > 50, "the metadata is in {folder}");
    assert!(missing.is_empty(), "never run here: {missing:#?}");
}
