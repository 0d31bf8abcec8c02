//! How sessions end: one, many, all but one, by a limit, and by themselves.

use chrono::Duration;
use systemprompt_users::{
    EndReason, EventKind, NewSession, Policy, SessionId, UserId, UserSession,
};
use systemprompt_users_tests::{Host, at_once, code, field, on_every_backend};

on_every_backend! {
    one_session_ends_once,
    many_sessions_end_at_once,
    all_but_one_session_end,
    a_foreign_session_is_no_exception,
    a_new_session_beyond_the_limit_ends_the_longest_idle,
    the_limit_holds_whoever_signs_in_at_once,
    a_limit_can_be_applied_later,
    clean_up_ends_what_ran_out_and_removes_what_is_old,
    clean_up_works_in_batches,
}

fn ids(sessions: &[UserSession]) -> Vec<SessionId> {
    sessions.iter().map(|session| session.id).collect()
}

async fn one_session_ends_once(host: &Host) {
    let (_, sessions) = host.user_with_sessions("ada", 1).await;
    let start = host.position().await;
    let answers = at_once((0..6).map(|_| {
        let (host, id) = (host.clone(), sessions[0]);
        async move { host.sessions.end(id, EndReason::Revoked).await.unwrap() }
    }))
    .await;
    assert_eq!(answers.iter().filter(|ended| **ended).count(), 1);
    assert_eq!(host.kinds_since(start).await, ["sessions_ended"]);
    assert!(!host.sessions.end(sessions[0], EndReason::Logout).await.unwrap());
    let session = host.sessions.find_by_id(sessions[0]).await.unwrap().unwrap();
    assert_eq!(session.end_reason, Some(EndReason::Revoked), "the first reason stays");
    let unknown = SessionId::from_uuid(uuid::Uuid::nil());
    assert_eq!(code(host.sessions.end(unknown, EndReason::Logout).await), "not_found");
}

async fn many_sessions_end_at_once(host: &Host) {
    let (ada, of_ada) = host.user_with_sessions("ada", 3).await;
    let (bob, of_bob) = host.user_with_sessions("bob", 2).await;
    host.sessions.end(of_ada[0], EndReason::Logout).await.unwrap();
    let start = host.position().await;
    let unknown = SessionId::from_uuid(uuid::Uuid::nil());
    let wanted = [of_bob[1], of_ada[0], of_ada[2], unknown, of_ada[2]];
    let ended = host.sessions.end_many(&wanted, EndReason::Revoked).await.unwrap();
    let mut expected = vec![(ada.id, of_ada[2]), (bob.id, of_bob[1])];
    expected.sort();
    let ended: Vec<_> = ended.into_iter().map(|ended| (ended.user_id, ended.id)).collect();
    assert_eq!(ended, expected);
    assert_eq!(host.kinds_since(start).await, ["sessions_ended"; 2], "one for each user");
    assert_eq!(field(host.sessions.end_many(&[unknown; 10_001], EndReason::Revoked).await), "ids");
    let all = host.sessions.end_all(ada.id, EndReason::Revoked).await.unwrap();
    assert_eq!(all.len(), 1);
    assert!(host.live_sessions(ada.id).await.is_empty());
    assert_eq!(ids(&host.live_sessions(bob.id).await), [of_bob[0]]);
}

async fn all_but_one_session_end(host: &Host) {
    let (ada, sessions) = host.user_with_sessions("ada", 4).await;
    let keep = Some(sessions[1]);
    let ended = host.sessions.end_all_except(ada.id, keep, EndReason::Revoked).await.unwrap();
    assert_eq!(ended.len(), 3);
    assert_eq!(ids(&host.live_sessions(ada.id).await), [sessions[1]]);
    let start = host.position().await;
    let again = host.sessions.end_all_except(ada.id, keep, EndReason::Revoked).await.unwrap();
    assert!(again.is_empty() && host.kinds_since(start).await.is_empty());
}

async fn a_foreign_session_is_no_exception(host: &Host) {
    let (ada, _) = host.user_with_sessions("ada", 2).await;
    let (bob, of_bob) = host.user_with_sessions("bob", 1).await;
    let unknown = SessionId::from_uuid(uuid::Uuid::nil());
    for keep in [of_bob[0], unknown] {
        let refused = host.sessions.end_all_except(ada.id, Some(keep), EndReason::Revoked).await;
        assert_eq!(code(refused), "not_found");
    }
    assert_eq!(host.live_sessions(ada.id).await.len(), 2, "nothing has ended");
    assert_eq!(host.live_sessions(bob.id).await.len(), 1);
    host.users.delete(bob.id).await.unwrap();
    assert_eq!(code(host.sessions.end_all(bob.id, EndReason::Revoked).await), "not_found");
}

async fn a_new_session_beyond_the_limit_ends_the_longest_idle(host: &Host) {
    let host = host.with_policy(Policy { max_sessions_per_user: 3, ..Policy::default() });
    let (ada, sessions) = host.user_with_sessions("ada", 3).await;
    let (bob, _) = host.user_with_sessions("bob", 3).await;
    host.clock.advance(Duration::minutes(1));
    host.sessions.touch(sessions[0]).await.unwrap();
    let start = host.position().await;
    let started = host.session(ada.id).await;
    let ended: Vec<_> = started.ended.iter().map(|ended| ended.id).collect();
    assert_eq!(ended, [sessions[1]], "oldest activity first, not oldest session");
    let ended = host.sessions.find_by_id(sessions[1]).await.unwrap().unwrap();
    assert_eq!(ended.end_reason, Some(EndReason::Limit));
    assert_eq!(host.kinds_since(start).await, ["session_started", "sessions_ended"]);
    assert_eq!(host.live_sessions(ada.id).await.len(), 3);
    assert_eq!(host.live_sessions(bob.id).await.len(), 3, "each user has its own limit");

    // What is over by itself counts no more.
    host.clock.advance(Duration::days(8));
    assert!(host.session(ada.id).await.ended.is_empty());
}

async fn the_limit_holds_whoever_signs_in_at_once(host: &Host) {
    let host = host.with_policy(Policy { max_sessions_per_user: 5, ..Policy::default() });
    let ada = host.user("ada").await.id;
    for _ in 0..3 {
        let answers = at_once((0..16).map(|_| {
            let sessions = host.sessions.clone();
            async move { sessions.create(ada, &NewSession::default()).await.unwrap() }
        }))
        .await;
        assert_eq!(host.live_sessions(ada).await.len(), 5);
        let mut open = 0;
        for started in answers {
            open += usize::from(host.is_open(&started.token).await);
        }
        assert!(open <= 5, "{open}");
    }
}

async fn a_limit_can_be_applied_later(host: &Host) {
    let (ada, sessions) = host.user_with_sessions("ada", 5).await;
    let ended = host.sessions.limit_per_user(ada.id, 2).await.unwrap();
    assert_eq!(ended.len(), 3);
    assert_eq!(ids(&host.live_sessions(ada.id).await), [sessions[4], sessions[3]]);
    assert!(host.sessions.limit_per_user(ada.id, 2).await.unwrap().is_empty());
    for wrong in [0, 1001, u16::MAX] {
        assert_eq!(field(host.sessions.limit_per_user(ada.id, wrong).await), "keep");
    }
    let unknown = UserId::from_uuid(uuid::Uuid::nil());
    assert_eq!(code(host.sessions.limit_per_user(unknown, 1).await), "not_found");
}

async fn clean_up_ends_what_ran_out_and_removes_what_is_old(host: &Host) {
    let (ada, sessions) = host.user_with_sessions("ada", 3).await;
    host.sessions.end(sessions[0], EndReason::Logout).await.unwrap();
    let logged_out = host.now();
    let idle_over = host.sessions.find_by_id(sessions[1]).await.unwrap().unwrap().live_until();
    host.clock.advance(Duration::days(6));
    host.sessions.touch(sessions[2]).await.unwrap();
    host.clock.advance(Duration::days(2));

    let start = host.position().await;
    let cleaned = host.sessions.cleanup().await.unwrap();
    assert_eq!((cleaned.expired, cleaned.deleted), (1, 0));
    let idle = host.sessions.find_by_id(sessions[1]).await.unwrap().unwrap();
    assert_eq!(idle.ended_at, Some(idle_over), "it was over when it ran out, not now");
    assert_eq!(idle.end_reason, Some(EndReason::Expired));
    assert_eq!(ids(&host.live_sessions(ada.id).await), [sessions[2]]);
    assert_eq!(host.sessions.cleanup().await.unwrap(), Default::default());

    host.clock.set(logged_out + Duration::days(30));
    assert_eq!(host.sessions.cleanup().await.unwrap().deleted, 0, "not longer than kept");
    host.clock.advance(Duration::microseconds(1));
    let cleaned = host.sessions.cleanup().await.unwrap();
    assert_eq!(cleaned.deleted, 1);
    assert_eq!(host.sessions.find_by_id(sessions[0]).await.unwrap(), None);
    assert!(host.sessions.find_by_id(sessions[1]).await.unwrap().is_some());
    let cleaned = |what: &str| EventKind::RecordsCleaned { what: what.into(), count: 1 };
    assert_eq!(
        host.events_since(start).await,
        [cleaned("expired_sessions"), cleaned("expired_sessions"), cleaned("sessions")]
    );
}

async fn clean_up_works_in_batches(host: &Host) {
    let host = host.with_policy(Policy { cleanup_batch: 2, ..Policy::default() });
    let (ada, _) = host.user_with_sessions("ada", 5).await;
    host.clock.advance(Duration::days(10));
    let mut expired = Vec::new();
    for _ in 0..4 {
        expired.push(host.sessions.cleanup().await.unwrap().expired);
    }
    assert_eq!(expired, [2, 2, 1, 0]);
    host.clock.advance(Duration::days(60));
    let mut deleted = Vec::new();
    for _ in 0..4 {
        deleted.push(host.sessions.cleanup().await.unwrap().deleted);
    }
    assert_eq!(deleted, [2, 2, 1, 0]);
    assert!(host.all_sessions(ada.id).await.is_empty());
}
