//! The log of events: append-only, in order, none missed.

use systemprompt_users_domain::{
    Event, EventFilter, EventKind, EventPosition, IpTarget, RecordedEvent,
};

use crate::Subject;
use crate::fixtures::{at, event, every_kind, target, tick, user_id};
use crate::subject::check_same;

pub(crate) fn happened(n: u32, user: u32) -> Event {
    event(n, EventKind::UserDeleted { user_id: user_id(user) })
}

pub(crate) async fn append(subject: &Subject, events: &[Event]) {
    let mut unit = subject.write().await;
    unit.events().append(events).await.unwrap();
    unit.commit().await.unwrap();
}

async fn read(subject: &Subject, after: EventPosition, limit: u16) -> Vec<RecordedEvent> {
    subject.read().await.events().read(after, limit).await.unwrap()
}

/// All events in order, their positions checked.
pub(crate) async fn read_all(subject: &Subject) -> Vec<RecordedEvent> {
    let events = read(subject, EventPosition::START, 1000).await;
    assert!(events.iter().all(|event| event.position > EventPosition::START));
    assert!(events.windows(2).all(|pair| pair[0].position < pair[1].position));
    events
}

fn bare(events: &[RecordedEvent]) -> Vec<Event> {
    events.iter().map(|event| event.event.clone()).collect()
}

pub(crate) async fn an_empty_log_reads_as_nothing(subject: Subject) {
    assert_eq!(read_all(&subject).await, []);
    let mut unit = subject.read().await;
    assert_eq!(unit.events().last_position().await.unwrap(), EventPosition::START);
    assert_eq!(unit.events().list(&EventFilter::default(), None, 10).await.unwrap(), []);
    assert_eq!(unit.events().count_of_user(user_id(1)).await.unwrap(), 0);
    drop(unit);
    append(&subject, &[]).await;
    assert_eq!(read_all(&subject).await, []);
}

pub(crate) async fn every_kind_comes_back(subject: Subject) {
    let events = every_kind();
    append(&subject, &events).await;
    check_same(&bare(&read_all(&subject).await), &events);
}

pub(crate) async fn a_large_batch_is_appended_in_order(subject: Subject) {
    let events: Vec<_> = (1..=5_000).rev().map(|n| happened(n, n)).collect();
    append(&subject, &events).await;
    let read = read(&subject, EventPosition::START, 10_000).await;
    check_same(&bare(&read), &events);
}

/// The order is the one of appending, whatever ids and times say.
pub(crate) async fn events_are_read_in_the_order_of_appending(subject: Subject) {
    append(&subject, &[happened(5, 1), happened(3, 1), happened(4, 1)]).await;
    append(&subject, &[happened(1, 1)]).await;
    append(&subject, &[happened(2, 1), happened(6, 1)]).await;
    let expected = [5, 3, 4, 1, 2, 6].map(|n| happened(n, 1));
    check_same(&bare(&read_all(&subject).await), &expected.to_vec());
}

pub(crate) async fn reading_goes_on_behind_a_position(subject: Subject) {
    let events: Vec<_> = (1..=10).map(|n| happened(n, 1)).collect();
    append(&subject, &events).await;
    let all = read_all(&subject).await;
    for limit in [1, 3, 5, 10, 11] {
        let mut seen = Vec::new();
        let mut after = EventPosition::START;
        loop {
            let batch = read(&subject, after, limit).await;
            assert!(batch.len() <= usize::from(limit));
            let Some(last) = batch.last() else { break };
            after = last.position;
            seen.extend(batch);
            assert!(seen.len() <= all.len());
        }
        check_same(&seen, &all);
    }
    let mut unit = subject.read().await;
    assert_eq!(unit.events().read(EventPosition::START, 0).await.unwrap(), []);
    assert_eq!(unit.events().read(EventPosition::START, u16::MAX).await.unwrap(), all);
    let last = all.last().unwrap().position;
    assert_eq!(unit.events().last_position().await.unwrap(), last);
    assert_eq!(unit.events().read(EventPosition(i64::MAX), 10).await.unwrap(), []);
}

pub(crate) async fn a_dropped_unit_logs_nothing(subject: Subject) {
    append(&subject, &[happened(1, 1)]).await;
    let mut unit = subject.write().await;
    unit.events().append(&[happened(2, 1)]).await.unwrap();
    drop(unit);
    append(&subject, &[happened(3, 1)]).await;
    check_same(&bare(&read_all(&subject).await), &vec![happened(1, 1), happened(3, 1)]);
}

fn about(subject_of: Option<u32>, text: Option<&str>) -> EventFilter {
    let target: Option<IpTarget> = text.map(target);
    EventFilter { user_id: subject_of.map(user_id), target }
}

pub(crate) async fn the_list_is_newest_first_and_filtered(subject: Subject) {
    let mut events = every_kind();
    events.extend((100..110).map(|n| happened(n, 1 + n % 3)));
    events.push(event(200, EventKind::IpUnbanned { target: target("10.0.0.0") }));
    events.push(event(201, EventKind::IpUnbanned { target: target("10.0.0.0/8") }));
    append(&subject, &events).await;
    let all = read_all(&subject).await;
    let mut unit = subject.read().await;
    for filter in [
        EventFilter::default(),
        about(Some(1), None),
        about(Some(2), None),
        about(Some(99), None),
        about(None, Some("10.0.0.0/8")),
        about(None, Some("10.0.0.0")),
        about(None, Some("10.0.0.0/16")),
        about(None, Some("::1")),
        about(Some(1), Some("10.0.0.0/8")),
    ] {
        let expected: Vec<_> = all
            .iter()
            .rev()
            .filter(|event| filter.user_id.is_none_or(|id| event.event.kind.user_id() == Some(id)))
            .filter(|event| filter.target.is_none_or(|at| event.event.kind.target() == Some(at)))
            .cloned()
            .collect();
        for limit in [1, 2, 4, 1000] {
            let mut seen: Vec<RecordedEvent> = Vec::new();
            let mut before = None;
            loop {
                let batch = unit.events().list(&filter, before, limit).await.unwrap();
                assert!(batch.len() <= usize::from(limit));
                let Some(last) = batch.last() else { break };
                before = Some(last.position);
                seen.extend(batch);
                assert!(seen.len() <= expected.len(), "{filter:?}");
            }
            check_same(&seen, &expected);
        }
    }
}

pub(crate) async fn events_about_a_user_are_counted(subject: Subject) {
    let events = every_kind();
    append(&subject, &events).await;
    append(&subject, &[happened(100, 2), happened(101, 2), happened(102, 3)]).await;
    let mut unit = subject.read().await;
    let about_one = events.iter().filter(|event| event.kind.user_id() == Some(user_id(1))).count();
    for (user, count) in [(1, about_one as u64), (2, 2), (3, 1), (99, 0)] {
        assert_eq!(unit.events().count_of_user(user_id(user)).await.unwrap(), count, "{user}");
    }
}

async fn delete_before(subject: &Subject, second: i64, limit: u16) -> u64 {
    let mut unit = subject.write().await;
    let deleted = unit.events().delete_before(at(second), limit).await.unwrap();
    unit.commit().await.unwrap();
    deleted
}

pub(crate) async fn old_events_are_removed_oldest_first(subject: Subject) {
    let events: Vec<_> = (1..=10).map(|n| happened(n, 1)).collect();
    append(&subject, &events).await;
    let before = read_all(&subject).await;
    assert_eq!(delete_before(&subject, 1, 100).await, 0);
    for (second, limit, count, left) in
        [(6, 0, 0, 0), (6, 2, 2, 2), (6, 1, 1, 3), (6, 9, 2, 5), (6, 9, 0, 5)]
    {
        assert_eq!(delete_before(&subject, second, limit).await, count);
        check_same(&read_all(&subject).await, &before[left..].to_vec());
    }
    let count = subject.read().await.events().count_of_user(user_id(1)).await.unwrap();
    assert_eq!(count, 5);
}

pub(crate) async fn an_event_of_that_moment_stays(subject: Subject) {
    let early = Event { at: at(5) - tick(), ..happened(1, 1) };
    append(&subject, &[early, happened(5, 1)]).await;
    assert_eq!(delete_before(&subject, 5, 100).await, 1);
    check_same(&bare(&read_all(&subject).await), &vec![happened(5, 1)]);
}

/// A reader that stands at the end goes on from there, also when everything before it is gone.
pub(crate) async fn positions_are_not_used_again(subject: Subject) {
    append(&subject, &[happened(1, 1), happened(2, 1), happened(3, 1)]).await;
    let last = read_all(&subject).await[2].position;
    assert_eq!(delete_before(&subject, 1_000, 100).await, 3);
    let mut unit = subject.read().await;
    assert_eq!(unit.events().last_position().await.unwrap(), EventPosition::START);
    drop(unit);
    append(&subject, &[happened(4, 1)]).await;
    check_same(&bare(&read(&subject, last, 10).await), &vec![happened(4, 1)]);
}
