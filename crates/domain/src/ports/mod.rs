//! The ports: the least that a backend, or a consumer's test double, must do.

mod api_keys;
mod bans;
mod events;
mod idempotency;
mod jobs;
#[cfg(feature = "mock")]
mod mock;
mod providers;
mod sessions;
mod sign_in_links;
mod signal;
mod storage;
mod users;

pub use api_keys::ApiKeyRepository;
pub use bans::BannedIpRepository;
pub use events::EventLog;
pub use idempotency::IdempotencyRepository;
pub use jobs::JobRepository;
pub use providers::{RoleProvider, UserProvider};
pub use sessions::SessionRepository;
pub use sign_in_links::SignInLinkRepository;
pub use signal::ChangeSignal;
pub use storage::{LockKey, Storage, UnitOfWork};
pub use users::{InsertOutcome, UserRepository};
#[cfg(feature = "mock")]
pub use {
    api_keys::MockApiKeyRepository,
    bans::MockBannedIpRepository,
    events::MockEventLog,
    idempotency::MockIdempotencyRepository,
    jobs::MockJobRepository,
    mock::{MockStorage, MockUnitOfWork},
    providers::{MockRoleProvider, MockUserProvider},
    sessions::MockSessionRepository,
    sign_in_links::MockSignInLinkRepository,
    signal::MockChangeSignal,
    users::MockUserRepository,
};
