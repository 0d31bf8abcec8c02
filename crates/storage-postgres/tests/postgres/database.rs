//! Databases for tests: each has one of its own, copied from one that was migrated once.

use std::time::Duration;

use systemprompt_test_postgres::{TestCluster, TestDatabase};
use systemprompt_users_postgres::{PostgresOptions, PostgresStorage};

/// A storage on a migrated, empty database, which is dropped with the second value.
pub(crate) async fn migrated() -> (PostgresStorage, TestDatabase) {
    migrated_with(5).await
}

/// The same with that many connections at the most.
pub(crate) async fn migrated_with(max_connections: u32) -> (PostgresStorage, TestDatabase) {
    let database = tokio::task::spawn_blocking(migrated_database).await.unwrap();
    // Long enough for a busy machine, short enough for the tests that wait it out.
    let lock_timeout = Duration::from_secs(5);
    let options = PostgresOptions { max_connections, lock_timeout, ..PostgresOptions::default() };
    let storage = PostgresStorage::connect_with(database.url(), options).await.unwrap();
    (storage, database)
}

/// A migrated, empty database.
pub(crate) fn migrated_database() -> TestDatabase {
    TestCluster::shared().create_database_like(&schema_key(), |url| {
        let url = url.to_owned();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let storage = PostgresStorage::connect(&url).await.unwrap();
            storage.migrate().await.unwrap();
            storage.close().await;
        });
    })
}

/// Another one for each state of the migrations, so that a server kept running serves no old schema.
fn schema_key() -> String {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    for migration in MIGRATIONS.iter() {
        migration.checksum.hash(&mut hasher);
    }
    format!("users_{:016x}", hasher.finish())
}

/// The same files as the adapter has.
pub(crate) static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!();
