//! Sessions that move, run out, or are past their retention; and how many a user has.

use chrono::{DateTime, Duration, Utc};
use systemprompt_users_domain::{EndReason, SessionActivity, UserSession};

use crate::Subject;
use crate::fixtures::{at, ended, session, session_id, suspended, tick, user, user_id};
use crate::subject::check_same;

pub(crate) async fn all_sessions_move_to_another_user(subject: Subject) {
    subject.store(&[user(1), user(2), user(3)]).await;
    let sessions = [
        session(1, user_id(1)),
        ended(session(2, user_id(1)), EndReason::Logout, at(50)),
        UserSession { expires_at: at(9), ..session(3, user_id(1)) },
        session(4, user_id(2)),
        session(5, user_id(3)),
    ];
    subject.store_sessions(&sessions).await;
    let mut unit = subject.write().await;
    assert_eq!(unit.sessions().move_all(user_id(1), user_id(2)).await.unwrap(), 3);
    assert_eq!(unit.sessions().move_all(user_id(1), user_id(2)).await.unwrap(), 0);
    assert_eq!(unit.sessions().move_all(user_id(99), user_id(2)).await.unwrap(), 0);
    unit.commit().await.unwrap();
    let moved = |session: UserSession| match session.user_id == user_id(1) {
        true => UserSession { user_id: user_id(2), ..session },
        false => session,
    };
    let expected: Vec<_> = sessions.into_iter().map(moved).collect();
    check_same(&subject.sessions(&[1, 2, 3, 4, 5].map(session_id)).await, &expected);
    let mut unit = subject.read().await;
    let found = unit.sessions().find_by_token(&expected[0].token_hash).await.unwrap();
    check_same(&found, &Some((expected[0].clone(), user(2))));
    assert_eq!(unit.sessions().activity(user_id(1), at(60)).await.unwrap(), Default::default());
    assert_eq!(unit.sessions().activity(user_id(2), at(60)).await.unwrap().total, 4);
}

pub(crate) async fn activity_counts_what_is_open_as_live(subject: Subject) {
    subject.store(&[suspended(user(1)), user(2)]).await;
    let now = at(10_000);
    let sessions = [
        session(1, user_id(1)),
        UserSession { expires_at: now, ..session(2, user_id(1)) },
        UserSession { expires_at: now + tick(), ..session(3, user_id(1)) },
        UserSession { idle_timeout: Some(now - at(4)), ..session(4, user_id(1)) },
        ended(
            UserSession { last_activity_at: at(900) + tick(), ..session(5, user_id(1)) },
            EndReason::Logout,
            at(950),
        ),
        session(6, user_id(2)),
    ];
    subject.store_sessions(&sessions).await;
    let mut unit = subject.read().await;
    let activity = unit.sessions().activity(user_id(1), now).await.unwrap();
    let expected = SessionActivity { total: 5, live: 2, last_activity_at: Some(at(900) + tick()) };
    assert_eq!(activity, expected);
    let nobody = unit.sessions().activity(user_id(99), now).await.unwrap();
    assert_eq!(nobody, SessionActivity { total: 0, live: 0, last_activity_at: None });
}

async fn end_expired(subject: &Subject, now: DateTime<Utc>, limit: u16) -> u64 {
    let mut unit = subject.write().await;
    let ended = unit.sessions().end_expired(now, limit).await.unwrap();
    unit.commit().await.unwrap();
    ended
}

async fn delete_ended(subject: &Subject, before: DateTime<Utc>, limit: u16) -> u64 {
    let mut unit = subject.write().await;
    let deleted = unit.sessions().delete_ended(before, limit).await.unwrap();
    unit.commit().await.unwrap();
    deleted
}

/// Sessions in the order in which they are over: 3 and 1 by idling, 2 and 4 by expiry, at `now` exactly
/// the last; 5 a tick later, 6 long after; 7 was ended before.
fn run_out(now: DateTime<Utc>) -> [UserSession; 7] {
    let idle = |n, seconds| UserSession {
        idle_timeout: Some(Duration::seconds(seconds)),
        ..session(n, user_id(1))
    };
    let until = |n, expires_at| UserSession { expires_at, ..session(n, user_id(1)) };
    [
        idle(1, 2_000),
        UserSession { expires_at: at(3_000) + tick(), ..idle(2, 9_000) },
        idle(3, 1_000),
        until(4, now),
        until(5, now + tick()),
        session(6, user_id(1)),
        ended(until(7, at(500)), EndReason::Limit, at(400)),
    ]
}

pub(crate) async fn what_has_run_out_is_ended_when_it_ran_out(subject: Subject) {
    let now = at(10_000);
    let sessions = run_out(now);
    subject.store(&[user(1)]).await;
    subject.store_sessions(&sessions).await;
    assert_eq!(end_expired(&subject, now, 100).await, 4);
    assert_eq!(end_expired(&subject, now, 100).await, 0);
    let over = |session: UserSession| match session.is_open(now) || session.ended_at.is_some() {
        true => session,
        false => ended(session.clone(), EndReason::Expired, session.live_until()),
    };
    let expected: Vec<_> = sessions.into_iter().map(over).collect();
    check_same(&subject.sessions(&[1, 2, 3, 4, 5, 6, 7].map(session_id)).await, &expected);
}

pub(crate) async fn those_over_longest_are_ended_first(subject: Subject) {
    let now = at(10_000);
    subject.store(&[user(1)]).await;
    subject.store_sessions(&run_out(now)).await;
    for (limit, count, expected) in
        [(0, 0, &[][..]), (1, 1, &[3]), (2, 2, &[1, 2, 3]), (5, 1, &[1, 2, 3, 4])]
    {
        assert_eq!(end_expired(&subject, now, limit).await, count);
        let stored = subject.sessions(&[1, 2, 3, 4, 5, 6].map(session_id)).await;
        let over: Vec<_> = stored
            .iter()
            .filter(|session| session.end_reason == Some(EndReason::Expired))
            .map(|session| session.id)
            .collect();
        assert_eq!(over, expected.iter().copied().map(session_id).collect::<Vec<_>>());
    }
}

pub(crate) async fn sessions_of_users_of_any_status_run_out(subject: Subject) {
    subject.store(&[suspended(user(1)), crate::fixtures::deleted(user(2), at(9))]).await;
    let until = |n| UserSession { expires_at: at(100), ..session(n, user_id(n)) };
    subject.store_sessions(&[until(1), until(2)]).await;
    assert_eq!(end_expired(&subject, at(100) - tick(), 10).await, 0);
    assert_eq!(end_expired(&subject, at(100), 10).await, 2);
}

/// A session that was touched runs out later.
pub(crate) async fn a_touch_puts_off_the_end(subject: Subject) {
    subject.store(&[user(1)]).await;
    let idle = UserSession { idle_timeout: Some(Duration::seconds(60)), ..session(1, user_id(1)) };
    subject.store_sessions(&[idle]).await;
    let mut unit = subject.write().await;
    unit.sessions().touch_many(&[(session_id(1), at(50))]).await.unwrap();
    unit.commit().await.unwrap();
    assert_eq!(end_expired(&subject, at(110) - tick(), 10).await, 0);
    assert_eq!(end_expired(&subject, at(110), 10).await, 1);
    let stored = subject.sessions(&[session_id(1)]).await;
    assert_eq!(stored[0].ended_at, Some(at(110)));
}

pub(crate) async fn those_ended_longest_are_removed_first(subject: Subject) {
    subject.store(&[user(1)]).await;
    let over = |n, second| ended(session(n, user_id(1)), EndReason::Logout, at(second));
    let sessions = [
        over(1, 500),
        over(2, 300),
        over(3, 400),
        over(4, 1_000),
        ended(session(5, user_id(1)), EndReason::Revoked, at(1_000) - tick()),
        session(6, user_id(1)),
        UserSession { expires_at: at(10), ..session(7, user_id(1)) },
    ];
    subject.store_sessions(&sessions).await;
    let ids = [1, 2, 3, 4, 5, 6, 7].map(session_id);
    for (limit, count, left) in [
        (0, 0, &[1, 2, 3, 4, 5, 6, 7][..]),
        (1, 1, &[1, 3, 4, 5, 6, 7]),
        (2, 2, &[4, 5, 6, 7]),
        (100, 1, &[4, 6, 7]),
        (100, 0, &[4, 6, 7]),
    ] {
        assert_eq!(delete_ended(&subject, at(1_000), limit).await, count);
        let stored: Vec<_> =
            subject.sessions(&ids).await.iter().map(|session| session.id).collect();
        assert_eq!(stored, left.iter().copied().map(session_id).collect::<Vec<_>>());
    }
}

pub(crate) async fn a_removed_session_frees_its_token(subject: Subject) {
    subject.store(&[user(1)]).await;
    let over = ended(session(1, user_id(1)), EndReason::Logout, at(10));
    subject.store_sessions(&[over]).await;
    assert_eq!(delete_ended(&subject, at(100), 10).await, 1);
    subject.store_sessions(&[session(1, user_id(1))]).await;
    assert_eq!(subject.sessions(&[session_id(1)]).await, [session(1, user_id(1))]);
}
