//! Jobs: each due time is run once, by whichever host, also when a clock goes back.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use chrono::Duration;
use systemprompt_users::{
    Job, JobContext, JobError, JobOutcome, JobReport, JobRunFilter, JobRunner, JobTrigger,
    PageRequest, RunnerOptions, register_job, registered_jobs,
};
use systemprompt_users_tests::{Host, at_once, code, field, on_every_backend};
use tokio::sync::{Notify, oneshot};

use crate::hourly::{Work, at, history, options, runner};

on_every_backend! {
    a_job_of_a_hosts_own_crate_is_found,
    a_due_job_runs_once,
    missed_times_run_once,
    of_many_runners_one_runs,
    a_clock_set_back_runs_nothing_twice,
    a_job_runs_when_it_is_asked_to,
    a_failed_job_says_why,
    a_job_that_panics_has_failed,
    shutdown_waits_for_the_running_job,
    jobs_are_listed_with_their_times,
    the_history_is_filtered_and_paged,
    bad_jobs_and_options_are_refused,
}

/// A job of this crate, found because it is linked.
struct Nightly;

register_job!(Nightly);

#[async_trait]
impl Job for Nightly {
    fn name(&self) -> &'static str {
        "nightly_of_the_tests"
    }

    fn description(&self) -> &'static str {
        "Does nothing."
    }

    fn schedule(&self) -> &'static str {
        "0 2 * * *"
    }

    async fn execute(&self, _context: &JobContext) -> Result<JobReport, JobError> {
        Ok(JobReport::default())
    }
}

async fn a_job_of_a_hosts_own_crate_is_found(host: &Host) {
    let names: Vec<_> = registered_jobs().iter().map(|job| job.name()).collect();
    assert_eq!(
        names,
        [
            "cleanup_access",
            "cleanup_anonymous_users",
            "cleanup_bans",
            "cleanup_history",
            "cleanup_sessions",
            "nightly_of_the_tests",
            "purge_deleted_users",
        ]
    );
    let runner = JobRunner::of(host.context.clone(), registered_jobs()).unwrap();
    let run = runner.run_now("nightly_of_the_tests").await.unwrap();
    assert_eq!(run.outcome, Some(JobOutcome::Succeeded));
}

async fn a_due_job_runs_once(host: &Host) {
    let count = Arc::default();
    let runner = runner(host, "one", Work::Count, &count);
    host.clock.set(at("10:20:30.5"));
    let runs = runner.run_due().await.unwrap();
    let [run] = runs.as_slice() else { panic!("{runs:?}") };
    assert_eq!((run.scheduled_at, run.started_at), (at("10:00:00"), host.now()));
    assert_eq!((run.trigger, run.attempts), (JobTrigger::Schedule, 1));
    assert_eq!((run.ended_at, run.outcome), (Some(host.now()), Some(JobOutcome::Succeeded)));
    assert_eq!((run.host.as_str(), run.report.counts["done"]), ("one", 1));
    assert_eq!(history(&runner).await, runs, "it is kept as it was answered");
    assert!(runner.run_due().await.unwrap().is_empty());
    host.clock.set(at("10:59:59.999999"));
    assert!(runner.run_due().await.unwrap().is_empty());
    host.clock.set(at("11:00:00"));
    assert_eq!(runner.run_due().await.unwrap().len(), 1);
    assert_eq!(count.load(Ordering::SeqCst), 2);
}

async fn missed_times_run_once(host: &Host) {
    let count = Arc::default();
    let runner = runner(host, "one", Work::Count, &count);
    runner.run_due().await.unwrap();
    host.clock.set(at("15:30:00"));
    let runs = runner.run_due().await.unwrap();
    assert_eq!((runs.len(), runs[0].scheduled_at), (1, at("15:00:00")));
    assert!(runner.run_due().await.unwrap().is_empty());
}

async fn of_many_runners_one_runs(host: &Host) {
    let count: Arc<AtomicUsize> = Arc::default();
    let runners: Vec<_> =
        (0..4).map(|n| runner(host, &format!("host{n}"), Work::Count, &count)).collect();
    for round in 1..=15 {
        let runs = at_once(
            runners.iter().cloned().map(|runner| async move { runner.run_due().await.unwrap() }),
        )
        .await;
        assert_eq!(runs.iter().map(Vec::len).sum::<usize>(), 1, "{runs:?}");
        assert_eq!(count.load(Ordering::SeqCst), round);
        host.clock.advance(Duration::hours(1));
    }
    assert_eq!(history(&runners[0]).await.len(), 15);
}

async fn a_clock_set_back_runs_nothing_twice(host: &Host) {
    let count = Arc::default();
    let runner = runner(host, "one", Work::Count, &count);
    for time in ["10:30:00", "11:30:00", "12:30:00"] {
        host.clock.set(at(time));
        assert_eq!(runner.run_due().await.unwrap().len(), 1, "{time}");
    }
    for time in ["11:30:00", "11:59:59", "12:00:00", "12:30:00"] {
        host.clock.set(at(time));
        assert!(runner.run_due().await.unwrap().is_empty(), "{time}");
    }
    host.clock.set(at("13:00:00"));
    assert_eq!(runner.run_due().await.unwrap().len(), 1);
    assert_eq!(count.load(Ordering::SeqCst), 4);
}

async fn a_job_runs_when_it_is_asked_to(host: &Host) {
    let count = Arc::default();
    let runner = runner(host, "one", Work::Count, &count);
    host.clock.set(at("10:20:00"));
    let run = runner.run_now("hourly").await.unwrap();
    assert_eq!((run.trigger, run.scheduled_at), (JobTrigger::Manual, host.now()));
    assert_eq!(run.outcome, Some(JobOutcome::Succeeded));
    assert_eq!(runner.run_due().await.unwrap().len(), 1, "it takes the place of no due time");
    host.clock.advance(Duration::seconds(1));
    runner.run_now("hourly").await.unwrap();
    assert_eq!(history(&runner).await.len(), 3);
    assert_eq!(code(runner.run_now("nothing").await), "not_found");
}

async fn a_failed_job_says_why(host: &Host) {
    let count = Arc::default();
    let runner = runner(host, "one", Work::Fail, &count);
    let run = runner.run_due().await.unwrap().remove(0);
    assert_eq!(run.outcome, Some(JobOutcome::Failed));
    let error = run.error.clone().unwrap();
    assert!(error.ends_with("the cause"), "with its causes: {error}");
    assert_eq!(history(&runner).await, [run]);
    assert!(runner.run_due().await.unwrap().is_empty(), "it is not tried again before it is due");
}

async fn a_job_that_panics_has_failed(host: &Host) {
    let count = Arc::default();
    let runner = runner(host, "one", Work::Panic, &count);
    let run = runner.run_due().await.unwrap().remove(0);
    assert_eq!(run.outcome, Some(JobOutcome::Failed));
    assert!(run.error.as_ref().is_some_and(|error| error.chars().count() <= 1000));
    assert!(run.error.as_ref().unwrap().contains("on purpose"), "{run:?}");
    assert_eq!(history(&runner).await, [run]);
    host.clock.advance(Duration::hours(1));
    assert_eq!(runner.run_due().await.unwrap().len(), 1, "the host goes on");
}

async fn shutdown_waits_for_the_running_job(host: &Host) {
    let (begun, release): (Arc<Notify>, Arc<Notify>) = Default::default();
    let count: Arc<AtomicUsize> = Arc::default();
    let work = Work::Hold(Arc::clone(&begun), Arc::clone(&release));
    let runner = runner(host, "one", work, &count);
    let (shutdown, down) = oneshot::channel::<()>();
    let running = {
        let runner = runner.clone();
        tokio::spawn(async move { runner.run_until(async { down.await.unwrap() }).await })
    };
    begun.notified().await;
    shutdown.send(()).unwrap();
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
    assert!(!running.is_finished(), "the job is still at it");
    assert_eq!(history(&runner).await[0].outcome, None);
    // Nothing more is begun.
    host.clock.advance(Duration::hours(1));
    release.notify_one();
    running.await.unwrap();
    let runs = history(&runner).await;
    assert_eq!((runs.len(), runs[0].outcome), (1, Some(JobOutcome::Succeeded)));
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

async fn jobs_are_listed_with_their_times(host: &Host) {
    let count = Arc::default();
    let runner = runner(host, "one", Work::Count, &count);
    host.clock.set(at("10:20:00"));
    let infos = runner.list().await.unwrap();
    assert_eq!((infos.len(), infos[0].name, infos[0].schedule), (1, "hourly", "0 * * * *"));
    assert_eq!((infos[0].next, infos[0].last_run.clone()), (Some(at("11:00:00")), None));
    let run = runner.run_due().await.unwrap().remove(0);
    assert_eq!(runner.list().await.unwrap()[0].last_run, Some(run));
    let all = JobRunner::of(host.context.clone(), registered_jobs()).unwrap();
    let anonymous = &all.list().await.unwrap()[0];
    assert_eq!((anonymous.name, anonymous.schedule), ("cleanup_access", "20 * * * *"));
    assert!(all.list().await.unwrap().iter().all(|info| !info.description.is_empty()));
}

async fn the_history_is_filtered_and_paged(host: &Host) {
    let count = Arc::default();
    let good = runner(host, "one", Work::Count, &count);
    let bad = runner(host, "two", Work::Fail, &count);
    for n in 0..7 {
        host.clock.advance(Duration::hours(1));
        if n % 3 == 0 { &bad } else { &good }.run_due().await.unwrap();
    }
    let mut seen = Vec::new();
    let mut request = PageRequest::new(2).unwrap();
    loop {
        let page = good.history(&JobRunFilter::default(), &request).await.unwrap();
        seen.extend(page.items);
        let Some(next) = page.next else { break };
        request = request.after(Some(next));
    }
    assert_eq!(seen, history(&good).await);
    assert!(seen.is_sorted_by(|a, b| a.started_at > b.started_at) && seen.len() == 7);
    let page = PageRequest::default();
    let failed = JobRunFilter { job: None, outcome: Some(JobOutcome::Failed) };
    assert_eq!(good.history(&failed, &page).await.unwrap().items.len(), 3);
    let other = JobRunFilter { job: Some("other".into()), outcome: None };
    assert!(good.history(&other, &page).await.unwrap().items.is_empty());
    let foreign = page.after(Some(systemprompt_users::Cursor::at_id(uuid::Uuid::nil())));
    assert_eq!(field(good.history(&failed, &foreign).await), "after");
}

/// A job with that schedule.
struct Scheduled(&'static str);

#[async_trait]
impl Job for Scheduled {
    fn name(&self) -> &'static str {
        "scheduled"
    }

    fn description(&self) -> &'static str {
        "Does nothing."
    }

    fn schedule(&self) -> &'static str {
        self.0
    }

    async fn execute(&self, _context: &JobContext) -> Result<JobReport, JobError> {
        Ok(JobReport::default())
    }
}

async fn bad_jobs_and_options_are_refused(host: &Host) {
    let of = |schedules: &[&'static str]| {
        let jobs = schedules.iter().map(|schedule| Arc::new(Scheduled(schedule)) as Arc<dyn Job>);
        JobRunner::of(host.context.clone(), jobs)
    };
    for wrong in
        ["", "never", "* * * *", "* * * * * *", "60 * * * *", "*/90 * * * *", "0 0 31 13 *"]
    {
        assert_eq!(field(of(&[wrong])), "schedule", "{wrong:?}");
    }
    assert_eq!(field(of(&["0 * * * *", "1 * * * *"])), "name");
    let runner = of(&["*/15 0-6 1,15 * MON"]).unwrap();
    let with =
        |host: &str, lease| runner.clone().with_options(RunnerOptions { lease, ..options(host) });
    assert_eq!(field(with(" ", Duration::seconds(1))), "host");
    assert_eq!(field(with(&"x".repeat(256), Duration::seconds(1))), "host");
    assert_eq!(field(with("x", Duration::zero())), "lease");
    assert_eq!(field(with("x", Duration::days(2))), "lease");
}
