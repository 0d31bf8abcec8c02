//! The port for API keys.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::{ApiKey, ApiKeyId, Page, PageRequest, StorageResult};

/// Keeps API keys. None is ever removed.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait ApiKeyRepository: Send {
    /// Stores a new key.
    ///
    /// # Errors
    /// `Conflict` when its id or prefix is taken, also by a unit that commits meanwhile. It MUST leave the
    /// unit usable.
    async fn insert(&mut self, key: &ApiKey) -> StorageResult<()>;

    /// Keys by id, usable or not, in any order; unknown ids are left out, doubles count once.
    async fn find_many(&mut self, ids: &[ApiKeyId]) -> StorageResult<Vec<ApiKey>>;

    /// The key of exactly that prefix, usable or not.
    async fn find_by_prefix(&mut self, prefix: &str) -> StorageResult<Option<ApiKey>>;

    /// Replaces a stored key by this one, but for `last_used_at`, which MUST stay as it is stored.
    ///
    /// # Errors
    /// `Stale` unless it is stored with `version` one less than it has here; also when a unit that commits
    /// meanwhile was first. It MUST leave the unit usable and nothing changed.
    async fn update(&mut self, key: &ApiKey) -> StorageResult<()>;

    /// A page of keys, made last first, by `created_at` and id.
    async fn list(&mut self, page: &PageRequest) -> StorageResult<Page<ApiKey>>;

    /// Moves `last_used_at` of these keys up to the time given, never back; unknown ids are passed over. It
    /// is no change: `version` MUST stay. MUST NOT make a round trip per key.
    async fn touch_many(&mut self, seen: &[(ApiKeyId, DateTime<Utc>)]) -> StorageResult<()>;
}
