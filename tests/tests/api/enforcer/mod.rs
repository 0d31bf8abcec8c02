//! The decision path: what one host changes, every host decides by.

mod activity;
mod changes;
mod expiry;
mod faults;
mod keys;
mod log;
mod race;
mod storm;

use std::net::IpAddr;
use std::time::{Duration, Instant};

use systemprompt_users::{
    Decision, DenyReason, Enforcer, EnforcerOptions, Requirement, Token, UserId,
};
use systemprompt_users_tests::Host;

/// No machine is so slow that a change takes this long.
const STUCK: Duration = Duration::from_secs(60);

/// An address that nobody bans.
const PEER: &str = "203.0.113.200";

/// Options under which a slow machine does not fall behind by itself.
fn patient() -> EnforcerOptions {
    EnforcerOptions {
        lag_bound: Duration::from_secs(3_600),
        storage_timeout: Duration::from_secs(30),
        ..EnforcerOptions::default()
    }
}

async fn enforcer(host: &Host) -> Enforcer {
    Enforcer::start_in(host.context.clone(), patient()).await.unwrap()
}

/// Two programs on one storage; the second one decides.
struct Pair {
    a: Host,
    b: Enforcer,
}

impl Pair {
    async fn on(host: &Host) -> Self {
        let other = host.another_program().await;
        Self { a: host.clone(), b: enforcer(&other).await }
    }

    /// A user with a session that B has in memory.
    async fn signed_in(&self, name: &str) -> (UserId, Token) {
        let user = self.a.user(name).await.id;
        let token = self.a.session(user).await.token;
        remember(&self.b, &token).await;
        (user, token)
    }

    /// Waits until B has read all that is committed by now.
    async fn caught_up(&self) {
        caught_up(&self.b).await;
    }

    /// What B decides about a token where a session is required.
    async fn session(&self, token: &Token) -> Option<DenyReason> {
        reason(decide(&self.b, PEER, Some(token), Requirement::Session).await)
    }
}

/// Lets the enforcer read a session, and checks that it is in memory then.
async fn remember(enforcer: &Enforcer, token: &Token) {
    // A revocation that it reads at the same moment may keep the session out of memory once.
    until("the session is in memory", async || {
        let hits = enforcer.stats().hits;
        let decision = decide(enforcer, PEER, Some(token), Requirement::Session).await;
        assert!(decision.is_allowed(), "{decision:?}");
        enforcer.stats().hits > hits
    })
    .await;
}

async fn decide(
    enforcer: &Enforcer,
    address: &str,
    token: Option<&Token>,
    requirement: Requirement,
) -> Decision {
    let address: IpAddr = address.parse().unwrap();
    let text = token.map(Token::reveal);
    enforcer.decide(address, text.as_deref(), requirement).await
}

/// Why an address alone is refused.
async fn of_address(enforcer: &Enforcer, address: &str) -> Option<DenyReason> {
    reason(decide(enforcer, address, None, Requirement::Address).await)
}

fn reason(decision: Decision) -> Option<DenyReason> {
    decision.denial().map(|denial| denial.reason)
}

/// Waits until the enforcer has read all that is committed by now.
async fn caught_up(enforcer: &Enforcer) {
    let now = Instant::now();
    until("it has caught up", async || enforcer.revocation_lag() < now.elapsed()).await;
}

async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !condition().await {
        assert!(began.elapsed() < STUCK, "not within {STUCK:?}: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
