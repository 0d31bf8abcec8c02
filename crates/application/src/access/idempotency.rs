//! Requests that a client may send again: begin, finish, forget, clean up.

use chrono::Duration;
use systemprompt_users_domain::{
    BeginOutcome, EventKind, IdempotencyKey, MAX_ANSWER_BYTES, RememberedRequest, Result, UserError,
};

use crate::Context;
use crate::context::{moment_before, retry, service_of_context};

/// For how long whoever begins a request has it for itself.
const LOCK: Duration = Duration::seconds(60);

/// Remembers requests, so that each is done once. A clone is a handle.
#[derive(Debug, Clone)]
pub struct IdempotencyService {
    context: Context,
}

service_of_context!(IdempotencyService);

impl IdempotencyService {
    /// Asks whether a request is to be done now. Who gets `Started` does it within 60 seconds, and then tells
    /// the answer by [`IdempotencyService::finish`], or takes the beginning back by
    /// [`IdempotencyService::forget`]; whoever asks later than that may do it again.
    ///
    /// # Errors
    /// `Storage`.
    #[tracing::instrument(skip_all, err(level = "debug"))]
    pub async fn begin(
        &self,
        key: &IdempotencyKey,
        request_hash: [u8; 32],
    ) -> Result<BeginOutcome> {
        retry(|| async move {
            let now = self.context.now();
            let request = RememberedRequest {
                key: *key,
                request_hash,
                created_at: now,
                locked_until: now + LOCK,
                answer: None,
            };
            let mut unit = self.context.write().await?;
            let outcome = unit.idempotency().begin(&request, now).await?;
            if outcome == BeginOutcome::Started {
                self.context.commit(unit).await?;
            }
            Ok(outcome)
        })
        .await
    }

    /// Keeps the answer of a request that was begun, for whoever sends it again. An answer that is there
    /// stays.
    ///
    /// # Errors
    /// `Validation` of `answer` beyond 1 MiB; `Storage`.
    #[tracing::instrument(skip_all, fields(bytes = answer.len()), err(level = "debug"))]
    pub async fn finish(&self, key: &IdempotencyKey, answer: &[u8]) -> Result<()> {
        if answer.len() > MAX_ANSWER_BYTES {
            let message = format!("must be at most {MAX_ANSWER_BYTES} bytes long");
            return Err(UserError::validation("answer", message));
        }
        retry(|| async move {
            let mut unit = self.context.write().await?;
            unit.idempotency().finish(key, answer).await?;
            self.context.commit(unit).await
        })
        .await
    }

    /// Takes the beginning of a request back, so that it can be done anew. An answered one stays.
    ///
    /// # Errors
    /// `Storage`.
    #[tracing::instrument(skip_all, err(level = "debug"))]
    pub async fn forget(&self, key: &IdempotencyKey) -> Result<()> {
        retry(|| async move {
            let mut unit = self.context.write().await?;
            unit.idempotency().forget(key).await?;
            self.context.commit(unit).await
        })
        .await
    }

    /// Removes one batch of requests older than the policy's `idempotency_retention`. Zero is the end.
    ///
    /// # Errors
    /// `Storage`.
    #[tracing::instrument(skip_all, err(level = "debug"))]
    pub async fn cleanup(&self) -> Result<u64> {
        retry(|| async {
            let now = self.context.now();
            let policy = self.context.policy();
            let before = moment_before("idempotency_retention", now, policy.idempotency_retention)?;
            let mut unit = self.context.write().await?;
            let count = unit.idempotency().delete_before(before, policy.cleanup_batch).await?;
            if count > 0 {
                let kind = EventKind::RecordsCleaned { what: "remembered_requests".into(), count };
                unit.events().append(&[self.context.event(now, kind)]).await?;
                self.context.commit(unit).await?;
            }
            Ok(count)
        })
        .await
    }
}
