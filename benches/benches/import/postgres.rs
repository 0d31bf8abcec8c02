//! Postgres: an import beside `COPY`.

use std::time::{Duration, Instant};

use futures_util::TryStreamExt;
use sqlx::{Connection, PgConnection};
use systemprompt_test_postgres::TestCluster;
use systemprompt_users::DbPool;
use tokio::runtime::Runtime;

/// The tables with what is copied of each (all but what the database makes itself), and its order, which is
/// that of the import.
const TABLES: [(&str, &str, &str); 3] = [
    (
        "users",
        "id, name, name_key, email, email_verified, full_name, display_name, avatar_url, status, roles, \
         is_bot, fingerprint, token_hash, created_at, updated_at, last_active_at, deleted_at, \
         status_before_delete, merged_into, legal_hold, version",
        "id",
    ),
    ("user_search", "user_id, search_text, visitor_text", "user_id"),
    ("user_terms", "user_id, cell, shared, term", "user_id, term"),
];

/// How much text is handed to the driver at a time, in bytes.
const CHUNK: usize = 64 * 1024;

/// A server whose commits wait for the disk.
pub(crate) fn start() -> TestCluster {
    TestCluster::start_durable().expect("a server")
}

/// How long an import takes, and how long `COPY`.
pub(crate) fn round(server: &TestCluster, runtime: &Runtime, users: u32) -> (Duration, Duration) {
    let (source, target) = (server.create_database(), server.create_database());
    runtime.block_on(async {
        let pool = migrated(source.url()).await;
        settle(source.url()).await;
        let ours = super::import(&pool, users).await;
        let content = content(source.url()).await;
        drop(migrated(target.url()).await);
        settle(target.url()).await;
        let bare = copy(target.url(), &content, users).await;
        (ours, bare)
    })
}

async fn migrated(url: &str) -> DbPool {
    let pool = DbPool::connect(url).await.expect("a connection");
    pool.migrate().await.expect("the schema");
    pool
}

/// Leaves nothing of what was done before to be written while the time is taken.
async fn settle(url: &str) {
    let mut connection = PgConnection::connect(url).await.expect("a connection");
    sqlx::raw_sql("CHECKPOINT").execute(&mut connection).await.expect("a checkpoint");
}

/// What an import has left, as the text that `COPY` reads.
async fn content(url: &str) -> Vec<Vec<u8>> {
    let mut connection = PgConnection::connect(url).await.expect("a connection");
    let mut tables = Vec::new();
    for (table, columns, order) in TABLES {
        let statement = format!("COPY (SELECT {columns} FROM {table} ORDER BY {order}) TO STDOUT");
        let mut rows = connection.copy_out_raw(&statement).await.expect("rows");
        let mut text = Vec::new();
        while let Some(part) = rows.try_next().await.expect("rows") {
            text.extend_from_slice(&part);
        }
        tables.push(text);
    }
    tables
}

async fn copy(url: &str, content: &[Vec<u8>], users: u32) -> Duration {
    let mut connection = PgConnection::connect(url).await.expect("a connection");
    sqlx::raw_sql("ALTER TABLE users DISABLE TRIGGER users_tally_insert")
        .execute(&mut connection)
        .await
        .expect("a trigger less");
    let begin = Instant::now();
    let mut transaction = connection.begin().await.expect("a transaction");
    for ((table, columns, _), text) in TABLES.iter().zip(content) {
        let statement = format!("COPY {table} ({columns}) FROM STDIN");
        let mut rows = transaction.copy_in_raw(&statement).await.expect("a table");
        for chunk in text.chunks(CHUNK) {
            rows.send(chunk).await.expect("rows");
        }
        let copied = rows.finish().await.expect("rows");
        assert!(copied >= u64::from(users), "{copied} rows of {table}");
    }
    transaction.commit().await.expect("a commit");
    begin.elapsed()
}
