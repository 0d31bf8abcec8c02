//! What a unit of work keeps to itself, and when others see it.

use crate::Subject;
use crate::fixtures::{user, user_id};

pub(crate) async fn a_dropped_unit_leaves_nothing(subject: Subject) {
    let mut unit = subject.write().await;
    unit.users().insert_many(&[user(1)]).await.unwrap();
    drop(unit);
    assert_eq!(subject.users(&[user_id(1)]).await, []);
    subject.store(&[user(1)]).await;
}

pub(crate) async fn a_unit_sees_its_own_changes(subject: Subject) {
    let mut unit = subject.write().await;
    unit.users().insert_many(&[user(1)]).await.unwrap();
    assert_eq!(unit.users().find_many(&[user_id(1)]).await.unwrap(), [user(1)]);
    unit.commit().await.unwrap();
}

pub(crate) async fn nobody_sees_changes_before_the_commit(subject: Subject) {
    let mut unit = subject.write().await;
    unit.users().insert_many(&[user(1)]).await.unwrap();
    assert_eq!(subject.users(&[user_id(1)]).await, []);
    unit.commit().await.unwrap();
    assert_eq!(subject.users(&[user_id(1)]).await, [user(1)]);
}

pub(crate) async fn a_commit_is_visible_at_once(subject: Subject) {
    for n in 1..=50 {
        subject.store(&[user(n)]).await;
        assert_eq!(subject.users(&[user_id(n)]).await, [user(n)]);
    }
}
