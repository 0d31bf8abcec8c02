//! The alarm: between programs, and when its connection is cut.

use std::time::Duration;

use sqlx::{Connection, PgConnection};
use systemprompt_users_contract::fixtures::{event, user_id};
use systemprompt_users_domain::{ChangeSignal, EventKind, Storage, StorageError};
use systemprompt_users_postgres::PostgresStorage;
use tokio::time::timeout;

use crate::database::migrated;

/// No machine is so slow.
const STUCK: Duration = Duration::from_secs(60);

async fn change(storage: &PostgresStorage, n: u32) {
    let mut unit = storage.write().await.unwrap();
    let kind = EventKind::UserDeleted { user_id: user_id(1) };
    unit.events().append(&[event(n, kind)]).await.unwrap();
    unit.commit().await.unwrap();
}

async fn wait(signal: &mut Box<dyn ChangeSignal>) -> Result<(), StorageError> {
    timeout(STUCK, signal.wait()).await.unwrap()
}

#[tokio::test]
async fn another_program_is_rung() {
    let (storage, database) = migrated().await;
    let other = PostgresStorage::connect(database.url()).await.unwrap();
    let mut signal = other.signal().await.unwrap();
    for n in 1..=3 {
        change(&storage, n).await;
        wait(&mut signal).await.unwrap();
    }
    other.close().await;
    storage.close().await;
}

#[tokio::test]
async fn a_lost_connection_is_told_and_another_alarm_rings() {
    let (storage, database) = migrated().await;
    let mut signal = storage.signal().await.unwrap();
    let mut admin = PgConnection::connect(database.url()).await.unwrap();
    sqlx::raw_sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND query LIKE 'LISTEN%'",
    )
    .execute(&mut admin)
    .await
    .unwrap();
    let lost = wait(&mut signal).await.unwrap_err();
    assert!(matches!(lost, StorageError::Unavailable(_)), "{lost:?}");
    let mut signal = storage.signal().await.unwrap();
    change(&storage, 1).await;
    wait(&mut signal).await.unwrap();
    admin.close().await.unwrap();
    storage.close().await;
}

/// The alarm is rung by a transaction of its own, so the unit's connection is as good as before.
#[tokio::test]
async fn a_connection_goes_on_after_it_rang() {
    let (storage, database) = migrated().await;
    for n in 1..=20 {
        change(&storage, n).await;
    }
    let read = storage.read().await.unwrap().events().last_position().await.unwrap();
    assert_eq!(read.0, 20);
    let mut admin = PgConnection::connect(database.url()).await.unwrap();
    let open: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND state LIKE 'idle in transaction%'",
    )
    .fetch_one(&mut admin)
    .await
    .unwrap();
    assert_eq!(open, 0);
    admin.close().await.unwrap();
    storage.close().await;
}
