//! Users by id: nothing, unknown ids, doubles, every field.

use chrono::Duration;
use systemprompt_users_domain::{Roles, User, UserId, UserName, UserRole, UserStatus};
use uuid::Uuid;

use crate::Subject;
use crate::fixtures::{anonymous, at, deleted, fullest_user, name, suspended, user, user_id};
use crate::subject::{by_id, check_same};

pub(crate) async fn nothing_is_found_for_nothing(subject: Subject) {
    subject.store(&[user(1)]).await;
    let mut unit = subject.read().await;
    assert_eq!(unit.users().find_many(&[]).await.unwrap(), []);
    assert_eq!(unit.users().find_by_emails(&[]).await.unwrap(), []);
    assert_eq!(unit.users().find_by_names(&[]).await.unwrap(), []);
}

pub(crate) async fn unknown_ids_are_left_out(subject: Subject) {
    subject.store(&[user(1), user(2)]).await;
    let found = subject.users(&[user_id(2), user_id(99), user_id(1)]).await;
    check_same(&found, &vec![user(1), user(2)]);
    assert_eq!(subject.users(&[user_id(98), user_id(99)]).await, []);
}

pub(crate) async fn an_id_given_twice_counts_once(subject: Subject) {
    subject.store(&[user(1)]).await;
    assert_eq!(subject.users(&[user_id(1), user_id(1), user_id(1)]).await, [user(1)]);
}

pub(crate) async fn every_field_comes_back(subject: Subject) {
    let both = Roles::new([UserRole::Admin, UserRole::User]).unwrap();
    let users = vec![
        user(1),
        User { roles: both, version: 1 << 40, ..user(2) },
        User { name: UserName::parse("JÜRGEN").unwrap(), is_bot: true, ..user(3) },
        fullest_user(4),
        suspended(user(5)),
        anonymous(6),
        User { token_hash: None, fingerprint: None, ..anonymous(7) },
        deleted(user(8), at(500)),
        User { merged_into: Some(user_id(1)), ..deleted(suspended(user(9)), at(501)) },
        User { legal_hold: true, ..deleted(anonymous(10), at(502)) },
        User { created_at: at(-1) - Duration::microseconds(1), email_verified: true, ..user(11) },
    ];
    subject.store(&users).await;
    let ids: Vec<_> = users.iter().map(|user| user.id).collect();
    let found = subject.users(&ids).await;
    check_same(&found, &users);
    for (got, expected) in found.iter().zip(&users) {
        assert_eq!(got.token_hash, expected.token_hash);
    }
}

pub(crate) async fn any_number_of_users_may_be_named(subject: Subject) {
    subject.store(&[user(1), anonymous(2)]).await;
    let ids: Vec<_> = (1..=70_000).rev().map(user_id).collect();
    let mut unit = subject.write().await;
    let users = unit.users();
    assert_eq!(users.find_many(&ids).await.unwrap().len(), 2);
    assert_eq!(users.lock_many(&ids).await.unwrap().len(), 2);
    assert!(!users.has_other_active_admin(&ids).await.unwrap());
    let seen: Vec<_> = ids.iter().map(|id| (*id, at(500))).collect();
    users.touch_many(&seen).await.unwrap();
    assert_eq!(users.preview_purge(&ids).await.unwrap().users, 2);
    let names: Vec<_> = (1..=40_000).map(|n| name(&format!("user{n}"))).collect();
    assert_eq!(users.find_by_names(&names).await.unwrap().len(), 1);
    assert_eq!(users.purge_many(&ids).await.unwrap().users, 2);
    unit.commit().await.unwrap();
    assert_eq!(subject.users(&ids).await, []);
}

pub(crate) async fn users_of_any_status_are_found_by_id(subject: Subject) {
    let users = vec![user(1), suspended(user(2)), deleted(user(3), at(9)), anonymous(4)];
    subject.store(&users).await;
    let ids = [1, 2, 3, 4].map(user_id);
    let found = subject.users(&ids).await;
    let statuses: Vec<_> = found.iter().map(|user| user.status).collect();
    let expected =
        [UserStatus::Active, UserStatus::Suspended, UserStatus::Deleted, UserStatus::Active];
    assert_eq!(statuses, expected);
}

pub(crate) async fn ids_at_both_ends_are_ids_like_others(subject: Subject) {
    let ids = [Uuid::nil(), Uuid::from_u128(u128::MAX >> 1), Uuid::max()].map(UserId::from_uuid);
    let users: Vec<_> = ids.iter().zip(1..).map(|(id, n)| User { id: *id, ..user(n) }).collect();
    subject.store(&users).await;
    check_same(&subject.users(&ids).await, &by_id(users));
}
