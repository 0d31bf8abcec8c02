//! Rows that are over at one moment: they go by id, so that every storage takes the same ones into a batch.

use systemprompt_users_domain::{
    EndReason, JobOutcome, JobRun, JobTrigger, RememberedRequest, SignInLink, UserSession,
};

use crate::Subject;
use crate::fixtures::{
    at, ended, job_run, remembered, session, session_id, sign_in_link, user, user_id,
};

/// Stored in this order, so that neither the order of storing nor its reverse is the one by id.
const NUMBERS: [u32; 5] = [3, 1, 5, 2, 4];

pub(crate) async fn sessions_that_run_out_at_once_end_by_id(subject: Subject) {
    subject.store(&[user(1)]).await;
    let until = |n| UserSession { expires_at: at(100), ..session(n, user_id(1)) };
    subject.store_sessions(&NUMBERS.map(until)).await;
    let mut unit = subject.write().await;
    assert_eq!(unit.sessions().end_expired(at(200), 2).await.unwrap(), 2);
    unit.commit().await.unwrap();
    let stored = subject.sessions(&NUMBERS.map(session_id)).await;
    let ended: Vec<bool> = stored.iter().map(|session| session.ended_at.is_some()).collect();
    assert_eq!(ended, [true, true, false, false, false]);
}

pub(crate) async fn sessions_ended_at_once_go_by_id(subject: Subject) {
    subject.store(&[user(1)]).await;
    let over = |n| ended(session(n, user_id(1)), EndReason::Logout, at(100));
    subject.store_sessions(&NUMBERS.map(over)).await;
    let mut unit = subject.write().await;
    assert_eq!(unit.sessions().delete_ended(at(200), 2).await.unwrap(), 2);
    unit.commit().await.unwrap();
    let left: Vec<_> =
        subject.sessions(&NUMBERS.map(session_id)).await.iter().map(|left| left.id).collect();
    assert_eq!(left, [3, 4, 5].map(session_id));
}

pub(crate) async fn runs_ended_at_once_go_by_id(subject: Subject) {
    let over = |n| JobRun {
        trigger: JobTrigger::Manual,
        ended_at: Some(at(100)),
        outcome: Some(JobOutcome::Succeeded),
        ..job_run(n, "cleanup")
    };
    let mut unit = subject.write().await;
    for n in NUMBERS {
        assert!(unit.jobs().start(&over(n)).await.unwrap());
    }
    assert_eq!(unit.jobs().delete_ended(at(200), 2).await.unwrap(), 2);
    unit.commit().await.unwrap();
    let mut unit = subject.read().await;
    let left = unit.jobs().list(&Default::default(), &Default::default()).await.unwrap().items;
    let left: Vec<_> = left.iter().map(|run| run.id).collect();
    assert_eq!(left, [5, 4, 3].map(|n| over(n).id));
}

pub(crate) async fn links_expired_at_once_go_by_the_hash_of_their_token(subject: Subject) {
    subject.store(&[user(1)]).await;
    let until = |n| SignInLink { expires_at: at(100), ..sign_in_link(n, user_id(1)) };
    let mut unit = subject.write().await;
    for n in NUMBERS {
        unit.sign_in_links().insert(&until(n)).await.unwrap();
    }
    assert_eq!(unit.sign_in_links().delete_expired(at(200), 2).await.unwrap(), 2);
    for n in 1..=5 {
        let link = unit.sign_in_links().take(&until(n).token_hash, at(50)).await.unwrap();
        assert_eq!(link.is_some(), n > 2, "{n}");
    }
}

pub(crate) async fn requests_begun_at_once_go_by_key(subject: Subject) {
    let begun = |n| RememberedRequest { created_at: at(1), ..remembered(n) };
    let mut unit = subject.write().await;
    for n in NUMBERS {
        unit.idempotency().begin(&begun(n), at(1)).await.unwrap();
        unit.idempotency().finish(&begun(n).key, b"answer").await.unwrap();
    }
    assert_eq!(unit.idempotency().delete_before(at(200), 2).await.unwrap(), 2);
    for n in 1..=5 {
        let met = unit.idempotency().begin(&begun(n), at(300)).await.unwrap();
        let is_gone = met == systemprompt_users_domain::BeginOutcome::Started;
        assert_eq!(is_gone, n <= 2, "{n}");
    }
}
