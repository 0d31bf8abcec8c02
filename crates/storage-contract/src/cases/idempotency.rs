//! Requests that are done once.

use chrono::{DateTime, Duration, Utc};
use systemprompt_users_domain::{BeginOutcome, MAX_ANSWER_BYTES, RememberedRequest};

use crate::Subject;
use crate::fixtures::{at, remembered, tick};
use crate::overlap::{Beside, persist};

async fn begin(subject: &Subject, request: &RememberedRequest) -> BeginOutcome {
    let mut unit = subject.write().await;
    let outcome = unit.idempotency().begin(request, request.created_at).await.unwrap();
    unit.commit().await.unwrap();
    outcome
}

async fn finish(subject: &Subject, n: u32, answer: &[u8]) {
    let mut unit = subject.write().await;
    unit.idempotency().finish(&remembered(n).key, answer).await.unwrap();
    unit.commit().await.unwrap();
}

async fn forget(subject: &Subject, n: u32) {
    let mut unit = subject.write().await;
    unit.idempotency().forget(&remembered(n).key).await.unwrap();
    unit.commit().await.unwrap();
}

async fn delete_before(subject: &Subject, before: DateTime<Utc>, limit: u16) -> u64 {
    let mut unit = subject.write().await;
    let removed = unit.idempotency().delete_before(before, limit).await.unwrap();
    unit.commit().await.unwrap();
    removed
}

/// The request of that number, asked again later.
fn again(n: u32, now: DateTime<Utc>) -> RememberedRequest {
    RememberedRequest {
        created_at: now,
        locked_until: now + Duration::seconds(60),
        ..remembered(n)
    }
}

fn in_progress(locked_until: DateTime<Utc>) -> BeginOutcome {
    BeginOutcome::InProgress { locked_until }
}

pub(crate) async fn a_request_begins_once(subject: Subject) {
    assert_eq!(begin(&subject, &remembered(1)).await, BeginOutcome::Started);
    assert_eq!(begin(&subject, &remembered(2)).await, BeginOutcome::Started, "another key");
    let lock = remembered(1).locked_until;
    for now in [at(1), at(2), lock - tick()] {
        assert_eq!(begin(&subject, &again(1, now)).await, in_progress(lock), "the lock stays");
    }
}

pub(crate) async fn a_unit_sees_what_it_began(subject: Subject) {
    let mut unit = subject.write().await;
    let first = remembered(1);
    assert_eq!(unit.idempotency().begin(&first, at(1)).await.unwrap(), BeginOutcome::Started);
    let met = unit.idempotency().begin(&first, at(1)).await.unwrap();
    assert_eq!(met, in_progress(first.locked_until));
    drop(unit);
    assert_eq!(begin(&subject, &first).await, BeginOutcome::Started, "it was dropped");
}

pub(crate) async fn an_answer_is_given_again(subject: Subject) {
    let large = vec![0xfe; MAX_ANSWER_BYTES];
    for (n, answer) in [(1, &b""[..]), (2, b"\0\xff{}"), (3, &large)] {
        begin(&subject, &remembered(n)).await;
        finish(&subject, n, answer).await;
        for now in [at(4), at(999_999)] {
            let outcome = begin(&subject, &again(n, now)).await;
            assert!(outcome == BeginOutcome::Answered(answer.to_vec()), "{outcome:?}");
        }
    }
}

pub(crate) async fn the_first_answer_stays(subject: Subject) {
    begin(&subject, &remembered(1)).await;
    finish(&subject, 1, b"first").await;
    finish(&subject, 1, b"second").await;
    forget(&subject, 1).await;
    let outcome = begin(&subject, &again(1, at(9))).await;
    assert_eq!(outcome, BeginOutcome::Answered(b"first".to_vec()));
}

pub(crate) async fn unknown_requests_are_passed_over(subject: Subject) {
    finish(&subject, 1, b"answer").await;
    forget(&subject, 1).await;
    assert_eq!(begin(&subject, &remembered(1)).await, BeginOutcome::Started);
}

pub(crate) async fn another_request_under_the_key_is_told(subject: Subject) {
    begin(&subject, &remembered(1)).await;
    let other = |now| RememberedRequest { request_hash: [8; 32], ..again(1, now) };
    assert_eq!(begin(&subject, &other(at(2))).await, BeginOutcome::OtherRequest);
    let past = remembered(1).locked_until;
    assert_eq!(begin(&subject, &other(past)).await, BeginOutcome::OtherRequest, "never taken over");
    finish(&subject, 1, b"answer").await;
    assert_eq!(begin(&subject, &other(at(9))).await, BeginOutcome::OtherRequest);
    let same = begin(&subject, &again(1, at(9))).await;
    assert_eq!(same, BeginOutcome::Answered(b"answer".to_vec()));
}

pub(crate) async fn a_lock_that_is_past_is_taken_over(subject: Subject) {
    begin(&subject, &remembered(1)).await;
    let second = again(1, remembered(1).locked_until);
    assert_eq!(begin(&subject, &second).await, BeginOutcome::Started);
    let met = begin(&subject, &again(1, second.created_at + tick())).await;
    assert_eq!(met, in_progress(second.locked_until), "the new lock holds");
    // Its age counts from then on.
    assert_eq!(delete_before(&subject, second.created_at, 10).await, 0);
    assert_eq!(delete_before(&subject, second.created_at + tick(), 10).await, 1);
}

pub(crate) async fn what_is_forgotten_begins_anew(subject: Subject) {
    begin(&subject, &remembered(1)).await;
    begin(&subject, &remembered(2)).await;
    forget(&subject, 1).await;
    let other = RememberedRequest { request_hash: [8; 32], ..again(1, at(5)) };
    assert_eq!(begin(&subject, &other).await, BeginOutcome::Started);
    let met = begin(&subject, &again(2, at(5))).await;
    assert_eq!(met, in_progress(remembered(2).locked_until), "the others stay");
}

fn begin_beside(subject: &Subject, request: RememberedRequest) -> Beside<BeginOutcome> {
    let subject = subject.clone();
    Beside::start(async move {
        persist(|| async {
            let mut unit = subject.try_write().await?;
            let outcome = unit.idempotency().begin(&request, request.created_at).await?;
            unit.commit().await?;
            Ok(outcome)
        })
        .await
    })
}

/// Two begin at once: the first one's unit commits, or is dropped.
async fn check_overlap(subject: &Subject, first: RememberedRequest, second: RememberedRequest) {
    let mut unit = subject.write().await;
    let outcome = unit.idempotency().begin(&first, first.created_at).await.unwrap();
    assert_eq!(outcome, BeginOutcome::Started);
    let mut beside = begin_beside(subject, second.clone());
    beside.let_run().await;
    unit.commit().await.unwrap();
    assert_eq!(beside.end().await, in_progress(first.locked_until));
}

pub(crate) async fn of_two_at_once_one_begins(subject: Subject) {
    check_overlap(&subject, remembered(1), again(1, at(2))).await;
    let mut unit = subject.write().await;
    let outcome = unit.idempotency().begin(&remembered(2), at(2)).await.unwrap();
    assert_eq!(outcome, BeginOutcome::Started);
    let mut beside = begin_beside(&subject, again(2, at(3)));
    beside.let_run().await;
    drop(unit);
    assert_eq!(beside.end().await, BeginOutcome::Started, "the other one was dropped");
}

pub(crate) async fn of_two_at_once_one_takes_over(subject: Subject) {
    begin(&subject, &remembered(1)).await;
    let past = remembered(1).locked_until;
    check_overlap(&subject, again(1, past), again(1, past + tick())).await;
}

pub(crate) async fn of_many_at_once_one_begins(subject: Subject) {
    let rivals: Vec<_> = (0..8).map(|_| begin_beside(&subject, remembered(1))).collect();
    let mut started = 0;
    for rival in rivals {
        match rival.end().await {
            BeginOutcome::Started => started += 1,
            met => assert_eq!(met, in_progress(remembered(1).locked_until)),
        }
    }
    assert_eq!(started, 1);
}

pub(crate) async fn those_begun_first_are_removed_first(subject: Subject) {
    for n in [3, 1, 4, 2] {
        begin(&subject, &remembered(n)).await;
    }
    finish(&subject, 1, b"answer").await;
    assert_eq!(delete_before(&subject, at(1), 10).await, 0, "it is not before");
    assert_eq!(delete_before(&subject, at(4), 2).await, 2, "answered or not");
    assert_eq!(begin(&subject, &again(1, at(5))).await, BeginOutcome::Started);
    assert_eq!(begin(&subject, &again(3, at(5))).await, in_progress(remembered(3).locked_until));
    assert_eq!(delete_before(&subject, at(4) + tick(), 10).await, 2);
    assert_eq!(delete_before(&subject, at(99), 10).await, 1);
    assert_eq!(delete_before(&subject, at(99), 10).await, 0);
}
