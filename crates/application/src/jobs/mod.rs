//! Scheduled jobs: which there are, when they are due, and who runs them.

mod builtin;
mod pace;
mod registry;
mod run;
mod runner;
mod schedule;

pub use builtin::{
    CleanupAccessJob, CleanupAnonymousUsersJob, CleanupBansJob, CleanupHistoryJob,
    CleanupSessionsJob, PurgeDeletedUsersJob,
};
pub use registry::{JobRegistration, registered_jobs};
pub use runner::{JobInfo, JobRunner, RunnerOptions};
