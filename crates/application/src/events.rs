//! Reading the log of events.

use systemprompt_users_domain::{
    EventFilter, EventKind, EventPosition, PageLimit, RecordedEvent, Result,
};

use crate::Context;
use crate::context::{moment_before, retry, service_of_context};

/// Reads the log of events, which every change appends to. A clone is a handle.
#[derive(Debug, Clone)]
pub struct EventService {
    context: Context,
}

service_of_context!(EventService);

/// How many times the log is read for one part of it: who may not see most of it is not to have all of it walked.
const MAX_READS: u32 = 10;

/// How many events are read at once after the first time.
const BATCH: i64 = 1000;

/// The part of the log that a caller gets.
struct Part {
    seen: Vec<RecordedEvent>,
    limit: usize,
    /// How many events to read next.
    batch: i64,
    /// Whether it is full, or no events are left.
    is_over: bool,
    /// Whether no events are left.
    was_last: bool,
}

impl Part {
    fn new(limit: i64) -> Result<Self> {
        let size = usize::from(PageLimit::new(limit)?.get());
        Ok(Self { seen: Vec::new(), limit: size, batch: limit, is_over: false, was_last: false })
    }

    /// Takes what may be seen of what was read. Returns the position of the last event that was looked at.
    fn take(
        &mut self,
        events: Vec<RecordedEvent>,
        sees: impl Fn(&EventKind) -> bool,
    ) -> Option<EventPosition> {
        let read_all = i64::try_from(events.len()) != Ok(self.batch);
        self.batch = BATCH;
        let (mut last, count) = (None, events.len());
        for (place, event) in events.into_iter().enumerate() {
            last = Some(event.position);
            if sees(&event.event.kind) {
                self.seen.push(event);
            }
            if self.seen.len() == self.limit {
                self.is_over = true;
                self.was_last = read_all && place + 1 == count;
                return last;
            }
        }
        self.is_over = read_all;
        self.was_last = read_all;
        last
    }
}

impl EventService {
    /// Up to `limit` events behind `after`, in order. Whoever goes on from the last position it got misses
    /// none, also when one commits late; an empty answer means that there is nothing new yet.
    ///
    /// # Errors
    /// `Validation` of `limit` outside of 1 to 1000; `Storage`.
    pub async fn read(&self, after: EventPosition, limit: i64) -> Result<Vec<RecordedEvent>> {
        let limit = PageLimit::new(limit)?.get();
        Ok(self.context.read().await?.events().read(after, limit).await?)
    }

    /// Up to `limit` events that meet `filter`, newest first, from before `before`.
    ///
    /// # Errors
    /// `Validation` of `limit` outside of 1 to 1000; `Storage`.
    pub async fn list(
        &self,
        filter: &EventFilter,
        before: Option<EventPosition>,
        limit: i64,
    ) -> Result<Vec<RecordedEvent>> {
        let limit = PageLimit::new(limit)?.get();
        Ok(self.context.read().await?.events().list(filter, before, limit).await?)
    }

    /// [`read`](Self::read) for a caller who may see only some events: up to `limit` of those behind `after`, and the
    /// position to go on from. It looks at a bounded number of events, so fewer than `limit`, or none, may come although
    /// more follow: the end is where the position stays the same.
    ///
    /// # Errors
    /// `Validation` of `limit` outside of 1 to 1000; `Storage`.
    pub async fn read_seen(
        &self,
        after: EventPosition,
        limit: i64,
        sees: impl Fn(&EventKind) -> bool + Send + Sync,
    ) -> Result<(Vec<RecordedEvent>, EventPosition)> {
        let mut part = Part::new(limit)?;
        let mut next = after;
        for _ in 0..MAX_READS {
            let events = self.read(next, part.batch).await?;
            let Some(last) = part.take(events, &sees) else { break };
            next = last;
            if part.is_over {
                break;
            }
        }
        Ok((part.seen, next))
    }

    /// [`list`](Self::list) for a caller who may see only some events: up to `limit` of those before `before`, and the
    /// position to go on from; `None` when no more follow. It looks at a bounded number of events, so fewer than `limit`,
    /// or none, may come although more follow.
    ///
    /// # Errors
    /// `Validation` of `limit` outside of 1 to 1000; `Storage`.
    pub async fn list_seen(
        &self,
        filter: &EventFilter,
        before: Option<EventPosition>,
        limit: i64,
        sees: impl Fn(&EventKind) -> bool + Send + Sync,
    ) -> Result<(Vec<RecordedEvent>, Option<EventPosition>)> {
        let mut part = Part::new(limit)?;
        let mut next = before;
        for _ in 0..MAX_READS {
            let events = self.list(filter, next, part.batch).await?;
            let Some(last) = part.take(events, &sees) else { return Ok((part.seen, None)) };
            next = Some(last);
            if part.is_over {
                break;
            }
        }
        let next = if part.was_last { None } else { next };
        Ok((part.seen, next))
    }

    /// The position of the newest event that can be read: where to begin when only what comes next is of interest.
    ///
    /// After an import on Postgres there may be many events that nobody could read yet. They come next, too: see
    /// [`EventService::catch_up`].
    ///
    /// # Errors
    /// `Storage`.
    pub async fn last_position(&self) -> Result<EventPosition> {
        Ok(self.context.read().await?.events().last_position().await?)
    }

    /// Makes every event that was committed before this call readable, and returns the position of the newest. On
    /// Postgres this takes about a minute for each million events that nobody has read. What it did stays when it is
    /// dropped half way.
    ///
    /// # Errors
    /// `Storage`.
    pub async fn catch_up(&self) -> Result<EventPosition> {
        let mut last = self.last_position().await?;
        loop {
            let next = self.last_position().await?;
            if next <= last {
                return Ok(last);
            }
            last = next;
        }
    }

    /// Removes one batch of events older than the policy's `event_retention`. Zero is the end.
    ///
    /// # Errors
    /// `Storage`.
    #[tracing::instrument(skip_all, err(level = "debug"))]
    pub async fn cleanup(&self) -> Result<u64> {
        retry(|| async {
            let now = self.context.now();
            let policy = self.context.policy();
            let before = moment_before("event_retention", now, policy.event_retention)?;
            let mut unit = self.context.write().await?;
            let count = unit.events().delete_before(before, policy.cleanup_batch).await?;
            if count > 0 {
                let kind = EventKind::RecordsCleaned { what: "events".into(), count };
                unit.events().append(&[self.context.event(now, kind)]).await?;
                self.context.commit(unit).await?;
            }
            Ok(count)
        })
        .await
    }
}
