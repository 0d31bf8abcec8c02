//! Sessions: stored, found, listed.

use std::cmp::Reverse;

use chrono::{DateTime, Duration, Utc};
use systemprompt_users_domain::{
    EndReason, SessionFilter, SessionId, SessionOrder, StorageResult, UniqueKey, User, UserSession,
};

use crate::Subject;
use crate::fixtures::{
    anonymous, at, deleted, ended, fullest_session, session, session_id, suspended, tick,
    token_hash, user, user_id,
};
use crate::subject::{Walk, check_same, conflict_key};

pub(crate) async fn nothing_is_found_for_nothing(subject: Subject) {
    subject.store(&[user(1)]).await;
    subject.store_sessions(&[session(1, user_id(1))]).await;
    assert_eq!(subject.sessions(&[]).await, []);
}

pub(crate) async fn unknown_sessions_are_left_out_and_doubles_are_one(subject: Subject) {
    subject.store(&[user(1)]).await;
    subject.store_sessions(&[session(1, user_id(1)), session(2, user_id(1))]).await;
    let found = subject.sessions(&[99, 2, 1, 2, 98].map(session_id)).await;
    check_same(&found, &vec![session(1, user_id(1)), session(2, user_id(1))]);
}

pub(crate) async fn every_field_comes_back(subject: Subject) {
    subject.store(&[user(1), anonymous(2)]).await;
    let sessions: Vec<UserSession> = vec![
        session(1, user_id(1)),
        fullest_session(2, user_id(1)),
        UserSession { ip: Some("192.0.2.255".parse().unwrap()), ..session(3, user_id(2)) },
        UserSession { ip: Some("::1".parse().unwrap()), ..session(4, user_id(2)) },
        UserSession { ip: Some("fe80::1:2".parse().unwrap()), ..session(5, user_id(2)) },
        UserSession { idle_timeout: Some(Duration::seconds(1)), ..session(6, user_id(1)) },
        UserSession {
            user_agent: Some("Mozilla/5.0 (X11; %s) \"'\\".into()),
            ..session(7, user_id(1))
        },
    ];
    let reasons = EndReason::ALL.into_iter().zip(10..);
    let over = reasons.map(|(reason, n)| ended(session(n, user_id(1)), reason, at(500)));
    let sessions: Vec<_> = sessions.into_iter().chain(over).collect();
    subject.store_sessions(&sessions).await;
    let ids: Vec<_> = sessions.iter().map(|session| session.id).collect();
    let found = subject.sessions(&ids).await;
    check_same(&found, &sessions);
    assert!(found.iter().zip(&sessions).all(|(got, stored)| got.token_hash == stored.token_hash));
}

async fn insert(subject: &Subject, session: &UserSession) -> StorageResult<()> {
    let mut unit = subject.write().await;
    let inserted = unit.sessions().insert(session).await;
    unit.commit().await.unwrap();
    inserted
}

pub(crate) async fn a_taken_id_or_token_is_a_conflict(subject: Subject) {
    subject.store(&[user(1), user(2)]).await;
    let first = session(1, user_id(1));
    let over = ended(session(2, user_id(1)), EndReason::Logout, at(9));
    subject.store_sessions(&[first.clone(), over.clone()]).await;
    for taken in [1, 2] {
        let same_id = UserSession { id: session_id(taken), ..session(8, user_id(2)) };
        let refused = insert(&subject, &same_id).await.unwrap_err();
        assert_eq!(conflict_key(&refused), UniqueKey::Id);
        let same_token = UserSession { token_hash: token_hash(taken), ..session(9, user_id(2)) };
        let refused = insert(&subject, &same_token).await.unwrap_err();
        assert_eq!(conflict_key(&refused), UniqueKey::Token);
    }
    check_same(&subject.sessions(&[1, 2, 8, 9].map(session_id)).await, &vec![first, over]);
}

pub(crate) async fn a_conflict_leaves_the_unit_usable(subject: Subject) {
    subject.store(&[user(1)]).await;
    subject.store_sessions(&[session(1, user_id(1))]).await;
    let mut unit = subject.write().await;
    unit.sessions().insert(&session(2, user_id(1))).await.unwrap();
    let taken = UserSession { token_hash: token_hash(2), ..session(3, user_id(1)) };
    unit.sessions().insert(&taken).await.unwrap_err();
    unit.sessions().insert(&session(1, user_id(1))).await.unwrap_err();
    unit.sessions().insert(&session(4, user_id(1))).await.unwrap();
    unit.commit().await.unwrap();
    let found = subject.sessions(&[1, 2, 3, 4].map(session_id)).await;
    check_same(&found, &[1, 2, 4].map(|n| session(n, user_id(1))).to_vec());
}

pub(crate) async fn a_token_finds_the_session_with_its_user(subject: Subject) {
    let users = [user(1), suspended(user(2)), deleted(user(3), at(9)), anonymous(4)];
    subject.store(&users).await;
    let sessions = [
        session(11, user_id(1)),
        ended(session(12, user_id(2)), EndReason::Suspended, at(50)),
        UserSession { expires_at: at(20), ..session(13, user_id(3)) },
        session(14, user_id(4)),
    ];
    subject.store_sessions(&sessions).await;
    let mut unit = subject.read().await;
    for (session, user) in sessions.iter().zip(&users) {
        let found = unit.sessions().find_by_token(&session.token_hash).await.unwrap();
        check_same(&found, &Some((session.clone(), user.clone())));
    }
    // An anonymous user's own token opens no session.
    for unknown in [0, 4, 99] {
        assert_eq!(unit.sessions().find_by_token(&token_hash(unknown)).await.unwrap(), None);
    }
}

fn now() -> DateTime<Utc> {
    at(100_000)
}

/// Users of every status with sessions in every state; start and last activity are shared by some.
fn stage() -> (Vec<User>, Vec<UserSession>) {
    let users =
        vec![user(1), suspended(user(2)), deleted(user(3), at(9)), anonymous(4), user(5), user(6)];
    let sessions = (1..=40).map(|n: u32| {
        let last_activity_at = at(i64::from(50_000 + n * 29 % 8 * 100));
        let session = UserSession {
            started_at: at(i64::from(n * 17 % 10 * 60)),
            last_activity_at,
            ..session(100 + n, user_id(1 + n % 5))
        };
        match n / 5 % 7 {
            0 => ended(session, EndReason::Revoked, at(70_000)),
            1 => UserSession { expires_at: now(), ..session },
            2 => UserSession { expires_at: now() + tick(), ..session },
            3 => UserSession { idle_timeout: Some(now() - last_activity_at), ..session },
            4 => UserSession {
                idle_timeout: Some(now() - last_activity_at + Duration::seconds(1)),
                ..session
            },
            5 => UserSession {
                idle_timeout: Some(Duration::days(9)),
                expires_at: at(60_000),
                ..session
            },
            _ => session,
        }
    });
    (users, sessions.collect())
}

async fn check_lists(subject: &Subject, limit: u16) {
    let (users, sessions) = stage();
    subject.store(&users).await;
    subject.store_sessions(&sessions).await;
    let moments = [None, Some(now()), Some(now() - tick()), Some(at(0)), Some(at(9_000_000))];
    for user in (1..=6).chain([99]).map(|n| Some(user_id(n))).chain([None]) {
        for live_at in moments {
            for order in [SessionOrder::Newest, SessionOrder::RecentlyActive] {
                let filter = SessionFilter { user_id: user, live_at };
                let listed = list(subject, &filter, order, limit).await;
                let expected = expected(&users, &sessions, &filter, order);
                check_same(&listed, &expected);
            }
        }
    }
}

fn expected(
    users: &[User],
    sessions: &[UserSession],
    filter: &SessionFilter,
    order: SessionOrder,
) -> Vec<UserSession> {
    let status = |session: &UserSession| {
        users.iter().find(|user| user.id == session.user_id).unwrap().status
    };
    let mut wanted: Vec<_> = sessions
        .iter()
        .filter(|session| filter.user_id.is_none_or(|user| user == session.user_id))
        .filter(|session| filter.live_at.is_none_or(|now| session.is_live(status(session), now)))
        .cloned()
        .collect();
    wanted.sort_by_key(|session| {
        let time = match order {
            SessionOrder::Newest => session.started_at,
            SessionOrder::RecentlyActive => session.last_activity_at,
        };
        Reverse((time, session.id))
    });
    wanted
}

async fn list(
    subject: &Subject,
    filter: &SessionFilter,
    order: SessionOrder,
    limit: u16,
) -> Vec<UserSession> {
    let mut unit = subject.read().await;
    let mut walk = Walk::new(limit);
    while let Some(page) = walk.request() {
        let page = unit.sessions().list(filter, order, &page).await.unwrap();
        walk.take(page, |session| order.cursor(session));
    }
    walk.items
}

pub(crate) async fn lists_hold_what_is_live_by_the_one_rule(subject: Subject) {
    check_lists(&subject, 1000).await;
}

pub(crate) async fn pages_of_one_join_without_a_seam(subject: Subject) {
    check_lists(&subject, 1).await;
}

pub(crate) async fn pages_of_four_join_without_a_seam(subject: Subject) {
    check_lists(&subject, 4).await;
}

pub(crate) async fn a_suspended_user_has_no_live_session(subject: Subject) {
    subject.store(&[user(1)]).await;
    subject.store_sessions(&[session(1, user_id(1))]).await;
    let live = SessionFilter { user_id: None, live_at: Some(at(50)) };
    assert_eq!(list(&subject, &live, SessionOrder::Newest, 10).await.len(), 1);
    let suspend = crate::fixtures::changed(user(1), |user| *user = suspended(user.clone()));
    subject.update(&[suspend]).await;
    assert_eq!(list(&subject, &live, SessionOrder::Newest, 10).await, []);
    let ids: Vec<SessionId> = list(&subject, &SessionFilter::default(), SessionOrder::Newest, 10)
        .await
        .iter()
        .map(|session| session.id)
        .collect();
    assert_eq!(ids, [session_id(1)]);
}
