//! The log of events.

mod repository;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use imbl::OrdMap;
use systemprompt_users_domain::{
    Event, EventFilter, EventPosition, IpTarget, RecordedEvent, UserId,
};

use crate::index::Index;
use crate::time::{micros, micros_from};

/// All events. A clone shares everything.
#[derive(Clone, Default)]
pub(crate) struct EventTable {
    log: OrdMap<i64, Arc<Event>>,
    /// The position given out last, also when its event is deleted by now.
    last: i64,
    by_time: Index<(i64, i64)>,
    of_user: Index<(UserId, i64)>,
    of_target: Index<(IpTarget, i64)>,
}

impl EventTable {
    fn append(&mut self, event: &Event) {
        self.last += 1;
        self.by_time.insert((micros(event.at), self.last));
        if let Some(user) = event.kind.user_id() {
            self.of_user.insert((user, self.last));
        }
        if let Some(target) = event.kind.target() {
            self.of_target.insert((target, self.last));
        }
        self.log.insert(self.last, Arc::new(event.clone()));
    }

    fn remove(&mut self, position: i64) {
        let Some(event) = self.log.remove(&position) else { return };
        self.by_time.remove(&(micros(event.at), position));
        if let Some(user) = event.kind.user_id() {
            self.of_user.remove(&(user, position));
        }
        if let Some(target) = event.kind.target() {
            self.of_target.remove(&(target, position));
        }
    }

    fn read(&self, after: EventPosition) -> impl Iterator<Item = RecordedEvent> {
        let behind = (std::ops::Bound::Excluded(after.0), std::ops::Bound::Unbounded);
        self.log.range(behind).map(|(position, event)| recorded(*position, event))
    }

    /// Newest first, before `before`.
    fn list(
        &self,
        filter: &EventFilter,
        before: Option<EventPosition>,
        limit: usize,
    ) -> Vec<RecordedEvent> {
        let end = before.map_or(i64::MAX, |before| before.0);
        let find = |position: i64| self.log.get(&position).map(|event| recorded(position, event));
        let meets = |found: &RecordedEvent| {
            filter.user_id.is_none_or(|user| found.event.kind.user_id() == Some(user))
                && filter.target.is_none_or(|target| found.event.kind.target() == Some(target))
        };
        match (filter.user_id, filter.target) {
            (Some(user), _) => {
                let keys = self.of_user.range((user, i64::MIN)..(user, end)).rev();
                keys.filter_map(|(_, position)| find(*position)).filter(meets).take(limit).collect()
            }
            (None, Some(target)) => {
                let keys = self.of_target.range((target, i64::MIN)..(target, end)).rev();
                keys.filter_map(|(_, position)| find(*position)).take(limit).collect()
            }
            (None, None) => {
                let events = self.log.range(..end).rev();
                events.map(|(position, event)| recorded(*position, event)).take(limit).collect()
            }
        }
    }

    fn count_of_user(&self, user: UserId) -> u64 {
        self.of_user.range((user, i64::MIN)..=(user, i64::MAX)).count() as u64
    }

    fn last_position(&self) -> EventPosition {
        self.log.get_max().map_or(EventPosition::START, |(position, _)| EventPosition(*position))
    }

    fn delete_before(&mut self, before: DateTime<Utc>, limit: u16) -> u64 {
        let old = self.by_time.range(..(micros_from(before), i64::MIN));
        let old: Vec<i64> = old.take(usize::from(limit)).map(|(_, position)| *position).collect();
        for position in &old {
            self.remove(*position);
        }
        old.len() as u64
    }
}

fn recorded(position: i64, event: &Arc<Event>) -> RecordedEvent {
    RecordedEvent { position: EventPosition(position), event: (**event).clone() }
}
