//! Connections: how many, how long one waits for them, and what becomes of one that is left in the middle.

use std::time::Duration;

use sqlx::{Connection, PgConnection};
use systemprompt_test_postgres::TestDatabase;
use systemprompt_users_contract::fixtures::{user, user_id};
use systemprompt_users_domain::{LockKey, Storage, StorageError, StorageResult};
use systemprompt_users_postgres::{PostgresOptions, PostgresStorage};
use tokio::time::timeout;

use crate::database::{migrated, migrated_database, migrated_with};

/// Longer than anything here may take.
const LONG: Duration = Duration::from_secs(120);
const SHORT: Duration = Duration::from_millis(50);

async fn with_options(options: PostgresOptions) -> (PostgresStorage, TestDatabase) {
    let database = tokio::task::spawn_blocking(migrated_database).await.unwrap();
    (PostgresStorage::connect_with(database.url(), options).await.unwrap(), database)
}

#[track_caller]
fn check_unavailable<T>(result: StorageResult<T>) {
    let error = result.map(drop).unwrap_err();
    assert!(matches!(error, StorageError::Unavailable(_)), "{error:?}");
}

#[tokio::test]
async fn waiting_for_a_lock_is_bounded() {
    let options = PostgresOptions { lock_timeout: SHORT, ..PostgresOptions::default() };
    let (storage, _database) = with_options(options).await;
    let mut unit = storage.write().await.unwrap();
    unit.users().insert_many(&[user(1)]).await.unwrap();
    unit.commit().await.unwrap();
    let mut holder = storage.write().await.unwrap();
    holder.users().lock_many(&[user_id(1)]).await.unwrap();
    holder.lock(LockKey::Bans).await.unwrap();
    let mut waiting = storage.write().await.unwrap();
    check_unavailable(waiting.users().lock_many(&[user_id(1)]).await);
    drop(waiting);
    let mut waiting = storage.write().await.unwrap();
    check_unavailable(waiting.lock(LockKey::Bans).await);
    drop((holder, waiting));
    storage.close().await;
}

#[tokio::test]
async fn waiting_for_a_connection_is_bounded() {
    let options = PostgresOptions {
        max_connections: 1,
        acquire_timeout: Duration::from_secs(1),
        ..PostgresOptions::default()
    };
    let (storage, _database) = with_options(options).await;
    let unit = storage.read().await.unwrap();
    check_unavailable(storage.read().await.map(drop));
    drop(unit);
    storage.read().await.unwrap();
    // A unit that is never given back does not keep the host from ending.
    let _left_open = storage.read().await.unwrap();
    storage.close().await;
    check_unavailable(storage.read().await.map(drop));
}

/// A caller that gives up takes its connection's statement with it: the only other connection is free again
/// long before the lock is, and what the unit held is released.
#[tokio::test]
async fn a_wait_that_was_given_up_is_cancelled() {
    let options = PostgresOptions {
        max_connections: 2,
        lock_timeout: LONG,
        acquire_timeout: LONG,
        ..PostgresOptions::default()
    };
    let (storage, _database) = with_options(options).await;
    let mut unit = storage.write().await.unwrap();
    unit.users().insert_many(&[user(1)]).await.unwrap();
    unit.commit().await.unwrap();
    let mut holder = storage.write().await.unwrap();
    holder.lock(LockKey::Admins).await.unwrap();
    for _ in 0..3 {
        let given_up = async {
            let mut unit = storage.write().await.unwrap();
            unit.users().lock_many(&[user_id(1)]).await.unwrap();
            unit.lock(LockKey::Admins).await.unwrap();
        };
        assert!(timeout(Duration::from_millis(500), given_up).await.is_err(), "it did not wait");
        let next = async {
            let mut unit = storage.write().await.unwrap();
            assert_eq!(unit.users().lock_many(&[user_id(1)]).await.unwrap().len(), 1);
        };
        timeout(LONG / 4, next).await.expect("the wait that was given up goes on");
    }
    drop(holder);
    storage.close().await;
}

/// After the server has dropped the connections, one unit is told so; the next ones get new connections.
#[tokio::test]
async fn lost_connections_are_replaced() {
    let (storage, database) = migrated_with(3).await;
    let units = [storage.read().await.unwrap(), storage.read().await.unwrap()];
    drop(units);
    let mut aside = PgConnection::connect(database.url()).await.unwrap();
    let end_all = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()";
    sqlx::raw_sql(end_all).execute(&mut aside).await.unwrap();
    let mut unit = storage.read().await.unwrap();
    check_unavailable(unit.users().find_many(&[user_id(1)]).await);
    drop(unit);
    for _ in 0..4 {
        let mut unit = storage.read().await.unwrap();
        assert!(unit.users().find_many(&[user_id(1)]).await.unwrap().is_empty());
    }
    aside.close().await.unwrap();
    storage.close().await;
}

#[tokio::test]
async fn a_reader_has_no_transaction_open() {
    let (storage, database) = migrated().await;
    let mut unit = storage.read().await.unwrap();
    unit.users().find_many(&[user_id(1)]).await.unwrap();
    let mut aside = PgConnection::connect(database.url()).await.unwrap();
    let open = "SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND state LIKE 'idle in transaction%'";
    let open: i64 = sqlx::query_scalar(open).fetch_one(&mut aside).await.unwrap();
    assert_eq!(open, 0);
    drop(unit);
    aside.close().await.unwrap();
    storage.close().await;
}

#[tokio::test]
async fn what_is_no_database_is_told_without_its_password() {
    for (url, is_unavailable) in [
        ("mysql://me:secret@localhost/x", false),
        ("not a url, secret", false),
        ("postgres://me:secret@127.0.0.1:1/x", true),
    ] {
        let error = PostgresStorage::connect(url).await.unwrap_err();
        assert_eq!(matches!(error, StorageError::Unavailable(_)), is_unavailable, "{url}");
        assert!(!format!("{error:?} {error}").contains("secret"), "{error:?}");
    }
}
