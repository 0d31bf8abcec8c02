//! The port for requests that are done once.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::{BeginOutcome, IdempotencyKey, RememberedRequest, StorageResult};

/// Remembers requests by their keys, with what was answered.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait IdempotencyRepository: Send {
    /// Stores `request` where its key is free, which is `Started`. Otherwise the request that is stored
    /// decides, by [`RememberedRequest::meet`]; where that is `Started`, `request` MUST take the place of the
    /// stored one, and in all other cases nothing MUST change. Of units that begin one key at once, at most
    /// one MUST get `Started`.
    async fn begin(
        &mut self,
        request: &RememberedRequest,
        now: DateTime<Utc>,
    ) -> StorageResult<BeginOutcome>;

    /// Stores the answer of a request that has none yet. An answer that is there MUST stay; an unknown key
    /// is passed over.
    async fn finish(&mut self, key: &IdempotencyKey, answer: &[u8]) -> StorageResult<()>;

    /// Removes a request that has no answer, so that it can begin anew. An answered one MUST stay.
    async fn forget(&mut self, key: &IdempotencyKey) -> StorageResult<()>;

    /// Removes up to `limit` requests that were begun before `before`, those first that were begun first;
    /// ties MUST go by key. Answers how many.
    async fn delete_before(&mut self, before: DateTime<Utc>, limit: u16) -> StorageResult<u64>;
}
