//! Several programs on one storage, each with connections of its own: a web service, a worker, a command line.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::Duration;
use systemprompt_users::{
    BanDuration, BanIpParams, CreateUserParams, EventPosition, MergeOptions, NewSession, Policy,
    UserFilter, UserRole, UserStatus,
};
use systemprompt_users_tests::{Host, at_once, code, on_every_backend};

use crate::hourly::{Work, runner};

on_every_backend! {
    what_one_commits_the_others_see,
    one_email_is_created_once,
    the_last_two_admins_do_not_both_go,
    merges_in_both_directions_leave_one,
    a_fingerprint_stands_for_one_visitor,
    the_limit_of_sessions_holds,
    no_session_outlives_a_suspension,
    no_offence_is_lost,
    a_due_job_is_run_by_one,
    each_reads_the_same_log,
}

async fn programs(host: &Host) -> [Host; 3] {
    [host.clone(), host.another_program().await, host.another_program().await]
}

async fn what_one_commits_the_others_see(host: &Host) {
    let [web, worker, console] = programs(host).await;
    let ada = web.user("ada").await;
    assert_eq!(worker.users.find_by_email("ADA@example.com").await.unwrap(), Some(ada.clone()));
    let token = worker.session(ada.id).await.token;
    assert!(console.is_open(&token).await && web.is_open(&token).await);
    console.users.update_status(ada.id, UserStatus::Suspended).await.unwrap();
    assert!(!web.is_open(&token).await && !worker.is_open(&token).await);
    assert_eq!(web.users.get_stats().await.unwrap().suspended, 1);
    web.ban("192.0.2.0/24", BanDuration::Permanent).await;
    assert!(worker.bans.is_banned("192.0.2.7").await.unwrap());
    worker.bans.allow("192.0.2.7", None).await.unwrap();
    assert!(!web.bans.is_banned("192.0.2.7").await.unwrap());
    let found = web.users.search("ada", &UserFilter::default(), &Default::default()).await.unwrap();
    console.users.update_full_name(ada.id, Some("Lovelace")).await.unwrap();
    let renamed =
        web.users.search("lovelace", &UserFilter::default(), &Default::default()).await.unwrap();
    assert_eq!((found.items.len(), renamed.items.len()), (1, 1));
}

async fn one_email_is_created_once(host: &Host) {
    let programs = programs(host).await;
    for round in 0..10 {
        let answers = at_once(programs.clone().into_iter().enumerate().map(|(n, program)| {
            let params =
                CreateUserParams::new(format!("n{n}-{round}"), format!("e{round}@example.com"));
            async move { program.users.create(&params).await }
        }))
        .await;
        let (created, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
        assert_eq!(created.len(), 1);
        assert!(refused.into_iter().all(|refused| code(refused) == "email_already_exists"));
    }
}

async fn the_last_two_admins_do_not_both_go(host: &Host) {
    let [web, worker, _] = programs(host).await;
    let ids = [web.admin("ada").await.id, web.admin("bob").await.id];
    for round in 0..20 {
        let pairs = [(web.clone(), ids[0]), (worker.clone(), ids[1])];
        let answers = at_once(pairs.map(|(program, id)| async move {
            match round % 2 {
                0 => program.users.revoke_role(id, UserRole::Admin).await,
                _ => program.users.update_status(id, UserStatus::Suspended).await,
            }
        }))
        .await;
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1, "{answers:?}");
        for id in ids {
            web.users.update_status(id, UserStatus::Active).await.unwrap();
            worker.users.assign_role(id, UserRole::Admin).await.unwrap();
        }
    }
}

async fn merges_in_both_directions_leave_one(host: &Host) {
    let [web, worker, _] = programs(host).await;
    for round in 0..15 {
        let one = web.user(&format!("one{round}")).await.id;
        let two = worker.user(&format!("two{round}")).await.id;
        let pairs = [(web.clone(), one, two), (worker.clone(), two, one)];
        let answers = at_once(pairs.map(|(program, source, target)| async move {
            program.users.merge_users(source, target, MergeOptions::default()).await
        }))
        .await;
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1, "{answers:?}");
        let live = [web.get(one).await.is_live(), web.get(two).await.is_live()];
        assert!(live[0] != live[1]);
    }
}

async fn a_fingerprint_stands_for_one_visitor(host: &Host) {
    let programs = programs(host).await;
    for round in 0..10 {
        let answers = at_once(programs.clone().into_iter().map(|program| {
            let fingerprint = format!("browser{round}");
            async move { program.users.find_or_create_anonymous(&fingerprint).await.unwrap() }
        }))
        .await;
        assert!(answers.iter().all(|found| found.user.id == answers[0].user.id));
        assert_eq!(answers.iter().filter(|found| found.token.is_some()).count(), 1);
    }
}

async fn the_limit_of_sessions_holds(host: &Host) {
    let policy = Policy { max_sessions_per_user: 4, ..Policy::default() };
    let programs = programs(host).await.map(|program| program.with_policy(policy.clone()));
    let ada = host.user("ada").await.id;
    at_once(programs.into_iter().cycle().take(12).map(|program| async move {
        program.sessions.create(ada, &NewSession::default()).await.unwrap()
    }))
    .await;
    assert_eq!(host.live_sessions(ada).await.len(), 4);
}

async fn no_session_outlives_a_suspension(host: &Host) {
    let [web, worker, console] = programs(host).await;
    let ada = host.user("ada").await.id;
    for _ in 0..15 {
        at_once([web.clone(), worker.clone(), console.clone()].into_iter().enumerate().map(
            |(n, program)| async move {
                match n {
                    2 => {
                        drop(program.users.update_status(ada, UserStatus::Suspended).await.unwrap())
                    }
                    _ => drop(program.sessions.create(ada, &NewSession::default()).await),
                }
            },
        ))
        .await;
        let sessions = web.all_sessions(ada).await;
        assert!(sessions.iter().all(|session| !session.is_open(web.now())));
        worker.users.update_status(ada, UserStatus::Active).await.unwrap();
    }
}

async fn no_offence_is_lost(host: &Host) {
    let programs = programs(host).await;
    at_once(programs.into_iter().cycle().take(12).map(|program| async move {
        let params = BanIpParams::new("192.0.2.1", BanDuration::Hours(1));
        program.bans.ban_ip(&params).await.unwrap()
    }))
    .await;
    assert_eq!(host.ban_history("192.0.2.1").await.len(), 12);
}

async fn a_due_job_is_run_by_one(host: &Host) {
    let programs = programs(host).await;
    let count: Arc<AtomicUsize> = Arc::default();
    let runners: Vec<_> = programs
        .iter()
        .enumerate()
        .map(|(n, program)| runner(program, &format!("host{n}"), Work::Count, &count))
        .collect();
    for round in 1..=10 {
        let runs = at_once(
            runners
                .clone()
                .into_iter()
                .map(|runner| async move { runner.run_due().await.unwrap() }),
        )
        .await;
        assert_eq!(runs.iter().map(Vec::len).sum::<usize>(), 1, "{runs:?}");
        assert_eq!(count.load(Ordering::SeqCst), round);
        host.clock.advance(Duration::hours(1));
    }
}

async fn each_reads_the_same_log(host: &Host) {
    let programs = programs(host).await;
    let ada = host.user("ada").await.id;
    at_once(programs.clone().into_iter().enumerate().map(|(n, program)| async move {
        for round in 0..10 {
            let name = format!("name {n} {round}");
            program.users.update_display_name(ada, Some(&name)).await.unwrap();
        }
    }))
    .await;
    let mut logs = Vec::new();
    for program in &programs {
        logs.push(program.events.read(EventPosition::START, 1000).await.unwrap());
    }
    assert_eq!(logs[0].len(), 31);
    assert!(logs.iter().all(|log| *log == logs[0]));
}
