//! Revocations beside many requests, with less memory than there are sessions.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use systemprompt_users::{
    BanDuration, DenyReason, EndReason, Enforcer, EnforcerOptions, Requirement,
};
use systemprompt_users_tests::{Host, on_every_backend};

use super::{PEER, caught_up, decide, of_address, patient, reason};

on_every_backend! {
    nothing_revoked_comes_back,
}

const SESSIONS: usize = 48;
const REMEMBERED: usize = 16;

async fn nothing_revoked_comes_back(host: &Host) {
    let other = host.another_program().await;
    let options = EnforcerOptions { cache_sessions: REMEMBERED, ..patient() };
    let enforcer = Enforcer::start_in(other.context.clone(), options).await.unwrap();
    let mut all = Vec::new();
    for n in 0..SESSIONS {
        let user = host.user(&format!("user{n}")).await.id;
        all.push(host.session(user).await);
    }
    let over = Arc::new(AtomicBool::new(false));
    let askers: Vec<_> = (0..2)
        .map(|asker| {
            let (enforcer, over) = (enforcer.clone(), Arc::clone(&over));
            let tokens: Vec<_> = all.iter().map(|started| started.token.clone()).collect();
            tokio::spawn(async move {
                let mut asked = asker * 7;
                while !over.load(Ordering::SeqCst) {
                    let token = &tokens[asked * 5 % SESSIONS];
                    drop(decide(&enforcer, PEER, Some(token), Requirement::Session).await);
                    assert!(enforcer.stats().cached_sessions <= REMEMBERED);
                    asked += 1;
                    tokio::task::yield_now().await;
                }
                asked
            })
        })
        .collect();
    for (n, started) in all.iter().enumerate() {
        host.sessions.end(started.session.id, EndReason::Revoked).await.unwrap();
        let address = format!("192.0.2.{n}");
        host.ban(&address, BanDuration::Permanent).await;
        caught_up(&enforcer).await;
        assert_eq!(of_address(&enforcer, &address).await, Some(DenyReason::Banned));
        for revoked in &all[..=n] {
            let decision =
                decide(&enforcer, PEER, Some(&revoked.token), Requirement::Session).await;
            assert_eq!(reason(decision), Some(DenyReason::InvalidSession));
        }
    }
    over.store(true, Ordering::SeqCst);
    for asker in askers {
        assert!(asker.await.unwrap() > SESSIONS, "it hardly ran");
    }
    enforcer.shutdown().await;
}
