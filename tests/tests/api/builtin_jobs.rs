//! The jobs that the library brings: each does its work to the end, on its own behalf.

use chrono::Duration;
use systemprompt_users::{
    Actor, BanDuration, BeginOutcome, EventFilter, EventKind, IdempotencyKey, IdempotencyService,
    JobOutcome, JobRun, JobRunFilter, JobRunner, PageRequest, Policy, SignInLinkService, UserRole,
    UserStatus, registered_jobs,
};
use systemprompt_users_tests::{Host, on_every_backend};

on_every_backend! {
    idle_visitors_are_cleaned_up,
    sessions_are_cleaned_up,
    spent_bans_are_cleaned_up,
    users_deleted_long_ago_are_purged,
    old_runs_and_events_are_removed,
    expired_links_and_old_requests_are_removed,
    every_job_is_due_within_a_day,
}

/// Batches so small that every job needs several.
fn small(host: &Host) -> Host {
    host.with_policy(Policy { cleanup_batch: 2, ..Policy::default() })
}

fn runner(host: &Host) -> JobRunner {
    JobRunner::of(host.context.clone(), registered_jobs()).unwrap()
}

async fn run(host: &Host, name: &str) -> JobRun {
    host.clock.advance(Duration::seconds(1));
    let run = runner(host).run_now(name).await.unwrap();
    assert_eq!(run.outcome, Some(JobOutcome::Succeeded), "{run:?}");
    let newest = host.events.list(&EventFilter::default(), None, 1).await.unwrap();
    assert_eq!(newest[0].event.actor, Actor::Job(name.into()), "on its own behalf");
    run
}

async fn idle_visitors_are_cleaned_up(host: &Host) {
    let host = small(host);
    for n in 0..5 {
        host.visitor(&format!("browser{n}")).await;
    }
    host.clock.advance(Duration::days(29));
    let young = host.visitor("young").await.user.id;
    host.clock.advance(Duration::days(2));
    let report = run(&host, "cleanup_anonymous_users").await.report;
    assert_eq!(report.counts["deleted"], 5);
    assert_eq!(host.users.count_by_role(UserRole::Anonymous).await.unwrap(), 1);
    assert!(host.get(young).await.is_live());
}

async fn sessions_are_cleaned_up(host: &Host) {
    let host = small(host);
    let (ada, _) = host.user_with_sessions("ada", 5).await;
    host.clock.advance(Duration::days(8));
    let report = run(&host, "cleanup_sessions").await.report;
    assert_eq!((report.counts["expired"], report.counts["deleted"]), (5, 0));
    host.clock.advance(Duration::days(31));
    let report = run(&host, "cleanup_sessions").await.report;
    assert_eq!((report.counts["expired"], report.counts["deleted"]), (0, 5));
    assert!(host.all_sessions(ada.id).await.is_empty());
}

async fn spent_bans_are_cleaned_up(host: &Host) {
    let host = small(host);
    for n in 0..5 {
        host.ban(&format!("192.0.2.{n}"), BanDuration::Hours(1)).await;
    }
    host.ban("198.51.100.1", BanDuration::Permanent).await;
    host.clock.advance(Duration::days(91));
    assert_eq!(run(&host, "cleanup_bans").await.report.counts["deleted"], 5);
    assert!(host.bans.get_ban("192.0.2.1").await.unwrap().is_none());
    assert!(host.bans.is_banned("198.51.100.1").await.unwrap());
}

async fn users_deleted_long_ago_are_purged(host: &Host) {
    let host = small(host);
    for n in 0..5 {
        let id = host.user(&format!("user{n}")).await.id;
        host.users.delete(id).await.unwrap();
        host.users.set_legal_hold(id, n == 0).await.unwrap();
    }
    host.clock.advance(Duration::days(31));
    assert_eq!(run(&host, "purge_deleted_users").await.report.counts["purged"], 4);
    let held = host.admins.find_any_status("user0").await.unwrap().unwrap();
    assert_eq!(held.status, UserStatus::Deleted);
    assert!(host.admins.find_any_status("user1").await.unwrap().is_none());
}

async fn old_runs_and_events_are_removed(host: &Host) {
    let host = small(host);
    for n in 0..5 {
        host.user(&format!("user{n}")).await;
    }
    let runner = runner(&host);
    let due = runner.run_due().await.unwrap();
    assert_eq!(due.len(), registered_jobs().len());
    host.clock.advance(Duration::seconds(1));
    for _ in 0..3 {
        host.clock.advance(Duration::seconds(1));
        runner.run_now("cleanup_bans").await.unwrap();
    }
    host.clock.advance(Duration::days(366));
    let report = run(&host, "cleanup_history").await.report;
    assert_eq!((report.counts["events"], report.counts["job_runs"]), (5, 3));
    let page = PageRequest::default();
    let left = runner.history(&JobRunFilter::default(), &page).await.unwrap().items;
    // The latest scheduled run of each job says what is due next.
    assert_eq!(left.len(), due.len() + 1);
    let cleaned = |count| EventKind::RecordsCleaned { what: "job_runs".into(), count };
    let events = host.events_since(Default::default()).await;
    assert!(events.ends_with(&[cleaned(2), cleaned(1)]), "{events:?}");
}

async fn expired_links_and_old_requests_are_removed(host: &Host) {
    let host = small(host);
    let ada = host.user("ada").await.id;
    let links = SignInLinkService::from(host.context.clone());
    let requests = IdempotencyService::from(host.context.clone());
    let key = |n: usize| IdempotencyKey::new("ada", &n.to_string()).unwrap();
    for n in 0..5 {
        links.create(ada, Duration::hours(1)).await.unwrap();
        assert_eq!(requests.begin(&key(n), [0; 32]).await.unwrap(), BeginOutcome::Started);
    }
    host.clock.advance(Duration::hours(23));
    links.create(ada, Duration::hours(2)).await.unwrap();
    assert_eq!(requests.begin(&key(5), [0; 32]).await.unwrap(), BeginOutcome::Started);
    requests.finish(&key(5), b"done").await.unwrap();
    host.clock.advance(Duration::hours(1));
    let report = run(&host, "cleanup_access").await.report;
    assert_eq!((report.counts["sign_in_links"], report.counts["remembered_requests"]), (5, 5));
    let young = requests.begin(&key(5), [0; 32]).await.unwrap();
    assert_eq!(young, BeginOutcome::Answered(b"done".to_vec()));
    host.clock.advance(Duration::hours(24));
    let report = run(&host, "cleanup_access").await.report;
    assert_eq!((report.counts["sign_in_links"], report.counts["remembered_requests"]), (1, 1));
}

async fn every_job_is_due_within_a_day(host: &Host) {
    let runner = runner(host);
    for info in runner.list().await.unwrap() {
        let next = info.next.unwrap();
        assert!(next > host.now() && next <= host.now() + Duration::days(1), "{info:?}");
    }
    let schedule = |name: &str| {
        let job = registered_jobs().into_iter().find(|job| job.name() == name).unwrap();
        job.schedule()
    };
    assert_eq!(schedule("cleanup_anonymous_users"), "0 * * * *", "hourly");
}
