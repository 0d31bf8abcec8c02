//! The runs of jobs: one host for each, and another one when it dies.

use chrono::{DateTime, Duration, Utc};
use systemprompt_users_domain::{Cursor, JobOutcome, JobReport, JobRun, JobRunFilter, JobTrigger};

use crate::Subject;
use crate::fixtures::{at, job_run, long_text, tick};
use crate::subject::{Walk, check_same};

const JOB: &str = "cleanup";

async fn start(subject: &Subject, run: &JobRun) -> bool {
    let mut unit = subject.write().await;
    let started = unit.jobs().start(run).await.unwrap();
    unit.commit().await.unwrap();
    started
}

async fn take_over(subject: &Subject, host: &str, now: DateTime<Utc>) -> Option<JobRun> {
    let mut unit = subject.write().await;
    let lease = now + Duration::seconds(60);
    let taken = unit.jobs().take_over(JOB, host, now, lease).await.unwrap();
    unit.commit().await.unwrap();
    taken
}

async fn renew(subject: &Subject, run: &JobRun, lease: DateTime<Utc>) -> bool {
    let mut unit = subject.write().await;
    let renewed = unit.jobs().renew(run.id, &run.host, run.attempts, lease).await.unwrap();
    unit.commit().await.unwrap();
    renewed
}

async fn finish(subject: &Subject, run: &JobRun) -> bool {
    let mut unit = subject.write().await;
    let finished = unit.jobs().finish(run).await.unwrap();
    unit.commit().await.unwrap();
    finished
}

async fn list(subject: &Subject, filter: &JobRunFilter, limit: u16) -> Vec<JobRun> {
    let mut unit = subject.read().await;
    let mut walk = Walk::new(limit);
    while let Some(page) = walk.request() {
        let page = unit.jobs().list(filter, &page).await.unwrap();
        walk.take(page, |run| Cursor::at_time(run.started_at, run.id.as_uuid()));
    }
    walk.items
}

async fn all(subject: &Subject) -> Vec<JobRun> {
    list(subject, &JobRunFilter::default(), 1000).await
}

/// The same run, ended well `seconds` after the start.
fn over(run: JobRun, seconds: i64) -> JobRun {
    let mut report = JobReport::default();
    report.add("deleted", 12);
    JobRun { ended_at: Some(at(seconds)), outcome: Some(JobOutcome::Succeeded), report, ..run }
}

pub(crate) async fn a_due_run_starts_once(subject: Subject) {
    let first = job_run(1, JOB);
    assert!(start(&subject, &first).await);
    let rival =
        JobRun { host: "host2".into(), scheduled_at: first.scheduled_at, ..job_run(2, JOB) };
    assert!(!start(&subject, &rival).await);
    check_same(&all(&subject).await, &vec![first.clone()]);
    assert!(finish(&subject, &over(first.clone(), 9)).await);
    assert!(!start(&subject, &rival).await, "also when the first has ended");
    check_same(&all(&subject).await, &vec![over(first, 9)]);
}

pub(crate) async fn a_refused_start_leaves_the_unit_usable(subject: Subject) {
    assert!(start(&subject, &job_run(1, JOB)).await);
    let mut unit = subject.write().await;
    assert!(unit.jobs().start(&job_run(2, JOB)).await.unwrap());
    let rival = JobRun { scheduled_at: at(1), ..job_run(3, JOB) };
    assert!(!unit.jobs().start(&rival).await.unwrap());
    assert!(unit.jobs().start(&job_run(4, JOB)).await.unwrap());
    unit.commit().await.unwrap();
    check_same(&all(&subject).await, &[4, 2, 1].map(|n| job_run(n, JOB)).to_vec());
}

pub(crate) async fn other_jobs_times_and_triggers_start(subject: Subject) {
    let same_time = |n, job: &str| JobRun { scheduled_at: at(1), ..job_run(n, job) };
    let runs = [
        same_time(1, JOB),
        same_time(2, "Cleanup"),
        same_time(3, "cleanup2"),
        JobRun { scheduled_at: at(1) + tick(), ..job_run(4, JOB) },
        JobRun { trigger: JobTrigger::Manual, ..same_time(5, JOB) },
    ];
    for run in &runs {
        assert!(start(&subject, run).await, "{run:?}");
    }
    assert!(!start(&subject, &JobRun { trigger: JobTrigger::Manual, ..same_time(6, JOB) }).await);
    let newest_first: Vec<_> = runs.into_iter().rev().collect();
    check_same(&all(&subject).await, &newest_first);
}

pub(crate) async fn whatever_a_job_ends_with_is_stored(subject: Subject) {
    let mut report = JobReport::default();
    for n in 0..2_000 {
        report.add(&format!("\0{n:04}{}", "é".repeat(1_000)), u64::MAX);
    }
    let text = format!("out: \0\u{1}\n\u{7f} {}", "🦀".repeat(100_000));
    for (n, result) in [(1, Ok(report)), (2, Err(text.into()))] {
        let mut run = job_run(n, JOB);
        assert!(start(&subject, &run).await);
        run.end(at(90), result);
        assert!(finish(&subject, &run).await);
        check_same(&all(&subject).await[0], &run);
    }
}

pub(crate) async fn every_field_comes_back(subject: Subject) {
    let mut report = JobReport::default();
    report.add(&long_text('n'), u64::MAX);
    report.add("zero", 0);
    report.add("\"quoted\" \\ 王", 1);
    let mut runs = vec![
        job_run(1, JOB),
        JobRun {
            scheduled_at: at(2) + tick(),
            started_at: at(4) + Duration::microseconds(999_999),
            lease_until: at(5) + tick(),
            host: long_text('h'),
            trigger: JobTrigger::Manual,
            attempts: 7,
            ..job_run(2, &long_text('j'))
        },
        JobRun {
            ended_at: Some(at(90) + tick()),
            outcome: Some(JobOutcome::Failed),
            report: report.clone(),
            error: Some("é".repeat(1_000)),
            ..job_run(3, JOB)
        },
    ];
    for run in &runs {
        assert!(start(&subject, run).await);
    }
    runs[1].ended_at = Some(at(91));
    runs[1].outcome = Some(JobOutcome::Failed);
    runs[1].report = report;
    runs[1].error = Some("🦀".repeat(1_000));
    assert!(finish(&subject, &runs[1]).await);
    runs.sort_by_key(|run| std::cmp::Reverse(run.started_at));
    check_same(&all(&subject).await, &runs);
}

pub(crate) async fn a_run_is_taken_over_only_after_its_lease(subject: Subject) {
    let run = job_run(1, JOB);
    assert!(start(&subject, &run).await);
    assert_eq!(take_over(&subject, "host2", run.lease_until - tick()).await, None);
    let now = run.lease_until;
    let expected = JobRun {
        host: "host2".into(),
        attempts: 2,
        started_at: now,
        lease_until: now + Duration::seconds(60),
        ..run
    };
    check_same(&take_over(&subject, "host2", now).await, &Some(expected.clone()));
    check_same(&all(&subject).await, &vec![expected]);
    assert_eq!(take_over(&subject, "host3", now).await, None, "the new lease holds");
    let later = now + Duration::seconds(61);
    assert_eq!(take_over(&subject, "host3", later).await.unwrap().attempts, 3);
}

pub(crate) async fn the_oldest_run_is_taken_over_first(subject: Subject) {
    for n in [3, 1, 2] {
        assert!(start(&subject, &job_run(n, JOB)).await);
    }
    assert!(start(&subject, &over(job_run(4, JOB), 5)).await, "ended: nobody's to take");
    assert!(start(&subject, &job_run(5, "another")).await);
    let manual = JobRun { trigger: JobTrigger::Manual, ..job_run(6, JOB) };
    assert!(start(&subject, &manual).await);
    let now = at(1_000);
    for n in [1, 2, 3, 6] {
        assert_eq!(take_over(&subject, "host2", now).await.unwrap().id, job_run(n, JOB).id);
    }
    assert_eq!(take_over(&subject, "host2", now).await, None);
}

pub(crate) async fn a_renewed_lease_holds(subject: Subject) {
    let run = job_run(1, JOB);
    assert!(start(&subject, &run).await);
    assert!(renew(&subject, &run, at(500)).await);
    check_same(&all(&subject).await, &vec![JobRun { lease_until: at(500), ..run.clone() }]);
    assert_eq!(take_over(&subject, "host2", at(499)).await, None);
    assert!(take_over(&subject, "host2", at(501)).await.is_some());
    assert!(!renew(&subject, &run, at(900)).await, "it is another host's by now");
}

pub(crate) async fn only_the_host_and_attempt_that_hold_it_renew(subject: Subject) {
    let run = job_run(1, JOB);
    assert!(start(&subject, &run).await);
    for stranger in [
        JobRun { host: "host2".into(), ..run.clone() },
        JobRun { attempts: 2, ..run.clone() },
        JobRun { attempts: 0, ..run.clone() },
        job_run(99, JOB),
    ] {
        assert!(!renew(&subject, &stranger, at(900)).await, "{stranger:?}");
        assert!(!finish(&subject, &over(stranger, 9)).await);
    }
    check_same(&all(&subject).await, &vec![run]);
}

pub(crate) async fn the_same_host_s_older_attempt_is_refused(subject: Subject) {
    let run = job_run(1, JOB);
    assert!(start(&subject, &run).await);
    let taken = take_over(&subject, &run.host, at(500)).await.unwrap();
    assert!(!renew(&subject, &run, at(900)).await);
    assert!(!finish(&subject, &over(run, 510)).await);
    check_same(&all(&subject).await, &vec![taken.clone()]);
    assert!(finish(&subject, &over(taken.clone(), 520)).await);
    check_same(&all(&subject).await, &vec![over(taken, 520)]);
}

pub(crate) async fn a_run_ends_once(subject: Subject) {
    let run = job_run(1, JOB);
    assert!(start(&subject, &run).await);
    assert!(finish(&subject, &over(run.clone(), 9)).await);
    let failed = JobRun { outcome: Some(JobOutcome::Failed), ..over(run.clone(), 10) };
    assert!(!finish(&subject, &failed).await);
    assert!(!renew(&subject, &run, at(900)).await);
    assert_eq!(take_over(&subject, "host2", at(99_999)).await, None);
    check_same(&all(&subject).await, &vec![over(run, 9)]);
}

/// The end, and nothing else, is stored.
pub(crate) async fn an_end_keeps_the_renewed_lease(subject: Subject) {
    let run = job_run(1, JOB);
    assert!(start(&subject, &run).await);
    assert!(renew(&subject, &run, at(500)).await);
    let stale_copy = JobRun { started_at: at(77), scheduled_at: at(77), ..over(run.clone(), 9) };
    assert!(finish(&subject, &stale_copy).await);
    check_same(&all(&subject).await, &vec![JobRun { lease_until: at(500), ..over(run, 9) }]);
}

pub(crate) async fn lists_are_begun_last_first_and_filtered(subject: Subject) {
    let run = |n: u32| {
        let job = ["cleanup", "purge"][(n % 2) as usize];
        let run = JobRun { started_at: at(i64::from(n / 3)), ..job_run(n, job) };
        match n % 5 {
            0 => run,
            1 => JobRun { outcome: Some(JobOutcome::Failed), ..over(run, 500) },
            _ => over(run, 600),
        }
    };
    let runs: Vec<_> = (1..=24).map(run).collect();
    for run in &runs {
        assert!(start(&subject, run).await);
    }
    for job in [None, Some("cleanup"), Some("purge"), Some("none"), Some("%")] {
        for outcome in [None, Some(JobOutcome::Succeeded), Some(JobOutcome::Failed)] {
            let filter = JobRunFilter { job: job.map(str::to_owned), outcome };
            let mut expected: Vec<_> = runs
                .iter()
                .filter(|run| job.is_none_or(|job| run.job == job))
                .filter(|run| outcome.is_none() || run.outcome == outcome)
                .cloned()
                .collect();
            expected.sort_by_key(|run| std::cmp::Reverse((run.started_at, run.id)));
            for limit in [1, 2, 12, 24, 1000] {
                check_same(&list(&subject, &filter, limit).await, &expected);
            }
        }
    }
}

async fn last_scheduled(subject: &Subject, job: &str) -> Option<DateTime<Utc>> {
    subject.read().await.jobs().last_scheduled(job).await.unwrap()
}

pub(crate) async fn the_latest_scheduled_time_is_known(subject: Subject) {
    assert_eq!(last_scheduled(&subject, JOB).await, None);
    let manual = |n| JobRun { trigger: JobTrigger::Manual, ..job_run(n, JOB) };
    assert!(start(&subject, &manual(9)).await);
    assert_eq!(last_scheduled(&subject, JOB).await, None);
    for (n, expected) in [(3, 3), (5, 5), (4, 5)] {
        assert!(start(&subject, &job_run(n, JOB)).await);
        assert_eq!(last_scheduled(&subject, JOB).await, Some(at(expected)));
    }
    assert!(finish(&subject, &over(job_run(5, JOB), 9)).await);
    assert_eq!(last_scheduled(&subject, JOB).await, Some(at(5)));
    assert_eq!(last_scheduled(&subject, "other").await, None);
}

async fn delete_ended(subject: &Subject, seconds: i64, limit: u16) -> u64 {
    let mut unit = subject.write().await;
    let deleted = unit.jobs().delete_ended(at(seconds), limit).await.unwrap();
    unit.commit().await.unwrap();
    deleted
}

pub(crate) async fn ended_runs_go_but_the_latest_scheduled_stays(subject: Subject) {
    let manual = |n| JobRun { trigger: JobTrigger::Manual, ..job_run(n, JOB) };
    let runs = [
        over(job_run(1, JOB), 100),
        over(job_run(2, JOB), 50),
        over(job_run(3, JOB), 60),
        over(manual(4), 70),
        over(job_run(5, "other"), 80),
        job_run(6, "open"),
        over(job_run(7, "both"), 10),
        job_run(8, "both"),
    ];
    for run in &runs {
        assert!(start(&subject, run).await);
    }
    assert_eq!(delete_ended(&subject, 10, 100).await, 0, "not yet");
    assert_eq!(delete_ended(&subject, 100, 0).await, 0);
    assert_eq!(delete_ended(&subject, 100, 1).await, 1);
    assert_eq!(delete_ended(&subject, 100, 100).await, 2);
    assert_eq!(delete_ended(&subject, 100, 100).await, 0);
    let left: Vec<_> = all(&subject).await.into_iter().map(|run| run.id).collect();
    assert_eq!(left, [8, 6, 5, 3, 1].map(|n| job_run(n, JOB).id));
    assert_eq!(delete_ended(&subject, 101, 100).await, 1);
    assert_eq!(last_scheduled(&subject, JOB).await, Some(at(3)));
    assert_eq!(last_scheduled(&subject, "other").await, Some(at(5)));
    assert!(!start(&subject, &job_run(3, JOB)).await, "the latest still can't start again");
}
