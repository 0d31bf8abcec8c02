//! The clock is set back by an hour: nothing that had expired comes alive, and no job runs twice.

use std::sync::Arc;

use chrono::Duration;
use systemprompt_users::{
    ApiKeyService, ApiScope, ApiScopes, BanDuration, CleanupSessionsJob, EndReason, Enforcer,
    EnforcerOptions, Job, JobRunner, NewApiKey, NewSession, Policy, Requirement, SignInLinkService,
};
use systemprompt_users_tests::{Backend, Host};

use crate::support::bounded;

const BACKENDS: [Backend; 3] = [Backend::Memory, Backend::Sqlite, Backend::Postgres];

/// How long everything here lives.
const LIFE: Duration = Duration::minutes(30);

fn patient() -> EnforcerOptions {
    EnforcerOptions {
        lag_bound: std::time::Duration::from_secs(3_600),
        storage_timeout: std::time::Duration::from_secs(60),
        ..EnforcerOptions::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_expired_comes_alive() {
    bounded();
    for backend in BACKENDS {
        let opened = backend.open().await;
        let policy = Policy { session_lifetime: LIFE, ..Policy::default() };
        let host = Host::on(&opened).with_policy(policy);
        expire(&host).await;
        opened.close().await;
    }
}

async fn expire(host: &Host) {
    let user = host.admin("ada").await.id;
    let keys = ApiKeyService::from(host.context.clone());
    let links = SignInLinkService::from(host.context.clone());
    let token = host.session(user).await.token;
    let scopes = ApiScopes::new([ApiScope::Admin]).unwrap();
    let key = NewApiKey { name: "short".into(), scopes, expires_in: Some(LIFE) };
    let key = keys.create(&key).await.unwrap().secret.reveal();
    let (link, _) = links.create(user, LIFE).await.unwrap();
    host.ban("192.0.2.7", BanDuration::For(LIFE)).await;
    let enforcer = Enforcer::start_in(host.context.clone(), patient()).await.unwrap();
    let allowed = async |requirement, token: Option<&str>| {
        let address = "203.0.113.9".parse().unwrap();
        enforcer.decide(address, token, requirement).await.is_allowed()
    };
    let session = token.reveal();
    assert!(host.is_open(&token).await && allowed(Requirement::Session, Some(&session)).await);
    assert!(keys.authenticate(&key).await.unwrap().is_some());
    assert!(host.bans.is_banned("192.0.2.7").await.unwrap());

    host.clock.advance(Duration::minutes(40));
    // Once before anybody has noticed, and then as often as one likes.
    for round in 0..3 {
        assert!(!host.is_open(&token).await, "{round}");
        assert!(!allowed(Requirement::Session, Some(&session)).await, "{round}");
        assert!(keys.authenticate(&key).await.unwrap().is_none(), "{round}");
        let redeemed = links.redeem(&link.reveal(), &NewSession::default()).await.unwrap();
        assert!(redeemed.is_none(), "{round}");
        assert!(!host.bans.is_banned("192.0.2.7").await.unwrap(), "{round}");
        if round == 0 {
            host.clock.advance(-Duration::hours(1));
        }
    }
    // What is new lives, and goes by a clock that goes on again.
    let new = host.session(user).await.token;
    assert!(host.is_open(&new).await);
    host.clock.advance(Duration::hours(1) + LIFE);
    assert!(!host.is_open(&new).await);
    enforcer.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_marked_as_over_stays_so_on_a_host_that_starts_anew() {
    bounded();
    for backend in BACKENDS {
        let opened = backend.open().await;
        let policy = Policy { session_lifetime: LIFE, ..Policy::default() };
        let host = Host::on(&opened).with_policy(policy);
        let user = host.admin("ada").await.id;
        let links = SignInLinkService::from(host.context.clone());
        let expired = host.session(user).await.token;
        let ended = host.session(user).await;
        host.sessions.end(ended.session.id, EndReason::Logout).await.unwrap();
        let (link, _) = links.create(user, LIFE).await.unwrap();
        let by_link = links.redeem(&link.reveal(), &NewSession::default()).await.unwrap();
        assert!(by_link.is_some());
        host.ban("192.0.2.7", BanDuration::Permanent).await;
        host.bans.unban_ip("192.0.2.7", None).await.unwrap();
        host.clock.advance(Duration::minutes(40));
        assert_eq!(host.sessions.cleanup().await.unwrap().expired, 2);

        host.clock.advance(-Duration::hours(1));
        // It has seen nothing of the time before.
        let context = systemprompt_users::Context::new(opened.storage());
        let context = context.with_clock(host.clock.clone());
        let sessions = systemprompt_users::SessionService::from(context.clone());
        for token in [&expired, &ended.token, &by_link.unwrap().token] {
            assert!(sessions.validate(&token.reveal()).await.unwrap().is_none());
        }
        let links = SignInLinkService::from(context.clone());
        let again = links.redeem(&link.reveal(), &NewSession::default()).await.unwrap();
        assert!(again.is_none());
        let bans = systemprompt_users::BanService::from(context);
        assert!(!bans.is_banned("192.0.2.7").await.unwrap());
        opened.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_job_runs_twice() {
    bounded();
    for backend in BACKENDS {
        let opened = backend.open().await;
        let host = Host::on(&opened);
        let job: Arc<dyn Job> = Arc::new(CleanupSessionsJob);
        let runner = || JobRunner::of(host.context.clone(), [Arc::clone(&job)]).unwrap();
        let anew = || {
            let context = systemprompt_users::Context::new(opened.storage());
            let context = context.with_clock(host.clock.clone());
            JobRunner::of(context, [Arc::clone(&job)]).unwrap()
        };
        let old = runner();
        for _ in 0..6 {
            assert_eq!(old.run_due().await.unwrap().len(), 1);
            host.clock.advance(Duration::minutes(15));
        }
        assert_eq!(old.run_due().await.unwrap().len(), 1);
        host.clock.advance(-Duration::hours(1));
        for _ in 0..4 {
            // The host that has seen the time before, and one that has not.
            assert!(old.run_due().await.unwrap().is_empty());
            assert!(anew().run_due().await.unwrap().is_empty());
            host.clock.advance(Duration::minutes(15));
        }
        assert!(anew().run_due().await.unwrap().is_empty());
        host.clock.advance(Duration::minutes(15));
        assert_eq!(anew().run_due().await.unwrap().len(), 1, "it goes on where it was");
        opened.close().await;
    }
}
