//! What runs out is over at the moment of the question, without any job.

use chrono::Duration;
use systemprompt_users::{BanDuration, DenyReason, Policy, Requirement};
use systemprompt_users_tests::{Host, on_every_backend};

use super::{PEER, caught_up, decide, enforcer, of_address, reason, remember};

on_every_backend! {
    a_ban_runs_out,
    the_ban_that_lasts_longest_counts,
    a_session_expires,
    a_session_idles_out,
    a_session_used_on_another_host_does_not_idle_out,
}

async fn a_ban_runs_out(host: &Host) {
    let enforcer = enforcer(host).await;
    let ban = host.ban("192.0.2.1", BanDuration::Hours(1)).await;
    caught_up(&enforcer).await;
    let end = host.now() + Duration::hours(1);
    let decision = decide(&enforcer, "192.0.2.1", None, Requirement::Address).await;
    let denial = decision.denial().unwrap();
    assert_eq!((denial.reason, denial.until), (DenyReason::Banned, ban.until.time()));
    assert_eq!(denial.until, Some(end));
    host.clock.set(end - Duration::microseconds(1));
    assert!(of_address(&enforcer, "192.0.2.1").await.is_some());
    host.clock.set(end);
    assert!(of_address(&enforcer, "192.0.2.1").await.is_none());
    enforcer.shutdown().await;
}

async fn the_ban_that_lasts_longest_counts(host: &Host) {
    let enforcer = enforcer(host).await;
    host.ban("192.0.2.0/24", BanDuration::Hours(5)).await;
    let long = host.now() + Duration::hours(5);
    host.ban("192.0.2.1", BanDuration::Hours(1)).await;
    host.ban("192.0.2.2", BanDuration::Permanent).await;
    caught_up(&enforcer).await;
    for (address, until) in [("192.0.2.1", Some(long)), ("192.0.2.2", None)] {
        let decision = decide(&enforcer, address, None, Requirement::Address).await;
        assert_eq!(decision.denial().unwrap().until, until, "{address}");
    }
    host.clock.set(long);
    assert!(of_address(&enforcer, "192.0.2.1").await.is_none());
    assert!(of_address(&enforcer, "192.0.2.2").await.is_some());
    enforcer.shutdown().await;
}

/// A policy with short sessions.
fn short(host: &Host) -> Host {
    host.with_policy(Policy {
        session_lifetime: Duration::hours(3),
        session_idle_timeout: Some(Duration::hours(1)),
        ..Policy::default()
    })
}

async fn a_session_expires(host: &Host) {
    let host = short(host);
    let enforcer = enforcer(&host).await;
    let user = host.user("ada").await.id;
    let started = host.session(user).await;
    // Used all the time, so that it does not idle out before.
    let end = started.session.expires_at;
    while host.now() < end - Duration::minutes(30) {
        remember(&enforcer, &started.token).await;
        host.clock.advance(Duration::minutes(20));
    }
    host.clock.set(end - Duration::microseconds(1));
    let open = decide(&enforcer, PEER, Some(&started.token), Requirement::Session).await;
    assert!(open.is_allowed(), "{open:?}");
    host.clock.set(end);
    let over = decide(&enforcer, PEER, Some(&started.token), Requirement::Session).await;
    assert_eq!(reason(over), Some(DenyReason::InvalidSession));
    assert_eq!(enforcer.stats().cached_sessions, 0);
    enforcer.shutdown().await;
}

async fn a_session_idles_out(host: &Host) {
    let host = short(host);
    let enforcer = enforcer(&host).await;
    let user = host.user("ada").await.id;
    let started = host.session(user).await;
    remember(&enforcer, &started.token).await;
    host.clock.set(started.session.last_activity_at + Duration::hours(1));
    let over = decide(&enforcer, PEER, Some(&started.token), Requirement::Session).await;
    assert_eq!(reason(over), Some(DenyReason::InvalidSession));
    enforcer.shutdown().await;
}

async fn a_session_used_on_another_host_does_not_idle_out(host: &Host) {
    let host = short(host);
    let enforcer = enforcer(&host).await;
    let user = host.user("ada").await.id;
    let started = host.session(user).await;
    remember(&enforcer, &started.token).await;
    host.clock.advance(Duration::minutes(50));
    // The other host has written it down; nothing about it is in the log.
    host.sessions.touch(started.session.id).await.unwrap();
    host.clock.advance(Duration::minutes(50));
    let open = decide(&enforcer, PEER, Some(&started.token), Requirement::Session).await;
    assert!(open.is_allowed(), "{open:?}");
    enforcer.shutdown().await;
}
