//! Units of work: snapshots, nothing left behind, bounded waiting.

use std::time::Duration;

use systemprompt_users_contract::fixtures::{
    admin, at, changed, every_kind, session, user, user_id,
};
use systemprompt_users_domain::{
    EndReason, EventPosition, LockKey, Storage, StorageError, UnitOfWork, User, UserFilter,
};

use crate::{MemoryOptions, MemoryStorage};

async fn store(storage: &MemoryStorage, users: &[User]) {
    let mut unit = storage.write().await.unwrap();
    unit.users().insert_many(users).await.unwrap();
    unit.commit().await.unwrap();
}

async fn count(unit: &mut dyn UnitOfWork) -> u64 {
    unit.users().count(&UserFilter::default()).await.unwrap()
}

#[tokio::test]
async fn an_open_read_unit_stays_at_its_moment() {
    let storage = MemoryStorage::new();
    store(&storage, &[user(1)]).await;
    let mut before = storage.read().await.unwrap();
    store(&storage, &[user(2)]).await;
    let mut unit = storage.write().await.unwrap();
    unit.users().update_many(&[changed(user(1), |user| user.is_bot = true)]).await.unwrap();
    unit.users().touch_many(&[(user_id(1), at(500))]).await.unwrap();
    unit.sessions().insert(&session(1, user_id(1))).await.unwrap();
    unit.commit().await.unwrap();
    store(&storage, &[user(3)]).await;

    assert_eq!(count(&mut *before).await, 1);
    assert_eq!(before.users().find_many(&[user_id(1)]).await.unwrap(), [user(1)]);
    assert_eq!(before.sessions().activity(user_id(1), at(0)).await.unwrap().total, 0);
    let mut after = storage.read().await.unwrap();
    assert_eq!(count(&mut *after).await, 3);
    assert_eq!(after.sessions().activity(user_id(1), at(0)).await.unwrap().total, 1);
}

#[tokio::test]
async fn a_reader_is_served_while_a_unit_writes() {
    let storage = MemoryStorage::new();
    store(&storage, &[user(1)]).await;
    let mut writer = storage.write().await.unwrap();
    writer.users().purge_many(&[user_id(1)]).await.unwrap();
    let mut reader = storage.clone().read().await.unwrap();
    assert_eq!(count(&mut *reader).await, 1);
    writer.commit().await.unwrap();
    assert_eq!(count(&mut *reader).await, 1);
    assert_eq!(count(&mut *storage.read().await.unwrap()).await, 0);
}

#[tokio::test]
async fn a_dropped_unit_leaves_nothing_and_lets_the_next_one_in() {
    let options = MemoryOptions { write_timeout: Duration::ZERO };
    let storage = MemoryStorage::with_options(options);
    let mut unit = storage.write().await.unwrap();
    unit.lock(LockKey::Admins).await.unwrap();
    unit.users().insert_many(&[admin(1)]).await.unwrap();
    unit.sessions().insert(&session(1, user_id(1))).await.unwrap();
    unit.events().append(&every_kind()).await.unwrap();
    drop(unit);

    let mut unit = storage.write().await.unwrap();
    assert_eq!(count(&mut *unit).await, 0);
    assert_eq!(unit.events().last_position().await.unwrap(), EventPosition::START);
    let ended = unit.sessions().end_all(&[user_id(1)], None, EndReason::Logout, at(1)).await;
    assert_eq!(ended.unwrap(), []);
}

#[tokio::test(start_paused = true)]
async fn who_waits_too_long_is_told_to_try_again() {
    let storage = MemoryStorage::new();
    let held = storage.write().await.unwrap();
    let began = tokio::time::Instant::now();
    let Err(refused) = storage.write().await else { panic!("two units write at once") };
    assert!(matches!(refused, StorageError::Unavailable(_)), "{refused:?}");
    assert_eq!(began.elapsed().as_secs(), 10);
    drop(held);
    assert!(storage.write().await.is_ok());
}

#[tokio::test]
async fn a_waiting_unit_sees_what_the_one_before_it_committed() {
    let storage = MemoryStorage::new();
    let mut first = storage.write().await.unwrap();
    first.users().insert_many(&[user(1)]).await.unwrap();
    let second = tokio::spawn({
        let storage = storage.clone();
        async move { count(&mut *storage.write().await.unwrap()).await }
    });
    tokio::task::yield_now().await;
    first.commit().await.unwrap();
    assert_eq!(second.await.unwrap(), 1);
}

#[tokio::test]
async fn a_unit_that_reads_refuses_to_change() {
    let storage = MemoryStorage::new();
    store(&storage, &[user(1)]).await;
    let mut unit = storage.read().await.unwrap();
    let refusals = [
        unit.users().insert_many(&[]).await.err(),
        unit.users().update_many(&[]).await.err(),
        unit.users().touch_many(&[]).await.err(),
        unit.users().lock_many(&[user_id(1)]).await.err(),
        unit.users().purge_many(&[]).await.err(),
        unit.sessions().insert(&session(1, user_id(1))).await.err(),
        unit.sessions().touch_many(&[]).await.err(),
        unit.sessions().end_many(&[], EndReason::Logout, at(0)).await.err(),
        unit.sessions().end_expired(at(0), 1).await.err(),
        unit.bans().append(&[]).await.err(),
        unit.bans().delete_over(at(0), 1).await.err(),
        unit.events().append(&[]).await.err(),
        unit.jobs().delete_ended(at(0), 1).await.err(),
        unit.lock(LockKey::Bans).await.err(),
    ];
    for refusal in refusals {
        assert!(matches!(refusal, Some(StorageError::Other(_))), "{refusal:?}");
    }
    unit.commit().await.unwrap();
    assert_eq!(count(&mut *storage.read().await.unwrap()).await, 1);
}
