//! Events that commit late: a reader that goes on from its last position misses none.

use systemprompt_users_domain::{Event, EventPosition, RecordedEvent};

use super::events::{append, happened};
use crate::Subject;
use crate::overlap::Beside;

/// Goes on from the last position in `seen` to the end.
async fn follow(subject: &Subject, seen: &mut Vec<RecordedEvent>) {
    loop {
        let after = seen.last().map_or(EventPosition::START, |event| event.position);
        let batch = subject.read().await.events().read(after, 3).await.unwrap();
        if batch.is_empty() {
            return;
        }
        seen.extend(batch);
        assert!(seen.windows(2).all(|pair| pair[0].position < pair[1].position));
    }
}

fn numbers(seen: &[RecordedEvent]) -> Vec<u128> {
    let mut numbers: Vec<_> =
        seen.iter().map(|event| event.event.id.as_uuid().as_u128() & 0xFFFF_FFFF).collect();
    numbers.sort_unstable();
    numbers
}

fn append_beside(subject: &Subject, event: Event) -> Beside<()> {
    let subject = subject.clone();
    Beside::start(async move { append(&subject, &[event]).await })
}

pub(crate) async fn an_event_that_commits_late_is_not_missed(subject: Subject) {
    append(&subject, &[happened(1, 1)]).await;
    let mut unit = subject.write().await;
    unit.events().append(&[happened(2, 1)]).await.unwrap();
    let mut beside = append_beside(&subject, happened(3, 2));
    beside.let_run().await;
    let mut seen = Vec::new();
    follow(&subject, &mut seen).await;
    unit.commit().await.unwrap();
    beside.end().await;
    follow(&subject, &mut seen).await;
    assert_eq!(numbers(&seen), [1, 2, 3]);
}

/// The place after the last one that was readable is where a reader may stand, too.
pub(crate) async fn a_reader_that_begins_at_the_last_position_misses_none(subject: Subject) {
    let mut unit = subject.write().await;
    unit.events().append(&[happened(1, 1)]).await.unwrap();
    let mut beside = append_beside(&subject, happened(2, 2));
    beside.let_run().await;
    let mut reading = subject.read().await;
    let last = reading.events().last_position().await.unwrap();
    let before = reading.events().read(EventPosition::START, 10).await.unwrap();
    assert_eq!(before.last().map_or(EventPosition::START, |event| event.position), last);
    drop(reading);
    unit.commit().await.unwrap();
    beside.end().await;
    let rest = subject.read().await.events().read(last, 10).await.unwrap();
    let all: Vec<_> = before.into_iter().chain(rest).collect();
    assert_eq!(numbers(&all), [1, 2]);
}

pub(crate) async fn an_event_of_a_dropped_unit_holds_no_reader_up(subject: Subject) {
    let mut unit = subject.write().await;
    unit.events().append(&[happened(1, 1)]).await.unwrap();
    let mut beside = append_beside(&subject, happened(2, 2));
    beside.let_run().await;
    drop(unit);
    beside.end().await;
    append(&subject, &[happened(3, 1)]).await;
    let mut seen = Vec::new();
    follow(&subject, &mut seen).await;
    assert_eq!(numbers(&seen), [2, 3]);
}

pub(crate) async fn a_reader_beside_many_writers_misses_none(subject: Subject) {
    let mut writers: Vec<_> = (0..4)
        .map(|writer: u32| {
            let subject = subject.clone();
            Beside::start(async move {
                for round in 0..8 {
                    let n = writer * 100 + round * 2;
                    let mut unit = subject.write().await;
                    unit.events().append(&[happened(n, 1)]).await.unwrap();
                    tokio::task::yield_now().await;
                    unit.events().append(&[happened(n + 1, 1)]).await.unwrap();
                    unit.commit().await.unwrap();
                }
            })
        })
        .collect();
    let mut seen = Vec::new();
    while !writers.iter_mut().all(Beside::is_over) {
        follow(&subject, &mut seen).await;
        tokio::task::yield_now().await;
    }
    for writer in writers {
        writer.end().await;
    }
    follow(&subject, &mut seen).await;
    let expected: Vec<u128> = (0..4).flat_map(|writer| writer * 100..writer * 100 + 16).collect();
    assert_eq!(numbers(&seen), expected);
}
