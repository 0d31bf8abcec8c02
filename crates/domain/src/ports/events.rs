//! The port for the log of events.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::{Event, EventFilter, EventPosition, RecordedEvent, StorageResult, UserId};

/// Keeps events in order. The log is append-only; only [`EventLog::delete_before`] takes from its old end.
///
/// A storage that orders events after their commit MUST do so in bounded batches, each of which stays whatever
/// becomes of the call: an import leaves a million of them, and callers have deadlines. So one call of
/// [`read`](EventLog::read), [`list`](EventLog::list) or [`last_position`](EventLog::last_position) orders at least
/// the 1,000 that wait longest, and knows nothing of those behind them; the next call goes on there.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait EventLog: Send {
    /// Appends events, in this order.
    async fn append(&mut self, events: &[Event]) -> StorageResult<()>;

    /// Up to `limit` events behind `after`, in order.
    ///
    /// A reader that goes on from the last position it got MUST see every event that is ever committed,
    /// once: an event that commits late MUST NOT get a position before one that was readable already.
    /// MAY be called in a unit that reads.
    async fn read(&mut self, after: EventPosition, limit: u16)
    -> StorageResult<Vec<RecordedEvent>>;

    /// Up to `limit` events that meet `filter`, newest first, before `before` (`None` is from the end).
    async fn list(
        &mut self,
        filter: &EventFilter,
        before: Option<EventPosition>,
        limit: u16,
    ) -> StorageResult<Vec<RecordedEvent>>;

    /// How many events there are about `user`.
    async fn count_of_user(&mut self, user: UserId) -> StorageResult<u64>;

    /// The position of the newest event that can be read; `START` when there is none. It rises from call to call while
    /// there are events that wait to be ordered.
    async fn last_position(&mut self) -> StorageResult<EventPosition>;

    /// Removes up to `limit` events from before `before`, oldest first. Answers how many.
    async fn delete_before(&mut self, before: DateTime<Utc>, limit: u16) -> StorageResult<u64>;
}
