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

    /// The position of the newest event: where to begin when only what comes next is of interest.
    ///
    /// # Errors
    /// `Storage`.
    pub async fn last_position(&self) -> Result<EventPosition> {
        Ok(self.context.read().await?.events().last_position().await?)
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
