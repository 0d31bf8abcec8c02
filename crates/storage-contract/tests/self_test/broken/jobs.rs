//! The runs of jobs, with a rule broken.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use systemprompt_users_domain::*;

use super::{BrokenUnit, Fault};

port! {
    JobRepository by jobs {
        renew(run: JobRunId, host: &str, attempt: u32, lease_until: DateTime<Utc>) -> bool;
        finish(run: &JobRun) -> bool;
        list(filter: &JobRunFilter, page: &PageRequest) -> Page<JobRun>;
        last_scheduled(job: &str) -> Option<DateTime<Utc>>;
        delete_ended(before: DateTime<Utc>, limit: u16) -> u64;
    }

    async fn start(&mut self, run: &JobRun) -> StorageResult<bool> {
        let started = self.unit.jobs().start(run).await?;
        Ok(started || self.fault == Some(Fault::StartsTwice))
    }

    async fn take_over(
        &mut self,
        job: &str,
        host: &str,
        now: DateTime<Utc>,
        lease_until: DateTime<Utc>,
    ) -> StorageResult<Option<JobRun>> {
        let early = self.fault == Some(Fault::TakesOverEarly);
        let now = if early { now + chrono::Duration::hours(1) } else { now };
        self.unit.jobs().take_over(job, host, now, lease_until).await
    }
}
