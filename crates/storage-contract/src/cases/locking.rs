//! Keys and users that one unit holds while another wants them.

use std::time::Duration;

use systemprompt_users_domain::{LockKey, Roles, StorageError, StorageResult, User, UserId};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::Subject;
use crate::fixtures::{
    admin, anonymous, at, changed, deleted, fingerprint, suspended, user, user_id,
};
use crate::overlap::{Beside, persist};
use crate::subject::{by_id, check_same};

/// Takes `key` in a unit beside, and tells which users are there.
fn users_under(subject: &Subject, key: LockKey) -> Beside<Vec<User>> {
    let subject = subject.clone();
    Beside::start(async move {
        let mut unit = subject.write().await;
        unit.lock(key).await.unwrap();
        by_id(unit.users().find_many(&[1, 2].map(user_id)).await.unwrap())
    })
}

async fn check_key(subject: &Subject, key: LockKey) {
    let mut unit = subject.write().await;
    unit.lock(key.clone()).await.unwrap();
    unit.users().insert_many(&[user(1)]).await.unwrap();
    let mut beside = users_under(subject, key.clone());
    beside.must_wait().await;
    drop(unit);
    assert_eq!(beside.end().await, [], "after a drop");
    let mut unit = subject.write().await;
    unit.lock(key.clone()).await.unwrap();
    let mut beside = users_under(subject, key);
    beside.must_wait().await;
    unit.users().insert_many(&[user(2)]).await.unwrap();
    unit.commit().await.unwrap();
    assert_eq!(beside.end().await, [user(2)], "after a commit");
}

pub(crate) async fn one_unit_decides_on_admins(subject: Subject) {
    check_key(&subject, LockKey::Admins).await;
}

pub(crate) async fn one_unit_decides_on_bans(subject: Subject) {
    check_key(&subject, LockKey::Bans).await;
}

pub(crate) async fn one_unit_decides_on_a_fingerprint(subject: Subject) {
    check_key(&subject, LockKey::Fingerprint(fingerprint("Bröwser"))).await;
}

pub(crate) async fn a_held_key_may_be_asked_for_again(subject: Subject) {
    let mut unit = subject.write().await;
    for _ in 0..2 {
        for key in [LockKey::Admins, LockKey::Bans, LockKey::Fingerprint(fingerprint("x"))] {
            let again = timeout(Duration::from_secs(30), unit.lock(key)).await;
            again.expect("a unit waits for itself").unwrap();
        }
    }
    unit.users().insert_many(&[user(1)]).await.unwrap();
    unit.commit().await.unwrap();
    assert_eq!(subject.users(&[user_id(1)]).await, [user(1)]);
}

/// A host whose unit never ends must not hang all the others.
pub(crate) async fn waiting_too_long_is_told_as_unavailable(subject: Subject) {
    let mut unit = subject.write().await;
    unit.lock(LockKey::Admins).await.unwrap();
    let beside = Beside::start({
        let subject = subject.clone();
        async move {
            let mut unit = subject.try_write().await?;
            unit.lock(LockKey::Admins).await
        }
    });
    let refused = beside.end().await.unwrap_err();
    assert!(matches!(refused, StorageError::Unavailable(_)), "{refused:?}");
    unit.users().insert_many(&[user(1)]).await.unwrap();
    unit.commit().await.unwrap();
    assert_eq!(subject.users(&[user_id(1)]).await, [user(1)]);
}

/// A caller that has lost patience takes its wait with it.
pub(crate) async fn a_wait_that_was_given_up_holds_nothing(subject: Subject) {
    subject.store(&[user(1)]).await;
    let mut unit = subject.write().await;
    unit.lock(LockKey::Admins).await.unwrap();
    unit.users().lock_many(&[user_id(1)]).await.unwrap();
    for _ in 0..5 {
        let wait = async {
            let mut unit = subject.write().await;
            unit.users().insert_many(&[user(2)]).await.unwrap();
            unit.users().lock_many(&[user_id(1)]).await.unwrap();
        };
        assert!(timeout(Duration::from_millis(50), wait).await.is_err(), "it did not wait");
        let wait = async { subject.write().await.lock(LockKey::Admins).await.unwrap() };
        assert!(timeout(Duration::from_millis(50), wait).await.is_err(), "it did not wait");
    }
    unit.commit().await.unwrap();
    check_same(&user_under_lock(&subject).end().await, &vec![user(1)]);
    assert_eq!(users_under(&subject, LockKey::Admins).end().await, [user(1)]);
}

pub(crate) async fn locked_users_are_found_as_others_are(subject: Subject) {
    let users = [user(1), suspended(user(2)), deleted(user(3), at(9)), anonymous(4)];
    subject.store(&users).await;
    let mut unit = subject.write().await;
    assert_eq!(unit.users().lock_many(&[]).await.unwrap(), []);
    assert_eq!(unit.users().lock_many(&[98, 99].map(user_id)).await.unwrap(), []);
    let locked = unit.users().lock_many(&[4, 2, 99, 1, 2, 3].map(user_id)).await.unwrap();
    check_same(&by_id(locked), &users.to_vec());
    let again = unit.users().lock_many(&[1, 4].map(user_id)).await.unwrap();
    assert_eq!(again.len(), 2);
}

/// Locks user 1 in a unit beside, and tells what it is.
fn user_under_lock(subject: &Subject) -> Beside<Vec<User>> {
    let subject = subject.clone();
    Beside::start(async move {
        let mut unit = subject.write().await;
        unit.users().lock_many(&[2, 1].map(user_id)).await.unwrap()
    })
}

pub(crate) async fn a_locked_user_is_seen_as_committed_last(subject: Subject) {
    subject.store(&[user(1)]).await;
    let mut unit = subject.write().await;
    unit.users().lock_many(&[user_id(1)]).await.unwrap();
    let mut beside = user_under_lock(&subject);
    beside.must_wait().await;
    let bot = changed(user(1), |user| user.is_bot = true);
    unit.users().update_many(std::slice::from_ref(&bot)).await.unwrap();
    unit.commit().await.unwrap();
    check_same(&beside.end().await, &vec![bot]);
}

pub(crate) async fn a_dropped_unit_lets_go_of_its_users(subject: Subject) {
    subject.store(&[user(1)]).await;
    let mut unit = subject.write().await;
    unit.users().lock_many(&[user_id(1)]).await.unwrap();
    let bot = changed(user(1), |user| user.is_bot = true);
    unit.users().update_many(std::slice::from_ref(&bot)).await.unwrap();
    let mut beside = user_under_lock(&subject);
    beside.must_wait().await;
    drop(unit);
    check_same(&beside.end().await, &vec![user(1)]);
}

pub(crate) async fn a_user_that_was_purged_meanwhile_is_not_locked(subject: Subject) {
    subject.store(&[user(1), user(2)]).await;
    let mut unit = subject.write().await;
    unit.users().lock_many(&[user_id(1)]).await.unwrap();
    unit.users().purge_many(&[user_id(1)]).await.unwrap();
    let mut beside = user_under_lock(&subject);
    beside.must_wait().await;
    unit.commit().await.unwrap();
    check_same(&beside.end().await, &vec![user(2)]);
}

/// Updates user 1 in a unit beside, without a lock, from the version that is stored now.
fn update_beside(subject: &Subject) -> Beside<StorageResult<()>> {
    let subject = subject.clone();
    Beside::start(async move {
        let mut unit = subject.write().await;
        let suspend = changed(user(1), |user| *user = suspended(user.clone()));
        unit.users().update_many(&[suspend]).await?;
        unit.commit().await
    })
}

pub(crate) async fn nobody_changes_a_user_that_is_locked(subject: Subject) {
    subject.store(&[user(1)]).await;
    let mut unit = subject.write().await;
    unit.users().lock_many(&[user_id(1)]).await.unwrap();
    let mut beside = update_beside(&subject);
    beside.must_wait().await;
    let bot = changed(user(1), |user| user.is_bot = true);
    unit.users().update_many(std::slice::from_ref(&bot)).await.unwrap();
    unit.commit().await.unwrap();
    let refused = beside.end().await.unwrap_err();
    assert!(matches!(refused, StorageError::Stale), "{refused:?}");
    check_same(&subject.user(user_id(1)).await, &bot);
}

pub(crate) async fn a_user_that_was_let_go_unchanged_is_not_stale(subject: Subject) {
    subject.store(&[user(1)]).await;
    let mut unit = subject.write().await;
    unit.users().lock_many(&[user_id(1)]).await.unwrap();
    let mut beside = update_beside(&subject);
    beside.must_wait().await;
    drop(unit);
    beside.end().await.unwrap();
    assert_eq!(subject.user(user_id(1)).await, changed(suspended(user(1)), |_| ()));
}

/// A unit that was open, and has read, before another commits: where the storage lets two write at once,
/// what it then reads under a lock is the latest all the same.
pub(crate) async fn a_lock_brings_what_was_committed_since_the_unit_began(subject: Subject) {
    subject.store(&[user(1)]).await;
    let mut early = subject.write().await;
    assert_eq!(early.users().find_many(&[user_id(1)]).await.unwrap(), [user(1)]);
    let bot = changed(user(1), |user| user.is_bot = true);
    let (sender, ready) = oneshot::channel();
    let beside = Beside::start({
        let (subject, bot) = (subject.clone(), bot.clone());
        async move {
            let mut unit = subject.write().await;
            unit.users().update_many(&[bot]).await.unwrap();
            unit.commit().await.unwrap();
            sender.send(()).ok();
        }
    });
    let both_write = timeout(Duration::from_millis(500), ready).await.is_ok();
    let locked = early.users().lock_many(&[user_id(1)]).await.unwrap();
    assert!(!both_write || locked[0] == bot, "{locked:?}");
    drop(early);
    beside.end().await;
    check_same(&subject.user(user_id(1)).await, &bot);
}

/// Changes these users under a lock, in a task of its own, again and again.
fn bump(subject: &Subject, ids: Vec<UserId>, rounds: u32) -> Beside<()> {
    let subject = subject.clone();
    Beside::start(async move {
        for _ in 0..rounds {
            let mut unit = subject.write().await;
            let locked = unit.users().lock_many(&ids).await.unwrap();
            assert_eq!(locked.len(), ids.len());
            let bumped: Vec<_> = locked.into_iter().map(|user| changed(user, |_| ())).collect();
            unit.users().update_many(&bumped).await.unwrap();
            unit.commit().await.unwrap();
        }
    })
}

pub(crate) async fn no_change_under_a_lock_is_lost(subject: Subject) {
    subject.store(&[user(1)]).await;
    let tasks: Vec<_> = (0..4).map(|_| bump(&subject, vec![user_id(1)], 10)).collect();
    for task in tasks {
        task.end().await;
    }
    assert_eq!(subject.user(user_id(1)).await.version, 41);
}

pub(crate) async fn locks_in_any_order_never_wait_for_each_other(subject: Subject) {
    subject.store(&[user(1), user(2), user(3), user(4)]).await;
    let orders = [[1, 2, 3, 4], [4, 3, 2, 1], [2, 4, 1, 3]];
    let tasks: Vec<_> =
        orders.iter().map(|order| bump(&subject, order.map(user_id).to_vec(), 10)).collect();
    for task in tasks {
        task.end().await;
    }
    let users = subject.users(&[1, 2, 3, 4].map(user_id)).await;
    assert!(users.iter().all(|user| user.version == 31), "{users:?}");
}

/// Demotes the admin of that number unless it is the last one, as a service does.
async fn demote(subject: Subject, n: u32) -> StorageResult<bool> {
    let mut unit = subject.try_write().await?;
    unit.lock(LockKey::Admins).await?;
    let Some(user) = unit.users().lock_many(&[user_id(n)]).await?.pop() else { return Ok(false) };
    if !unit.users().has_other_active_admin(&[user.id]).await? {
        return Ok(false);
    }
    unit.users().update_many(&[changed(user, |user| user.roles = Roles::USER)]).await?;
    unit.commit().await?;
    Ok(true)
}

pub(crate) async fn of_two_last_admins_one_stays(subject: Subject) {
    for round in 0..10 {
        let both = [round * 2 + 1, round * 2 + 2];
        subject.store(&both.map(admin)).await;
        let tasks = both.map(|n| {
            let subject = subject.clone();
            Beside::start(persist(move || demote(subject.clone(), n)))
        });
        let mut demoted = 0;
        for task in tasks {
            demoted += u32::from(task.end().await);
        }
        assert_eq!(demoted, 1, "round {round}");
        subject.purge(&both.map(user_id)).await;
    }
}
