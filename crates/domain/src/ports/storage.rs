//! The storage and its unit of work.

use std::sync::Arc;

use async_trait::async_trait;

use crate::{
    ApiKeyRepository, BannedIpRepository, ChangeSignal, EventLog, Fingerprint,
    IdempotencyRepository, JobRepository, SessionRepository, SignInLinkRepository, StorageResult,
    UserRepository,
};

/// A backend. It is a handle: a clone speaks to the same data.
///
/// What reaches it is storable: no text that the domain or a service hands on holds U+0000 or is longer than its field
/// may be, and every time is in whole microseconds from the year 1 on ([`crate::storable_time`],
/// [`crate::bound_of`]). A cursor is of the list that is asked for ([`crate::PagedList`]).
#[async_trait]
pub trait Storage: Send + Sync {
    /// Opens a unit for reading.
    ///
    /// - Each method of its repositories MUST see a committed state; two of them MAY see different ones.
    /// - It MUST NOT wait for a unit that writes.
    /// - Methods that change something MUST fail.
    async fn read(&self) -> StorageResult<Box<dyn UnitOfWork>>;

    /// Opens a unit for reading what may be of the past: a backend MAY answer from a copy that lags behind, and by
    /// itself answers as [`read`](Self::read) does.
    ///
    /// It is for lists, searches, counts, statistics and exports. Whatever something is decided by is never asked
    /// here: may this request go on, is this token valid, what does this change begin from, is there an admin
    /// already, is the data sound.
    ///
    /// - Each method of its repositories MUST see a committed state, which MAY be one from before a commit that the
    ///   caller has made; two of them MAY see different ones, the later one the older state.
    /// - It MUST NOT wait for a unit that writes.
    /// - Methods that change something MUST fail.
    async fn read_lagging(&self) -> StorageResult<Box<dyn UnitOfWork>> {
        self.read().await
    }

    /// Opens a unit for writing.
    ///
    /// - It MUST see its own changes, and what others have committed before it reads a row under a lock.
    /// - Nobody else MUST see its changes before [`UnitOfWork::commit`]; then everybody sees all of them.
    /// - Dropped without a commit, it MUST leave nothing behind, and MUST release every lock.
    /// - A backend MAY let one unit write at a time. Whoever waits for another unit MUST get
    ///   `Unavailable` after a bounded time.
    async fn write(&self) -> StorageResult<Box<dyn UnitOfWork>>;

    /// Makes an alarm that rings when something is committed from now on.
    async fn signal(&self) -> StorageResult<Box<dyn ChangeSignal>>;
}

#[async_trait]
impl<S: Storage + ?Sized> Storage for Arc<S> {
    async fn read(&self) -> StorageResult<Box<dyn UnitOfWork>> {
        (**self).read().await
    }

    async fn read_lagging(&self) -> StorageResult<Box<dyn UnitOfWork>> {
        (**self).read_lagging().await
    }

    async fn write(&self) -> StorageResult<Box<dyn UnitOfWork>> {
        (**self).write().await
    }

    async fn signal(&self) -> StorageResult<Box<dyn ChangeSignal>> {
        (**self).signal().await
    }
}

/// Changes that take place together or not at all. Dropped is rolled back.
#[async_trait]
pub trait UnitOfWork: Send {
    /// Users.
    fn users(&mut self) -> &mut dyn UserRepository;

    /// Sessions.
    fn sessions(&mut self) -> &mut dyn SessionRepository;

    /// Bans and the allow-list.
    fn bans(&mut self) -> &mut dyn BannedIpRepository;

    /// The log of events.
    fn events(&mut self) -> &mut dyn EventLog;

    /// The runs of jobs.
    fn jobs(&mut self) -> &mut dyn JobRepository;

    /// API keys.
    fn api_keys(&mut self) -> &mut dyn ApiKeyRepository;

    /// One-time links.
    fn sign_in_links(&mut self) -> &mut dyn SignInLinkRepository;

    /// Requests that are done once.
    fn idempotency(&mut self) -> &mut dyn IdempotencyRepository;

    /// Holds `key` until this unit ends.
    ///
    /// - While it is held, another unit that asks for the same key MUST wait until this one has ended,
    ///   and MUST then see what this one has committed.
    /// - A unit MAY ask for a key that it holds.
    async fn lock(&mut self, key: LockKey) -> StorageResult<()>;

    /// Makes the changes durable and visible.
    ///
    /// # Errors
    /// `Unavailable` when the same unit may succeed if it is done again from the start. After any error
    /// none of its changes is visible, unless the connection broke while the answer was under way.
    async fn commit(self: Box<Self>) -> StorageResult<()>;
}

/// What only one unit at a time may decide on. Units that take several take them in this order, and
/// before they lock users.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum LockKey {
    /// Who the last active admin is.
    Admins,
    /// The ledgers of bans and the allow-list.
    Bans,
    /// Which anonymous user a fingerprint stands for.
    Fingerprint(Fingerprint),
}
