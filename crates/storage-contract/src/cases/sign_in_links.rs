//! One-time links.

use chrono::{DateTime, Utc};
use systemprompt_users_domain::{SignInLink, TokenHash, UniqueKey};

use crate::Subject;
use crate::fixtures::{at, sign_in_link, tick, token_hash, user, user_id};
use crate::overlap::{Beside, persist};
use crate::subject::{check_same, conflict_key};

fn link(n: u32) -> SignInLink {
    sign_in_link(n, user_id(1))
}

/// Stores the user 1 and these links.
async fn store(subject: &Subject, links: &[SignInLink]) {
    subject.store(&[user(1)]).await;
    let mut unit = subject.write().await;
    for link in links {
        unit.sign_in_links().insert(link).await.unwrap();
    }
    unit.commit().await.unwrap();
}

async fn take(subject: &Subject, token: &TokenHash, now: DateTime<Utc>) -> Option<SignInLink> {
    let mut unit = subject.write().await;
    let taken = unit.sign_in_links().take(token, now).await.unwrap();
    unit.commit().await.unwrap();
    taken
}

async fn delete_expired(subject: &Subject, before: DateTime<Utc>, limit: u16) -> u64 {
    let mut unit = subject.write().await;
    let removed = unit.sign_in_links().delete_expired(before, limit).await.unwrap();
    unit.commit().await.unwrap();
    removed
}

pub(crate) async fn a_link_is_taken_once_with_every_field(subject: Subject) {
    let fine = SignInLink { created_at: at(2) + tick(), expires_at: at(9) - tick(), ..link(2) };
    store(&subject, &[link(1), fine.clone()]).await;
    assert_eq!(take(&subject, &token_hash(3), at(5)).await, None);
    check_same(&take(&subject, &token_hash(2), at(5)).await, &Some(fine));
    assert_eq!(take(&subject, &token_hash(2), at(5)).await, None, "it was used");
    check_same(&take(&subject, &token_hash(1), at(5)).await, &Some(link(1)));
}

pub(crate) async fn an_expired_link_is_none(subject: Subject) {
    store(&subject, &[link(1), link(2)]).await;
    assert_eq!(take(&subject, &token_hash(1), link(1).expires_at).await, None);
    assert!(take(&subject, &token_hash(1), link(1).expires_at - tick()).await.is_some());
    assert!(take(&subject, &token_hash(2), link(1).expires_at).await.is_some());
}

pub(crate) async fn a_taken_token_is_a_conflict(subject: Subject) {
    store(&subject, &[link(1)]).await;
    let mut unit = subject.write().await;
    let same = SignInLink { token_hash: token_hash(1), ..link(2) };
    let refused = unit.sign_in_links().insert(&same).await.unwrap_err();
    assert_eq!(conflict_key(&refused), UniqueKey::Token);
    unit.sign_in_links().insert(&link(3)).await.unwrap();
    unit.commit().await.unwrap();
    check_same(&take(&subject, &token_hash(1), at(5)).await, &Some(link(1)));
    assert!(take(&subject, &token_hash(3), at(5)).await.is_some(), "the unit was usable");
}

pub(crate) async fn a_link_of_nobody_is_refused(subject: Subject) {
    let mut unit = subject.write().await;
    unit.sign_in_links().insert(&link(1)).await.unwrap_err();
    drop(unit);
    assert_eq!(take(&subject, &token_hash(1), at(5)).await, None);
}

fn take_beside(subject: &Subject, token: TokenHash) -> Beside<Option<SignInLink>> {
    let subject = subject.clone();
    Beside::start(async move {
        persist(|| async {
            let mut unit = subject.try_write().await?;
            let taken = unit.sign_in_links().take(&token, at(5)).await?;
            unit.commit().await?;
            Ok(taken)
        })
        .await
    })
}

pub(crate) async fn of_two_at_once_one_gets_it(subject: Subject) {
    store(&subject, &[link(1)]).await;
    let mut unit = subject.write().await;
    assert!(unit.sign_in_links().take(&token_hash(1), at(5)).await.unwrap().is_some());
    let mut beside = take_beside(&subject, token_hash(1));
    beside.let_run().await;
    unit.commit().await.unwrap();
    assert_eq!(beside.end().await, None);
}

pub(crate) async fn who_gives_it_up_leaves_it_to_the_other(subject: Subject) {
    store(&subject, &[link(1)]).await;
    let mut unit = subject.write().await;
    assert!(unit.sign_in_links().take(&token_hash(1), at(5)).await.unwrap().is_some());
    let mut beside = take_beside(&subject, token_hash(1));
    beside.let_run().await;
    drop(unit);
    check_same(&beside.end().await, &Some(link(1)));
}

pub(crate) async fn of_many_at_once_one_gets_it(subject: Subject) {
    store(&subject, &[link(1)]).await;
    let rivals: Vec<_> = (0..8).map(|_| take_beside(&subject, token_hash(1))).collect();
    let mut taken = 0;
    for rival in rivals {
        taken += usize::from(rival.end().await.is_some());
    }
    assert_eq!(taken, 1);
}

pub(crate) async fn links_go_with_their_user(subject: Subject) {
    store(&subject, &[link(1), link(2)]).await;
    subject.store(&[user(2)]).await;
    let mut unit = subject.write().await;
    unit.sign_in_links().insert(&sign_in_link(3, user_id(2))).await.unwrap();
    unit.commit().await.unwrap();
    subject.purge(&[user_id(1)]).await;
    for n in [1, 2] {
        assert_eq!(take(&subject, &token_hash(n), at(5)).await, None);
    }
    assert!(take(&subject, &token_hash(3), at(5)).await.is_some());
}

pub(crate) async fn those_expired_first_are_removed_first(subject: Subject) {
    store(&subject, &[3, 1, 4, 2].map(link)).await;
    assert_eq!(delete_expired(&subject, link(1).expires_at, 10).await, 0, "it is not before");
    assert_eq!(delete_expired(&subject, link(4).expires_at, 2).await, 2);
    assert!(take(&subject, &token_hash(3), at(5)).await.is_some(), "1 and 2 went first");
    assert_eq!(delete_expired(&subject, link(2).expires_at + tick(), 10).await, 0);
    assert_eq!(delete_expired(&subject, link(4).expires_at + tick(), 10).await, 1);
    assert_eq!(delete_expired(&subject, at(99_999), 10).await, 0);
}
