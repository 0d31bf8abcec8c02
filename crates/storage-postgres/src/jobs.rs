//! Runs of jobs.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::{Postgres, QueryBuilder};
use systemprompt_users_domain::{
    Cursor, JobOutcome, JobRepository, JobRun, JobRunFilter, JobRunId, Page, PageRequest,
    StorageError, StorageResult,
};
use uuid::Uuid;

use crate::error::corrupt;
use crate::time::bound;
use crate::unit::Unit;
use crate::users::list::place;

#[async_trait]
impl JobRepository for Unit {
    async fn start(&mut self, run: &JobRun) -> StorageResult<bool> {
        // Waits for another host that is just starting the same run, and then knows.
        let result = sqlx::query!(
            "INSERT INTO job_runs (
                id, job, scheduled_at, trigger, host, attempts, started_at, lease_until, ended_at,
                outcome, report, error
            ) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
            ON CONFLICT (job, trigger, scheduled_at) DO NOTHING",
            run.id.as_uuid(),
            run.job,
            run.scheduled_at,
            run.trigger.as_str(),
            run.host,
            attempt(run.attempts)?,
            run.started_at,
            run.lease_until,
            run.ended_at,
            run.outcome.map(JobOutcome::as_str),
            report(run)?,
            run.error,
        )
        .execute(self.writer()?)
        .await;
        Ok(self.done(result)?.rows_affected() > 0)
    }

    async fn take_over(
        &mut self,
        job: &str,
        host: &str,
        now: DateTime<Utc>,
        lease_until: DateTime<Utc>,
    ) -> StorageResult<Option<JobRun>> {
        let row = sqlx::query_as!(
            RunRow,
            "WITH abandoned AS MATERIALIZED (
                SELECT id FROM job_runs
                WHERE job = $1 AND ended_at IS NULL AND lease_until <= $3
                ORDER BY scheduled_at, id LIMIT 1 FOR UPDATE SKIP LOCKED
            )
            UPDATE job_runs r SET
                host = $2, started_at = $3, lease_until = $4, attempts = r.attempts + 1
            FROM abandoned WHERE r.id = abandoned.id
            RETURNING r.id, r.job, r.scheduled_at, r.trigger, r.host, r.attempts, r.started_at,
                r.lease_until, r.ended_at, r.outcome, r.report, r.error",
            job,
            host,
            now,
            lease_until,
        )
        .fetch_optional(self.writer()?)
        .await;
        self.done(row)?.map(RunRow::into_run).transpose()
    }

    async fn renew(
        &mut self,
        run: JobRunId,
        host: &str,
        attempt_number: u32,
        lease_until: DateTime<Utc>,
    ) -> StorageResult<bool> {
        let result = sqlx::query!(
            "UPDATE job_runs SET lease_until = $4
            WHERE id = $1 AND host = $2 AND attempts = $3 AND ended_at IS NULL",
            run.as_uuid(),
            host,
            attempt(attempt_number)?,
            lease_until,
        )
        .execute(self.writer()?)
        .await;
        Ok(self.done(result)?.rows_affected() > 0)
    }

    async fn finish(&mut self, run: &JobRun) -> StorageResult<bool> {
        let result = sqlx::query!(
            "UPDATE job_runs SET ended_at = $4, outcome = $5, report = $6, error = $7
            WHERE id = $1 AND host = $2 AND attempts = $3 AND ended_at IS NULL",
            run.id.as_uuid(),
            run.host,
            attempt(run.attempts)?,
            run.ended_at,
            run.outcome.map(JobOutcome::as_str),
            report(run)?,
            run.error,
        )
        .execute(self.writer()?)
        .await;
        Ok(self.done(result)?.rows_affected() > 0)
    }

    async fn list(
        &mut self,
        filter: &JobRunFilter,
        page: &PageRequest,
    ) -> StorageResult<Page<JobRun>> {
        let mut query = list_statement(filter, page)?;
        let rows = query.build_query_as::<RunRow>().fetch_all(self.reader()?).await;
        let runs = self.done(rows)?.into_iter().map(RunRow::into_run);
        let runs = runs.collect::<StorageResult<Vec<_>>>()?;
        Ok(Page::from_rows(runs, page.limit, |run| {
            Cursor::at_time(run.started_at, run.id.as_uuid())
        }))
    }

    async fn last_scheduled(&mut self, job: &str) -> StorageResult<Option<DateTime<Utc>>> {
        let last = sqlx::query_scalar!(
            "SELECT max(scheduled_at) FROM job_runs WHERE job = $1 AND trigger = 'schedule'",
            job,
        )
        .fetch_one(self.reader()?)
        .await;
        self.done(last)
    }

    async fn delete_ended(&mut self, before: DateTime<Utc>, limit: u16) -> StorageResult<u64> {
        let result = sqlx::query!(
            "WITH old AS MATERIALIZED (
                SELECT r.id FROM job_runs r
                WHERE r.ended_at < $1 AND NOT (
                    r.trigger = 'schedule' AND r.scheduled_at = (
                        SELECT max(l.scheduled_at) FROM job_runs l
                        WHERE l.job = r.job AND l.trigger = 'schedule'
                    )
                )
                ORDER BY r.ended_at, r.id LIMIT $2 FOR UPDATE SKIP LOCKED
            )
            DELETE FROM job_runs WHERE id = ANY (ARRAY(SELECT id FROM old))",
            bound(before),
            i64::from(limit),
        )
        .execute(self.writer()?)
        .await;
        Ok(self.done(result)?.rows_affected())
    }
}

fn list_statement(
    filter: &JobRunFilter,
    page: &PageRequest,
) -> StorageResult<QueryBuilder<Postgres>> {
    let mut query = QueryBuilder::new(
        "SELECT id, job, scheduled_at, trigger, host, attempts, started_at, lease_until, ended_at,
            outcome, report, error
        FROM job_runs WHERE true",
    );
    if let Some(job) = &filter.job {
        query.push(" AND job = ").push_bind(job.clone());
    }
    if let Some(outcome) = filter.outcome {
        query.push(" AND outcome = ").push_bind(outcome.as_str());
    }
    if let Some((time, id)) = place(page.after.as_ref())? {
        query.push(" AND (started_at, id) < (").push_bind(time);
        query.push(", ").push_bind(id).push(")");
    }
    query.push(" ORDER BY started_at DESC, id DESC LIMIT ");
    query.push_bind(i64::from(page.limit.get()) + 1);
    Ok(query)
}

fn attempt(number: u32) -> StorageResult<i32> {
    i32::try_from(number).map_err(|_| StorageError::Other("there are too many attempts".into()))
}

fn report(run: &JobRun) -> StorageResult<Value> {
    serde_json::to_value(&run.report).map_err(|error| StorageError::Other(Box::new(error)))
}

/// A row of `job_runs`.
#[derive(sqlx::FromRow)]
struct RunRow {
    id: Uuid,
    job: String,
    scheduled_at: DateTime<Utc>,
    trigger: String,
    host: String,
    attempts: i32,
    started_at: DateTime<Utc>,
    lease_until: DateTime<Utc>,
    ended_at: Option<DateTime<Utc>>,
    outcome: Option<String>,
    report: Value,
    error: Option<String>,
}

impl RunRow {
    fn into_run(self) -> StorageResult<JobRun> {
        let outcome = self.outcome.map(|outcome| outcome.parse().map_err(corrupt)).transpose()?;
        Ok(JobRun {
            id: JobRunId::from_uuid(self.id),
            job: self.job,
            scheduled_at: self.scheduled_at,
            trigger: self.trigger.parse().map_err(corrupt)?,
            host: self.host,
            attempts: u32::try_from(self.attempts).map_err(corrupt)?,
            started_at: self.started_at,
            lease_until: self.lease_until,
            ended_at: self.ended_at,
            outcome,
            report: serde_json::from_value(self.report).map_err(corrupt)?,
            error: self.error,
        })
    }
}
