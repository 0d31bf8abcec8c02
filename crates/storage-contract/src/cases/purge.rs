//! The physical delete: which users it may take, what it takes with them, and what stays.

use chrono::Duration;
use systemprompt_users_domain::{
    BanEnd, BanFact, BannedIp, EventFilter, EventKind, Offence, PurgePreview, User, UserId,
};

use crate::Subject;
use crate::fixtures::{
    anonymous, at, ban, banned, deleted, email, event, name, offence, session, session_id,
    suspended, tick, token_hash, user, user_id,
};
use crate::subject::{by_id, check_same, request};

pub(crate) async fn deleted_users_are_purgeable_when_their_time_has_come(subject: Subject) {
    let before = at(1_000);
    let gone = |n, time| deleted(user(n), time);
    let users = [
        gone(1, before),
        gone(2, before - tick()),
        gone(3, at(500)),
        User { legal_hold: true, ..gone(4, at(400)) },
        gone(5, at(500)),
        deleted(anonymous(6), at(450)),
        suspended(user(7)),
        user(8),
        gone(9, before + Duration::days(1)),
    ];
    subject.store(&users).await;
    let mut unit = subject.read().await;
    for (limit, expected) in
        [(100, &[6, 3, 5, 2][..]), (4, &[6, 3, 5, 2]), (2, &[6, 3]), (1, &[6]), (0, &[])]
    {
        let listed = unit.users().list_purgeable(before, limit).await.unwrap();
        let ids: Vec<_> = listed.iter().map(|user| user.id).collect();
        let expected: Vec<_> = expected.iter().copied().map(user_id).collect();
        assert_eq!(ids, expected, "by {limit}");
    }
}

pub(crate) async fn a_restored_user_is_not_purgeable(subject: Subject) {
    let gone = deleted(user(1), at(9));
    subject.store(std::slice::from_ref(&gone)).await;
    subject.update(&[crate::fixtures::changed(gone, |user| user.restore().unwrap())]).await;
    let listed = subject.read().await.users().list_purgeable(at(1_000), 10).await.unwrap();
    assert_eq!(listed, []);
}

/// Checks that the preview of a purge says what the purge then does.
async fn check_purge(subject: &Subject, ids: &[u32], expected: PurgePreview) {
    let ids: Vec<UserId> = ids.iter().copied().map(user_id).collect();
    assert_eq!(subject.read().await.users().preview_purge(&ids).await.unwrap(), expected);
    let mut unit = subject.write().await;
    assert_eq!(unit.users().preview_purge(&ids).await.unwrap(), expected);
    assert_eq!(unit.users().purge_many(&ids).await.unwrap(), expected);
    unit.commit().await.unwrap();
    let nothing = PurgePreview::default();
    assert_eq!(subject.read().await.users().preview_purge(&ids).await.unwrap(), nothing);
    assert_eq!(subject.users(&ids).await, []);
}

pub(crate) async fn nothing_and_unknown_users_purge_nothing(subject: Subject) {
    subject.store(&[user(1)]).await;
    check_purge(&subject, &[], PurgePreview::default()).await;
    check_purge(&subject, &[98, 99], PurgePreview::default()).await;
    check_same(&subject.user(user_id(1)).await, &user(1));
}

pub(crate) async fn a_user_named_twice_is_purged_once(subject: Subject) {
    subject.store(&[deleted(user(1), at(9)), user(2)]).await;
    subject.store_sessions(&[session(1, user_id(1))]).await;
    let expected = PurgePreview { users: 1, sessions: 1, ..PurgePreview::default() };
    check_purge(&subject, &[1, 1, 99, 1], expected).await;
}

pub(crate) async fn users_of_any_status_are_purged(subject: Subject) {
    let users = [user(1), suspended(user(2)), deleted(user(3), at(9)), anonymous(4), user(5)];
    subject.store(&users).await;
    let expected = PurgePreview { users: 4, ..PurgePreview::default() };
    check_purge(&subject, &[1, 2, 3, 4], expected).await;
    check_same(&subject.user(user_id(5)).await, &user(5));
}

pub(crate) async fn sessions_go_with_their_user(subject: Subject) {
    subject.store(&[user(1), user(2)]).await;
    let sessions = [session(1, user_id(1)), session(2, user_id(2)), session(3, user_id(1))];
    subject.store_sessions(&sessions).await;
    let expected = PurgePreview { users: 1, sessions: 2, ..PurgePreview::default() };
    check_purge(&subject, &[1], expected).await;
    let left = subject.sessions(&[1, 2, 3].map(session_id)).await;
    check_same(&left, &vec![sessions[1].clone()]);
    let mut unit = subject.read().await;
    assert_eq!(unit.sessions().find_by_token(&token_hash(1)).await.unwrap(), None);
}

/// A ledger of two bans, of these users.
fn ledger(n: u32, one: Option<u32>, two: Option<u32>) -> [(BannedIp, BanFact); 2] {
    let by = |user: Option<u32>| Offence {
        user_id: user.map(user_id),
        ..offence(&format!("192.0.2.{n}"), BanEnd::Never)
    };
    let first = banned(n, by(one), at(1));
    let again = first.0.clone().ban_again(by(two), &Default::default(), at(2));
    [first, again]
}

pub(crate) async fn ban_facts_stay_without_the_user(subject: Subject) {
    subject.store(&[user(1), user(2)]).await;
    for changes in [ledger(1, Some(1), Some(2)), ledger(2, Some(1), Some(1)), ledger(3, None, None)]
    {
        subject.append_bans(&changes[..1]).await;
        subject.append_bans(&changes[1..]).await;
    }
    let expected = PurgePreview { users: 1, ban_associations: 3, ..PurgePreview::default() };
    check_purge(&subject, &[1], expected).await;
    let mut unit = subject.read().await;
    for (n, users) in [(1, [Some(2), None]), (2, [None, None]), (3, [None, None])] {
        let history = unit.bans().history(ban(n), &request(10, None)).await.unwrap();
        let associated: Vec<_> = history.items.iter().map(|fact| fact.user_id).collect();
        assert_eq!(associated, users.map(|user| user.map(user_id)), "ledger {n}");
    }
    let ledgers =
        unit.bans().find_many(&[offence("192.0.2.2", BanEnd::Never).target]).await.unwrap();
    assert_eq!(ledgers[0].user_id, None);
    assert_eq!(ledgers[0].fact_count, 2);
}

pub(crate) async fn users_merged_into_it_lose_the_reference(subject: Subject) {
    let merged = |n, into| User { merged_into: Some(user_id(into)), ..deleted(user(n), at(9)) };
    let users = [user(1), merged(2, 1), merged(3, 1), user(4), merged(5, 4)];
    subject.store(&users).await;
    let expected = PurgePreview { users: 1, merged_references: 2, ..PurgePreview::default() };
    check_purge(&subject, &[1], expected).await;
    let left = subject.users(&[2, 3, 4, 5].map(user_id)).await;
    let references: Vec<_> = left.iter().map(|user| user.merged_into).collect();
    assert_eq!(references, [None, None, None, Some(user_id(4))]);
    assert!(left.iter().all(|user| user.id == user_id(4) || user.deleted_at == Some(at(9))));
}

pub(crate) async fn a_purge_frees_every_key(subject: Subject) {
    subject.store(&[user(1), anonymous(2)]).await;
    let expected = PurgePreview { users: 2, ..PurgePreview::default() };
    check_purge(&subject, &[1, 2], expected).await;
    subject.store(&[user(1), anonymous(2)]).await;
    let mut unit = subject.read().await;
    assert_eq!(unit.users().find_by_names(&[name("user1")]).await.unwrap(), [user(1)]);
    assert_eq!(
        unit.users().find_by_emails(&[email("user1@example.com")]).await.unwrap(),
        [user(1)]
    );
    assert!(unit.users().find_by_token(&token_hash(2)).await.unwrap().is_some());
}

pub(crate) async fn events_stay_after_a_purge(subject: Subject) {
    subject.store(&[user(1)]).await;
    let about = event(1, EventKind::UserDeleted { user_id: user_id(1) });
    let mut unit = subject.write().await;
    unit.events().append(std::slice::from_ref(&about)).await.unwrap();
    unit.commit().await.unwrap();
    check_purge(&subject, &[1], PurgePreview { users: 1, ..PurgePreview::default() }).await;
    let filter = EventFilter { user_id: Some(user_id(1)), target: None };
    let listed = subject.read().await.events().list(&filter, None, 10).await.unwrap();
    assert_eq!(listed.len(), 1);
    check_same(&listed[0].event, &about);
}

pub(crate) async fn many_are_purged_at_once(subject: Subject) {
    let users: Vec<_> = (1..=1200).map(|n| deleted(user(n), at(9))).collect();
    subject.store(&users).await;
    let ids: Vec<_> = (1..=1100).collect();
    check_purge(&subject, &ids, PurgePreview { users: 1100, ..PurgePreview::default() }).await;
    let all: Vec<_> = users.iter().map(|user| user.id).collect();
    check_same(&subject.users(&all).await, &by_id(users[1100..].to_vec()));
}
