//! The jobs that this library brings: each cleans up in small batches until there is nothing left.

use async_trait::async_trait;
use systemprompt_users_domain::{EventKind, Job, JobContext, JobError, JobReport, Result};

use crate::context::{moment_before, retry};
use crate::{
    BanService, Context, EventService, IdempotencyService, SessionService, SignInLinkService,
    UserService, register_job,
};

/// Deletes anonymous users without activity for the policy's `anonymous_retention`. Hourly.
#[derive(Debug, Clone, Copy, Default)]
pub struct CleanupAnonymousUsersJob;

/// Marks sessions that ran out as ended, and removes those over for the policy's `session_retention`.
#[derive(Debug, Clone, Copy, Default)]
pub struct CleanupSessionsJob;

/// Removes bans that were over for the policy's `ban_retention`.
#[derive(Debug, Clone, Copy, Default)]
pub struct CleanupBansJob;

/// Purges users deleted for the policy's `deleted_retention` and not on hold.
#[derive(Debug, Clone, Copy, Default)]
pub struct PurgeDeletedUsersJob;

/// Removes events and runs of jobs past their retention.
#[derive(Debug, Clone, Copy, Default)]
pub struct CleanupHistoryJob;

/// Removes one-time links that expired, and requests remembered for the policy's `idempotency_retention`.
#[derive(Debug, Clone, Copy, Default)]
pub struct CleanupAccessJob;

register_job!(CleanupAnonymousUsersJob);
register_job!(CleanupSessionsJob);
register_job!(CleanupBansJob);
register_job!(PurgeDeletedUsersJob);
register_job!(CleanupHistoryJob);
register_job!(CleanupAccessJob);

#[async_trait]
impl Job for CleanupAnonymousUsersJob {
    fn name(&self) -> &'static str {
        "cleanup_anonymous_users"
    }

    fn description(&self) -> &'static str {
        "Deletes anonymous users that have not been seen for a while and have no live session."
    }

    fn schedule(&self) -> &'static str {
        "0 * * * *"
    }

    async fn execute(&self, context: &JobContext) -> Result<JobReport, JobError> {
        let users = UserService::from(Context::of_job(context, self.name()));
        let retention = context.policy.anonymous_retention;
        let mut report = JobReport::default();
        in_batches(context, &mut report, "deleted", || users.cleanup_anonymous(retention)).await?;
        Ok(report)
    }
}

#[async_trait]
impl Job for CleanupSessionsJob {
    fn name(&self) -> &'static str {
        "cleanup_sessions"
    }

    fn description(&self) -> &'static str {
        "Marks sessions that ran out as ended and removes those that ended long ago."
    }

    fn schedule(&self) -> &'static str {
        "*/15 * * * *"
    }

    async fn execute(&self, context: &JobContext) -> Result<JobReport, JobError> {
        let sessions = SessionService::from(Context::of_job(context, self.name()));
        let mut report = JobReport::default();
        while !context.is_cancelled() {
            let cleaned = sessions.cleanup().await?;
            report.add("expired", cleaned.expired);
            report.add("deleted", cleaned.deleted);
            if cleaned.expired + cleaned.deleted == 0 {
                break;
            }
        }
        Ok(report)
    }
}

#[async_trait]
impl Job for CleanupBansJob {
    fn name(&self) -> &'static str {
        "cleanup_bans"
    }

    fn description(&self) -> &'static str {
        "Removes bans that were over long ago, with their history."
    }

    fn schedule(&self) -> &'static str {
        "30 * * * *"
    }

    async fn execute(&self, context: &JobContext) -> Result<JobReport, JobError> {
        let bans = BanService::from(Context::of_job(context, self.name()));
        let mut report = JobReport::default();
        in_batches(context, &mut report, "deleted", || async {
            Ok(bans.cleanup_expired().await?.deleted)
        })
        .await?;
        Ok(report)
    }
}

#[async_trait]
impl Job for PurgeDeletedUsersJob {
    fn name(&self) -> &'static str {
        "purge_deleted_users"
    }

    fn description(&self) -> &'static str {
        "Purges users that were deleted long ago and are not under a legal hold."
    }

    fn schedule(&self) -> &'static str {
        "15 3 * * *"
    }

    async fn execute(&self, context: &JobContext) -> Result<JobReport, JobError> {
        let users = UserService::from(Context::of_job(context, self.name()));
        let retention = context.policy.deleted_retention;
        let mut report = JobReport::default();
        in_batches(context, &mut report, "purged", || users.purge_deleted(retention)).await?;
        Ok(report)
    }
}

#[async_trait]
impl Job for CleanupHistoryJob {
    fn name(&self) -> &'static str {
        "cleanup_history"
    }

    fn description(&self) -> &'static str {
        "Removes events and runs of jobs past their retention."
    }

    fn schedule(&self) -> &'static str {
        "45 3 * * *"
    }

    async fn execute(&self, context: &JobContext) -> Result<JobReport, JobError> {
        let own = Context::of_job(context, self.name());
        let events = EventService::from(own.clone());
        let mut report = JobReport::default();
        in_batches(context, &mut report, "events", || events.cleanup()).await?;
        in_batches(context, &mut report, "job_runs", || cleanup_runs(&own)).await?;
        Ok(report)
    }
}

#[async_trait]
impl Job for CleanupAccessJob {
    fn name(&self) -> &'static str {
        "cleanup_access"
    }

    fn description(&self) -> &'static str {
        "Removes one-time links that expired and requests that need not be remembered any more."
    }

    fn schedule(&self) -> &'static str {
        "20 * * * *"
    }

    async fn execute(&self, context: &JobContext) -> Result<JobReport, JobError> {
        let own = Context::of_job(context, self.name());
        let links = SignInLinkService::from(own.clone());
        let requests = IdempotencyService::from(own);
        let mut report = JobReport::default();
        in_batches(context, &mut report, "sign_in_links", || links.cleanup()).await?;
        in_batches(context, &mut report, "remembered_requests", || requests.cleanup()).await?;
        Ok(report)
    }
}

/// Repeats a batch until it finds nothing, or the job is cancelled, and counts what it did.
async fn in_batches<F: Future<Output = Result<u64>>>(
    context: &JobContext,
    report: &mut JobReport,
    count: &str,
    batch: impl Fn() -> F,
) -> Result<()> {
    report.add(count, 0);
    while !context.is_cancelled() {
        let done = batch().await?;
        report.add(count, done);
        if done == 0 {
            break;
        }
    }
    Ok(())
}

/// Removes one batch of runs past the policy's `job_run_retention`.
async fn cleanup_runs(context: &Context) -> Result<u64> {
    retry(|| async {
        let now = context.now();
        let policy = context.policy();
        let before = moment_before("job_run_retention", now, policy.job_run_retention)?;
        let mut unit = context.write().await?;
        let count = unit.jobs().delete_ended(before, policy.cleanup_batch).await?;
        if count > 0 {
            let kind = EventKind::RecordsCleaned { what: "job_runs".into(), count };
            unit.events().append(&[context.event(now, kind)]).await?;
            context.commit(unit).await?;
        }
        Ok(count)
    })
    .await
}
