//! A storage whose time and failures are counted.

use std::time::Instant;

use async_trait::async_trait;
use metrics::{counter, histogram};
use systemprompt_users_domain::{
    ApiKeyRepository, BannedIpRepository, ChangeSignal, EventLog, IdempotencyRepository,
    JobRepository, LockKey, SessionRepository, SignInLinkRepository, Storage, StorageError,
    StorageResult, UnitOfWork, UserRepository,
};

/// Counts what any storage does, for `/metrics`: how long units of work were open, in which nothing slow but the
/// storage happens, and what failed as they were opened and committed.
#[derive(Debug, Clone)]
pub struct MeteredStorage<S> {
    storage: S,
}

impl<S> MeteredStorage<S> {
    /// Around `storage`.
    pub const fn new(storage: S) -> Self {
        Self { storage }
    }
}

#[async_trait]
impl<S: Storage> Storage for MeteredStorage<S> {
    async fn read(&self) -> StorageResult<Box<dyn UnitOfWork>> {
        let begun = Instant::now();
        let unit = counted("read", self.storage.read().await)?;
        Ok(Box::new(MeteredUnit { unit, _stopwatch: Stopwatch { what: "read", begun } }))
    }

    async fn read_lagging(&self) -> StorageResult<Box<dyn UnitOfWork>> {
        let begun = Instant::now();
        let unit = counted("read_lagging", self.storage.read_lagging().await)?;
        Ok(Box::new(MeteredUnit { unit, _stopwatch: Stopwatch { what: "read_lagging", begun } }))
    }

    async fn write(&self) -> StorageResult<Box<dyn UnitOfWork>> {
        let begun = Instant::now();
        let unit = counted("write", self.storage.write().await)?;
        Ok(Box::new(MeteredUnit { unit, _stopwatch: Stopwatch { what: "write", begun } }))
    }

    async fn signal(&self) -> StorageResult<Box<dyn ChangeSignal>> {
        counted("signal", self.storage.signal().await)
    }
}

struct MeteredUnit {
    unit: Box<dyn UnitOfWork>,
    _stopwatch: Stopwatch,
}

/// Notes the time when it is dropped.
struct Stopwatch {
    what: &'static str,
    begun: Instant,
}

impl Drop for Stopwatch {
    fn drop(&mut self) {
        histogram!("users_storage_seconds", "what" => self.what)
            .record(self.begun.elapsed().as_secs_f64());
    }
}

#[async_trait]
impl UnitOfWork for MeteredUnit {
    fn users(&mut self) -> &mut dyn UserRepository {
        self.unit.users()
    }

    fn sessions(&mut self) -> &mut dyn SessionRepository {
        self.unit.sessions()
    }

    fn bans(&mut self) -> &mut dyn BannedIpRepository {
        self.unit.bans()
    }

    fn events(&mut self) -> &mut dyn EventLog {
        self.unit.events()
    }

    fn jobs(&mut self) -> &mut dyn JobRepository {
        self.unit.jobs()
    }

    fn api_keys(&mut self) -> &mut dyn ApiKeyRepository {
        self.unit.api_keys()
    }

    fn sign_in_links(&mut self) -> &mut dyn SignInLinkRepository {
        self.unit.sign_in_links()
    }

    fn idempotency(&mut self) -> &mut dyn IdempotencyRepository {
        self.unit.idempotency()
    }

    async fn lock(&mut self, key: LockKey) -> StorageResult<()> {
        self.unit.lock(key).await
    }

    async fn commit(self: Box<Self>) -> StorageResult<()> {
        // The stopwatch runs until the answer is there.
        let Self { unit, _stopwatch } = *self;
        counted("commit", unit.commit().await)
    }
}

fn counted<T>(what: &'static str, result: StorageResult<T>) -> StorageResult<T> {
    if result.is_ok() {
        crate::outage::STORAGE.answered();
    }
    if let Err(error) = &result {
        let kind = match error {
            StorageError::Unavailable(_) => "unavailable",
            StorageError::Conflict { .. } | StorageError::Stale => "conflict",
            _ => "other",
        };
        counter!("users_storage_errors_total", "what" => what, "kind" => kind).increment(1);
    }
    result
}
