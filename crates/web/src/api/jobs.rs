//! Jobs: list, run now, history.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::Json;
use axum::extract::{OriginalUri, State};
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use systemprompt_users_application::JobInfo;
use systemprompt_users_domain::{JobOutcome, JobRun, JobRunFilter, JobTrigger, PageRequest};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use uuid::Uuid;

use super::errors::{AnyProblem, BodyProblem, ChangeProblem};
use super::page::{List, PageBody, Paged, page_request};
use crate::api::scopes::routes;
use crate::auth::{Admin, Authorized, Read};
use crate::{PathParams, Problem, QueryParams, Web};

/// How long a request waits for the job that it has begun.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) fn routes() -> OpenApiRouter<Web> {
    OpenApiRouter::default()
        .routes(routes!(list_jobs))
        .routes(routes!(list_job_runs))
        .routes(routes!(run_job))
}

/// A job and when it is due.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Job)]
struct JobBody {
    /// The name.
    #[schema(example = "cleanup_sessions")]
    name: &'static str,
    /// One sentence.
    description: &'static str,
    /// The cron pattern, in UTC.
    #[schema(example = "*/15 * * * *")]
    schedule: &'static str,
    /// When it is due next.
    #[schema(required = true)]
    next: Option<DateTime<Utc>>,
    /// Its latest run, scheduled or not.
    #[schema(required = true)]
    last_run: Option<JobRunBody>,
}

impl From<JobInfo> for JobBody {
    fn from(job: JobInfo) -> Self {
        Self {
            name: job.name,
            description: job.description,
            schedule: job.schedule,
            next: job.next,
            last_run: job.last_run.map(JobRunBody::from),
        }
    }
}

/// All jobs.
#[derive(Debug, Serialize, ToSchema)]
struct JobList {
    /// The jobs by name.
    items: Vec<JobBody>,
}

/// One run of a job.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = JobRun)]
struct JobRunBody {
    /// The identity.
    id: Uuid,
    /// The job.
    job: String,
    /// When it was due.
    scheduled_at: DateTime<Utc>,
    /// Why it ran.
    trigger: Trigger,
    /// The host that runs it, or ran it last.
    host: String,
    /// How many hosts have begun it.
    attempts: u32,
    /// When the last attempt began.
    started_at: DateTime<Utc>,
    /// When it was over; null while it runs.
    #[schema(required = true)]
    ended_at: Option<DateTime<Utc>>,
    /// How it ended.
    #[schema(required = true)]
    outcome: Option<Outcome>,
    /// What it did: counts by name.
    report: BTreeMap<String, u64>,
    /// What went wrong.
    #[schema(required = true)]
    error: Option<String>,
}

impl From<JobRun> for JobRunBody {
    fn from(run: JobRun) -> Self {
        Self {
            id: run.id.as_uuid(),
            job: run.job,
            scheduled_at: run.scheduled_at,
            trigger: match run.trigger {
                JobTrigger::Schedule => Trigger::Schedule,
                JobTrigger::Manual => Trigger::Manual,
            },
            host: run.host,
            attempts: run.attempts,
            started_at: run.started_at,
            ended_at: run.ended_at,
            outcome: run.outcome.map(|outcome| match outcome {
                JobOutcome::Succeeded => Outcome::Succeeded,
                JobOutcome::Failed => Outcome::Failed,
            }),
            report: run.report.counts,
            error: run.error,
        }
    }
}

/// Why a job ran.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = JobTrigger)]
enum Trigger {
    /// Its schedule said so.
    Schedule,
    /// Somebody asked for it.
    Manual,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = JobOutcome)]
enum Outcome {
    /// It did its work.
    Succeeded,
    /// It told an error, or panicked.
    Failed,
}

impl From<Outcome> for JobOutcome {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Succeeded => Self::Succeeded,
            Outcome::Failed => Self::Failed,
        }
    }
}

/// The jobs of this host, each with its next time and its latest run.
#[utoipa::path(
    get,
    path = "/jobs",
    tag = "jobs",
    responses((status = 200, body = JobList, description = "The jobs"), AnyProblem),
)]
async fn list_jobs(
    who: Authorized<Read>,
    State(web): State<Web>,
) -> Result<Json<JobList>, Problem> {
    let jobs = web.jobs(who.actor())?.list().await?;
    Ok(Json(JobList { items: jobs.into_iter().map(JobBody::from).collect() }))
}

/// Which runs are wanted; all conditions must hold.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct RunParams {
    /// Of this job.
    job: Option<String>,
    /// That ended so.
    #[param(inline)]
    outcome: Option<Outcome>,
    /// How many items at the most.
    #[param(minimum = 1, maximum = 1000, default = 50)]
    limit: Option<i64>,
    /// `next` of the page before.
    after: Option<String>,
}

/// A page of runs, begun last first.
#[utoipa::path(
    get,
    path = "/jobs/runs",
    tag = "jobs",
    params(RunParams),
    responses(
        (status = 200, body = PageBody<JobRunBody>, description = "A page", headers(("Link" = String, description = "The next page, where there is one"))),
        AnyProblem,
    ),
)]
async fn list_job_runs(
    who: Authorized<Read>,
    State(web): State<Web>,
    uri: OriginalUri,
    QueryParams(params): QueryParams<RunParams>,
) -> Result<Paged<JobRunBody>, Problem> {
    let list = List::of("job runs", &[]);
    let request = page_request(list, params.limit, params.after.as_deref())?;
    let filter = JobRunFilter { job: params.job, outcome: params.outcome.map(JobOutcome::from) };
    let page = web.jobs(who.actor())?.history(&filter, &request).await?;
    Ok(Paged::new(&uri, list, page, JobRunBody::from))
}

/// Runs a job now, whatever its schedule says, and waits a few seconds for its end. It goes on when nobody waits any
/// more. While a host runs the job already, the answer is 409.
#[utoipa::path(
    post,
    path = "/jobs/{name}/run",
    tag = "jobs",
    params(("name" = String, Path, description = "The name of a job", example = "cleanup_sessions")),
    responses(
        (status = 200, body = JobRunBody, description = "The run is over; `outcome` says how it ended"),
        (status = 202, body = JobRunBody, description = "The job runs; look for its end among the runs"),
        AnyProblem, BodyProblem, ChangeProblem,
    ),
)]
async fn run_job(
    who: Authorized<Admin>,
    State(web): State<Web>,
    PathParams(name): PathParams<String>,
) -> Result<(StatusCode, Json<JobRunBody>), Problem> {
    let running = web.run_job(who.actor(), name.clone());
    match tokio::time::timeout(PATIENCE, running).await {
        Ok(Ok(run)) => Ok((StatusCode::OK, Json(run?.into()))),
        Ok(Err(_)) => Err(Problem::internal()),
        Err(_) => {
            let filter = JobRunFilter { job: Some(name), outcome: None };
            let runner = web.jobs(who.actor())?;
            let latest = runner.history(&filter, &PageRequest::new(1)?).await?.items.pop();
            let run = latest.ok_or_else(Problem::unavailable)?;
            Ok((StatusCode::ACCEPTED, Json(run.into())))
        }
    }
}
