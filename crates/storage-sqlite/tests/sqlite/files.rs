//! One file: several handles, several processes, what survives.

use std::path::Path;
use std::time::Duration;

use sqlx::types::Uuid;
use systemprompt_users_contract::fixtures;
use systemprompt_users_domain::{
    InsertOutcome, LockKey, PageRequest, SearchText, Storage, StorageError, UniqueKey, UserFilter,
    UserId, UserOrder,
};
use systemprompt_users_sqlite::{SqliteOptions, SqliteStorage};

use crate::fresh::{file, fresh, open};

async fn impatient(path: &Path) -> SqliteStorage {
    let options =
        SqliteOptions { busy_timeout: Duration::from_millis(50), ..SqliteOptions::new(path) };
    SqliteStorage::connect_with(options).await.unwrap()
}

async fn store(storage: &SqliteStorage, n: u32) {
    let mut unit = storage.write().await.unwrap();
    let outcomes = unit.users().insert_many(&[fixtures::user(n)]).await.unwrap();
    assert_eq!(outcomes, [InsertOutcome::Inserted]);
    unit.commit().await.unwrap();
}

async fn count(storage: &SqliteStorage) -> u64 {
    storage.read().await.unwrap().users().count(&UserFilter::default()).await.unwrap()
}

#[tokio::test]
async fn what_was_committed_is_there_after_a_crash_and_nothing_else() {
    let (storage, folder) = fresh().await;
    store(&storage, 1).await;
    let mut unfinished = storage.write().await.unwrap();
    unfinished.users().insert_many(&[fixtures::user(2)]).await.unwrap();
    // A copy of the files while a unit is open is what a crash would leave behind.
    let copy = folder.path().join("after-the-crash.db");
    for suffix in ["", "-wal"] {
        let with_suffix = |path: &Path| format!("{}{suffix}", path.display());
        std::fs::copy(with_suffix(&file(&folder)), with_suffix(&copy)).unwrap();
    }
    let survivor = open(&copy).await;
    assert_eq!(count(&survivor).await, 1);
    let mut unit = survivor.read().await.unwrap();
    assert_eq!(unit.users().find_many(&[fixtures::user_id(1)]).await.unwrap().len(), 1);
    assert!(unit.users().find_many(&[fixtures::user_id(2)]).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_reopened_file_has_everything() {
    let (storage, folder) = fresh().await;
    store(&storage, 1).await;
    storage.close().await.unwrap();
    assert!(storage.read().await.is_err(), "a closed storage lets nobody in");
    let again = open(&file(&folder)).await;
    assert_eq!(count(&again).await, 1);
}

#[tokio::test]
async fn two_handles_see_each_other_s_commits() {
    let (one, folder) = fresh().await;
    let other = open(&file(&folder)).await;
    store(&one, 1).await;
    store(&other, 2).await;
    store(&one, 3).await;
    assert_eq!((count(&one).await, count(&other).await), (3, 3));
}

#[tokio::test]
async fn who_waits_too_long_for_another_handle_is_told_so() {
    let (one, folder) = fresh().await;
    let other = impatient(&file(&folder)).await;
    let holding = one.write().await.unwrap();
    let refused = other.write().await.err().unwrap();
    assert!(matches!(refused, StorageError::Unavailable(_)), "{refused:?}");
    assert_eq!(count(&other).await, 0, "a reader does not wait");
    drop(holding);
    // The unit that was dropped is rolled back by another thread.
    let patient = open(&file(&folder)).await;
    store(&patient, 1).await;
}

#[tokio::test]
async fn a_handle_that_was_refused_works_on() {
    let (one, folder) = fresh().await;
    let other = impatient(&file(&folder)).await;
    for n in 1..4 {
        let holding = one.write().await.unwrap();
        assert!(other.write().await.is_err());
        holding.commit().await.unwrap();
        store(&other, n).await;
    }
    assert_eq!(count(&one).await, 3);
}

#[tokio::test]
async fn one_email_is_given_to_one_by_two_handles() {
    let (one, folder) = fresh().await;
    let other = open(&file(&folder)).await;
    let mut unit = one.write().await.unwrap();
    unit.users().insert_many(&[fixtures::user(1)]).await.unwrap();
    let rival = tokio::spawn(async move {
        let mut unit = other.write().await.unwrap();
        let mut user = fixtures::user(2);
        user.email = fixtures::user(1).email;
        let outcome = unit.users().insert_many(&[user]).await.unwrap();
        unit.commit().await.unwrap();
        outcome
    });
    tokio::task::yield_now().await;
    unit.commit().await.unwrap();
    assert_eq!(rival.await.unwrap(), [InsertOutcome::Conflict(UniqueKey::Email)]);
}

/// What SQLite does here depends on who is how far, so it is done often.
#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn many_handles_open_one_new_file_at_once() {
    for _ in 0..60 {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("users.db");
        let hosts: Vec<_> = (0..8)
            .map(|_| {
                let path = path.clone();
                tokio::spawn(async move { SqliteStorage::connect(&path).await.map(drop) })
            })
            .collect();
        for host in hosts {
            host.await.unwrap().unwrap();
        }
    }
}

#[tokio::test]
async fn many_handles_migrate_one_new_file_at_once() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = file(&folder);
    let hosts: Vec<_> = (0..6)
        .map(|n| {
            let path = path.clone();
            tokio::spawn(async move {
                let storage = open(&path).await;
                store(&storage, n).await;
            })
        })
        .collect();
    for host in hosts {
        host.await.unwrap();
    }
    let storage = open(&path).await;
    let version = storage.schema_version().await.unwrap();
    assert!(version.current == version.latest && !version.is_outdated());
    assert_eq!(count(&storage).await, 6);
}

#[tokio::test]
async fn a_lookup_works_while_all_readers_but_one_are_taken() {
    let folder = tempfile::TempDir::new().unwrap();
    let options = SqliteOptions {
        max_readers: 2,
        busy_timeout: Duration::from_millis(50),
        ..SqliteOptions::new(file(&folder))
    };
    let storage = SqliteStorage::connect_with(options).await.unwrap();
    storage.migrate().await.unwrap();
    let held = storage.read().await.unwrap();
    assert_eq!(count(&storage).await, 0);
    let also_held = storage.read().await.unwrap();
    let refused = storage.read().await.err().unwrap();
    assert!(matches!(refused, StorageError::Unavailable(_)), "{refused:?}");
    drop((held, also_held));
    assert_eq!(count(&storage).await, 0);
}

#[tokio::test]
async fn a_lock_needs_a_unit_that_writes() {
    let (storage, _folder) = fresh().await;
    let mut unit = storage.read().await.unwrap();
    assert!(unit.lock(LockKey::Admins).await.is_err());
    assert!(unit.users().lock_many(&[]).await.is_err());
}

/// The id of the last user is far ahead, as a host's clock may be: all others go between it and the rest.
/// They are more than a search looks at one by one, so the search index has to follow those who move.
#[tokio::test]
async fn ids_are_in_order_however_they_come() {
    let (storage, _folder) = fresh().await;
    let mut last = fixtures::user(1_000_000);
    last.id = UserId::from_uuid(Uuid::max());
    let mut unit = storage.write().await.unwrap();
    unit.users().insert_many(&[last]).await.unwrap();
    // Downwards, always right behind the first one: each halves the gap, until there is none.
    for n in [0].into_iter().chain((1..1100).rev()) {
        let mut user = fixtures::user(n);
        user.created_at = fixtures::at(0);
        unit.users().insert_many(&[user]).await.unwrap();
    }
    unit.commit().await.unwrap();
    let filter = UserFilter::default();
    let page = PageRequest::new(1000).unwrap();
    let mut unit = storage.read().await.unwrap();
    let listed = unit.users().list(&filter, UserOrder::Oldest, &page).await.unwrap().items;
    let expected: Vec<_> = (0..1000).map(fixtures::user_id).collect();
    assert_eq!(listed.iter().map(|user| user.id).collect::<Vec<_>>(), expected);
    let text = SearchText::parse("ser19").unwrap();
    let found = unit.users().search(&text, &filter, &page).await.unwrap().items;
    let expected: Vec<_> = [19].into_iter().chain(190..200).map(fixtures::user_id).collect();
    assert_eq!(found.iter().map(|user| user.id).collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn nothing_is_acknowledged_to_a_file_that_is_gone() {
    let (storage, folder) = fresh().await;
    store(&storage, 1).await;
    let (path, aside) = (file(&folder), folder.path().join("aside.db"));
    let mut begun = storage.write().await.unwrap();
    begun.users().insert_many(&[fixtures::user(2)]).await.unwrap();
    std::fs::rename(&path, &aside).unwrap();
    let refused = begun.commit().await;
    assert!(
        matches!(&refused, Err(StorageError::Unavailable(why)) if why.to_string().contains("removed"))
    );
    assert!(matches!(storage.write().await.map(drop), Err(StorageError::Unavailable(_))));
    assert!(storage.schema_version().await.is_err(), "a host can tell that it is not ready");
    // Another file in its place is not the one that was opened.
    std::fs::copy(&aside, &path).unwrap();
    assert!(storage.write().await.is_err());
    std::fs::rename(&aside, &path).unwrap();
    store(&storage, 3).await;
    assert_eq!(
        count(&storage).await,
        2,
        "the right file is back, and what was refused is not in it"
    );
}

#[tokio::test]
async fn another_program_s_file_is_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("theirs.db");
    let url = format!("sqlite://{}?mode=rwc", path.display());
    let mut theirs = <sqlx::SqliteConnection as sqlx::Connection>::connect(&url).await.unwrap();
    sqlx::raw_sql("CREATE TABLE notes (text TEXT)").execute(&mut theirs).await.unwrap();
    let refused = |refused: Result<SqliteStorage, StorageError>| {
        let error = refused.map(drop).unwrap_err();
        assert!(
            matches!(&error, StorageError::Other(why) if why.to_string().contains("theirs.db"))
        );
    };
    let before = std::fs::read(&path).unwrap();
    refused(SqliteStorage::connect(&path).await);
    assert_eq!(std::fs::read(&path).unwrap(), before);
    // Nor one that another program has marked, though it is empty.
    sqlx::raw_sql("DROP TABLE notes; PRAGMA application_id = 7")
        .execute(&mut theirs)
        .await
        .unwrap();
    refused(SqliteStorage::connect(&path).await);
    sqlx::raw_sql("PRAGMA application_id = 0").execute(&mut theirs).await.unwrap();
    let ours = SqliteStorage::connect(&path).await.unwrap();
    ours.migrate().await.unwrap();
    let id: i64 = sqlx::query_scalar("PRAGMA application_id").fetch_one(&mut theirs).await.unwrap();
    assert_eq!(id.to_be_bytes()[4..], *b"spUs");
}

#[tokio::test]
async fn a_file_that_is_not_there_is_made_only_when_that_is_wanted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep").join("users.db");
    let options = || SqliteOptions { create: false, ..SqliteOptions::new(&path) };
    let refused = SqliteStorage::connect_with(options()).await.map(drop);
    assert!(
        matches!(refused, Err(StorageError::Other(why)) if why.to_string().contains("users.db"))
    );
    assert!(!folder.path().join("deep").exists());
    SqliteStorage::connect(&path).await.unwrap().close().await.unwrap();
    SqliteStorage::connect_with(options()).await.unwrap();
}
