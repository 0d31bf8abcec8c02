//! The port for the log of events.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use systemprompt_users_domain::{
    Event, EventFilter, EventLog, EventPosition, RecordedEvent, StorageResult, UserId,
};

use crate::storage::MemoryUnit;

#[async_trait]
impl EventLog for MemoryUnit {
    async fn append(&mut self, events: &[Event]) -> StorageResult<()> {
        let log = &mut self.change()?.events;
        for event in events {
            log.append(event);
        }
        Ok(())
    }

    async fn read(
        &mut self,
        after: EventPosition,
        limit: u16,
    ) -> StorageResult<Vec<RecordedEvent>> {
        Ok(self.state().events.read(after).take(usize::from(limit)).collect())
    }

    async fn list(
        &mut self,
        filter: &EventFilter,
        before: Option<EventPosition>,
        limit: u16,
    ) -> StorageResult<Vec<RecordedEvent>> {
        Ok(self.state().events.list(filter, before, usize::from(limit)))
    }

    async fn count_of_user(&mut self, user: UserId) -> StorageResult<u64> {
        Ok(self.state().events.count_of_user(user))
    }

    async fn last_position(&mut self) -> StorageResult<EventPosition> {
        Ok(self.state().events.last_position())
    }

    async fn delete_before(&mut self, before: DateTime<Utc>, limit: u16) -> StorageResult<u64> {
        Ok(self.change()?.events.delete_before(before, limit))
    }
}
