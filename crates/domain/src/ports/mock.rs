//! A storage for a consumer's unit tests, set up in three lines.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use crate::{
    ApiKeyRepository, BannedIpRepository, ChangeSignal, EventLog, IdempotencyRepository,
    JobRepository, LockKey, MockApiKeyRepository, MockBannedIpRepository, MockEventLog,
    MockIdempotencyRepository, MockJobRepository, MockSessionRepository, MockSignInLinkRepository,
    MockUserRepository, SessionRepository, SignInLinkRepository, Storage, StorageError,
    StorageResult, UnitOfWork, UserRepository,
};

/// A unit of work whose repositories are mocks: set expectations on the fields.
#[derive(Default)]
pub struct MockUnitOfWork {
    /// Users.
    pub users: MockUserRepository,
    /// Sessions.
    pub sessions: MockSessionRepository,
    /// Bans.
    pub bans: MockBannedIpRepository,
    /// Events.
    pub events: MockEventLog,
    /// Runs of jobs.
    pub jobs: MockJobRepository,
    /// API keys.
    pub api_keys: MockApiKeyRepository,
    /// One-time links.
    pub sign_in_links: MockSignInLinkRepository,
    /// Requests that are done once.
    pub idempotency: MockIdempotencyRepository,
    commits: Arc<AtomicUsize>,
}

/// A storage that hands out prepared units, one for each `read`, `read_lagging` or `write`, in order.
///
/// ```
/// use systemprompt_users_domain::{MockStorage, MockUnitOfWork, Storage};
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let mut unit = MockUnitOfWork::default();
/// unit.users.expect_find_by_emails().returning(|_| Ok(vec![]));
/// let storage = MockStorage::of([unit]);
/// # let email = systemprompt_users_domain::Email::parse("a@b.example").unwrap();
/// assert!(storage.read().await.unwrap().users().find_by_emails(&[email]).await.unwrap().is_empty());
/// assert!(storage.read_lagging().await.is_err(), "one unit was prepared, not two");
/// # }
/// ```
#[derive(Clone, Default)]
pub struct MockStorage {
    units: Arc<Mutex<VecDeque<MockUnitOfWork>>>,
    commits: Arc<AtomicUsize>,
}

impl MockStorage {
    /// A storage of these units.
    pub fn of(units: impl IntoIterator<Item = MockUnitOfWork>) -> Self {
        Self { units: Arc::new(Mutex::new(units.into_iter().collect())), commits: Arc::default() }
    }

    /// How many units have been committed.
    pub fn commits(&self) -> usize {
        self.commits.load(Ordering::SeqCst)
    }

    fn next(&self) -> StorageResult<Box<dyn UnitOfWork>> {
        let next = self.units.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let mut unit = next.ok_or_else(|| {
            StorageError::Other("no unit of work was prepared for this call".into())
        })?;
        unit.commits = Arc::clone(&self.commits);
        Ok(Box::new(unit))
    }
}

#[async_trait]
impl Storage for MockStorage {
    async fn read(&self) -> StorageResult<Box<dyn UnitOfWork>> {
        self.next()
    }

    async fn write(&self) -> StorageResult<Box<dyn UnitOfWork>> {
        self.next()
    }

    async fn signal(&self) -> StorageResult<Box<dyn ChangeSignal>> {
        Err(StorageError::Other("a storage of prepared units rings no alarm".into()))
    }
}

#[async_trait]
impl UnitOfWork for MockUnitOfWork {
    fn users(&mut self) -> &mut dyn UserRepository {
        &mut self.users
    }

    fn sessions(&mut self) -> &mut dyn SessionRepository {
        &mut self.sessions
    }

    fn bans(&mut self) -> &mut dyn BannedIpRepository {
        &mut self.bans
    }

    fn events(&mut self) -> &mut dyn EventLog {
        &mut self.events
    }

    fn jobs(&mut self) -> &mut dyn JobRepository {
        &mut self.jobs
    }

    fn api_keys(&mut self) -> &mut dyn ApiKeyRepository {
        &mut self.api_keys
    }

    fn sign_in_links(&mut self) -> &mut dyn SignInLinkRepository {
        &mut self.sign_in_links
    }

    fn idempotency(&mut self) -> &mut dyn IdempotencyRepository {
        &mut self.idempotency
    }

    async fn lock(&mut self, _key: LockKey) -> StorageResult<()> {
        Ok(())
    }

    async fn commit(self: Box<Self>) -> StorageResult<()> {
        self.commits.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}
