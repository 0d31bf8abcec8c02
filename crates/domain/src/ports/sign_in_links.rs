//! The port for one-time links.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::{SignInLink, StorageResult, TokenHash};

/// Keeps one-time links until they are used. They go with their user.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait SignInLinkRepository: Send {
    /// Stores a new link of a stored user.
    ///
    /// # Errors
    /// `Conflict` when its token is taken. It MUST leave the unit usable.
    async fn insert(&mut self, link: &SignInLink) -> StorageResult<()>;

    /// Removes the link of that token and answers with it, unless it has expired at `now`. Of units that ask
    /// at once exactly one MUST get it; when that one is dropped, another one can get it.
    async fn take(
        &mut self,
        token: &TokenHash,
        now: DateTime<Utc>,
    ) -> StorageResult<Option<SignInLink>>;

    /// Removes up to `limit` links that expired before `before`, those first that expired first; ties MUST go by the
    /// hash of the token. Answers how many.
    async fn delete_expired(&mut self, before: DateTime<Utc>, limit: u16) -> StorageResult<u64>;
}
