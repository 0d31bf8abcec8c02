//! The jobs that this library brings: each cleans up in small batches until there is nothing left.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use async_trait::async_trait;
use systemprompt_users_domain::{EventKind, Job, JobContext, JobError, JobReport, Result};

use super::pace::Pace;
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
        let retention = context.policy.anonymous_retention;
        let deleted = in_batches(context, self.name(), |own| async move {
            UserService::from(own).cleanup_anonymous(retention).await
        });
        Ok(counted([("deleted", deleted.await?)]))
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
        let [expired, deleted] = [AtomicU64::new(0), AtomicU64::new(0)];
        let (all_expired, all_deleted) = (&expired, &deleted);
        in_batches(context, self.name(), |own| async move {
            let cleaned = SessionService::from(own).cleanup().await?;
            all_expired.fetch_add(cleaned.expired, Ordering::Relaxed);
            all_deleted.fetch_add(cleaned.deleted, Ordering::Relaxed);
            Ok(cleaned.expired + cleaned.deleted)
        })
        .await?;
        Ok(counted([("expired", expired.into_inner()), ("deleted", deleted.into_inner())]))
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
        let deleted = in_batches(context, self.name(), |own| async move {
            Ok(BanService::from(own).cleanup_expired().await?.deleted)
        });
        Ok(counted([("deleted", deleted.await?)]))
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
        let retention = context.policy.deleted_retention;
        let purged = in_batches(context, self.name(), |own| async move {
            UserService::from(own).purge_deleted(retention).await
        });
        Ok(counted([("purged", purged.await?)]))
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
        let events = in_batches(context, self.name(), |own| async move {
            EventService::from(own).cleanup().await
        });
        let events = events.await?;
        let runs = in_batches(context, self.name(), |own| async move { cleanup_runs(&own).await });
        Ok(counted([("events", events), ("job_runs", runs.await?)]))
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
        let links = in_batches(context, self.name(), |own| async move {
            SignInLinkService::from(own).cleanup().await
        });
        let links = links.await?;
        let requests = in_batches(context, self.name(), |own| async move {
            IdempotencyService::from(own).cleanup().await
        });
        Ok(counted([("sign_in_links", links), ("remembered_requests", requests.await?)]))
    }
}

/// Repeats a batch until it finds nothing, or the job is cancelled, and counts what it did. Each batch gets the
/// services' context, whose `cleanup_batch` is as large as the time of the batches before it leaves room for.
async fn in_batches<F: Future<Output = Result<u64>>>(
    context: &JobContext,
    name: &str,
    batch: impl Fn(Context) -> F,
) -> Result<u64> {
    let own = Context::of_job(context, name);
    let mut pace = Pace::new(context.policy.cleanup_batch);
    let mut all = 0;
    while !context.is_cancelled() {
        let began = Instant::now();
        let done = batch(own.clone().with_cleanup_batch(pace.batch())).await?;
        if done == 0 {
            break;
        }
        all += done;
        pace.note(began.elapsed());
    }
    Ok(all)
}

fn counted<const N: usize>(counts: [(&str, u64); N]) -> JobReport {
    let mut report = JobReport::default();
    for (what, count) in counts {
        report.add(what, count);
    }
    report
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
