//! The ports: the least that a backend, or a consumer's test double, must do.

mod bans;
mod events;
mod jobs;
#[cfg(feature = "mock")]
mod mock;
mod providers;
mod sessions;
mod storage;
mod users;

pub use bans::BannedIpRepository;
pub use events::EventLog;
pub use jobs::JobRepository;
pub use providers::{RoleProvider, UserProvider};
pub use sessions::SessionRepository;
pub use storage::{LockKey, Storage, UnitOfWork};
pub use users::{InsertOutcome, UserRepository};
#[cfg(feature = "mock")]
pub use {
    bans::MockBannedIpRepository,
    events::MockEventLog,
    jobs::MockJobRepository,
    mock::{MockStorage, MockUnitOfWork},
    providers::{MockRoleProvider, MockUserProvider},
    sessions::MockSessionRepository,
    users::MockUserRepository,
};
