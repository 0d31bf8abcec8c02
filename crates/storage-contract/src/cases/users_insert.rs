//! New users: which are stored, and what the others are told.

use systemprompt_users_domain::InsertOutcome::{Conflict, Inserted};
use systemprompt_users_domain::UniqueKey::{Email, Id, Name, Token};
use systemprompt_users_domain::{InsertOutcome, User};

use crate::Subject;
use crate::fixtures::{
    anonymous, at, changed, deleted, email, name, suspended, token_hash, user, user_id,
};
use crate::subject::check_same;

/// A user whose name and email nobody of the same test holds unless it is told to.
fn like(n: u32, name_of: u32, email_of: u32) -> User {
    User {
        name: name(&format!("USER{name_of}")),
        email: Some(email(&format!("User{email_of}@Example.com"))),
        ..user(n)
    }
}

fn visitor(n: u32, token: u32) -> User {
    User { token_hash: Some(token_hash(token)), ..anonymous(n) }
}

/// Inserts `users` into a unit that has done something before and does something after; checks the
/// outcomes, that exactly the inserted ones are stored, and that the unit lost nothing.
async fn check_insert(subject: &Subject, users: &[User], expected: &[InsertOutcome]) {
    let mut unit = subject.write().await;
    assert_eq!(unit.users().insert_many(&[user(9001)]).await.unwrap(), [Inserted]);
    assert_eq!(unit.users().insert_many(users).await.unwrap(), expected);
    assert_eq!(unit.users().insert_many(&[user(9002)]).await.unwrap(), [Inserted]);
    unit.commit().await.unwrap();
    for (user, outcome) in users.iter().zip(expected) {
        let stored = subject.users(&[user.id]).await.pop();
        if *outcome == Inserted {
            check_same(&stored, &Some(user.clone()));
        } else if *outcome != Conflict(Id) {
            assert_eq!(stored, None, "refused with {outcome:?}");
        }
    }
    let around = subject.users(&[user_id(9001), user_id(9002)]).await;
    check_same(&around, &vec![user(9001), user(9002)]);
}

pub(crate) async fn nothing_is_inserted_for_nothing(subject: Subject) {
    check_insert(&subject, &[], &[]).await;
}

pub(crate) async fn a_taken_id_is_a_conflict(subject: Subject) {
    subject.store(&[user(1), deleted(user(2), at(9))]).await;
    let users = [User { id: user_id(1), ..user(11) }, User { id: user_id(2), ..user(12) }];
    check_insert(&subject, &users, &[Conflict(Id), Conflict(Id)]).await;
    check_same(&subject.user(user_id(1)).await, &user(1));
    check_same(&subject.user(user_id(2)).await, &deleted(user(2), at(9)));
}

pub(crate) async fn a_taken_name_is_a_conflict_in_any_spelling(subject: Subject) {
    subject.store(&[User { name: name("Ángela"), ..user(1) }, suspended(user(2))]).await;
    let users = [
        User { name: name("ÁNGELA"), ..user(11) },
        User { name: name("a\u{301}ngela"), ..user(12) },
        User { name: name("USER2"), ..user(13) },
        User { name: name("angela"), ..user(14) },
    ];
    check_insert(&subject, &users, &[Conflict(Name), Conflict(Name), Conflict(Name), Inserted])
        .await;
}

pub(crate) async fn a_taken_email_is_a_conflict(subject: Subject) {
    subject.store(&[user(1), suspended(user(2))]).await;
    let users = [like(11, 11, 1), like(12, 12, 2), like(13, 13, 13)];
    check_insert(&subject, &users, &[Conflict(Email), Conflict(Email), Inserted]).await;
}

pub(crate) async fn a_taken_token_is_a_conflict(subject: Subject) {
    subject.store(&[anonymous(1), suspended(anonymous(2)), deleted(anonymous(3), at(9))]).await;
    let users = [visitor(11, 1), visitor(12, 2), visitor(13, 3), visitor(14, 14)];
    let expected = [Conflict(Token), Conflict(Token), Conflict(Token), Inserted];
    check_insert(&subject, &users, &expected).await;
}

pub(crate) async fn of_several_taken_keys_the_first_is_named(subject: Subject) {
    subject.store(&[user(1), user(2), user(3), anonymous(4), anonymous(5)]).await;
    let users = [
        User { id: user_id(3), ..like(11, 1, 2) },
        like(12, 1, 2),
        like(13, 13, 2),
        User { name: name("anonymous-5"), ..visitor(14, 4) },
        User { id: user_id(5), ..visitor(15, 4) },
        visitor(16, 4),
    ];
    let expected = [
        Conflict(Id),
        Conflict(Name),
        Conflict(Email),
        Conflict(Name),
        Conflict(Id),
        Conflict(Token),
    ];
    check_insert(&subject, &users, &expected).await;
}

pub(crate) async fn keys_clash_inside_one_batch_too(subject: Subject) {
    let users = [
        user(11),
        User { id: user_id(11), ..user(12) },
        like(13, 11, 13),
        like(14, 14, 11),
        visitor(15, 15),
        visitor(16, 15),
        like(17, 17, 17),
    ];
    let expected = [
        Inserted,
        Conflict(Id),
        Conflict(Name),
        Conflict(Email),
        Inserted,
        Conflict(Token),
        Inserted,
    ];
    check_insert(&subject, &users, &expected).await;
    check_same(&subject.user(user_id(11)).await, &user(11));
}

/// A conflict says that a stored user has the key: who is not stored has none.
pub(crate) async fn a_user_that_was_refused_takes_no_key(subject: Subject) {
    subject.store(&[user(1)]).await;
    let users = [like(11, 1, 77), like(12, 12, 77), like(13, 77, 1), like(14, 77, 14)];
    let expected = [Conflict(Name), Inserted, Conflict(Email), Inserted];
    check_insert(&subject, &users, &expected).await;
}

pub(crate) async fn keys_clash_with_the_unit_s_own_inserts(subject: Subject) {
    let mut unit = subject.write().await;
    assert_eq!(unit.users().insert_many(&[user(1), anonymous(2)]).await.unwrap(), [Inserted; 2]);
    let users = [like(11, 1, 11), like(12, 12, 1), visitor(13, 2), user(14)];
    let outcomes = unit.users().insert_many(&users).await.unwrap();
    assert_eq!(outcomes, [Conflict(Name), Conflict(Email), Conflict(Token), Inserted]);
    unit.commit().await.unwrap();
    check_same(&subject.users(&[1, 14].map(user_id)).await, &vec![user(1), user(14)]);
}

pub(crate) async fn deleted_users_free_name_and_email(subject: Subject) {
    subject.store(&[deleted(user(1), at(9)), user(2)]).await;
    let delete = changed(user(2), |user| user.delete(at(20)).unwrap());
    subject.update(&[delete]).await;
    check_insert(&subject, &[like(11, 1, 1), like(12, 2, 2)], &[Inserted, Inserted]).await;
}

pub(crate) async fn a_deleted_user_comes_in_beside_the_live_one(subject: Subject) {
    subject.store(&[user(1)]).await;
    let users = [deleted(like(11, 1, 1), at(30)), deleted(like(12, 1, 1), at(31))];
    check_insert(&subject, &users, &[Inserted, Inserted]).await;
}

pub(crate) async fn users_without_an_email_do_not_clash(subject: Subject) {
    let users: Vec<_> =
        (1..=5).map(|n| User { token_hash: None, fingerprint: None, ..anonymous(n) }).collect();
    check_insert(&subject, &users, &[Inserted; 5]).await;
}

pub(crate) async fn a_large_batch_is_answered_in_its_order(subject: Subject) {
    subject.store(&[user(500), user(1500)]).await;
    let users: Vec<_> = (0..2000).rev().map(|n| like(10_000 + n, n, n)).collect();
    let expected: Vec<_> = (0..2000)
        .rev()
        .map(|n| if n == 500 || n == 1500 { Conflict(Name) } else { Inserted })
        .collect();
    let mut unit = subject.write().await;
    assert_eq!(unit.users().insert_many(&users).await.unwrap(), expected);
    unit.commit().await.unwrap();
    let ids: Vec<_> = users.iter().map(|user| user.id).collect();
    assert_eq!(subject.users(&ids).await.len(), 1998);
}
