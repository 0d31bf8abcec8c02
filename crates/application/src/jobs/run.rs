//! Running one claimed run to its end under a lease.

use std::sync::Arc;
use std::time::Duration;

use systemprompt_users_domain::{
    Job, JobContext, JobError, JobReport, JobRun, Result, StorageError, UserError,
};
use tokio::time::MissedTickBehavior;

use super::runner::RunnerOptions;
use crate::Context;
use crate::context::retry;

/// Executes `job`, prolongs the lease meanwhile, and stores how it ended.
///
/// When another host has taken the run over, the job is told to stop and its end is not stored: the other
/// host's counts.
pub(super) async fn run_to_end(
    context: Context,
    options: RunnerOptions,
    job: Arc<dyn Job>,
    mut run: JobRun,
) -> Result<JobRun> {
    tracing::debug!(job = run.job, run = %run.id, attempt = run.attempts, "the job begins");
    let job_context = context.to_job();
    let mut work = {
        let (job, job_context) = (Arc::clone(&job), job_context.clone());
        tokio::spawn(async move { job.execute(&job_context).await })
    };
    let mut renewal = tokio::time::interval(options.lease_renewal());
    renewal.set_missed_tick_behavior(MissedTickBehavior::Delay);
    renewal.tick().await;
    let result = loop {
        tokio::select! {
            result = &mut work => break result,
            _ = renewal.tick() => renew(&context, &options, &job_context, &run).await,
        }
    };
    // A panic is a failure of the job, not of the host.
    let result = result.unwrap_or_else(|panic| Err(JobError::from(panic)));
    end(&context, &mut run, result).await?;
    Ok(run)
}

async fn renew(context: &Context, options: &RunnerOptions, job: &JobContext, run: &JobRun) {
    let lease_until = context.now() + options.lease;
    let renewed = async {
        let mut unit = context.write().await?;
        let held = unit.jobs().renew(run.id, &options.host, run.attempts, lease_until).await?;
        context.commit(unit).await?;
        Ok::<_, systemprompt_users_domain::UserError>(held)
    };
    // A renewal that hangs must not outlive the next one.
    match tokio::time::timeout(options.lease_renewal(), renewed).await {
        Ok(Ok(true)) => {}
        Ok(Ok(false)) => {
            tracing::warn!(job = run.job, run = %run.id, "another host has taken the run over");
            job.cancel();
        }
        Ok(Err(error)) => {
            tracing::warn!(job = run.job, run = %run.id, %error, "the lease was not renewed");
        }
        Err(_) => tracing::warn!(job = run.job, run = %run.id, "the lease was not renewed in time"),
    }
}

async fn end(
    context: &Context,
    run: &mut JobRun,
    result: Result<JobReport, JobError>,
) -> Result<()> {
    run.end(context.now(), result);
    match &run.error {
        None => log_end(run, &run.report),
        Some(error) => tracing::error!(job = run.job, run = %run.id, error, "the job failed"),
    }
    let mut stored = store_end(context, run).await;
    if is_refused(&stored) {
        // A commit whose answer got lost is refused too, and may have taken place: then this changes nothing.
        stored = store_end(context, run).await;
    }
    let stored = match stored {
        // What the storage refuses it refuses each time, and the run would be begun again with each lease.
        Err(error @ UserError::Storage(StorageError::Other(_))) => {
            tracing::error!(job = run.job, run = %run.id, %error, "the end of the run was refused");
            run.report = JobReport::default();
            run.error = None;
            run.end(context.now(), Err("the storage refused what the job ended with".into()));
            store_end(context, run).await?
        }
        stored => stored?,
    };
    if !stored {
        tracing::warn!(job = run.job, run = %run.id, "the end belongs to another host by now");
    }
    Ok(())
}

const fn is_refused<T>(stored: &Result<T>) -> bool {
    matches!(stored, Err(UserError::Storage(StorageError::Other(_))))
}

async fn store_end(context: &Context, run: &JobRun) -> Result<bool> {
    retry(|| async move {
        let mut unit = context.write().await?;
        let stored = unit.jobs().finish(run).await?;
        context.commit(unit).await?;
        Ok(stored)
    })
    .await
}

/// Jobs run often and mostly find nothing to do: only what did something is worth a line by default.
fn log_end(run: &JobRun, report: &JobReport) {
    let (job, id, counts) = (&run.job, run.id, &report.counts);
    if counts.values().any(|count| *count > 0) {
        tracing::info!(job, run = %id, ?counts, "the job is done");
    } else {
        tracing::debug!(job, run = %id, ?counts, "the job is done");
    }
}

/// Ends a run that hosts have begun again and again and never ended.
pub(super) async fn give_up(context: &Context, mut run: JobRun) -> Result<()> {
    let begun = run.attempts.saturating_sub(1);
    end(context, &mut run, Err(format!("it was begun {begun} times and never ended").into())).await
}

impl RunnerOptions {
    pub(super) fn lease_renewal(&self) -> Duration {
        (self.lease / 3).to_std().unwrap_or(Duration::from_secs(1)).max(Duration::from_millis(10))
    }
}
