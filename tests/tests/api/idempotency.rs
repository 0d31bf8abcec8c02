//! Requests that are done once, however often they are sent.

use chrono::Duration;
use systemprompt_users::{BeginOutcome, IdempotencyKey, IdempotencyService, MAX_ANSWER_BYTES};
use systemprompt_users_tests::{Host, at_once, field, on_every_backend};

on_every_backend! {
    a_request_is_done_once_and_answered_again,
    whoever_is_at_work_has_a_minute,
    what_was_taken_back_can_begin_anew,
    of_many_at_once_one_begins,
    an_answer_has_bounds,
}

const REQUEST: [u8; 32] = [1; 32];
const OTHER: [u8; 32] = [2; 32];

fn requests(host: &Host) -> IdempotencyService {
    host.context.clone().into()
}

fn key(text: &str) -> IdempotencyKey {
    IdempotencyKey::new("somebody", text).unwrap()
}

async fn begin(host: &Host, key: &IdempotencyKey, request: [u8; 32]) -> BeginOutcome {
    requests(host).begin(key, request).await.unwrap()
}

async fn a_request_is_done_once_and_answered_again(host: &Host) {
    let [a, b] = [key("a"), key("b")];
    assert_eq!(begin(host, &a, REQUEST).await, BeginOutcome::Started);
    assert_eq!(begin(host, &b, REQUEST).await, BeginOutcome::Started);
    requests(host).finish(&a, b"done").await.unwrap();
    let answered = BeginOutcome::Answered(b"done".to_vec());
    for _ in 0..2 {
        assert_eq!(begin(host, &a, REQUEST).await, answered);
        assert_eq!(begin(host, &a, OTHER).await, BeginOutcome::OtherRequest);
        host.clock.advance(Duration::hours(1));
    }
    requests(host).finish(&a, b"again").await.unwrap();
    requests(host).forget(&a).await.unwrap();
    assert_eq!(begin(host, &a, REQUEST).await, answered, "for good");
}

async fn whoever_is_at_work_has_a_minute(host: &Host) {
    let key = key("a");
    assert_eq!(begin(host, &key, REQUEST).await, BeginOutcome::Started);
    let locked_until = host.now() + Duration::seconds(60);
    host.clock.advance(Duration::seconds(60) - Duration::microseconds(1));
    assert_eq!(begin(host, &key, REQUEST).await, BeginOutcome::InProgress { locked_until });
    host.clock.advance(Duration::microseconds(1));
    assert_eq!(begin(host, &key, OTHER).await, BeginOutcome::OtherRequest);
    assert_eq!(begin(host, &key, REQUEST).await, BeginOutcome::Started, "it takes over");
    let locked_until = host.now() + Duration::seconds(60);
    assert_eq!(begin(host, &key, REQUEST).await, BeginOutcome::InProgress { locked_until });
}

async fn what_was_taken_back_can_begin_anew(host: &Host) {
    let key = key("a");
    begin(host, &key, REQUEST).await;
    requests(host).forget(&key).await.unwrap();
    assert_eq!(begin(host, &key, OTHER).await, BeginOutcome::Started);
}

async fn of_many_at_once_one_begins(host: &Host) {
    let attempts = (0..6).map(|_| {
        let requests = requests(host);
        async move { requests.begin(&key("a"), REQUEST).await.unwrap() }
    });
    let locked_until = host.now() + Duration::seconds(60);
    let mut started = 0;
    for outcome in at_once(attempts).await {
        match outcome {
            BeginOutcome::Started => started += 1,
            met => assert_eq!(met, BeginOutcome::InProgress { locked_until }),
        }
    }
    assert_eq!(started, 1);
}

async fn an_answer_has_bounds(host: &Host) {
    let key = key("a");
    begin(host, &key, REQUEST).await;
    let mut answer = vec![7; MAX_ANSWER_BYTES + 1];
    assert_eq!(field(requests(host).finish(&key, &answer).await), "answer");
    answer.pop();
    requests(host).finish(&key, &answer).await.unwrap();
    assert!(begin(host, &key, REQUEST).await == BeginOutcome::Answered(answer));
}
