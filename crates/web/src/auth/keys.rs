//! API keys of this host: who holds one, for forward auth a moment's memory, and when each was last used.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use systemprompt_users_domain::{Actor, ApiKey, ApiKeyId, Result};

use crate::Web;

/// How long a key is taken on trust, where trust is allowed: about as long as a host may be behind.
const TRUST: Duration = Duration::from_secs(1);

/// How many keys are remembered at the most; more are looked up each time.
const MAX_KEYS: usize = 1024;

/// How long uses are collected before they are written in one go.
const FLUSH_AFTER: Duration = Duration::from_secs(5);

/// What a host remembers of API keys.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    trusted: Mutex<HashMap<[u8; 32], Trusted>>,
    used: Mutex<HashMap<ApiKeyId, DateTime<Utc>>>,
    changes: AtomicU64,
}

#[derive(Debug)]
struct Trusted {
    key: Arc<ApiKey>,
    since: Instant,
}

impl Web {
    /// The key behind a secret, as the storage has it now.
    pub(crate) async fn find_key(&self, secret: &str) -> Result<Option<Arc<ApiKey>>> {
        let key = self.api_keys(Actor::System).authenticate(secret).await?.map(Arc::new);
        if let Some(key) = &key {
            self.note_use(key.id);
        }
        Ok(key)
    }

    /// The same for a proxy that asks all the time: a key may be known for a second. A change through this host
    /// is known at once, see [`Web::keys_changed`].
    pub(crate) async fn find_key_on_trust(&self, secret: &str) -> Result<Option<Arc<ApiKey>>> {
        let keys = self.keys();
        let hash: [u8; 32] = Sha256::digest(secret).into();
        let known = lock(&keys.trusted).get(&hash).and_then(|trusted| {
            (trusted.since.elapsed() < TRUST).then(|| Arc::clone(&trusted.key))
        });
        if let Some(key) = known.filter(|key| key.is_usable(self.now())) {
            self.note_use(key.id);
            return Ok(Some(key));
        }
        let (since, before) = (Instant::now(), keys.changes.load(Ordering::Acquire));
        let found = self.find_key(secret).await?;
        let mut trusted = lock(&keys.trusted);
        // What was read before a change must not be taken on trust after it.
        let unchanged = keys.changes.load(Ordering::Acquire) == before;
        if let Some(key) = found.as_ref().filter(|_| unchanged) {
            if trusted.len() >= MAX_KEYS {
                trusted.retain(|_, trusted| trusted.since.elapsed() < TRUST);
            }
            if trusted.len() < MAX_KEYS {
                trusted.insert(hash, Trusted { key: Arc::clone(key), since });
            }
        }
        Ok(found)
    }

    /// Takes no key on trust any more: one may have been rotated or revoked. The API does this by itself.
    pub fn keys_changed(&self) {
        let keys = self.keys();
        let mut trusted = lock(&keys.trusted);
        keys.changes.fetch_add(1, Ordering::AcqRel);
        trusted.clear();
    }

    /// Writes when keys were last used, as far as it is not written yet.
    pub(crate) async fn flush_key_uses(&self) {
        let seen: Vec<_> = lock(&self.keys().used).drain().collect();
        if let Err(error) = self.api_keys(Actor::System).touch_many(&seen).await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "it was not written when API keys were last used");
        }
    }

    fn note_use(&self, id: ApiKeyId) {
        let mut used = lock(&self.keys().used);
        let is_first = used.is_empty();
        if used.len() < MAX_KEYS || used.contains_key(&id) {
            used.insert(id, self.now());
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

/// A panic elsewhere leaves these maps whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
