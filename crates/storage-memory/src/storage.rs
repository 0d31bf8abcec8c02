//! The storage and its unit of work.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use async_trait::async_trait;
use systemprompt_users_domain::{
    ApiKeyRepository, BannedIpRepository, ChangeSignal, EventLog, IdempotencyRepository,
    JobRepository, LockKey, SessionRepository, SignInLinkRepository, Storage, StorageError,
    StorageResult, UnitOfWork, UserRepository,
};
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::signal::Bell;
use crate::state::State;

/// Users, sessions, bans, events and job runs in the memory of this process.
///
/// A clone speaks to the same data, which lives as long as the last clone. See the crate's own page for
/// what it costs.
#[derive(Clone, Default)]
pub struct MemoryStorage {
    shared: Arc<Shared>,
}

/// What a [`MemoryStorage`] can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryOptions {
    /// How long a unit that wants to write waits for the one that does, before it gets `Unavailable`.
    pub write_timeout: Duration,
}

impl Default for MemoryOptions {
    /// Ten seconds.
    fn default() -> Self {
        Self { write_timeout: Duration::from_secs(10) }
    }
}

impl MemoryStorage {
    /// An empty storage.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty storage with other options.
    pub fn with_options(options: MemoryOptions) -> Self {
        Self { shared: Arc::new(Shared { options, ..Shared::default() }) }
    }
}

impl std::fmt::Debug for MemoryStorage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryStorage")
            .field("options", &self.shared.options)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Storage for MemoryStorage {
    async fn read(&self) -> StorageResult<Box<dyn UnitOfWork>> {
        Ok(Box::new(MemoryUnit { state: self.shared.current.load_full(), writer: None }))
    }

    async fn write(&self) -> StorageResult<Box<dyn UnitOfWork>> {
        let turn = self.shared.take_turn().await?;
        let writer = Writer { shared: Arc::clone(&self.shared), _turn: turn };
        Ok(Box::new(MemoryUnit { state: self.shared.current.load_full(), writer: Some(writer) }))
    }

    async fn signal(&self) -> StorageResult<Box<dyn ChangeSignal>> {
        Ok(self.shared.bell.signal())
    }
}

#[derive(Default)]
struct Shared {
    current: ArcSwap<State>,
    turn: Arc<Mutex<()>>,
    bell: Bell,
    options: MemoryOptions,
}

impl Shared {
    async fn take_turn(&self) -> StorageResult<OwnedMutexGuard<()>> {
        if let Ok(turn) = Arc::clone(&self.turn).try_lock_owned() {
            return Ok(turn);
        }
        let limit = self.options.write_timeout;
        let turn = tokio::time::timeout(limit, Arc::clone(&self.turn).lock_owned()).await;
        turn.map_err(|_| {
            let message = format!("another unit of work has been writing for {limit:?}");
            StorageError::Unavailable(message.into())
        })
    }
}

/// A unit of work: a version of the state of its own. What it changes, nobody sees before the commit;
/// what others commit meanwhile, it does not see, and where it writes, there are no others.
pub(crate) struct MemoryUnit {
    state: Arc<State>,
    writer: Option<Writer>,
}

struct Writer {
    shared: Arc<Shared>,
    _turn: OwnedMutexGuard<()>,
}

impl MemoryUnit {
    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    /// The state to change: a copy that shares all but what is changed.
    pub(crate) fn change(&mut self) -> StorageResult<&mut State> {
        match self.writer {
            Some(_) => Ok(Arc::make_mut(&mut self.state)),
            None => Err(StorageError::Other("this unit of work was opened for reading".into())),
        }
    }
}

#[async_trait]
impl UnitOfWork for MemoryUnit {
    fn users(&mut self) -> &mut dyn UserRepository {
        self
    }

    fn sessions(&mut self) -> &mut dyn SessionRepository {
        self
    }

    fn bans(&mut self) -> &mut dyn BannedIpRepository {
        self
    }

    fn events(&mut self) -> &mut dyn EventLog {
        self
    }

    fn jobs(&mut self) -> &mut dyn JobRepository {
        self
    }

    fn api_keys(&mut self) -> &mut dyn ApiKeyRepository {
        self
    }

    fn sign_in_links(&mut self) -> &mut dyn SignInLinkRepository {
        self
    }

    fn idempotency(&mut self) -> &mut dyn IdempotencyRepository {
        self
    }

    /// One unit writes at a time, so whoever can ask holds every lock.
    async fn lock(&mut self, _key: LockKey) -> StorageResult<()> {
        self.change().map(drop)
    }

    async fn commit(self: Box<Self>) -> StorageResult<()> {
        let Self { state, writer } = *self;
        if let Some(writer) = writer {
            writer.shared.current.store(state);
            writer.shared.bell.ring();
        }
        Ok(())
    }
}
