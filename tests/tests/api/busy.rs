//! A storage that is busy: use cases are begun again a bounded number of times, commits never.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use systemprompt_users::{
    BanDuration, BanIpParams, ChangeSignal, CreateUserParams, MergeOptions, Storage, StorageError,
    StorageResult, UnitOfWork, UserError, UserFilter, UserRole, UserService, UserStatus,
};
use systemprompt_users_tests::{Host, on_every_backend};

on_every_backend! {
    a_busy_storage_is_asked_again,
    a_storage_that_stays_busy_is_given_up,
}

/// A storage whose next writes are refused.
#[derive(Clone)]
struct Busy {
    storage: Arc<dyn Storage>,
    refusals: Arc<AtomicUsize>,
}

#[async_trait]
impl Storage for Busy {
    async fn read(&self) -> StorageResult<Box<dyn UnitOfWork>> {
        self.storage.read().await
    }

    async fn write(&self) -> StorageResult<Box<dyn UnitOfWork>> {
        let left = |left: usize| left.checked_sub(1);
        match self.refusals.fetch_update(Ordering::SeqCst, Ordering::SeqCst, left) {
            Ok(_) => Err(StorageError::Unavailable("busy".into())),
            Err(_) => self.storage.write().await,
        }
    }

    async fn signal(&self) -> StorageResult<Box<dyn ChangeSignal>> {
        self.storage.signal().await
    }
}

/// A host whose storage refuses as many writes as the counter says.
fn busy(host: &Host) -> (Host, Arc<AtomicUsize>) {
    let refusals: Arc<AtomicUsize> = Arc::default();
    let storage = Busy { storage: Arc::clone(&host.storage), refusals: Arc::clone(&refusals) };
    (Host::new(&storage), refusals)
}

async fn a_busy_storage_is_asked_again(host: &Host) {
    host.admin("root").await;
    let (host, refusals) = busy(host);
    macro_rules! check {
        ($call:expr) => {{
            refusals.store(3, Ordering::SeqCst);
            let answer = $call.await.unwrap();
            assert_eq!(refusals.load(Ordering::SeqCst), 0, stringify!($call));
            answer
        }};
    }
    let ada = check!(host.users.create(&CreateUserParams::new("ada", "ada@example.com"))).id;
    let bob = check!(host.users.create(&CreateUserParams::new("bob", "bob@example.com"))).id;
    check!(host.users.update_full_name(ada, Some("Ada")));
    check!(host.users.assign_role(ada, UserRole::Admin));
    check!(host.users.revoke_role(ada, UserRole::Admin));
    let session = check!(host.sessions.create(ada, &Default::default())).session.id;
    check!(host.sessions.touch(session));
    check!(host.users.find_or_create_anonymous("browser"));
    // Whoever comes back is found, though the visit can't be noted at once.
    host.clock.advance(chrono::Duration::hours(2));
    check!(host.users.find_or_create_anonymous("browser"));
    check!(host.users.bulk_update_status(&[ada, bob], UserStatus::Suspended));
    check!(host.users.merge_users(bob, ada, MergeOptions::default()));
    check!(host.users.delete(ada));
    check!(host.users.purge(ada));
    check!(host.bans.ban_ip(&BanIpParams::new("192.0.2.1", BanDuration::Permanent)));
    check!(host.bans.unban_ip("192.0.2.1", None));
    check!(host.bans.allow("10.0.0.0/8", None));
}

async fn a_storage_that_stays_busy_is_given_up(host: &Host) {
    let (busy, refusals) = busy(host);
    let users: UserService = busy.users;
    refusals.store(100, Ordering::SeqCst);
    let refused = users.create(&CreateUserParams::new("ada", "ada@example.com")).await;
    let error = refused.unwrap_err();
    assert!(matches!(&error, UserError::Storage(StorageError::Unavailable(_))), "{error:?}");
    assert!(error.is_retryable());
    let attempts = 100 - refusals.load(Ordering::SeqCst);
    assert!((2..=10).contains(&attempts), "{attempts}");
    assert_eq!(host.users.count(&UserFilter::default()).await.unwrap(), 0);
}
