//! Connections: how many, how long one waits for them, and what becomes of one that is left in the middle.

use std::time::Duration;

use sqlx::{Connection, PgConnection};
use systemprompt_test_postgres::TestDatabase;
use systemprompt_users_contract::fixtures::{user, user_id};
use systemprompt_users_domain::{
    EventPosition, LockKey, Storage, StorageError, StorageResult, UserFilter,
};
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

/// After the server has dropped all connections, nobody notices: reads are repeated, and so is the beginning of a
/// transaction.
#[tokio::test]
async fn lost_connections_are_replaced() {
    let (storage, database) = migrated_with(3).await;
    let mut aside = PgConnection::connect(database.url()).await.unwrap();
    for round in 1..=5 {
        let units = [
            storage.read().await.unwrap(),
            storage.read().await.unwrap(),
            storage.read().await.unwrap(),
        ];
        drop(units);
        end_all(&mut aside).await;
        let mut unit = storage.read().await.unwrap();
        assert_eq!(unit.users().find_many(&[user_id(round)]).await.unwrap(), []);
        assert_eq!(unit.users().count(&UserFilter::default()).await.unwrap(), u64::from(round) - 1);
        let mut written = storage.write().await.unwrap();
        written.users().insert_many(&[user(round)]).await.unwrap();
        written.commit().await.unwrap();
        // Half way through a unit that reads, too: each of its statements is on its own.
        end_all(&mut aside).await;
        assert_eq!(unit.users().find_many(&[user_id(round)]).await.unwrap(), [user(round)]);
        unit.events().read(EventPosition::START, 10).await.unwrap();
    }
    aside.close().await.unwrap();
    storage.close().await;
}

/// What a transaction has done is gone with its connection, so nothing of it is repeated.
#[tokio::test]
async fn a_transaction_ends_with_its_connection() {
    let (storage, database) = migrated_with(3).await;
    let mut aside = PgConnection::connect(database.url()).await.unwrap();
    let mut unit = storage.write().await.unwrap();
    unit.users().insert_many(&[user(1)]).await.unwrap();
    end_all(&mut aside).await;
    check_unavailable(unit.users().find_many(&[user_id(1)]).await);
    check_unavailable(unit.commit().await);
    let mut unit = storage.read().await.unwrap();
    assert_eq!(unit.users().find_many(&[user_id(1)]).await.unwrap(), []);
    drop(unit);
    aside.close().await.unwrap();
    storage.close().await;
}

async fn end_all(aside: &mut PgConnection) {
    let end_all = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()";
    sqlx::raw_sql(end_all).execute(aside).await.unwrap();
}

/// A pool that outlives its runtime, such as one that all tests of a program share, works in the next one.
#[test]
fn a_pool_works_in_a_second_runtime() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let first = runtime();
    let (storage, database) = first.block_on(migrated_with(2));
    let find = async |number| {
        let mut unit = storage.read().await.unwrap();
        unit.users().find_many(&[user_id(number)]).await.unwrap()
    };
    assert_eq!(first.block_on(find(1)), []);
    drop(first);
    let (second, third) = (runtime(), runtime());
    for number in 1..=3 {
        second.block_on(async {
            let mut unit = storage.write().await.unwrap();
            unit.users().insert_many(&[user(number)]).await.unwrap();
            unit.commit().await.unwrap();
        });
        // Two that take turns, while neither drives the other's sockets.
        assert_eq!(third.block_on(find(number)), [user(number)]);
    }
    drop(second);
    assert_eq!(third.block_on(find(3)), [user(3)]);
    third.block_on(storage.close());
    drop(database);
}

#[tokio::test]
async fn a_connection_is_replaced_when_it_is_old() {
    for (max_connection_age, is_replaced) in [(Duration::from_nanos(1), true), (LONG, false)] {
        let options = PostgresOptions { max_connection_age, ..PostgresOptions::default() };
        let (storage, database) = with_options(options).await;
        let mut aside = PgConnection::connect(database.url()).await.unwrap();
        let processes = "SELECT pid FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid()";
        let first: Vec<i32> = sqlx::query_scalar(processes).fetch_all(&mut aside).await.unwrap();
        drop(storage.read().await.unwrap());
        let mut unit = storage.read().await.unwrap();
        unit.users().find_many(&[user_id(1)]).await.unwrap();
        let mut then: Vec<i32> = sqlx::query_scalar(processes).fetch_all(&mut aside).await.unwrap();
        while is_replaced && then.len() > 1 {
            then = sqlx::query_scalar(processes).fetch_all(&mut aside).await.unwrap();
        }
        assert_eq!(first != then, is_replaced, "{first:?} {then:?}");
        drop(unit);
        aside.close().await.unwrap();
        storage.close().await;
    }
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
