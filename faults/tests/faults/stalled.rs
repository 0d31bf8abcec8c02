//! The connection to Postgres hangs: nothing is decided wrongly, requests end in time, and it goes on by itself.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use systemprompt_users::{
    CreateUserParams, DbPool, DenyReason, EndReason, Enforcer, EnforcerOptions, NewSession,
    Requirement, SessionId, SessionService, Token, UserService, WhenBehind,
};

use crate::support::{Daemon, NEVER, Place, Proxy, admin_key, bounded, until};

/// As long as the longest outage that is tried.
const LONG: Duration = Duration::from_secs(30);

/// By when a request is answered whatever happens; the daemons here allow two seconds.
const IN_TIME: Duration = Duration::from_secs(10);

async fn signed_in(pool: &DbPool, name: &str) -> (SessionId, Token) {
    let params = CreateUserParams::new(name, format!("{name}@example.com"));
    let user = UserService::new(pool).unwrap().create(&params).await.unwrap();
    let sessions = SessionService::new(pool).unwrap();
    let started = sessions.create(user.id, &NewSession::default()).await.unwrap();
    (started.session.id, started.token)
}

/// A question, when it was asked, and what came back: allowed, or why not.
type Answer = (Instant, Option<DenyReason>);

async fn ask(enforcer: &Enforcer, token: &Token) -> Answer {
    let address = "203.0.113.9".parse().unwrap();
    let asked = Instant::now();
    let decision = enforcer.decide(address, Some(&token.reveal()), Requirement::Session).await;
    assert!(asked.elapsed() < IN_TIME, "a decision took {:?}", asked.elapsed());
    (asked, decision.denial().map(|denial| denial.reason))
}

async fn until_answered(enforcer: &Enforcer, token: &Token, expected: Option<DenyReason>) {
    let began = Instant::now();
    while ask(enforcer, token).await.1 != expected {
        assert!(began.elapsed() < NEVER, "never {expected:?}: {enforcer:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// While the proxy is silent for `silence`, another host ends a session: it is refused within the bound.
async fn decide_through(when_behind: WhenBehind, silence: Duration) {
    let place = Place::postgres().await;
    let proxy = Proxy::to(&place.url);
    let (near, far) = (place.connect().await, DbPool::connect(&proxy.url).await.unwrap());
    let (session, ended) = signed_in(&near, "ada").await;
    let (_, stays) = signed_in(&near, "bob").await;
    let options = EnforcerOptions {
        lag_bound: Duration::from_secs(1),
        storage_timeout: Duration::from_millis(500),
        when_behind,
        ..EnforcerOptions::default()
    };
    let enforcer = Enforcer::start(&far, options.clone()).await.unwrap();
    for token in [&ended, &stays] {
        until_answered(&enforcer, token, None).await;
    }

    proxy.stall();
    let stalled = Instant::now();
    let revoked: Mutex<Option<Instant>> = Mutex::default();
    let revoke = async {
        SessionService::new(&near).unwrap().end(session, EndReason::Revoked).await.unwrap();
        *revoked.lock().unwrap() = Some(Instant::now());
    };
    let answers = async {
        let mut answers: Vec<Answer> = Vec::new();
        while stalled.elapsed() < silence {
            answers.push(ask(&enforcer, &ended).await);
            let (_, other) = ask(&enforcer, &stays).await;
            assert!(matches!(other, None | Some(DenyReason::Unavailable)), "{other:?}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        answers
    };
    let (answers, ()) = tokio::join!(answers, revoke);
    let revoked = revoked.into_inner().unwrap().unwrap();
    let allowed = answers.iter().filter(|(_, reason)| reason.is_none());
    let last = allowed.map(|(asked, _)| *asked).max();
    if let Some(last) = last {
        let after = last.saturating_duration_since(revoked);
        assert!(after <= options.lag_bound, "let in {after:?} after its end");
    }
    assert_eq!(answers.last().unwrap().1, Some(DenyReason::Unavailable));
    assert!(enforcer.stats().behind);

    proxy.go_on();
    until_answered(&enforcer, &stays, None).await;
    until_answered(&enforcer, &ended, Some(DenyReason::InvalidSession)).await;
    let began = Instant::now();
    while enforcer.stats().behind {
        assert!(began.elapsed() < NEVER, "it stays behind");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    enforcer.shutdown().await;
    far.close().await.unwrap();
    near.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn decisions_stay_within_the_bound_for_thirty_seconds() {
    bounded();
    decide_through(WhenBehind::AskStorage, LONG).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_refuses_when_behind_stays_within_the_bound() {
    bounded();
    decide_through(WhenBehind::Refuse, Duration::from_secs(4)).await;
}

/// Asks everything that needs the storage, for that long: 503 in time.
fn unavailable_for(daemon: &Daemon, key: &str, bearer: &str, silence: Duration) {
    let began = Instant::now();
    while began.elapsed() < silence {
        for (path, credentials) in
            [("/api/v1/users", key), ("/auth/verify", bearer), ("/readyz", key)]
        {
            let (status, took) = daemon.get(path, credentials);
            assert_eq!(status, 503, "{path}");
            assert!(took < IN_TIME, "{path} took {took:?}");
        }
        // Who needs no storage is served.
        assert_eq!(daemon.get("/healthz", key).0, 200);
    }
}

/// A daemon behind a proxy, and what its clients bring: a key and a session.
async fn daemon(place: &Place, proxy: &Proxy) -> (Daemon, String, String) {
    let pool = place.connect().await;
    let key = admin_key(&pool).await;
    let (_, token) = signed_in(&pool, "ada").await;
    let bearer = format!("Authorization: Bearer {}", token.reveal());
    pool.close().await.unwrap();
    let daemon = Daemon::start(place, &proxy.url, &["--request-timeout", "2s"]);
    let daemon = tokio::task::block_in_place(|| {
        all_answer(&daemon, &key, &bearer);
        daemon
    });
    (daemon, key, bearer)
}

fn all_answer(daemon: &Daemon, key: &str, bearer: &str) {
    daemon.until("/api/v1/users", key, 200);
    daemon.until("/auth/verify", bearer, 200);
    daemon.until("/readyz", key, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_are_answered_503_in_time_and_go_on_by_themselves() {
    bounded();
    let place = Place::postgres().await;
    let proxy = Proxy::to(&place.url);
    let (daemon, key, bearer) = daemon(&place, &proxy).await;
    tokio::task::block_in_place(|| {
        for silence in [3, 12] {
            proxy.stall();
            // What is decided from memory still is, until that is too old.
            daemon.until("/auth/verify", &bearer, 503);
            unavailable_for(&daemon, &key, &bearer, Duration::from_secs(silence));
            proxy.go_on();
            all_answer(&daemon, &key, &bearer);
        }
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_stay_silent_for_ever_are_replaced() {
    bounded();
    let place = Place::postgres().await;
    let proxy = Proxy::to(&place.url);
    let (daemon, key, bearer) = daemon(&place, &proxy).await;
    tokio::task::block_in_place(|| {
        // So many at once that every connection of the pool is in the middle of something.
        let served = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..24 {
                scope.spawn(|| {
                    until("the list is unavailable", || {
                        served.fetch_add(1, Ordering::Relaxed);
                        daemon.get("/api/v1/users", &key).0 == 503
                    });
                });
            }
            until("all are busy", || served.load(Ordering::Relaxed) > 300);
            proxy.stall();
        });
        unavailable_for(&daemon, &key, &bearer, Duration::from_secs(12));
        proxy.go_on_without_those_before();
        all_answer(&daemon, &key, &bearer);
        for _ in 0..40 {
            let (status, took) = daemon.get("/api/v1/users", &key);
            assert_eq!(status, 200, "after {took:?}");
        }
    });
}
