//! An hourly job for the tests of the runner, and hosts that run it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use chrono::{DateTime, Duration, Utc};
use systemprompt_users::{
    Job, JobContext, JobError, JobReport, JobRun, JobRunFilter, JobRunner, PageRequest,
    RunnerOptions,
};
use systemprompt_users_tests::Host;
use tokio::sync::Notify;

/// What an hourly job does.
pub(crate) enum Work {
    Count,
    /// Says that it has begun, and waits to be released.
    Hold(Arc<Notify>, Arc<Notify>),
    /// Goes on until it is told to stop.
    UntilCancelled(Arc<Notify>),
    Fail,
    /// Fails with that text.
    FailWith(&'static str),
    /// Reports a count of that name.
    Report(&'static str),
    Panic,
}

/// An hourly job that counts how often it has begun.
struct Hourly(Work, Arc<AtomicUsize>);

#[async_trait]
impl Job for Hourly {
    fn name(&self) -> &'static str {
        "hourly"
    }

    fn description(&self) -> &'static str {
        "Counts."
    }

    fn schedule(&self) -> &'static str {
        "0 * * * *"
    }

    async fn execute(&self, context: &JobContext) -> Result<JobReport, JobError> {
        self.1.fetch_add(1, Ordering::SeqCst);
        match &self.0 {
            Work::Count => {}
            Work::Hold(begun, release) => {
                begun.notify_one();
                release.notified().await;
            }
            Work::UntilCancelled(begun) => {
                begun.notify_one();
                while !context.is_cancelled() {
                    tokio::time::sleep(std::time::Duration::from_millis(1)).await;
                }
            }
            Work::Fail => {
                let cause = std::io::Error::other("the cause");
                let error = systemprompt_users::StorageError::Other(Box::new(cause));
                return Err(Box::new(systemprompt_users::UserError::Storage(error)));
            }
            Work::FailWith(text) => return Err((*text).into()),
            Work::Report(name) => {
                let mut report = JobReport::default();
                report.add(name, 1);
                return Ok(report);
            }
            Work::Panic => panic!("on purpose {}", "x".repeat(2000)),
        }
        let mut report = JobReport::default();
        report.add("done", 1);
        Ok(report)
    }
}

pub(crate) fn options(name: &str) -> RunnerOptions {
    RunnerOptions {
        host: name.into(),
        lease: Duration::seconds(60),
        poll: std::time::Duration::from_millis(5),
    }
}

/// A runner on a host of that name, with nothing but the hourly job.
pub(crate) fn runner(host: &Host, name: &str, work: Work, count: &Arc<AtomicUsize>) -> JobRunner {
    let job: Arc<dyn Job> = Arc::new(Hourly(work, Arc::clone(count)));
    JobRunner::of(host.context.clone(), [job]).unwrap().with_options(options(name)).unwrap()
}

pub(crate) fn at(text: &str) -> DateTime<Utc> {
    format!("2026-03-01T{text}Z").parse().unwrap()
}

pub(crate) async fn history(runner: &JobRunner) -> Vec<JobRun> {
    let page = PageRequest::new(1000).unwrap();
    runner.history(&JobRunFilter::default(), &page).await.unwrap().items
}

/// A host in the middle of its run, and what lets it go on.
pub(crate) struct Busy {
    pub(crate) run: tokio::task::JoinHandle<Vec<JobRun>>,
    pub(crate) release: Arc<Notify>,
}

pub(crate) async fn busy(host: &Host, name: &str, count: &Arc<AtomicUsize>) -> Busy {
    let (begun, release): (Arc<Notify>, Arc<Notify>) = Default::default();
    let runner = runner(host, name, Work::Hold(Arc::clone(&begun), Arc::clone(&release)), count);
    let run = tokio::spawn(async move { runner.run_due().await.unwrap() });
    begun.notified().await;
    Busy { run, release }
}
