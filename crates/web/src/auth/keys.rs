//! API keys of this host: who holds one, and when each was last used.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use systemprompt_users_domain::{Actor, ApiKey, ApiKeyId, Result};

use crate::Web;

/// How many keys are remembered at the most until their use is written; uses of more are not.
const MAX_KEYS: usize = 1024;

/// How long uses are collected before they are written in one go.
const FLUSH_AFTER: Duration = Duration::from_secs(5);

/// When keys were used for the first time since that was last written.
#[derive(Debug, Default)]
pub(crate) struct KeyUses {
    waiting: Mutex<HashMap<ApiKeyId, DateTime<Utc>>>,
}

impl Web {
    /// The key behind a secret, from memory as sessions are.
    pub(crate) async fn find_key(&self, secret: &str) -> Result<Option<Arc<ApiKey>>> {
        let key = self.enforcer().authenticate_key(secret).await?;
        if let Some(key) = &key {
            self.note_use(key.id);
        }
        Ok(key)
    }

    /// Writes when keys were last used, as far as it is not written yet.
    pub(crate) async fn flush_key_uses(&self) {
        let seen: Vec<_> = lock(&self.key_uses().waiting).drain().collect();
        if let Err(error) = self.api_keys(Actor::System).touch_many(&seen).await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "it was not written when API keys were last used");
        }
    }

    fn note_use(&self, id: ApiKeyId) {
        let mut used = lock(&self.key_uses().waiting);
        let is_first = used.is_empty();
        if used.len() < MAX_KEYS {
            used.entry(id).or_insert_with(|| self.now());
        }
        drop(used);
        if is_first {
            let web = self.clone();
            tokio::spawn(async move {
                tokio::time::sleep(FLUSH_AFTER).await;
                web.flush_key_uses().await;
            });
        }
    }
}

/// A panic elsewhere leaves the map whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
