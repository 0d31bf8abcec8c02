//! Which visitors the clean-up may take.

use chrono::{DateTime, Duration, Utc};
use systemprompt_users_domain::{Cursor, EndReason, User, UserSession};

use crate::Subject;
use crate::fixtures::{anonymous, at, deleted, ended, session, suspended, tick, user, user_id};
use crate::subject::check_same;

fn idle_since() -> DateTime<Utc> {
    at(10_000)
}

fn now() -> DateTime<Utc> {
    at(5_000_000)
}

async fn idle(subject: &Subject, after: Option<Cursor>, limit: u16) -> Vec<User> {
    let mut unit = subject.read().await;
    unit.users().list_idle_anonymous(idle_since(), now(), after, limit).await.unwrap()
}

/// Stores visitor 1 with these sessions, and tells whether it may be taken.
async fn takes_with(subject: &Subject, sessions: &[UserSession]) -> bool {
    subject.store(&[anonymous(1)]).await;
    subject.store_sessions(sessions).await;
    let listed = idle(subject, None, 10).await;
    assert!(listed.len() <= 1);
    listed.len() == 1
}

/// A session of visitor 1 that is over by itself at `end`.
fn until(n: u32, end: DateTime<Utc>) -> UserSession {
    UserSession { expires_at: end, ..session(n, user_id(1)) }
}

pub(crate) async fn only_active_visitors_without_a_hold_are_listed(subject: Subject) {
    let held = User { legal_hold: true, ..anonymous(2) };
    let registered = User { fingerprint: anonymous(5).fingerprint, ..user(5) };
    let others = [held, suspended(anonymous(3)), deleted(anonymous(4), at(9)), registered];
    subject.store(&others).await;
    assert_eq!(idle(&subject, None, 10).await, []);
    subject.store(&[anonymous(1)]).await;
    check_same(&idle(&subject, None, 10).await, &vec![anonymous(1)]);
}

pub(crate) async fn idle_is_before_that_moment(subject: Subject) {
    let seen = |n, last_active_at| User { last_active_at, ..anonymous(n) };
    let users = [seen(1, idle_since()), seen(2, idle_since() - tick()), seen(3, now())];
    subject.store(&users).await;
    check_same(&idle(&subject, None, 10).await, &vec![users[1].clone()]);
}

/// Activity counts, not creation.
pub(crate) async fn a_visitor_seen_since_stays(subject: Subject) {
    subject.store(&[anonymous(1), anonymous(2)]).await;
    let mut unit = subject.write().await;
    unit.users().touch_many(&[(user_id(1), idle_since())]).await.unwrap();
    unit.commit().await.unwrap();
    check_same(&idle(&subject, None, 10).await, &vec![anonymous(2)]);
}

pub(crate) async fn a_live_session_holds_a_visitor(subject: Subject) {
    assert!(!takes_with(&subject, &[until(1, now() + tick())]).await);
}

pub(crate) async fn an_expired_session_holds_nobody(subject: Subject) {
    assert!(takes_with(&subject, &[until(1, now()), until(2, at(20_000))]).await);
}

pub(crate) async fn a_session_idle_for_too_long_holds_nobody(subject: Subject) {
    let idle = UserSession {
        last_activity_at: now() - Duration::hours(1),
        idle_timeout: Some(Duration::hours(1)),
        ..until(1, now() + Duration::days(1))
    };
    assert!(takes_with(&subject, &[idle]).await);
}

pub(crate) async fn a_session_not_yet_idle_for_too_long_holds(subject: Subject) {
    let idle = UserSession {
        last_activity_at: now() - Duration::hours(1) + tick(),
        idle_timeout: Some(Duration::hours(1)),
        ..until(1, now() + Duration::days(1))
    };
    assert!(!takes_with(&subject, &[idle]).await);
}

pub(crate) async fn an_ended_session_holds_nobody(subject: Subject) {
    let over = ended(until(1, now() + Duration::days(1)), EndReason::Logout, at(50));
    assert!(takes_with(&subject, &[over]).await);
}

pub(crate) async fn one_live_session_among_others_holds(subject: Subject) {
    let over = ended(until(1, now() + Duration::days(1)), EndReason::Logout, at(50));
    let live = until(3, now() + Duration::days(1));
    assert!(!takes_with(&subject, &[over, until(2, at(60)), live, until(4, at(70))]).await);
}

pub(crate) async fn a_session_of_another_holds_nobody(subject: Subject) {
    subject.store(&[anonymous(2), user(3)]).await;
    let sessions =
        [2, 3].map(|n| UserSession { user_id: user_id(n), ..until(n, now() + Duration::days(1)) });
    assert!(takes_with(&subject, &sessions).await);
}

pub(crate) async fn the_list_goes_on_behind_a_cursor(subject: Subject) {
    let seen = |n, second| User { last_active_at: at(second), ..anonymous(n) };
    let users =
        [seen(1, 300), seen(2, 200), seen(3, 200), seen(4, 100), seen(5, 300), seen(6, 200)];
    let held = session(6, user_id(6));
    subject.store(&users).await;
    subject.store_sessions(&[UserSession { expires_at: now() + tick(), ..held }]).await;
    let expected = [4, 2, 3, 1, 5].map(user_id);
    assert_eq!(idle(&subject, None, 0).await, []);
    for limit in [1, 2, 5, 6] {
        let mut seen = Vec::new();
        let mut after = None;
        loop {
            let batch = idle(&subject, after, limit).await;
            assert!(batch.len() <= usize::from(limit));
            let Some(last) = batch.last() else { break };
            after = Some(Cursor::at_time(last.last_active_at, last.id.as_uuid()));
            seen.extend(batch.iter().map(|user| user.id));
            assert!(seen.len() <= expected.len(), "{seen:?}");
        }
        assert_eq!(seen, expected, "by {limit}");
    }
}
