//! The port for the runs of jobs.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use systemprompt_users_domain::{
    JobRepository, JobRun, JobRunFilter, JobRunId, Page, PageRequest, StorageResult,
};

use crate::storage::MemoryUnit;

#[async_trait]
impl JobRepository for MemoryUnit {
    async fn start(&mut self, run: &JobRun) -> StorageResult<bool> {
        self.change()?.jobs.start(run)
    }

    async fn take_over(
        &mut self,
        job: &str,
        host: &str,
        now: DateTime<Utc>,
        lease_until: DateTime<Utc>,
    ) -> StorageResult<Option<JobRun>> {
        Ok(self.change()?.jobs.take_over(job, host, now, lease_until))
    }

    async fn renew(
        &mut self,
        run: JobRunId,
        host: &str,
        attempt: u32,
        lease_until: DateTime<Utc>,
    ) -> StorageResult<bool> {
        Ok(self.change()?.jobs.renew(run, host, attempt, lease_until))
    }

    async fn finish(&mut self, run: &JobRun) -> StorageResult<bool> {
        Ok(self.change()?.jobs.finish(run))
    }

    async fn list(
        &mut self,
        filter: &JobRunFilter,
        page: &PageRequest,
    ) -> StorageResult<Page<JobRun>> {
        self.state().jobs.list(filter, page)
    }

    async fn last_scheduled(&mut self, job: &str) -> StorageResult<Option<DateTime<Utc>>> {
        Ok(self.state().jobs.last_scheduled(job))
    }

    async fn delete_ended(&mut self, before: DateTime<Utc>, limit: u16) -> StorageResult<u64> {
        Ok(self.change()?.jobs.delete_ended(before, limit))
    }
}
