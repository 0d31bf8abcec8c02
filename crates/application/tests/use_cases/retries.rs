//! A busy storage is asked again; a commit whose answer got lost is not.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use systemprompt_users_application::UserService;
use systemprompt_users_domain::{
    ApiKeyRepository, BannedIpRepository, ChangeSignal, CreateUserParams, EventLog,
    IdempotencyRepository, JobRepository, LockKey, SessionRepository, SignInLinkRepository,
    Storage, StorageError, StorageResult, UnitOfWork, UserError, UserRepository,
};
use systemprompt_users_memory::MemoryStorage;

/// A storage whose first calls fail.
#[derive(Clone)]
struct Failing {
    inner: MemoryStorage,
    busy: Arc<AtomicUsize>,
    lost_commits: Arc<AtomicUsize>,
}

/// Takes one from a counter; whether there was one.
fn take(counter: &AtomicUsize) -> bool {
    counter.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
}

fn unavailable() -> StorageError {
    StorageError::Unavailable("busy".into())
}

#[async_trait]
impl Storage for Failing {
    async fn read(&self) -> StorageResult<Box<dyn UnitOfWork>> {
        self.inner.read().await
    }

    async fn write(&self) -> StorageResult<Box<dyn UnitOfWork>> {
        if take(&self.busy) {
            return Err(unavailable());
        }
        let unit = self.inner.write().await?;
        Ok(Box::new(LossyUnit { unit, lost_commits: Arc::clone(&self.lost_commits) }))
    }

    async fn signal(&self) -> StorageResult<Box<dyn ChangeSignal>> {
        self.inner.signal().await
    }
}

/// Commits, and then says that it does not know.
struct LossyUnit {
    unit: Box<dyn UnitOfWork>,
    lost_commits: Arc<AtomicUsize>,
}

#[async_trait]
impl UnitOfWork for LossyUnit {
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
        self.unit.commit().await?;
        if take(&self.lost_commits) { Err(unavailable()) } else { Ok(()) }
    }
}

fn failing(busy: usize, lost_commits: usize) -> Failing {
    Failing {
        inner: MemoryStorage::new(),
        busy: Arc::new(AtomicUsize::new(busy)),
        lost_commits: Arc::new(AtomicUsize::new(lost_commits)),
    }
}

#[tokio::test(start_paused = true)]
async fn a_busy_storage_is_asked_again() {
    let users = UserService::new(&failing(3, 0)).unwrap();
    users.create(&CreateUserParams::new("ada", "ada@example.com")).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn but_not_for_ever() {
    let storage = failing(100, 0);
    let users = UserService::new(&storage).unwrap();
    let error = users.create(&CreateUserParams::new("ada", "ada@example.com")).await.unwrap_err();
    assert!(error.is_retryable(), "{error:?}");
    assert_eq!(storage.busy.load(Ordering::SeqCst), 96, "four attempts");
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_to_a_commit_is_told_and_not_tried_again() {
    let users = UserService::new(&failing(0, 1)).unwrap();
    let error = users.create(&CreateUserParams::new("ada", "ada@example.com")).await.unwrap_err();
    assert!(matches!(&error, UserError::Storage(_)) && !error.is_retryable(), "{error:?}");
    assert!(users.find_by_name("ada").await.unwrap().is_some(), "it took place all the same");
}
