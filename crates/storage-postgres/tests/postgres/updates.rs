//! Replacing users whose keys go round within one batch, which no unique index allows row by row.

use systemprompt_users_contract::fixtures::{at, changed, deleted, email, name, user, user_id};
use systemprompt_users_domain::{
    InsertOutcome, Storage, StorageError, UniqueKey, User, UserFilter, UserOrder,
};
use systemprompt_users_postgres::PostgresStorage;

use crate::database::migrated;

async fn store(storage: &PostgresStorage, users: &[User]) {
    let mut unit = storage.write().await.unwrap();
    let outcomes = unit.users().insert_many(users).await.unwrap();
    assert!(outcomes.iter().all(|outcome| *outcome == InsertOutcome::Inserted));
    unit.commit().await.unwrap();
}

#[tokio::test]
async fn users_of_one_batch_may_swap_names_and_emails() {
    let (storage, _database) = migrated().await;
    store(&storage, &[user(1), user(2), user(3)]).await;
    let next = |n: u32, other: u32| {
        changed(user(n), |user| {
            user.name = name(&format!("user{other}"));
            user.email = Some(email(&format!("user{other}@example.com")));
        })
    };
    let round = [next(1, 2), next(2, 3), next(3, 1)];
    let mut unit = storage.write().await.unwrap();
    unit.users().update_many(&round).await.unwrap();
    unit.commit().await.unwrap();
    let mut unit = storage.read().await.unwrap();
    let all =
        unit.users().list(&UserFilter::default(), UserOrder::Oldest, &Default::default()).await;
    assert_eq!(all.unwrap().items, round);
    drop(unit);
    storage.close().await;
}

/// Whichever of the two rows comes first.
#[tokio::test]
async fn one_may_take_what_another_of_the_batch_frees() {
    let (storage, _database) = migrated().await;
    store(&storage, &[user(1), user(2), user(3), user(4)]).await;
    let gone = |n| changed(user(n), |user| *user = deleted(user.clone(), at(99)));
    let take = |n, key: &str| changed(user(n), |user| user.name = name(key));
    let mut unit = storage.write().await.unwrap();
    unit.users().update_many(&[take(1, "user2"), gone(2)]).await.unwrap();
    unit.users().update_many(&[gone(3), take(4, "user3")]).await.unwrap();
    let found = unit.users().find_by_names(&[name("user2"), name("user3")]).await.unwrap();
    assert_eq!(found.len(), 2);
    unit.commit().await.unwrap();
    storage.close().await;
}

#[tokio::test]
async fn a_round_that_ends_at_another_user_changes_nothing() {
    let (storage, _database) = migrated().await;
    store(&storage, &[user(1), user(2), user(3)]).await;
    let take = |n, key: &str| changed(user(n), |user| user.name = name(key));
    let mut unit = storage.write().await.unwrap();
    let error = unit.users().update_many(&[take(1, "user2"), take(2, "user3")]).await.unwrap_err();
    assert!(matches!(error, StorageError::Conflict { key: UniqueKey::Name, .. }), "{error:?}");
    unit.commit().await.unwrap();
    let mut unit = storage.read().await.unwrap();
    let mut users = unit.users().find_many(&[1, 2, 3].map(user_id)).await.unwrap();
    users.sort_by_key(|user| user.id);
    assert_eq!(users, [user(1), user(2), user(3)]);
    drop(unit);
    storage.close().await;
}
