//! A second server: what its units may do, and when it is refused or passed over.

use std::error::Error as _;
use std::net::TcpListener;

use systemprompt_test_postgres::TestCluster;
use systemprompt_users_contract::fixtures::{user, user_id};
use systemprompt_users_contract::{case, run};
use systemprompt_users_domain::{Storage, StorageError};
use systemprompt_users_postgres::{PostgresOptions, PostgresStorage};

use crate::database::{migrated, migrated_database};

async fn with_replica(url: &str, replica: &str) -> Result<PostgresStorage, StorageError> {
    PostgresStorage::connect_with_replica(url, replica, PostgresOptions::default()).await
}

/// The database as its own replica: a server that would take changes, so that it is the unit that refuses.
async fn fresh() -> (PostgresStorage, impl Sized) {
    let database = tokio::task::spawn_blocking(migrated_database).await.unwrap();
    (with_replica(database.url(), database.url()).await.unwrap(), database)
}

#[test]
fn its_units_keep_the_rules() {
    run(fresh, case::lagging::a_lagging_unit_sees_what_is_committed);
    run(fresh, case::lagging::a_lagging_unit_waits_for_nobody);
    run(fresh, case::lagging::a_lagging_unit_refuses_changes);
}

#[tokio::test]
async fn one_whose_schema_is_behind_is_refused() {
    let (storage, database) = migrated().await;
    let empty = tokio::task::spawn_blocking(|| TestCluster::shared().create_database());
    let empty = empty.await.unwrap();
    let refused = with_replica(database.url(), empty.url()).await.unwrap_err();
    let (_, latest) = storage.schema_version().await.unwrap();
    let message = refused.source().map(ToString::to_string).unwrap_or_default();
    assert!(message.contains("version 0") && message.contains(&latest.to_string()), "{message}");
    storage.close().await;
}

/// Before the first migration both are empty; the replica is asked once it has received it.
#[tokio::test]
async fn one_is_asked_when_it_has_been_migrated() {
    let database = tokio::task::spawn_blocking(|| TestCluster::shared().create_database());
    let database = database.await.unwrap();
    let storage = with_replica(database.url(), database.url()).await.unwrap();
    assert_eq!(storage.replica_in_use(), Some(false));
    storage.migrate().await.unwrap();
    while storage.replica_in_use() == Some(false) {
        let mut unit = storage.read_lagging().await.unwrap();
        assert!(unit.users().find_many(&[user_id(1)]).await.unwrap().is_empty());
        tokio::task::yield_now().await;
    }
    storage.close().await;
}

/// The primary is enough to begin, and a replica that takes connections and then says nothing holds up nobody.
#[tokio::test]
async fn one_that_does_not_answer_is_passed_over() {
    let (storage, database) = migrated().await;
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = format!("postgres://nobody@{}/x", silent.local_addr().unwrap());
    for replica in [&*silent, "postgres://nobody@127.0.0.1:1/x"] {
        let with_replica = with_replica(database.url(), replica).await.unwrap();
        assert_eq!(with_replica.replica_in_use(), Some(false));
        let mut unit = storage.write().await.unwrap();
        unit.users().insert_many(&[user(1)]).await.unwrap();
        unit.commit().await.unwrap();
        let mut unit = with_replica.read_lagging().await.unwrap();
        assert_eq!(unit.users().find_many(&[user_id(1)]).await.unwrap(), [user(1)]);
        drop(unit);
        with_replica.close().await;
        let mut unit = storage.write().await.unwrap();
        unit.users().purge_many(&[user_id(1)]).await.unwrap();
        unit.commit().await.unwrap();
    }
    storage.close().await;
}
