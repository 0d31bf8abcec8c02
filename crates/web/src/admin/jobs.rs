//! Jobs: when they are due, how they went, and a run now.

use std::time::Duration;

use askama::Template;
use axum::extract::State;
use axum::http::Uri;
use chrono::{DateTime, Utc};
use systemprompt_users_application::JobInfo;
use systemprompt_users_domain::{
    JobOutcome, JobReport, JobRun, JobRunFilter, PageRequest, Result, UserError,
};

use super::error::PageResult;
use super::flash::Flash;
use super::form::{Fields, Posted};
use super::layout::{Layout, Section, page};
use super::session::Admin;
use super::text::{Moment, sentence, words};
use crate::{Problem, Web};

const RUNS: i64 = 50;
/// A run that takes longer goes on, and is found in the history.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Template)]
#[template(path = "admin/jobs.html")]
struct JobsPage {
    layout: Layout,
    jobs: Vec<JobRow>,
    query: Fields,
    runs: Vec<RunRow>,
    first: Option<&'static str>,
    next: Option<String>,
}

struct JobRow {
    name: &'static str,
    title: String,
    description: &'static str,
    schedule: &'static str,
    next: Option<Moment>,
    last: Option<RunRow>,
}

impl JobRow {
    fn new(job: JobInfo, now: DateTime<Utc>) -> Self {
        Self {
            name: job.name,
            title: words(job.name),
            description: job.description,
            schedule: job.schedule,
            next: job.next.map(|at| Moment::new(at, now)),
            last: job.last_run.map(|run| RunRow::new(&run, now)),
        }
    }
}

/// One run of a job as a row.
pub(super) struct RunRow {
    pub(super) job: String,
    pub(super) started: Moment,
    pub(super) trigger: &'static str,
    pub(super) host: String,
    pub(super) outcome: &'static str,
    pub(super) look: &'static str,
    pub(super) report: String,
    pub(super) error: String,
}

impl RunRow {
    pub(super) fn new(run: &JobRun, now: DateTime<Utc>) -> Self {
        let (outcome, look) = match run.outcome {
            Some(JobOutcome::Succeeded) => ("succeeded", "good"),
            Some(JobOutcome::Failed) => ("failed", "bad"),
            None => ("running", "warn"),
        };
        Self {
            job: run.job.clone(),
            started: Moment::new(run.started_at, now),
            trigger: run.trigger.as_str(),
            host: run.host.clone(),
            outcome,
            look,
            report: counts(&run.report),
            error: run.error.clone().unwrap_or_default(),
        }
    }
}

fn counts(report: &JobReport) -> String {
    let counts = report.counts.iter().map(|(name, count)| format!("{}: {count}", words(name)));
    counts.collect::<Vec<_>>().join(", ")
}

pub(super) async fn show(State(web): State<Web>, admin: Admin, uri: Uri) -> PageResult {
    let query = Fields::of_query(&uri);
    let now = web.now();
    let runner = web.jobs(admin.actor())?;
    let filter = JobRunFilter {
        job: query.filled("job").map(str::to_owned),
        outcome: query.get("outcome").parse().ok(),
    };
    let after = query.filled("after").map(str::parse).transpose()?;
    let runs = runner.history(&filter, &PageRequest::new(RUNS)?.after(after)).await?;
    let jobs = runner.list().await?;
    let kept = query.query(&["after"]);
    page(&JobsPage {
        layout: Layout::new("Jobs", Section::Jobs, &admin),
        jobs: jobs.into_iter().map(|job| JobRow::new(job, now)).collect(),
        runs: runs.items.iter().map(|run| RunRow::new(run, now)).collect(),
        first: query.filled("after").map(|_| "/admin/jobs"),
        next: runs.next.map(|next| format!("/admin/jobs?{kept}&after={next}")),
        query,
    })
}

pub(super) async fn run(State(web): State<Web>, posted: Posted) -> PageResult {
    let Posted { admin, fields } = posted;
    let running = web.run_job(admin.actor(), fields.get("job").to_owned());
    let flash = match tokio::time::timeout(PATIENCE, running).await {
        Ok(Ok(ended)) => told(ended)?,
        Ok(Err(_)) => return Err(Problem::internal().into()),
        Err(_) => Flash::done("The job is running; its end will be in the history below."),
    };
    Ok(flash.redirect("/admin/jobs", &admin, &web))
}

fn told(ended: Result<JobRun>) -> Result<Flash> {
    Ok(match ended {
        Ok(run) if run.outcome == Some(JobOutcome::Failed) => {
            Flash::failed(format!("The job failed: {}", run.error.unwrap_or_default()))
        }
        Ok(run) => {
            let counts = counts(&run.report);
            let counts = if counts.is_empty() { "nothing to do".into() } else { counts };
            Flash::done(format!("{} is done. {counts}.", words(&run.job)))
        }
        Err(error @ UserError::Storage(_)) => return Err(error),
        Err(error) => Flash::failed(sentence(error.to_string())),
    })
}
