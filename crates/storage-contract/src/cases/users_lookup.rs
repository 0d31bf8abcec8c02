//! Users by email, name, token and fingerprint.

use systemprompt_users_domain::{User, UserStatus};

use crate::Subject;
use crate::fixtures::{
    anonymous, at, changed, deleted, email, fingerprint, name, suspended, token_hash, user, user_id,
};
use crate::subject::{by_id, check_same};

pub(crate) async fn emails_find_live_users(subject: Subject) {
    subject.store(&[user(1), suspended(user(2)), deleted(user(3), at(9)), anonymous(4)]).await;
    let emails =
        ["user2@EXAMPLE.com", "user3@example.com", "none@example.com", "User1@example.com"]
            .map(email);
    let mut unit = subject.read().await;
    let found = unit.users().find_by_emails(&emails).await.unwrap();
    check_same(&by_id(found), &vec![user(1), suspended(user(2))]);
    let twice = [email("user1@example.com"), email("user1@example.com")];
    assert_eq!(unit.users().find_by_emails(&twice).await.unwrap(), [user(1)]);
}

pub(crate) async fn names_find_live_users_in_any_spelling(subject: Subject) {
    let jurgen = User { name: name("JÜRGEN"), ..user(1) };
    let held = suspended(User { name: name("ＡＮＧＥＬＡ"), ..user(2) });
    subject.store(&[jurgen.clone(), held.clone(), deleted(user(3), at(9))]).await;
    let names = ["jürgen", "Angela", "user3", "nobody", "ANGELA"].map(name);
    let found = subject.read().await.users().find_by_names(&names).await.unwrap();
    check_same(&by_id(found), &vec![jurgen, held]);
}

pub(crate) async fn letters_with_and_without_an_accent_are_two_names(subject: Subject) {
    let plain = User { name: name("angela"), email: Some(email("jose@example.com")), ..user(1) };
    let accent = User { name: name("ángela"), email: Some(email("josé@example.com")), ..user(2) };
    subject.store(&[plain.clone(), accent.clone()]).await;
    let mut unit = subject.read().await;
    let found = unit.users().find_by_names(&[name("Ángela")]).await.unwrap();
    check_same(&found, &vec![accent]);
    let found = unit.users().find_by_emails(&[email("JOSE@example.com")]).await.unwrap();
    check_same(&found, &vec![plain]);
}

pub(crate) async fn wildcards_in_a_name_are_themselves(subject: Subject) {
    subject.store(&[user(1), user(2)]).await;
    let names = ["user_", "user%", "%", "_____", "user*"].map(name);
    assert_eq!(subject.read().await.users().find_by_names(&names).await.unwrap(), []);
}

/// Four users of one name and email: three deleted in another order than they were made, one live.
fn namesakes() -> Vec<User> {
    let same = |n| User { name: name("Ännchen"), email: Some(email("a@example.com")), ..user(n) };
    vec![
        deleted(same(1), at(200)),
        deleted(same(2), at(400)),
        deleted(same(3), at(300)),
        same(4),
        deleted(user(5), at(900)),
    ]
}

pub(crate) async fn the_user_of_an_email_deleted_last_is_found(subject: Subject) {
    subject.store(&namesakes()).await;
    let mut unit = subject.read().await;
    let found = unit.users().find_deleted_by_email(&email("A@example.com")).await.unwrap();
    check_same(&found, &Some(namesakes()[1].clone()));
    assert_eq!(unit.users().find_deleted_by_email(&email("b@example.com")).await.unwrap(), None);
}

pub(crate) async fn the_user_of_a_name_deleted_last_is_found(subject: Subject) {
    subject.store(&namesakes()).await;
    let mut unit = subject.read().await;
    let found = unit.users().find_deleted_by_name(&name("ÄNNCHEN")).await.unwrap();
    check_same(&found, &Some(namesakes()[1].clone()));
    assert_eq!(unit.users().find_deleted_by_name(&name("Annchen")).await.unwrap(), None);
}

pub(crate) async fn live_users_are_not_found_among_the_deleted(subject: Subject) {
    subject.store(&[user(1), suspended(user(2))]).await;
    let mut unit = subject.read().await;
    for n in [1, 2] {
        let (email, name) = (email(&format!("user{n}@example.com")), name(&format!("user{n}")));
        assert_eq!(unit.users().find_deleted_by_email(&email).await.unwrap(), None);
        assert_eq!(unit.users().find_deleted_by_name(&name).await.unwrap(), None);
    }
}

pub(crate) async fn a_token_finds_its_user_of_any_status(subject: Subject) {
    let users = vec![anonymous(1), suspended(anonymous(2)), deleted(anonymous(3), at(9)), user(4)];
    subject.store(&users).await;
    let mut unit = subject.read().await;
    for (n, expected) in (1..).zip(&users[..3]) {
        let found = unit.users().find_by_token(&token_hash(n)).await.unwrap();
        check_same(&found, &Some(expected.clone()));
    }
    for unknown in [0, 4, 99] {
        assert_eq!(unit.users().find_by_token(&token_hash(unknown)).await.unwrap(), None);
    }
}

pub(crate) async fn a_token_that_was_given_up_finds_nobody(subject: Subject) {
    subject.store(&[anonymous(1)]).await;
    let promoted = changed(anonymous(1), |user| {
        user.promote(name("registered"), email("r@example.com")).unwrap();
    });
    subject.update(&[promoted]).await;
    let found = subject.read().await.users().find_by_token(&token_hash(1)).await.unwrap();
    assert_eq!(found, None);
}

pub(crate) async fn a_fingerprint_finds_the_active_visitor_created_last(subject: Subject) {
    let same = |n| User { fingerprint: Some(fingerprint("Browser")), ..anonymous(n) };
    let registered = User { fingerprint: Some(fingerprint("Browser")), ..user(7) };
    let made_early = User { created_at: at(-5), ..same(4) };
    subject.store(&[same(1), same(3), same(2), made_early, anonymous(8)]).await;
    subject.store(&[suspended(same(5)), deleted(same(6), at(50)), registered]).await;
    let mut unit = subject.read().await;
    let wanted = fingerprint("Browser");
    let found = unit.users().find_anonymous_by_fingerprint(&wanted).await.unwrap();
    check_same(&found, &Some(same(3)));
    for other in ["browser", "Browse", "Browser%", "%"] {
        let found = unit.users().find_anonymous_by_fingerprint(&fingerprint(other)).await.unwrap();
        assert_eq!(found, None, "{other}");
    }
}

pub(crate) async fn a_suspended_visitor_is_not_found_by_fingerprint(subject: Subject) {
    subject.store(&[anonymous(1)]).await;
    let suspend = changed(anonymous(1), |user| user.status = UserStatus::Suspended);
    subject.update(&[suspend]).await;
    let wanted = fingerprint("browser1");
    let mut unit = subject.read().await;
    assert_eq!(unit.users().find_anonymous_by_fingerprint(&wanted).await.unwrap(), None);
    assert!(unit.users().find_by_token(&token_hash(1)).await.unwrap().is_some());
    assert_eq!(unit.users().find_many(&[user_id(1)]).await.unwrap().len(), 1);
}
