//! Many rows at a time, which are copied: they are as single ones, and a conflict costs nobody else anything.

use std::time::Duration;

use sqlx::{Connection, PgConnection};
use systemprompt_users_contract::fixtures::{anonymous, event, fullest_user, name, user, user_id};
use systemprompt_users_domain::{
    Event, EventKind, EventPosition, FullName, InsertOutcome, PageRequest, SearchText, Storage,
    UniqueKey, User, UserFilter,
};
use systemprompt_users_postgres::{PostgresOptions, PostgresStorage};
use tokio::time::timeout;

use crate::database::{migrated, migrated_database};

/// More than are inserted one array a column.
const MANY: u32 = 100;

fn many(from: u32) -> Vec<User> {
    (from..from + MANY)
        .map(|n| User {
            full_name: (n % 2 == 0).then(|| FullName::parse("Ann \\N \"Lee\"").unwrap()),
            ..user(n)
        })
        .collect()
}

async fn insert(storage: &PostgresStorage, users: &[User]) -> Vec<InsertOutcome> {
    let mut unit = storage.write().await.unwrap();
    let outcomes = unit.users().insert_many(users).await.unwrap();
    unit.commit().await.unwrap();
    outcomes
}

/// The rows that were refused, and why.
fn refused(outcomes: &[InsertOutcome]) -> Vec<(usize, UniqueKey)> {
    let conflicts = outcomes.iter().enumerate().filter_map(|(row, outcome)| match outcome {
        InsertOutcome::Inserted => None,
        InsertOutcome::Conflict(key) => Some((row, *key)),
    });
    conflicts.collect()
}

#[tokio::test]
async fn users_come_back_as_they_were_and_are_found() {
    let (storage, _database) = migrated().await;
    let mut users = many(1);
    users.extend([fullest_user(500), anonymous(600)]);
    assert_eq!(refused(&insert(&storage, &users).await), []);
    let mut unit = storage.read().await.unwrap();
    let ids: Vec<_> = users.iter().map(|user| user.id).collect();
    let mut stored = unit.users().find_many(&ids).await.unwrap();
    stored.sort_by_key(|user| user.id);
    assert_eq!(stored, users);
    for (text, found) in [("ser42@", 1), ("user42@example", 1), ("\\n \"lee", 50)] {
        let text = SearchText::parse(text).unwrap();
        let page = PageRequest::new(1000).unwrap();
        let page = unit.users().search(&text, &UserFilter::default(), &page).await.unwrap();
        assert_eq!(page.items.len(), found, "{text:?}");
    }
    drop(unit);
    storage.close().await;
}

#[tokio::test]
async fn a_row_that_conflicts_keeps_none_of_the_others() {
    let (storage, _database) = migrated().await;
    insert(&storage, &[user(50)]).await;
    // One that is there, and two of the batch itself that are alike.
    let mut users = many(1);
    users[98].name = name("USER3");
    let outcomes = insert(&storage, &users).await;
    assert_eq!(refused(&outcomes), [(49, UniqueKey::Id), (98, UniqueKey::Name)]);
    // Only within the batch: what was copied is undone and done again.
    let mut users = many(1001);
    users[7].email = users[5].email.clone();
    assert_eq!(refused(&insert(&storage, &users).await), [(7, UniqueKey::Email)]);
    let mut unit = storage.read().await.unwrap();
    let text = SearchText::parse("example.com").unwrap();
    let page = PageRequest::new(1000).unwrap();
    let page = unit.users().search(&text, &UserFilter::default(), &page).await.unwrap();
    assert_eq!(page.items.len(), 198, "all are found, each once");
    drop(unit);
    storage.close().await;
}

#[tokio::test]
async fn a_key_that_is_taken_meanwhile_is_a_conflict() {
    let (storage, database) = migrated().await;
    let mut holder = storage.write().await.unwrap();
    holder.users().insert_many(&[user(50)]).await.unwrap();
    let copying = tokio::spawn({
        let storage = storage.clone();
        async move { insert(&storage, &many(1)).await }
    });
    let mut aside = PgConnection::connect(database.url()).await.unwrap();
    wait_for_a_copy_that_waits(&mut aside).await;
    holder.commit().await.unwrap();
    assert_eq!(refused(&copying.await.unwrap()), [(49, UniqueKey::Id)]);
    aside.close().await.unwrap();
    storage.close().await;
}

/// A copy that its caller has given up is cancelled, though it waits for a lock; the next unit has another
/// connection, and nothing in its way.
#[tokio::test]
async fn a_copy_that_was_given_up_is_cancelled() {
    let long = Duration::from_secs(120);
    let options = PostgresOptions {
        max_connections: 2,
        lock_timeout: long,
        acquire_timeout: long,
        ..PostgresOptions::default()
    };
    let database = tokio::task::spawn_blocking(migrated_database).await.unwrap();
    let storage = PostgresStorage::connect_with(database.url(), options).await.unwrap();
    let mut holder = storage.write().await.unwrap();
    holder.users().insert_many(&[user(MANY)]).await.unwrap();
    let copying = tokio::spawn({
        let storage = storage.clone();
        async move { insert(&storage, &many(1)).await }
    });
    let mut aside = PgConnection::connect(database.url()).await.unwrap();
    wait_for_a_copy_that_waits(&mut aside).await;
    copying.abort();
    assert!(copying.await.unwrap_err().is_cancelled());
    // Those that the copy had written before it came to wait.
    let others: Vec<User> = many(1).into_iter().filter(|user| user.id != user_id(MANY)).collect();
    let outcomes = timeout(long / 4, insert(&storage, &others)).await.expect("it goes on");
    assert_eq!(refused(&outcomes), []);
    drop(holder);
    aside.close().await.unwrap();
    storage.close().await;
}

async fn wait_for_a_copy_that_waits(aside: &mut PgConnection) {
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
        AND query LIKE 'COPY %' AND wait_event_type = 'Lock'";
    let patience = Duration::from_secs(60);
    let seen = async {
        while sqlx::query_scalar::<_, i64>(waiting).fetch_one(&mut *aside).await.unwrap() == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(patience, seen).await.unwrap();
}

#[tokio::test]
async fn events_keep_their_order_and_content() {
    let (storage, _database) = migrated().await;
    let events: Vec<Event> =
        (0..MANY).map(|n| event(n, EventKind::UserDeleted { user_id: user_id(n) })).collect();
    let mut unit = storage.write().await.unwrap();
    unit.events().append(&events).await.unwrap();
    unit.commit().await.unwrap();
    let mut unit = storage.read().await.unwrap();
    let read = unit.events().read(EventPosition::START, 1000).await.unwrap();
    let read: Vec<Event> = read.into_iter().map(|recorded| recorded.event).collect();
    assert_eq!(read, events);
    drop(unit);
    storage.close().await;
}
