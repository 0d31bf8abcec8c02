//! Requests that are done once, and the index of their age.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use imbl::HashMap;
use systemprompt_users_domain::{
    BeginOutcome, IdempotencyKey, IdempotencyRepository, RememberedRequest, StorageResult,
};

use crate::index::Index;
use crate::storage::MemoryUnit;
use crate::time::{micros, micros_from};

/// All requests that are remembered. A clone shares everything.
#[derive(Clone, Default)]
pub(crate) struct RequestTable {
    requests: HashMap<IdempotencyKey, Arc<RememberedRequest>>,
    by_age: Index<(i64, IdempotencyKey)>,
}

impl RequestTable {
    fn begin(&mut self, request: &RememberedRequest, now: DateTime<Utc>) -> BeginOutcome {
        let stored = self.requests.get(&request.key);
        let outcome = stored.map_or(BeginOutcome::Started, |stored| stored.meet(request, now));
        if outcome == BeginOutcome::Started {
            self.remove(&request.key);
            self.by_age.insert((micros(request.created_at), request.key));
            self.requests.insert(request.key, Arc::new(request.clone()));
        }
        outcome
    }

    fn finish(&mut self, key: &IdempotencyKey, answer: &[u8]) {
        if let Some(open) = self.requests.get_mut(key).filter(|request| request.answer.is_none()) {
            Arc::make_mut(open).answer = Some(answer.to_vec());
        }
    }

    fn forget(&mut self, key: &IdempotencyKey) {
        if self.requests.get(key).is_some_and(|request| request.answer.is_none()) {
            self.remove(key);
        }
    }

    fn delete_before(&mut self, before: DateTime<Utc>, limit: u16) -> u64 {
        let before = micros_from(before);
        let old = self.by_age.iter().take_while(|(begun, _)| *begun < before);
        let old: Vec<IdempotencyKey> = old.take(usize::from(limit)).map(|(_, key)| *key).collect();
        for key in &old {
            self.remove(key);
        }
        old.len() as u64
    }

    fn remove(&mut self, key: &IdempotencyKey) {
        if let Some(request) = self.requests.remove(key) {
            self.by_age.remove(&(micros(request.created_at), *key));
        }
    }
}

#[async_trait]
impl IdempotencyRepository for MemoryUnit {
    async fn begin(
        &mut self,
        request: &RememberedRequest,
        now: DateTime<Utc>,
    ) -> StorageResult<BeginOutcome> {
        Ok(self.change()?.idempotency.begin(request, now))
    }

    async fn finish(&mut self, key: &IdempotencyKey, answer: &[u8]) -> StorageResult<()> {
        self.change()?.idempotency.finish(key, answer);
        Ok(())
    }

    async fn forget(&mut self, key: &IdempotencyKey) -> StorageResult<()> {
        self.change()?.idempotency.forget(key);
        Ok(())
    }

    async fn delete_before(&mut self, before: DateTime<Utc>, limit: u16) -> StorageResult<u64> {
        Ok(self.change()?.idempotency.delete_before(before, limit))
    }
}
