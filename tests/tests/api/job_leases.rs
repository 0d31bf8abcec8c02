//! Leases: a run belongs to one host, and to another one when that is dead.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::Duration;
use systemprompt_users::{JobOutcome, RunnerOptions};
use systemprompt_users_tests::{Host, TestClock, at_once, code, on_every_backend};
use tokio::sync::Notify;

use crate::hourly::{Work, busy, history, options, runner};

on_every_backend! {
    a_run_in_progress_is_not_begun_again,
    a_dead_hosts_run_is_taken_over,
    of_many_heirs_one_takes_over,
    a_late_end_of_a_lost_run_does_not_count,
    a_host_that_lost_its_run_is_told_to_stop,
}

async fn a_run_in_progress_is_not_begun_again(host: &Host) {
    let count = Arc::default();
    let first = busy(host, "one", &count).await;
    let other = runner(host, "two", Work::Count, &count);
    assert!(other.run_due().await.unwrap().is_empty());
    assert_eq!(code(other.run_now("hourly").await), "not_allowed");
    // Its lease holds to the last moment.
    host.clock.set(TestClock::START + Duration::seconds(60) - Duration::microseconds(1));
    assert!(other.run_due().await.unwrap().is_empty());
    first.release.notify_one();
    assert_eq!(first.run.await.unwrap()[0].outcome, Some(JobOutcome::Succeeded));
    host.clock.advance(Duration::hours(1));
    assert_eq!(other.run_due().await.unwrap().len(), 1);
    assert_eq!(count.load(Ordering::SeqCst), 2);
}

async fn a_dead_hosts_run_is_taken_over(host: &Host) {
    let count = Arc::default();
    let dead = busy(host, "dead", &count).await;
    dead.run.abort();
    assert!(dead.run.await.unwrap_err().is_cancelled());
    let left = history(&runner(host, "x", Work::Count, &count)).await.remove(0);
    assert_eq!((left.outcome, left.lease_until), (None, TestClock::START + Duration::seconds(60)));

    let heir = runner(host, "heir", Work::Count, &count);
    host.clock.set(left.lease_until - Duration::microseconds(1));
    assert!(heir.run_due().await.unwrap().is_empty());
    host.clock.advance(Duration::microseconds(1));
    let runs = heir.run_due().await.unwrap();
    let [run] = runs.as_slice() else { panic!("{runs:?}") };
    assert_eq!((run.id, run.attempts, run.host.as_str()), (left.id, 2, "heir"));
    assert_eq!((run.scheduled_at, run.started_at), (left.scheduled_at, host.now()));
    assert_eq!(run.outcome, Some(JobOutcome::Succeeded));
    assert_eq!(history(&heir).await, runs, "one run, begun twice");
}

async fn of_many_heirs_one_takes_over(host: &Host) {
    let count: Arc<AtomicUsize> = Arc::default();
    for round in 1..=8 {
        let dead = busy(host, "dead", &count).await;
        dead.run.abort();
        host.clock.advance(Duration::minutes(2));
        let heirs: Vec<_> =
            (0..4).map(|n| runner(host, &format!("heir{n}"), Work::Count, &count)).collect();
        let runs =
            at_once(heirs.into_iter().map(|heir| async move { heir.run_due().await.unwrap() }))
                .await;
        assert_eq!(runs.iter().map(Vec::len).sum::<usize>(), 1, "{runs:?}");
        assert_eq!(count.load(Ordering::SeqCst), 2 * round);
        host.clock.advance(Duration::minutes(58));
    }
}

async fn a_late_end_of_a_lost_run_does_not_count(host: &Host) {
    let count = Arc::default();
    let slow = busy(host, "slow", &count).await;
    host.clock.advance(Duration::minutes(2));
    let heir = runner(host, "heir", Work::Fail, &count);
    assert_eq!(heir.run_due().await.unwrap()[0].outcome, Some(JobOutcome::Failed));
    let kept = history(&heir).await;
    slow.release.notify_one();
    slow.run.await.unwrap();
    assert_eq!(history(&heir).await, kept, "the heir's end stands");
    assert_eq!(kept[0].host, "heir");
}

async fn a_host_that_lost_its_run_is_told_to_stop(host: &Host) {
    let (begun, count): (Arc<Notify>, _) = Default::default();
    let lease = Duration::milliseconds(30);
    let slow = runner(host, "slow", Work::UntilCancelled(Arc::clone(&begun)), &count)
        .with_options(RunnerOptions { lease, ..options("slow") })
        .unwrap();
    let slow = tokio::spawn(async move { slow.run_due().await.unwrap() });
    begun.notified().await;
    let heir = runner(host, "heir", Work::Count, &count);
    // The slow host renews its lease now and then; between two renewals the heir finds it over.
    let runs = loop {
        host.clock.advance(Duration::seconds(1));
        let runs = heir.run_due().await.unwrap();
        if !runs.is_empty() {
            break runs;
        }
    };
    assert_eq!((runs[0].host.as_str(), runs[0].attempts), ("heir", 2));
    slow.await.unwrap();
    assert_eq!(history(&heir).await, runs);
}
