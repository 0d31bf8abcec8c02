//! The port for the runs of jobs.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::{JobRun, JobRunFilter, JobRunId, Page, PageRequest, StorageResult};

/// Keeps the runs of jobs, so that one host runs a job that is due.
///
/// Names of jobs and hosts are checked by [`crate::check_job_text`].
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait JobRepository: Send {
    /// Stores a new run. Answers `false`, and stores nothing, when a run of that job, trigger and
    /// scheduled time is there already: another host was first, also when both ask at once.
    async fn start(&mut self, run: &JobRun) -> StorageResult<bool>;

    /// Gives `host` one run of `job` that is not ended and whose lease was until `now` or earlier, the oldest
    /// first: `started_at` becomes `now`, `attempts` one more. Of hosts that ask at once, one gets it.
    async fn take_over(
        &mut self,
        job: &str,
        host: &str,
        now: DateTime<Utc>,
        lease_until: DateTime<Utc>,
    ) -> StorageResult<Option<JobRun>>;

    /// Prolongs the lease. Answers `false` when the run is ended, or is another host's or attempt's by now.
    async fn renew(
        &mut self,
        run: JobRunId,
        host: &str,
        attempt: u32,
        lease_until: DateTime<Utc>,
    ) -> StorageResult<bool>;

    /// Stores the end of a run: `ended_at`, `outcome`, `report` and `error` of `run`. Answers `false`, and
    /// stores nothing, when the run is ended, or is another host's or attempt's by now. What [`JobRun::end`] makes of
    /// a result MUST be storable.
    async fn finish(&mut self, run: &JobRun) -> StorageResult<bool>;

    /// A page of runs, begun last first, by `started_at` and id.
    async fn list(
        &mut self,
        filter: &JobRunFilter,
        page: &PageRequest,
    ) -> StorageResult<Page<JobRun>>;

    /// The latest scheduled time of `job`; `None` when it never ran by its schedule.
    async fn last_scheduled(&mut self, job: &str) -> StorageResult<Option<DateTime<Utc>>>;

    /// Removes up to `limit` runs that ended before `before`, but never the latest scheduled run of a job; those ended
    /// longest first, and ties MUST go by id. Answers how many.
    async fn delete_ended(&mut self, before: DateTime<Utc>, limit: u16) -> StorageResult<u64>;
}
