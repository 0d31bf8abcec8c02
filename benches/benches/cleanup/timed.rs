//! A storage that notes how long each of its units for writing was open.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use systemprompt_users::{
    ApiKeyRepository, BannedIpRepository, ChangeSignal, DbPool, EventLog, IdempotencyRepository,
    JobRepository, LockKey, SessionRepository, SignInLinkRepository, Storage, StorageResult,
    UnitOfWork, UserRepository,
};

type Times = Arc<Mutex<Vec<Duration>>>;

/// The storage.
#[derive(Clone)]
pub(crate) struct TimedStorage {
    pool: DbPool,
    times: Times,
}

impl TimedStorage {
    pub(crate) fn new(pool: DbPool) -> Self {
        Self { pool, times: Times::default() }
    }

    /// The times since it was asked last.
    pub(crate) fn take(&self) -> Vec<Duration> {
        std::mem::take(&mut *self.times.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait::async_trait]
impl Storage for TimedStorage {
    async fn read(&self) -> StorageResult<Box<dyn UnitOfWork>> {
        self.pool.read().await
    }

    async fn read_lagging(&self) -> StorageResult<Box<dyn UnitOfWork>> {
        self.pool.read_lagging().await
    }

    async fn write(&self) -> StorageResult<Box<dyn UnitOfWork>> {
        let unit = self.pool.write().await?;
        let stopwatch = Stopwatch { began: Instant::now(), times: Arc::clone(&self.times) };
        Ok(Box::new(TimedUnit { unit, stopwatch }))
    }

    async fn signal(&self) -> StorageResult<Box<dyn ChangeSignal>> {
        self.pool.signal().await
    }
}

struct TimedUnit {
    unit: Box<dyn UnitOfWork>,
    stopwatch: Stopwatch,
}

/// Notes the time when it is dropped.
struct Stopwatch {
    began: Instant,
    times: Times,
}

impl Drop for Stopwatch {
    fn drop(&mut self) {
        let time = self.began.elapsed();
        self.times.lock().unwrap_or_else(PoisonError::into_inner).push(time);
    }
}

#[async_trait::async_trait]
impl UnitOfWork for TimedUnit {
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
        // It runs until the answer is there.
        let Self { unit, stopwatch } = *self;
        let committed = unit.commit().await;
        drop(stopwatch);
        committed
    }
}
