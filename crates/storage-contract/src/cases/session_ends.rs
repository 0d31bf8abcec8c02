//! How sessions end: by somebody, by themselves, for good.

use chrono::{DateTime, Duration, Utc};
use systemprompt_users_domain::{EndReason, EndedSession, SessionId, UserId, UserSession};

use crate::Subject;
use crate::fixtures::{
    at, ended, fullest_session, session, session_id, suspended, tick, user, user_id,
};
use crate::subject::check_same;

const REVOKED: EndReason = EndReason::Revoked;

async fn end_many(subject: &Subject, ids: &[u32], time: DateTime<Utc>) -> Vec<EndedSession> {
    let ids: Vec<_> = ids.iter().copied().map(session_id).collect();
    let mut unit = subject.write().await;
    let ended = unit.sessions().end_many(&ids, REVOKED, time).await.unwrap();
    unit.commit().await.unwrap();
    ended
}

async fn end_all(
    subject: &Subject,
    users: &[u32],
    except: Option<SessionId>,
    time: DateTime<Utc>,
) -> Vec<EndedSession> {
    let users: Vec<UserId> = users.iter().copied().map(user_id).collect();
    let mut unit = subject.write().await;
    let ended = unit.sessions().end_all(&users, except, REVOKED, time).await.unwrap();
    unit.commit().await.unwrap();
    ended
}

/// Session `id` of `user`, each by its number.
fn pair(user: u32, id: u32) -> EndedSession {
    EndedSession { user_id: user_id(user), id: session_id(id) }
}

/// Two users whose sessions are open (1, 4, 5), ended (2, 6) and run out (3); another one's is open (7).
fn stage() -> Vec<UserSession> {
    let [one, two, three] = [1, 2, 3].map(user_id);
    vec![
        session(1, two),
        ended(session(2, one), EndReason::Logout, at(100)),
        UserSession { expires_at: at(50), ..session(3, one) },
        session(4, one),
        session(5, two),
        ended(fullest_session(6, two), EndReason::Limit, at(200)),
        session(7, three),
    ]
}

async fn set(subject: &Subject) -> Vec<UserSession> {
    subject.store(&[user(1), user(2), user(3)]).await;
    subject.store_sessions(&stage()).await;
    stage()
}

async fn all(subject: &Subject) -> Vec<UserSession> {
    subject.sessions(&[1, 2, 3, 4, 5, 6, 7].map(session_id)).await
}

/// The sessions of the stage with these ended at `time`.
fn with_ended(numbers: &[u32], time: DateTime<Utc>) -> Vec<UserSession> {
    let is_one = |session: &UserSession| numbers.iter().any(|n| session.id == session_id(*n));
    let end = |session| if is_one(&session) { ended(session, REVOKED, time) } else { session };
    stage().into_iter().map(end).collect()
}

pub(crate) async fn nothing_ends_for_nothing(subject: Subject) {
    let before = set(&subject).await;
    assert_eq!(end_many(&subject, &[], at(300)).await, []);
    assert_eq!(end_many(&subject, &[98, 99], at(300)).await, []);
    assert_eq!(end_all(&subject, &[], None, at(300)).await, []);
    assert_eq!(end_all(&subject, &[98, 99], None, at(300)).await, []);
    check_same(&all(&subject).await, &before);
}

pub(crate) async fn those_not_ended_are_ended_and_told(subject: Subject) {
    set(&subject).await;
    let told = end_many(&subject, &[6, 5, 99, 4, 3, 5, 2], at(300)).await;
    assert_eq!(told, [pair(1, 3), pair(1, 4), pair(2, 5)]);
    check_same(&all(&subject).await, &with_ended(&[3, 4, 5], at(300)));
    assert_eq!(end_many(&subject, &[6, 5, 4, 3, 2], at(400)).await, []);
    check_same(&all(&subject).await, &with_ended(&[3, 4, 5], at(300)));
}

pub(crate) async fn all_of_these_users_are_ended(subject: Subject) {
    set(&subject).await;
    let told = end_all(&subject, &[2, 1, 99, 2], None, at(300)).await;
    assert_eq!(told, [pair(1, 3), pair(1, 4), pair(2, 1), pair(2, 5)]);
    check_same(&all(&subject).await, &with_ended(&[1, 3, 4, 5], at(300)));
}

pub(crate) async fn one_may_be_spared(subject: Subject) {
    set(&subject).await;
    let told = end_all(&subject, &[2, 1], Some(session_id(5)), at(300)).await;
    assert_eq!(told, [pair(1, 3), pair(1, 4), pair(2, 1)]);
    check_same(&all(&subject).await, &with_ended(&[1, 3, 4], at(300)));
    let told = end_all(&subject, &[2], Some(session_id(99)), at(400)).await;
    assert_eq!(told, [pair(2, 5)]);
}

pub(crate) async fn a_unit_sees_what_it_ended(subject: Subject) {
    set(&subject).await;
    let mut unit = subject.write().await;
    unit.sessions().end_many(&[session_id(4)], REVOKED, at(300)).await.unwrap();
    let told = unit.sessions().end_all(&[user_id(1)], None, REVOKED, at(300)).await.unwrap();
    assert_eq!(told, [pair(1, 3)]);
    drop(unit);
    check_same(&all(&subject).await, &stage());
}

pub(crate) async fn any_number_of_sessions_may_be_named(subject: Subject) {
    set(&subject).await;
    let ids: Vec<_> = (1..=70_000).rev().map(session_id).collect();
    let users: Vec<_> = (2..=70_000).map(user_id).collect();
    let seen: Vec<_> = ids.iter().map(|id| (*id, at(40))).collect();
    let mut unit = subject.write().await;
    let sessions = unit.sessions();
    assert_eq!(sessions.find_many(&ids).await.unwrap().len(), 7);
    sessions.touch_many(&seen).await.unwrap();
    let told = sessions.end_all(&users, None, REVOKED, at(300)).await.unwrap();
    assert_eq!(told, [pair(2, 1), pair(2, 5), pair(3, 7)]);
    let told = sessions.end_many(&ids, REVOKED, at(300)).await.unwrap();
    assert_eq!(told, [pair(1, 3), pair(1, 4)]);
    unit.commit().await.unwrap();
    assert!(all(&subject).await.iter().all(|session| session.ended_at.is_some()));
}

/// Touches session 1, which has the given idle timeout and ends at 1000, and tells its last activity.
async fn touched(subject: &Subject, idle: Option<i64>, time: DateTime<Utc>) -> DateTime<Utc> {
    let idle_timeout = idle.map(Duration::seconds);
    let open = UserSession { expires_at: at(1_000), idle_timeout, ..session(1, user_id(1)) };
    subject.store(&[user(1)]).await;
    subject.store_sessions(std::slice::from_ref(&open)).await;
    let mut unit = subject.write().await;
    unit.sessions().touch_many(&[(session_id(1), time)]).await.unwrap();
    unit.commit().await.unwrap();
    let stored = subject.sessions(&[session_id(1)]).await.pop().unwrap();
    let moved = UserSession { last_activity_at: stored.last_activity_at, ..open };
    check_same(&stored, &moved);
    stored.last_activity_at
}

pub(crate) async fn a_touch_moves_the_last_activity(subject: Subject) {
    assert_eq!(touched(&subject, None, at(999) + tick()).await, at(999) + tick());
}

pub(crate) async fn a_touch_never_goes_back(subject: Subject) {
    assert_eq!(touched(&subject, Some(60), at(1) - tick()).await, at(1));
}

pub(crate) async fn a_touch_in_time_keeps_it_from_idling(subject: Subject) {
    assert_eq!(touched(&subject, Some(60), at(61) - tick()).await, at(61) - tick());
}

pub(crate) async fn a_touch_does_not_revive_what_was_idle_too_long(subject: Subject) {
    assert_eq!(touched(&subject, Some(60), at(61)).await, at(1));
}

pub(crate) async fn a_touch_does_not_revive_what_has_expired(subject: Subject) {
    assert_eq!(touched(&subject, None, at(1_000)).await, at(1));
}

pub(crate) async fn a_touch_just_before_the_expiry_counts(subject: Subject) {
    assert_eq!(touched(&subject, Some(9_999), at(1_000) - tick()).await, at(1_000) - tick());
}

pub(crate) async fn a_touch_leaves_what_was_ended(subject: Subject) {
    let before = set(&subject).await;
    let mut unit = subject.write().await;
    let seen = [2, 6, 99].map(|n| (session_id(n), at(150)));
    unit.sessions().touch_many(&seen).await.unwrap();
    unit.sessions().touch_many(&[]).await.unwrap();
    unit.commit().await.unwrap();
    check_same(&all(&subject).await, &before);
}

pub(crate) async fn many_are_touched_at_once(subject: Subject) {
    set(&subject).await;
    let mut unit = subject.write().await;
    let seen = [(1, 500), (4, 400), (3, 60), (5, 300), (5, 350), (5, 320), (2, 900)];
    let seen = seen.map(|(n, time)| (session_id(n), at(time)));
    unit.sessions().touch_many(&seen).await.unwrap();
    unit.commit().await.unwrap();
    let times: Vec<_> =
        all(&subject).await.iter().map(|session| session.last_activity_at).collect();
    let six = stage()[5].last_activity_at;
    assert_eq!(times, [at(500), at(2), at(3), at(400), at(350), six, at(7)]);
}

pub(crate) async fn surplus_sessions_are_those_not_used_lately(subject: Subject) {
    subject.store(&[suspended(user(1)), user(2)]).await;
    let now = at(10_000);
    let used = |n, second| UserSession { last_activity_at: at(second), ..session(n, user_id(1)) };
    let sessions = [
        used(1, 500),
        used(2, 300),
        used(3, 400),
        used(4, 300),
        used(5, 200),
        UserSession { expires_at: now, ..used(6, 100) },
        UserSession { expires_at: now + tick(), ..used(7, 100) },
        UserSession { idle_timeout: Some(now - at(600)), ..used(8, 600) },
        ended(used(9, 900), EndReason::Logout, at(950)),
        session(10, user_id(2)),
    ];
    subject.store_sessions(&sessions).await;
    let mut unit = subject.read().await;
    // Used last first: 1, 3, then 4 before 2 by id, 5, 7.
    for (keep, expected) in [
        (0, &[1, 2, 3, 4, 5, 7][..]),
        (1, &[2, 3, 4, 5, 7]),
        (3, &[2, 5, 7]),
        (5, &[7]),
        (6, &[]),
        (u16::MAX, &[]),
    ] {
        let mut surplus = unit.sessions().list_surplus(user_id(1), keep, now).await.unwrap();
        surplus.sort();
        let expected: Vec<_> = expected.iter().copied().map(session_id).collect();
        assert_eq!(surplus, expected, "all but {keep}");
    }
    assert_eq!(unit.sessions().list_surplus(user_id(99), 0, now).await.unwrap(), []);
}
