//! API keys, and every index of them.

use std::ops::Bound;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use imbl::HashMap;
use systemprompt_users_domain::{
    ApiKey, ApiKeyId, ApiKeyRepository, Cursor, Page, PageRequest, StorageError, StorageResult,
    UniqueKey,
};

use crate::cursor::time_of;
use crate::distinct;
use crate::index::Index;
use crate::storage::MemoryUnit;
use crate::time::micros;

/// All keys. A clone shares everything.
#[derive(Clone, Default)]
pub(crate) struct ApiKeyTable {
    keys: HashMap<ApiKeyId, Arc<ApiKey>>,
    by_prefix: HashMap<String, ApiKeyId>,
    by_creation: Index<(i64, ApiKeyId)>,
}

impl ApiKeyTable {
    fn insert(&mut self, key: &ApiKey) -> StorageResult<()> {
        let taken = if self.keys.contains_key(&key.id) {
            Some(UniqueKey::Id)
        } else if self.by_prefix.contains_key(&key.prefix) {
            Some(UniqueKey::Prefix)
        } else {
            None
        };
        if let Some(key) = taken {
            return Err(StorageError::Conflict { key, source: None });
        }
        self.put(key.clone());
        Ok(())
    }

    fn put(&mut self, key: ApiKey) {
        self.by_prefix.insert(key.prefix.clone(), key.id);
        self.by_creation.insert((micros(key.created_at), key.id));
        self.keys.insert(key.id, Arc::new(key));
    }

    fn update(&mut self, key: &ApiKey) -> StorageResult<()> {
        let stored = self.keys.get(&key.id).filter(|stored| stored.version == key.version - 1);
        let Some(stored) = stored.cloned() else { return Err(StorageError::Stale) };
        self.by_prefix.remove(&stored.prefix);
        self.by_creation.remove(&(micros(stored.created_at), stored.id));
        self.put(ApiKey { last_used_at: stored.last_used_at, ..key.clone() });
        Ok(())
    }

    fn list(&self, page: &PageRequest) -> StorageResult<Page<ApiKey>> {
        let until = match time_of(page.after.as_ref())? {
            Some(after) => Bound::Excluded((after.head, ApiKeyId::from_uuid(after.id))),
            None => Bound::Unbounded,
        };
        let places = self.by_creation.range((Bound::Unbounded, until)).rev();
        let keys = places.filter_map(|(_, id)| self.keys.get(id));
        let want = usize::from(page.limit.get()) + 1;
        let keys = keys.take(want).map(|key| (**key).clone()).collect();
        Ok(Page::from_rows(keys, page.limit, |key: &ApiKey| {
            Cursor::at_time(key.created_at, key.id.as_uuid())
        }))
    }

    fn touch(&mut self, id: ApiKeyId, at: DateTime<Utc>) {
        if let Some(key) = self.keys.get_mut(&id).filter(|key| key.last_used_at < Some(at)) {
            Arc::make_mut(key).last_used_at = Some(at);
        }
    }
}

#[async_trait]
impl ApiKeyRepository for MemoryUnit {
    async fn insert(&mut self, key: &ApiKey) -> StorageResult<()> {
        self.change()?.api_keys.insert(key)
    }

    async fn find_many(&mut self, ids: &[ApiKeyId]) -> StorageResult<Vec<ApiKey>> {
        let keys = &self.state().api_keys.keys;
        let found = distinct(ids).into_iter().filter_map(|id| keys.get(&id));
        Ok(found.map(|key| (**key).clone()).collect())
    }

    async fn find_by_prefix(&mut self, prefix: &str) -> StorageResult<Option<ApiKey>> {
        let table = &self.state().api_keys;
        let key = table.by_prefix.get(prefix).and_then(|id| table.keys.get(id));
        Ok(key.map(|key| (**key).clone()))
    }

    async fn update(&mut self, key: &ApiKey) -> StorageResult<()> {
        self.change()?.api_keys.update(key)
    }

    async fn list(&mut self, page: &PageRequest) -> StorageResult<Page<ApiKey>> {
        self.state().api_keys.list(page)
    }

    async fn touch_many(&mut self, seen: &[(ApiKeyId, DateTime<Utc>)]) -> StorageResult<()> {
        let table = &mut self.change()?.api_keys;
        for (id, at) in seen {
            table.touch(*id, *at);
        }
        Ok(())
    }
}
