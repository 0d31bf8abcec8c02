//! Suspending and activating.

use systemprompt_users::{EndReason, EventKind, UserId, UserStatus};
use systemprompt_users_tests::{Host, at_once, code, on_every_backend};

on_every_backend! {
    suspending_ends_the_sessions_in_the_same_unit,
    activating_brings_no_session_back,
    a_suspended_user_can_not_sign_in,
    a_status_update_can_not_delete,
    only_live_users_change_their_status,
    a_session_that_starts_while_its_user_is_suspended_never_stays_open,
    a_session_that_starts_while_its_user_is_deleted_never_stays_open,
    an_unknown_status_is_refused,
}

async fn suspending_ends_the_sessions_in_the_same_unit(host: &Host) {
    let ada = host.user("ada").await;
    let bob = host.user("bob").await;
    let started = [host.session(ada.id).await, host.session(ada.id).await];
    let kept = host.session(bob.id).await;
    let start = host.position().await;
    let suspended = host.users.update_status(ada.id, UserStatus::Suspended).await.unwrap();
    assert_eq!(suspended.status, UserStatus::Suspended);
    for session in host.all_sessions(ada.id).await {
        assert_eq!(session.ended_at, Some(host.now()));
        assert_eq!(session.end_reason, Some(EndReason::Suspended));
    }
    for session in &started {
        assert!(host.sessions.validate(&session.token.reveal()).await.unwrap().is_none());
    }
    assert!(host.sessions.validate(&kept.token.reveal()).await.unwrap().is_some());
    let events = host.events_since(start).await;
    let changed = EventKind::StatusChanged {
        user_id: ada.id,
        from: UserStatus::Active,
        to: UserStatus::Suspended,
    };
    assert_eq!(events[0], changed);
    let EventKind::SessionsEnded { user_id, session_ids, reason } = &events[1] else {
        panic!("{events:?}");
    };
    assert_eq!((*user_id, *reason, events.len()), (ada.id, EndReason::Suspended, 2));
    let mut expected = started.map(|started| started.session.id);
    expected.sort();
    assert_eq!(*session_ids, expected);
}

async fn activating_brings_no_session_back(host: &Host) {
    let ada = host.user("ada").await;
    let session = host.session(ada.id).await;
    host.users.update_status(ada.id, UserStatus::Suspended).await.unwrap();
    host.users.update_status(ada.id, UserStatus::Active).await.unwrap();
    assert!(host.sessions.validate(&session.token.reveal()).await.unwrap().is_none());
    assert!(host.users.find_authenticated_user(ada.id).await.unwrap().is_some());
    let fresh = host.session(ada.id).await;
    assert!(host.sessions.validate(&fresh.token.reveal()).await.unwrap().is_some());
}

async fn a_suspended_user_can_not_sign_in(host: &Host) {
    let ada = host.user("ada").await;
    host.users.update_status(ada.id, UserStatus::Suspended).await.unwrap();
    let refused = host.sessions.create(ada.id, &Default::default()).await;
    assert_eq!(code(refused), "not_allowed");
    assert!(host.all_sessions(ada.id).await.is_empty());
}

async fn a_status_update_can_not_delete(host: &Host) {
    let ada = host.user("ada").await;
    assert_eq!(code(host.users.update_status(ada.id, UserStatus::Deleted).await), "not_allowed");
    let bulk = host.users.bulk_update_status(&[ada.id], UserStatus::Deleted).await.unwrap();
    assert_eq!(bulk.refused(), 1);
    assert_eq!(host.get(ada.id).await, ada);
}

async fn only_live_users_change_their_status(host: &Host) {
    let gone = host.user("gone").await.id;
    host.users.delete(gone).await.unwrap();
    for id in [gone, UserId::from_uuid(uuid::Uuid::nil())] {
        for status in [UserStatus::Active, UserStatus::Suspended] {
            assert_eq!(code(host.users.update_status(id, status).await), "not_found");
        }
    }
}

async fn a_session_that_starts_while_its_user_is_suspended_never_stays_open(host: &Host) {
    let id = host.user("ada").await.id;
    for round in 0..40 {
        let answers = at_once((0..4).map(|n| {
            let host = host.clone();
            async move {
                if n == round % 4 {
                    host.users.update_status(id, UserStatus::Suspended).await.map(drop)
                } else {
                    host.sessions.create(id, &Default::default()).await.map(drop)
                }
            }
        }))
        .await;
        for refused in answers.into_iter().filter(Result::is_err) {
            assert_eq!(code(refused), "not_allowed");
        }
        for session in host.all_sessions(id).await {
            assert!(!session.is_open(host.now()), "round {round}: {session:?}");
        }
        host.users.update_status(id, UserStatus::Active).await.unwrap();
    }
}

async fn a_session_that_starts_while_its_user_is_deleted_never_stays_open(host: &Host) {
    let id = host.user("ada").await.id;
    for round in 0..20 {
        let answers = at_once((0..4).map(|n| {
            let host = host.clone();
            async move {
                match n {
                    0 => host.users.bulk_delete(&[id]).await.map(drop),
                    _ => host.sessions.create(id, &Default::default()).await.map(drop),
                }
            }
        }))
        .await;
        for refused in answers.into_iter().filter(Result::is_err) {
            assert_eq!(code(refused), "not_found");
        }
        for session in host.all_sessions(id).await {
            assert!(!session.is_open(host.now()), "round {round}: {session:?}");
        }
        host.users.restore(id).await.unwrap();
    }
}

async fn an_unknown_status_is_refused(_host: &Host) {
    assert_eq!(code("banned".parse::<UserStatus>()), "invalid_status");
    assert_eq!(" ACTIVE ".parse::<UserStatus>().unwrap(), UserStatus::Active);
}
