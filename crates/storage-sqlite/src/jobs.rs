//! The repository of the runs of jobs.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::types::Uuid;
use systemprompt_users_domain::{
    Cursor, JobOutcome, JobRepository, JobRun, JobRunFilter, JobRunId, Page, PageRequest,
    StorageError, StorageResult,
};

use crate::codec::{micros, optional_time, parse, parse_optional, time, unsigned};
use crate::error::{other, storage_error};
use crate::sql::Sql;
use crate::unit::Unit;

/// The columns of a run.
const COLUMNS: &str = "id, job, scheduled_at, run_trigger, host, attempts, started_at, lease_until, \
                       ended_at, outcome, report, error";

#[async_trait]
impl JobRepository for Unit {
    async fn start(&mut self, run: &JobRun) -> StorageResult<bool> {
        let id = run.id.as_uuid();
        let (scheduled_at, started_at) = (micros(run.scheduled_at), micros(run.started_at));
        let (lease_until, ended_at) = (micros(run.lease_until), run.ended_at.map(micros));
        let (trigger, outcome) = (run.trigger.as_str(), run.outcome.map(JobOutcome::as_str));
        let report = serde_json::to_string(&run.report).map_err(other)?;
        let done = sqlx::query!(
            "INSERT INTO job_runs (
                 id, job, scheduled_at, run_trigger, host, attempts, started_at, lease_until, ended_at,
                 outcome, report, error
             ) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
             ON CONFLICT (job, run_trigger, scheduled_at) DO NOTHING",
            id,
            run.job,
            scheduled_at,
            trigger,
            run.host,
            run.attempts,
            started_at,
            lease_until,
            ended_at,
            outcome,
            report,
            run.error
        )
        .execute(self.connection()?)
        .await
        .map_err(storage_error)?;
        Ok(done.rows_affected() == 1)
    }

    async fn take_over(
        &mut self,
        job: &str,
        host: &str,
        now: DateTime<Utc>,
        lease_until: DateTime<Utc>,
    ) -> StorageResult<Option<JobRun>> {
        let (now, lease_until) = (micros(now), micros(lease_until));
        let row = sqlx::query_as!(
            RunRow,
            r#"UPDATE job_runs
               SET host = ?2, started_at = ?3, lease_until = ?4, attempts = attempts + 1
               WHERE rowid = (
                   SELECT rowid FROM job_runs INDEXED BY job_runs_open
                   WHERE job = ?1 AND ended_at IS NULL AND lease_until <= ?3
                   ORDER BY scheduled_at, id LIMIT 1
               )
               RETURNING id AS "id!: Uuid", job AS "job!", scheduled_at AS "scheduled_at!",
                         run_trigger AS "run_trigger!", host AS "host!", attempts AS "attempts!",
                         started_at AS "started_at!", lease_until AS "lease_until!",
                         ended_at AS "ended_at?", outcome AS "outcome?", report AS "report!",
                         error AS "error?""#,
            job,
            host,
            now,
            lease_until
        )
        .fetch_optional(self.connection()?)
        .await
        .map_err(storage_error)?;
        row.map(JobRun::try_from).transpose()
    }

    async fn renew(
        &mut self,
        run: JobRunId,
        host: &str,
        attempt: u32,
        lease_until: DateTime<Utc>,
    ) -> StorageResult<bool> {
        let (id, lease_until) = (run.as_uuid(), micros(lease_until));
        let done = sqlx::query!(
            "UPDATE job_runs SET lease_until = ?4
             WHERE id = ?1 AND host = ?2 AND attempts = ?3 AND ended_at IS NULL",
            id,
            host,
            attempt,
            lease_until
        )
        .execute(self.connection()?)
        .await
        .map_err(storage_error)?;
        Ok(done.rows_affected() == 1)
    }

    async fn finish(&mut self, run: &JobRun) -> StorageResult<bool> {
        let (id, ended_at) = (run.id.as_uuid(), run.ended_at.map(micros));
        let outcome = run.outcome.map(JobOutcome::as_str);
        let report = serde_json::to_string(&run.report).map_err(other)?;
        let done = sqlx::query!(
            "UPDATE job_runs SET ended_at = ?4, outcome = ?5, report = ?6, error = ?7
             WHERE id = ?1 AND host = ?2 AND attempts = ?3 AND ended_at IS NULL",
            id,
            run.host,
            run.attempts,
            ended_at,
            outcome,
            report,
            run.error
        )
        .execute(self.connection()?)
        .await
        .map_err(storage_error)?;
        Ok(done.rows_affected() == 1)
    }

    async fn list(
        &mut self,
        filter: &JobRunFilter,
        page: &PageRequest,
    ) -> StorageResult<Page<JobRun>> {
        let rows: Vec<RunRow> = list_sql(filter, page)?
            .rows()
            .fetch_all(self.connection()?)
            .await
            .map_err(storage_error)?;
        let runs = rows.into_iter().map(JobRun::try_from).collect::<StorageResult<_>>()?;
        Ok(Page::from_rows(runs, page.limit, |run: &JobRun| {
            Cursor::at_time(run.started_at, run.id.as_uuid())
        }))
    }

    async fn last_scheduled(&mut self, job: &str) -> StorageResult<Option<DateTime<Utc>>> {
        let last = sqlx::query_scalar!(
            r#"SELECT max(scheduled_at) AS "last: i64" FROM job_runs
               WHERE job = ?1 AND run_trigger = 'schedule'"#,
            job
        )
        .fetch_one(self.connection()?)
        .await
        .map_err(storage_error)?;
        optional_time(last)
    }

    async fn delete_ended(&mut self, before: DateTime<Utc>, limit: u16) -> StorageResult<u64> {
        let (before, limit) = (micros(before), i64::from(limit));
        let done = sqlx::query!(
            "DELETE FROM job_runs INDEXED BY job_runs_id WHERE id IN (
                 SELECT run.id FROM job_runs AS run INDEXED BY job_runs_ended
                 WHERE ended_at IS NOT NULL AND ended_at < ?1 AND (
                     run_trigger <> 'schedule' OR scheduled_at < (
                         SELECT max(last.scheduled_at) FROM job_runs AS last
                         WHERE last.job = run.job AND last.run_trigger = 'schedule'
                     )
                 )
                 ORDER BY ended_at, id LIMIT ?2
             )",
            before,
            limit
        )
        .execute(self.connection()?)
        .await
        .map_err(storage_error)?;
        Ok(done.rows_affected())
    }
}

fn list_sql(filter: &JobRunFilter, page: &PageRequest) -> StorageResult<Sql> {
    let mut sql = Sql::default();
    sql.push("SELECT ").push(COLUMNS).push(" FROM job_runs WHERE true");
    if let Some(job) = &filter.job {
        let job = sql.bind(job.clone())?;
        sql.push(&format!(" AND job = {job}"));
    }
    if let Some(outcome) = filter.outcome {
        let outcome = sql.bind(outcome.as_str())?;
        sql.push(&format!(" AND outcome IS NOT NULL AND outcome = {outcome}"));
    }
    if let Some(cursor) = &page.after {
        let time = sql.bind(micros(cursor.time().map_err(other)?))?;
        let id = sql.bind(cursor.id)?;
        sql.push(&format!(" AND (started_at, id) < ({time}, {id})"));
    }
    let limit = sql.bind(i64::from(page.limit.get()) + 1)?;
    sql.push(&format!(" ORDER BY started_at DESC, id DESC LIMIT {limit}"));
    Ok(sql)
}

#[derive(sqlx::FromRow)]
struct RunRow {
    id: Uuid,
    job: String,
    scheduled_at: i64,
    run_trigger: String,
    host: String,
    attempts: i64,
    started_at: i64,
    lease_until: i64,
    ended_at: Option<i64>,
    outcome: Option<String>,
    report: String,
    error: Option<String>,
}

impl TryFrom<RunRow> for JobRun {
    type Error = StorageError;

    fn try_from(row: RunRow) -> StorageResult<Self> {
        Ok(Self {
            id: JobRunId::from_uuid(row.id),
            job: row.job,
            scheduled_at: time(row.scheduled_at)?,
            trigger: parse(&row.run_trigger)?,
            host: row.host,
            attempts: unsigned(row.attempts)?,
            started_at: time(row.started_at)?,
            lease_until: time(row.lease_until)?,
            ended_at: optional_time(row.ended_at)?,
            outcome: parse_optional(row.outcome.as_deref())?,
            report: serde_json::from_str(&row.report).map_err(other)?,
            error: row.error,
        })
    }
}
