//! API keys, one-time links and requests that are done once, with a rule broken.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use systemprompt_users_domain::*;

use super::{BrokenUnit, Fault};

port! {
    ApiKeyRepository by api_keys {
        insert(key: &ApiKey) -> ();
        find_many(ids: &[ApiKeyId]) -> Vec<ApiKey>;
        find_by_prefix(prefix: &str) -> Option<ApiKey>;
        list(page: &PageRequest) -> Page<ApiKey>;
        touch_many(seen: &[(ApiKeyId, DateTime<Utc>)]) -> ();
    }

    async fn update(&mut self, key: &ApiKey) -> StorageResult<()> {
        match self.unit.api_keys().update(key).await {
            Err(StorageError::Stale) if self.fault == Some(Fault::IgnoresKeyVersions) => Ok(()),
            updated => updated,
        }
    }
}

port! {
    SignInLinkRepository by sign_in_links {
        insert(link: &SignInLink) -> ();
        delete_expired(before: DateTime<Utc>, limit: u16) -> u64;
    }

    async fn take(
        &mut self,
        token: &TokenHash,
        now: DateTime<Utc>,
    ) -> StorageResult<Option<SignInLink>> {
        let taken = self.unit.sign_in_links().take(token, now).await?;
        if let Some(link) = taken.as_ref().filter(|_| self.fault == Some(Fault::GivesLinksTwice)) {
            self.unit.sign_in_links().insert(link).await?;
        }
        Ok(taken)
    }
}

port! {
    IdempotencyRepository by idempotency {
        finish(key: &IdempotencyKey, answer: &[u8]) -> ();
        forget(key: &IdempotencyKey) -> ();
        delete_before(before: DateTime<Utc>, limit: u16) -> u64;
    }

    async fn begin(
        &mut self,
        request: &RememberedRequest,
        now: DateTime<Utc>,
    ) -> StorageResult<BeginOutcome> {
        match self.unit.idempotency().begin(request, now).await? {
            BeginOutcome::InProgress { .. } if self.fault == Some(Fault::BeginsTwice) => {
                Ok(BeginOutcome::Started)
            }
            outcome => Ok(outcome),
        }
    }
}
