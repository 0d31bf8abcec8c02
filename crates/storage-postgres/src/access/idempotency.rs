//! Requests that are done once.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use systemprompt_users_domain::{
    BeginOutcome, IdempotencyKey, IdempotencyRepository, RememberedRequest, StorageError,
    StorageResult,
};

use crate::error::corrupt;
use crate::time::bound;
use crate::unit::Unit;

/// How often a key is tried again that was taken, and free when we looked by whom.
const ATTEMPTS: usize = 3;

#[async_trait]
impl IdempotencyRepository for Unit {
    async fn begin(
        &mut self,
        request: &RememberedRequest,
        now: DateTime<Utc>,
    ) -> StorageResult<BeginOutcome> {
        for _ in 0..ATTEMPTS {
            if insert(self, request).await? {
                return Ok(BeginOutcome::Started);
            }
            let Some(stored) = lock(self, &request.key).await? else { continue };
            let outcome = stored.meet(request, now);
            if outcome == BeginOutcome::Started {
                take_over(self, request).await?;
            }
            return Ok(outcome);
        }
        Err(StorageError::Unavailable("other units take and free the same key".into()))
    }

    async fn finish(&mut self, key: &IdempotencyKey, answer: &[u8]) -> StorageResult<()> {
        let result = sqlx::query!(
            "UPDATE remembered_requests SET answer = $2 WHERE key = $1 AND answer IS NULL",
            key.as_bytes().as_slice(),
            answer,
        )
        .execute(self.writer()?)
        .await;
        self.done(result).map(|_| ())
    }

    async fn forget(&mut self, key: &IdempotencyKey) -> StorageResult<()> {
        let result = sqlx::query!(
            "DELETE FROM remembered_requests WHERE key = $1 AND answer IS NULL",
            key.as_bytes().as_slice(),
        )
        .execute(self.writer()?)
        .await;
        self.done(result).map(|_| ())
    }

    async fn delete_before(&mut self, before: DateTime<Utc>, limit: u16) -> StorageResult<u64> {
        let result = sqlx::query!(
            "WITH old AS MATERIALIZED (
                SELECT key FROM remembered_requests WHERE created_at < $1
                ORDER BY created_at, key LIMIT $2 FOR UPDATE SKIP LOCKED
            )
            DELETE FROM remembered_requests WHERE key = ANY (ARRAY(SELECT key FROM old))",
            bound(before),
            i64::from(limit),
        )
        .execute(self.writer()?)
        .await;
        Ok(self.done(result)?.rows_affected())
    }
}

/// Answers whether the key was free. Waits for another unit that is just taking it, and then knows.
async fn insert(unit: &mut Unit, request: &RememberedRequest) -> StorageResult<bool> {
    let result = sqlx::query!(
        "INSERT INTO remembered_requests (key, request_hash, created_at, locked_until, answer)
        VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
        request.key.as_bytes().as_slice(),
        request.request_hash.as_slice(),
        request.created_at,
        request.locked_until,
        request.answer.as_deref(),
    )
    .execute(unit.writer()?)
    .await;
    Ok(unit.done(result)?.rows_affected() > 0)
}

/// The stored request, held until the unit ends: of two that take it over, the second sees the first.
async fn lock(unit: &mut Unit, key: &IdempotencyKey) -> StorageResult<Option<RememberedRequest>> {
    let row = sqlx::query!(
        "SELECT request_hash, created_at, locked_until, answer FROM remembered_requests
        WHERE key = $1 FOR UPDATE",
        key.as_bytes().as_slice(),
    )
    .fetch_optional(unit.writer()?)
    .await;
    let Some(row) = unit.done(row)? else { return Ok(None) };
    let request_hash = row.request_hash.try_into();
    Ok(Some(RememberedRequest {
        key: *key,
        request_hash: request_hash.map_err(|_| corrupt("the hash of a request has 32 bytes"))?,
        created_at: row.created_at,
        locked_until: row.locked_until,
        answer: row.answer,
    }))
}

async fn take_over(unit: &mut Unit, request: &RememberedRequest) -> StorageResult<()> {
    let result = sqlx::query!(
        "UPDATE remembered_requests SET created_at = $2, locked_until = $3, answer = $4
        WHERE key = $1",
        request.key.as_bytes().as_slice(),
        request.created_at,
        request.locked_until,
        request.answer.as_deref(),
    )
    .execute(unit.writer()?)
    .await;
    unit.done(result).map(|_| ())
}
