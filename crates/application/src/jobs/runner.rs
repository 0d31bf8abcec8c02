//! The runner: finds what is due, claims it, and runs what it got.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration as StdDuration;

use chrono::{DateTime, Duration, Utc};
use serde::Serialize;
use systemprompt_users_domain::{
    Job, JobReport, JobRun, JobRunFilter, JobRunId, JobTrigger, Page, PageRequest, PagedList,
    Result, Storage, StorageError, UserError, check_job_text,
};
use tokio::task::JoinSet;

use super::registry::registered_jobs;
use super::run::{give_up, run_to_end};
use super::schedule::Schedule;
use crate::Context;
use crate::context::retry;

/// Runs jobs when they are due. Any number of hosts may run one on the same storage: each due time of a job
/// is run by one of them, and a run whose host has died is taken over when its lease is over.
///
/// A job that was due while no host was up runs once when one comes up.
///
/// ```no_run
/// # use systemprompt_users_application::JobRunner;
/// # async fn host(storage: systemprompt_users_memory::MemoryStorage) -> systemprompt_users_domain::Result<()> {
/// let runner = JobRunner::new(&storage)?;
/// runner.run_until(async { tokio::signal::ctrl_c().await.unwrap_or_default() }).await;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct JobRunner {
    context: Context,
    options: RunnerOptions,
    jobs: BTreeMap<&'static str, (Arc<dyn Job>, Schedule)>,
}

/// How often one run is begun: what takes its host down each time is not to do so forever.
const MAX_ATTEMPTS: u32 = 10;

/// How a host runs jobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunnerOptions {
    /// The name of the host; no two hosts share one. 1 to 255 characters, none of them a control character.
    pub host: String,
    /// How long a host may be silent before another one takes its run over. 60 seconds.
    pub lease: Duration,
    /// The longest time between two looks at what is due. 30 seconds.
    pub poll: StdDuration,
}

/// A job and when it is due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct JobInfo {
    /// The name.
    pub name: &'static str,
    /// One sentence.
    pub description: &'static str,
    /// The cron pattern, in UTC.
    pub schedule: &'static str,
    /// When it is due next.
    pub next: Option<DateTime<Utc>>,
    /// Its latest run, scheduled or not.
    pub last_run: Option<JobRun>,
}

impl JobRunner {
    /// A runner of every registered job, on a host with a random name.
    ///
    /// # Errors
    /// `Validation` of `schedule` or `name` when a job's are not acceptable.
    pub fn new<S: Storage + Clone + 'static>(storage: &S) -> Result<Self> {
        Self::of(Context::new(storage), registered_jobs())
    }

    /// A runner of just these jobs.
    ///
    /// # Errors
    /// As for [`JobRunner::new`].
    pub fn of(context: Context, jobs: impl IntoIterator<Item = Arc<dyn Job>>) -> Result<Self> {
        context.policy().check()?;
        let mut known = BTreeMap::new();
        for job in jobs {
            let (name, schedule) = (job.name(), Schedule::parse(job.schedule())?);
            if check_job_text("name", name)? != name {
                return Err(UserError::validation("name", "must not begin or end with a space"));
            }
            if known.insert(name, (job, schedule)).is_some() {
                return Err(UserError::validation("name", format!("two jobs are named `{name}`")));
            }
        }
        let host = JobRunId::generate(context.now(), context.entropy());
        let options = RunnerOptions {
            host: format!("host-{host}"),
            lease: Duration::seconds(60),
            poll: StdDuration::from_secs(30),
        };
        Ok(Self { context, options, jobs: known })
    }

    /// The same with another name, lease or poll.
    ///
    /// # Errors
    /// `Validation` of `host` or `lease`.
    pub fn with_options(mut self, mut options: RunnerOptions) -> Result<Self> {
        options.host = check_job_text("host", &options.host)?;
        if options.lease <= Duration::zero() || options.lease > Duration::days(1) {
            return Err(UserError::validation("lease", "must be up to one day"));
        }
        self.options = options;
        Ok(self)
    }

    /// How this host runs jobs.
    pub const fn options(&self) -> &RunnerOptions {
        &self.options
    }

    /// Runs what is due until `shutdown` is ready; then begins nothing more and waits for what runs.
    pub async fn run_until(&self, shutdown: impl Future<Output = ()>) {
        let mut shutdown = std::pin::pin!(shutdown);
        let mut running = JoinSet::new();
        loop {
            let wait = self.look(&mut running).await;
            while running.try_join_next().is_some() {}
            tokio::select! {
                () = &mut shutdown => break,
                () = tokio::time::sleep(wait) => {}
            }
        }
        while running.join_next().await.is_some() {}
    }

    /// One look: claims everything that is due now, runs it, and answers with the runs when all are over.
    ///
    /// # Errors
    /// `Storage`.
    pub async fn run_due(&self) -> Result<Vec<JobRun>> {
        let mut done = Vec::new();
        for (job, _) in self.jobs.values() {
            if let Some(run) = self.claim(job.name()).await? {
                done.push(self.run(Arc::clone(job), run).await?);
            }
        }
        Ok(done)
    }

    /// Runs a job now, whatever its schedule says.
    ///
    /// # Errors
    /// `NotFound` when no such job is registered; `NotAllowed` while a host runs it; `Storage`.
    pub async fn run_now(&self, name: &str) -> Result<JobRun> {
        let job = self.job(name)?;
        let now = self.context.now();
        if self.is_running(name, now).await? {
            return Err(UserError::NotAllowed(format!("job `{name}` is running already")));
        }
        let run = self.new_run(job.name(), now, JobTrigger::Manual, now);
        if !self.start(&run).await? {
            return Err(UserError::NotAllowed(format!("job `{name}` was begun this very moment")));
        }
        self.run(job, run).await
    }

    /// The jobs by name, each with its next time and its latest run.
    ///
    /// # Errors
    /// `Storage`.
    pub async fn list(&self) -> Result<Vec<JobInfo>> {
        let now = self.context.now();
        let mut infos = Vec::with_capacity(self.jobs.len());
        for (job, schedule) in self.jobs.values() {
            let filter = JobRunFilter { job: Some(job.name().to_owned()), outcome: None };
            let last_run = self.history(&filter, &PageRequest::new(1)?).await?.items.pop();
            infos.push(JobInfo {
                name: job.name(),
                description: job.description(),
                schedule: job.schedule(),
                next: schedule.next(now),
                last_run,
            });
        }
        Ok(infos)
    }

    /// A page of runs, begun last first.
    ///
    /// # Errors
    /// `Validation` of `after`, or of `job` that no job can be named; `Storage`.
    pub async fn history(&self, filter: &JobRunFilter, page: &PageRequest) -> Result<Page<JobRun>> {
        page.check(PagedList::JobRuns)?;
        if let Some(job) = &filter.job {
            check_job_text("job", job)?;
        }
        Ok(self.context.read().await?.jobs().list(filter, page).await?.of(PagedList::JobRuns))
    }

    /// Claims and begins what is due, and says how long nothing more will be.
    async fn look(&self, running: &mut JoinSet<()>) -> StdDuration {
        for (job, _) in self.jobs.values() {
            match self.claim_in_time(job.name()).await {
                Ok(Some(run)) => {
                    let (runner, job) = (self.clone(), Arc::clone(job));
                    running.spawn(async move {
                        if let Err(error) = runner.run(job, run).await {
                            tracing::error!(%error, "the end of a run was not stored");
                        }
                    });
                }
                Ok(None) => {}
                Err(error) => tracing::error!(job = job.name(), %error, "no run could be claimed"),
            }
        }
        let now = self.context.now();
        let next = self.jobs.values().filter_map(|(_, schedule)| schedule.next(now)).min();
        let wait = next.and_then(|next| (next - now).to_std().ok()).unwrap_or(self.options.poll);
        wait.min(self.options.poll)
    }

    /// [`JobRunner::claim`], which a storage that has gone silent must not hold up for ever. A run that was
    /// claimed all the same is taken over when its lease is over.
    async fn claim_in_time(&self, name: &'static str) -> Result<Option<JobRun>> {
        let claim = tokio::time::timeout(self.options.lease_renewal(), self.claim(name)).await;
        claim.map_err(|elapsed| StorageError::Unavailable(elapsed.into()))?
    }

    /// A run of `name` that this host is to do now: one left behind, or one that is due.
    async fn claim(&self, name: &'static str) -> Result<Option<JobRun>> {
        let now = self.context.now();
        let (host, until) = (self.options.host.as_str(), now + self.options.lease);
        let left_behind = retry(|| async move {
            let mut unit = self.context.write().await?;
            let run = unit.jobs().take_over(name, host, now, until).await?;
            if run.is_some() {
                self.context.commit(unit).await?;
            }
            Ok(run)
        })
        .await?;
        match left_behind {
            Some(run) if run.attempts > MAX_ATTEMPTS => give_up(&self.context, run).await?,
            Some(run) => return Ok(Some(run)),
            None => {}
        }
        let due = self.jobs.get(name).and_then(|(_, schedule)| schedule.latest(now));
        let Some(due) = due else { return Ok(None) };
        let last = self.context.read().await?.jobs().last_scheduled(name).await?;
        // A clock that was set back finds a later run here, and waits.
        if last.is_some_and(|last| last >= due) || self.is_running(name, now).await? {
            return Ok(None);
        }
        let run = self.new_run(name, due, JobTrigger::Schedule, now);
        Ok(self.start(&run).await?.then_some(run))
    }

    async fn start(&self, run: &JobRun) -> Result<bool> {
        retry(|| async move {
            let mut unit = self.context.write().await?;
            let started = unit.jobs().start(run).await?;
            if started {
                self.context.commit(unit).await?;
            }
            Ok(started)
        })
        .await
    }

    async fn is_running(&self, name: &str, now: DateTime<Utc>) -> Result<bool> {
        let filter = JobRunFilter { job: Some(name.to_owned()), outcome: None };
        let latest = self.history(&filter, &PageRequest::new(1)?).await?.items.pop();
        Ok(latest.is_some_and(|run| run.ended_at.is_none() && now < run.lease_until))
    }

    async fn run(&self, job: Arc<dyn Job>, run: JobRun) -> Result<JobRun> {
        run_to_end(self.context.clone(), self.options.clone(), job, run).await
    }

    fn job(&self, name: &str) -> Result<Arc<dyn Job>> {
        let job = self.jobs.get(name).map(|(job, _)| Arc::clone(job));
        job.ok_or_else(|| UserError::not_found("job", name))
    }

    fn new_run(
        &self,
        name: &str,
        scheduled_at: DateTime<Utc>,
        trigger: JobTrigger,
        now: DateTime<Utc>,
    ) -> JobRun {
        JobRun {
            id: JobRunId::generate(now, self.context.entropy()),
            job: name.to_owned(),
            scheduled_at,
            trigger,
            host: self.options.host.clone(),
            attempts: 1,
            started_at: now,
            lease_until: now + self.options.lease,
            ended_at: None,
            outcome: None,
            report: JobReport::default(),
            error: None,
        }
    }
}

impl std::fmt::Debug for JobRunner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JobRunner")
            .field("options", &self.options)
            .field("jobs", &self.jobs.keys())
            .finish_non_exhaustive()
    }
}
