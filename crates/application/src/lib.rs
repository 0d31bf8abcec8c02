#![doc = include_str!("../README.md")]

mod access;
mod admin;
mod bans;
mod context;
mod doctor;
mod enforcer;
mod events;
mod jobs;
mod sessions;
mod steady;
mod system;
mod users;

pub use access::{ApiKeyService, IdempotencyService, SignInLinkService};
pub use admin::UserAdminService;
pub use bans::{
    BanImpact, BanService, BulkBanItem, BulkBanOutcome, CleanedBans, WIDE_IPV4_PREFIX,
    WIDE_IPV6_PREFIX,
};
pub use context::Context;
pub use doctor::{Doctor, Finding, Invariant};
pub use enforcer::{
    Access, Decision, Denial, DenyReason, Enforcer, EnforcerOptions, EnforcerStats, Requirement,
    WhenBehind,
};
pub use events::EventService;
#[doc(hidden)]
pub use inventory;
pub use jobs::{
    CleanupAccessJob, CleanupAnonymousUsersJob, CleanupBansJob, CleanupHistoryJob,
    CleanupSessionsJob, JobInfo, JobRegistration, JobRunner, PurgeDeletedUsersJob, RunnerOptions,
    registered_jobs,
};
pub use sessions::{AuthenticatedSession, CleanedSessions, SessionService};
pub use system::{SystemClock, SystemEntropy};
pub use users::{
    EnsureResult, ImportItem, ImportRow, MAX_BULK_ITEMS, Rehearsal, UserProviderImpl, UserService,
};
