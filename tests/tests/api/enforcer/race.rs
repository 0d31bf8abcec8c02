//! A session that was read before it was revoked does not come into memory after that.

use std::sync::Arc;

use async_trait::async_trait;
use systemprompt_users::{
    ChangeSignal, DenyReason, EndReason, Requirement, Storage, StorageResult, UnitOfWork,
    UserStatus,
};
use systemprompt_users_tests::{Backend, Host, run};
use tokio::sync::Semaphore;

use super::{PEER, caught_up, decide, enforcer, reason};

/// In memory a unit for reading sees one state for ever: what it reads is as old as the unit.
#[derive(Clone)]
struct SlowReads(Arc<dyn Storage>);

tokio::task_local! {
    /// Whoever has one gets a unit for reading only when the gate lets it go on.
    static GATE: Gate;
}

#[derive(Clone)]
struct Gate {
    has_read: Arc<Semaphore>,
    may_go_on: Arc<Semaphore>,
}

impl Gate {
    fn new() -> Self {
        Self { has_read: Arc::new(Semaphore::new(0)), may_go_on: Arc::new(Semaphore::new(0)) }
    }
}

#[async_trait]
impl Storage for SlowReads {
    async fn read(&self) -> StorageResult<Box<dyn UnitOfWork>> {
        let unit = self.0.read().await?;
        if let Ok(gate) = GATE.try_with(Gate::clone) {
            gate.has_read.add_permits(1);
            gate.may_go_on.acquire().await.unwrap().forget();
        }
        Ok(unit)
    }

    async fn write(&self) -> StorageResult<Box<dyn UnitOfWork>> {
        self.0.write().await
    }

    async fn signal(&self) -> StorageResult<Box<dyn ChangeSignal>> {
        self.0.signal().await
    }
}

/// Looks a session up, revokes it by `revoke` after it was read and before it is kept, and checks that it is
/// not in memory then.
async fn check(host: &Host, revoke: impl AsyncFnOnce(&Host, systemprompt_users::UserSession)) {
    let host = Host::new(&SlowReads(Arc::clone(&host.storage)));
    let enforcer = enforcer(&host).await;
    let user = host.user("ada").await.id;
    let started = host.session(user).await;
    let gate = Gate::new();
    let looking = {
        let (enforcer, token) = (enforcer.clone(), started.token.clone());
        let looking =
            async move { decide(&enforcer, PEER, Some(&token), Requirement::Session).await };
        tokio::spawn(GATE.scope(gate.clone(), looking))
    };
    gate.has_read.acquire().await.unwrap().forget();
    revoke(&host, started.session).await;
    caught_up(&enforcer).await;
    gate.may_go_on.add_permits(1);
    let old = looking.await.unwrap();
    assert!(old.is_allowed(), "it was asked before: {old:?}");
    assert_eq!(enforcer.stats().cached_sessions, 0, "what was read is stale");
    let now = decide(&enforcer, PEER, Some(&started.token), Requirement::Session).await;
    assert_eq!(reason(now), Some(DenyReason::InvalidSession));
    enforcer.shutdown().await;
}

#[test]
fn a_session_that_is_ended_while_it_is_read() {
    run(Backend::Memory, async |host: &Host| {
        check(host, async |host, session| {
            host.sessions.end(session.id, EndReason::Logout).await.unwrap();
        })
        .await;
    });
}

#[test]
fn a_user_who_is_suspended_while_the_session_is_read() {
    run(Backend::Memory, async |host: &Host| {
        check(host, async |host, session| {
            host.users.update_status(session.user_id, UserStatus::Suspended).await.unwrap();
        })
        .await;
    });
}

/// More users are thrown out meanwhile than the enforcer remembers by name.
#[test]
fn a_session_that_is_ended_before_thousands_of_others() {
    run(Backend::Memory, async |host: &Host| {
        check(host, async |host, session| {
            host.sessions.end(session.id, EndReason::Logout).await.unwrap();
            let others = (0..5_000).map(|n| {
                systemprompt_users::CreateUserParams::new(
                    format!("u{n}"),
                    format!("u{n}@e.example"),
                )
            });
            let others: Vec<_> = others.collect();
            let created = host
                .users
                .bulk_create(&others, systemprompt_users::OnExisting::Keep)
                .await
                .unwrap();
            let ids: Vec<_> =
                created.items.iter().filter_map(|item| item.outcome.user_id()).collect();
            assert_eq!(ids.len(), 5_000);
            host.users.bulk_update_status(&ids, UserStatus::Suspended).await.unwrap();
        })
        .await;
    });
}
