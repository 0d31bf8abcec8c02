//! The repository of requests that are done once.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use systemprompt_users_domain::{
    BeginOutcome, IdempotencyKey, IdempotencyRepository, RememberedRequest, StorageResult,
};

use crate::codec::{micros, time};
use crate::error::{other, storage_error};
use crate::unit::Unit;

#[async_trait]
impl IdempotencyRepository for Unit {
    /// Who writes is alone, so nobody comes between the two statements.
    async fn begin(
        &mut self,
        request: &RememberedRequest,
        now: DateTime<Utc>,
    ) -> StorageResult<BeginOutcome> {
        self.check_holds_locks()?;
        let outcome = match find(self, &request.key).await? {
            Some(stored) => stored.meet(request, now),
            None => BeginOutcome::Started,
        };
        if outcome == BeginOutcome::Started {
            put(self, request).await?;
        }
        Ok(outcome)
    }

    async fn finish(&mut self, key: &IdempotencyKey, answer: &[u8]) -> StorageResult<()> {
        let key = key.as_bytes().as_slice();
        sqlx::query!(
            "UPDATE remembered_requests SET answer = ?2 WHERE key = ?1 AND answer IS NULL",
            key,
            answer
        )
        .execute(self.connection()?)
        .await
        .map_err(storage_error)?;
        Ok(())
    }

    async fn forget(&mut self, key: &IdempotencyKey) -> StorageResult<()> {
        let key = key.as_bytes().as_slice();
        sqlx::query!("DELETE FROM remembered_requests WHERE key = ?1 AND answer IS NULL", key)
            .execute(self.connection()?)
            .await
            .map_err(storage_error)?;
        Ok(())
    }

    async fn delete_before(&mut self, before: DateTime<Utc>, limit: u16) -> StorageResult<u64> {
        let (before, limit) = (micros(before), i64::from(limit));
        let done = sqlx::query!(
            "DELETE FROM remembered_requests INDEXED BY remembered_requests_key WHERE key IN (
                 SELECT key FROM remembered_requests INDEXED BY remembered_requests_created
                 WHERE created_at < ?1 ORDER BY created_at, key LIMIT ?2
             )",
            before,
            limit
        )
        .execute(self.connection()?)
        .await
        .map_err(storage_error)?;
        Ok(done.rows_affected())
    }
}

async fn find(unit: &mut Unit, key: &IdempotencyKey) -> StorageResult<Option<RememberedRequest>> {
    let bytes = key.as_bytes().as_slice();
    let row = sqlx::query!(
        "SELECT request_hash, created_at, locked_until, answer FROM remembered_requests
         WHERE key = ?1",
        bytes
    )
    .fetch_optional(unit.connection()?)
    .await
    .map_err(storage_error)?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(RememberedRequest {
        key: *key,
        request_hash: row.request_hash.as_slice().try_into().map_err(other)?,
        created_at: time(row.created_at)?,
        locked_until: time(row.locked_until)?,
        answer: row.answer,
    }))
}

async fn put(unit: &mut Unit, request: &RememberedRequest) -> StorageResult<()> {
    let (key, hash) = (request.key.as_bytes().as_slice(), request.request_hash.as_slice());
    let (created_at, locked_until) = (micros(request.created_at), micros(request.locked_until));
    let answer = request.answer.as_deref();
    sqlx::query!(
        "INSERT INTO remembered_requests (key, request_hash, created_at, locked_until, answer)
         VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (key) DO UPDATE SET
             created_at = excluded.created_at, locked_until = excluded.locked_until,
             answer = excluded.answer",
        key,
        hash,
        created_at,
        locked_until,
        answer
    )
    .execute(unit.connection()?)
    .await
    .map_err(storage_error)?;
    Ok(())
}
