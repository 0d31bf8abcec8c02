//! The API keys in memory: found by the part of the secret that is none.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use quick_cache::sync::Cache;
use systemprompt_users_domain::{ApiKey, ApiKeyId};

use super::thrown_out::{ThrownOut, Ticket};

/// A bounded number of keys. Those who look one up wait for nobody who reads from the storage.
pub(super) struct KeyCache {
    by_prefix: Cache<String, Arc<ApiKey>>,
    /// Who changes the cache holds this. So what is thrown out stays out, whoever is about to bring it in.
    thrown_out: Mutex<ThrownOut<ApiKeyId>>,
}

impl KeyCache {
    pub(super) fn new(capacity: usize) -> Self {
        Self { by_prefix: Cache::new(capacity), thrown_out: Mutex::default() }
    }

    pub(super) fn len(&self) -> usize {
        self.by_prefix.len()
    }

    /// The key of that prefix, which may have expired since.
    pub(super) fn find(&self, prefix: &str) -> Option<Arc<ApiKey>> {
        self.by_prefix.get(prefix)
    }

    /// To be taken before the storage is asked for a key.
    pub(super) fn ticket(&self) -> Ticket {
        self.thrown_out().ticket()
    }

    /// Keeps a key that was read after `ticket` was taken, unless it was thrown out meanwhile: what was read
    /// may be older than that.
    pub(super) fn insert(&self, ticket: Ticket, key: &Arc<ApiKey>) {
        let thrown_out = self.thrown_out();
        if !thrown_out.may_be_stale(ticket, &key.id) {
            self.by_prefix.insert(key.prefix.clone(), Arc::clone(key));
        }
    }

    pub(super) fn throw_out(&self, id: ApiKeyId) {
        let mut thrown_out = self.thrown_out();
        thrown_out.remember(id);
        // All are looked at: a key is changed seldom, and there are not many.
        self.by_prefix.retain(|_, key| key.id != id);
    }

    /// Throws out everything, also what is just being read.
    pub(super) fn clear(&self) {
        let mut thrown_out = self.thrown_out();
        thrown_out.remember_all();
        self.by_prefix.clear();
    }

    fn thrown_out(&self) -> MutexGuard<'_, ThrownOut<ApiKeyId>> {
        self.thrown_out.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use systemprompt_users_domain::{ApiKeySecret, ApiScope, ApiScopes, Entropy, NewApiKey};
    use uuid::Uuid;

    use super::*;

    struct Fixed(u128);

    impl Entropy for Fixed {
        fn fill(&self, bytes: &mut [u8]) {
            let seed = self.0.to_le_bytes();
            bytes.iter_mut().zip(seed.iter().cycle()).for_each(|(byte, seed)| *byte = *seed);
        }
    }

    fn key(n: u128) -> Arc<ApiKey> {
        let scopes = ApiScopes::new([ApiScope::Read]).unwrap();
        let params = NewApiKey { name: "ci".into(), scopes, expires_in: None };
        let secret = ApiKeySecret::generate(&Fixed(n));
        let id = ApiKeyId::from_uuid(Uuid::from_u128(n));
        Arc::new(ApiKey::new(id, &params, &secret, DateTime::UNIX_EPOCH).unwrap())
    }

    #[test]
    fn a_key_that_is_thrown_out_while_it_is_read_does_not_come_in() {
        let cache = KeyCache::new(10);
        let (one, two) = (key(1), key(2));
        let ticket = cache.ticket();
        cache.insert(ticket, &one);
        assert!(cache.find(&one.prefix).is_some());
        cache.throw_out(one.id);
        cache.insert(ticket, &one);
        cache.insert(ticket, &two);
        assert!(cache.find(&one.prefix).is_none() && cache.find(&two.prefix).is_some());
        // What was read since is as new as the revocation.
        cache.insert(cache.ticket(), &one);
        assert!(cache.find(&one.prefix).is_some());
        let ticket = cache.ticket();
        cache.clear();
        cache.insert(ticket, &two);
        assert_eq!(cache.len(), 0);
    }

    #[test]
    fn it_holds_no_more_than_it_may() {
        let cache = KeyCache::new(10);
        (0..1_000).for_each(|n| cache.insert(cache.ticket(), &key(n)));
        assert!((1..=10).contains(&cache.len()), "{}", cache.len());
    }
}
