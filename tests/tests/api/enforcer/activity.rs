//! Last activity: in memory at once, in the storage soon.

use chrono::Duration;
use systemprompt_users::{Policy, Requirement};
use systemprompt_users_tests::{Host, on_every_backend};

use super::{PEER, decide, enforcer, remember, until};

on_every_backend! {
    a_session_in_use_never_idles_out,
    activity_is_written_in_batches,
    a_shutdown_writes_what_is_left,
}

async fn a_session_in_use_never_idles_out(host: &Host) {
    let host = host.with_policy(Policy {
        session_idle_timeout: Some(Duration::minutes(10)),
        ..Policy::default()
    });
    let enforcer = enforcer(&host).await;
    let user = host.user("ada").await.id;
    let started = host.session(user).await;
    for _ in 0..20 {
        host.clock.advance(Duration::minutes(4));
        let decision = decide(&enforcer, PEER, Some(&started.token), Requirement::Session).await;
        assert!(decision.is_allowed(), "{decision:?}");
        until("it is written", async || {
            let stored = host.sessions.find_by_id(started.session.id).await.unwrap().unwrap();
            stored.last_activity_at == host.now()
        })
        .await;
    }
    assert!(host.is_open(&started.token).await, "for everybody");
    enforcer.shutdown().await;
}

async fn activity_is_written_in_batches(host: &Host) {
    let enforcer = enforcer(host).await;
    let mut tokens = Vec::new();
    for n in 0..10 {
        let user = host.user(&format!("user{n}")).await.id;
        tokens.push((user, host.session(user).await));
    }
    for (_, started) in &tokens {
        remember(&enforcer, &started.token).await;
    }
    let now = host.clock.advance(Duration::minutes(5));
    for _ in 0..100 {
        for (_, started) in &tokens {
            decide(&enforcer, PEER, Some(&started.token), Requirement::Session)
                .await
                .session()
                .unwrap();
        }
    }
    for (user, started) in &tokens {
        until("it is written", async || {
            let stored = host.sessions.find_by_id(started.session.id).await.unwrap().unwrap();
            stored.last_activity_at == now && host.get(*user).await.last_active_at == now
        })
        .await;
    }
    assert_eq!(enforcer.stats().activity_dropped, 0);
    enforcer.shutdown().await;
}

async fn a_shutdown_writes_what_is_left(host: &Host) {
    let enforcer = enforcer(host).await;
    let user = host.user("ada").await.id;
    let started = host.session(user).await;
    remember(&enforcer, &started.token).await;
    let now = host.clock.advance(Duration::hours(1));
    assert!(decide(&enforcer, PEER, Some(&started.token), Requirement::Session).await.is_allowed());
    enforcer.shutdown().await;
    let stored = host.sessions.find_by_id(started.session.id).await.unwrap().unwrap();
    assert_eq!(stored.last_activity_at, now);
    enforcer.shutdown().await;
}
