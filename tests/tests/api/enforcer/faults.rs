//! A storage that does not answer: nothing is decided from memory beyond the bound.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use systemprompt_users::{
    ApiKeyService, ApiScope, ApiScopes, BanDuration, ChangeSignal, DenyReason, EndReason, Enforcer,
    EnforcerOptions, IssuedApiKey, NewApiKey, Requirement, Storage, StorageError, StorageResult,
    UnitOfWork, WhenBehind,
};
use systemprompt_users_tests::{Backend, Host, run};
use tokio::sync::watch;

use super::{PEER, decide, of_address, reason, remember, until};

/// What the storage does with whoever asks it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mood {
    Answers,
    Hangs,
    Fails,
    /// It answers, but rings no alarm.
    IsMute,
}

/// A storage of changing moods, but only for the one host that asks it.
#[derive(Clone)]
struct Moody {
    inner: Arc<dyn Storage>,
    mood: watch::Sender<Mood>,
}

impl Moody {
    fn new(inner: &Arc<dyn Storage>) -> Self {
        Self { inner: Arc::clone(inner), mood: watch::Sender::new(Mood::Answers) }
    }

    async fn answer(&self) -> StorageResult<()> {
        let mut mood = self.mood.subscribe();
        let answers = mood.wait_for(|mood| *mood != Mood::Hangs).await;
        match *answers.unwrap() {
            Mood::Fails => Err(StorageError::Unavailable("on purpose".into())),
            _ => Ok(()),
        }
    }
}

#[async_trait]
impl Storage for Moody {
    async fn read(&self) -> StorageResult<Box<dyn UnitOfWork>> {
        self.answer().await?;
        self.inner.read().await
    }

    async fn write(&self) -> StorageResult<Box<dyn UnitOfWork>> {
        self.answer().await?;
        self.inner.write().await
    }

    async fn signal(&self) -> StorageResult<Box<dyn ChangeSignal>> {
        self.answer().await?;
        if *self.mood.borrow() == Mood::IsMute {
            return Err(StorageError::Other("no alarm on purpose".into()));
        }
        self.inner.signal().await
    }
}

struct Scene {
    /// Speaks to the storage whatever its mood.
    other: Host,
    moody: Moody,
    enforcer: Enforcer,
}

async fn scene(host: &Host, mood: Mood, when_behind: WhenBehind, lag_bound: Duration) -> Scene {
    let moody = Moody::new(&host.storage);
    moody.mood.send_replace(mood);
    let options = EnforcerOptions {
        lag_bound,
        when_behind,
        poll: Duration::from_millis(5),
        storage_timeout: Duration::from_millis(200),
        ..EnforcerOptions::default()
    };
    let context = Host::new(&moody).context.with_clock(host.clock.clone());
    let enforcer = Enforcer::start_in(context, options).await.unwrap();
    Scene { other: host.clone(), moody, enforcer }
}

const SOON: Duration = Duration::from_millis(400);

async fn nothing_revoked_passes(host: &Host, mood: Mood, when_behind: WhenBehind) {
    let scene = scene(host, Mood::Answers, when_behind, SOON).await;
    let user = scene.other.user("ada").await.id;
    let started = scene.other.session(user).await;
    until("it is not behind", async || !scene.enforcer.stats().behind).await;
    remember(&scene.enforcer, &started.token).await;
    let key = key_in_memory(&scene).await;
    scene.moody.mood.send_replace(mood);
    ApiKeyService::from(scene.other.context.clone()).revoke(key.key.id).await.unwrap();
    scene.other.sessions.end(started.session.id, EndReason::Revoked).await.unwrap();
    scene.other.ban("192.0.2.1", BanDuration::Permanent).await;
    let revoked = Instant::now();
    // It may not know yet; from the bound on it knows that it does not know.
    until("it is behind", async || {
        let asked = revoked.elapsed();
        let decision =
            decide(&scene.enforcer, PEER, Some(&started.token), Requirement::Session).await;
        assert!(asked <= SOON || !decision.is_allowed(), "after {asked:?}: {decision:?}");
        let asked = revoked.elapsed();
        let opened = scene.enforcer.authenticate_key(&key.secret.reveal()).await;
        assert!(asked <= SOON || opened.is_err(), "after {asked:?}: {opened:?}");
        scene.enforcer.stats().behind
    })
    .await;
    assert!(scene.enforcer.revocation_lag() > SOON);
    for address in ["192.0.2.1", PEER] {
        let refused = of_address(&scene.enforcer, address).await;
        assert_eq!(refused, Some(DenyReason::Unavailable));
    }
    let refused = decide(&scene.enforcer, PEER, Some(&started.token), Requirement::Session).await;
    assert_eq!(reason(refused), Some(DenyReason::Unavailable));
    let refused = scene.enforcer.authenticate_key(&key.secret.reveal()).await;
    assert!(refused.unwrap_err().is_retryable());
    // It recovers by itself.
    scene.moody.mood.send_replace(Mood::Answers);
    until("it has recovered", async || {
        of_address(&scene.enforcer, "192.0.2.1").await == Some(DenyReason::Banned)
    })
    .await;
    until("it is not behind", async || !scene.enforcer.stats().behind).await;
    let refused = decide(&scene.enforcer, PEER, Some(&started.token), Requirement::Session).await;
    assert!(!refused.is_allowed());
    assert_eq!(scene.enforcer.authenticate_key(&key.secret.reveal()).await.unwrap(), None);
    scene.enforcer.shutdown().await;
}

async fn key_in_memory(scene: &Scene) -> IssuedApiKey {
    let scopes = ApiScopes::new([ApiScope::Read]).unwrap();
    let params = NewApiKey { name: "ci".into(), scopes, expires_in: None };
    let keys = ApiKeyService::from(scene.other.context.clone());
    let issued = keys.create(&params).await.unwrap();
    until("the key is in memory", async || {
        let found = scene.enforcer.authenticate_key(&issued.secret.reveal()).await.unwrap();
        assert!(found.is_some());
        scene.enforcer.stats().cached_keys > 0
    })
    .await;
    issued
}

#[test]
fn a_storage_that_hangs() {
    run(Backend::Memory, async |host: &Host| {
        nothing_revoked_passes(host, Mood::Hangs, WhenBehind::AskStorage).await;
    });
}

#[test]
fn a_storage_that_hangs_and_a_host_that_refuses() {
    run(Backend::Memory, async |host: &Host| {
        nothing_revoked_passes(host, Mood::Hangs, WhenBehind::Refuse).await;
    });
}

#[test]
fn a_storage_that_fails() {
    run(Backend::Memory, async |host: &Host| {
        nothing_revoked_passes(host, Mood::Fails, WhenBehind::AskStorage).await;
    });
}

/// A host that is always behind asks the storage, and decides as it would from memory.
#[test]
fn a_host_that_is_behind_asks() {
    run(Backend::Memory, async |host: &Host| {
        let scene = scene(host, Mood::Answers, WhenBehind::AskStorage, SOON).await;
        let user = scene.other.user("ada").await.id;
        let token = scene.other.session(user).await.token;
        scene.other.ban("192.0.2.1", BanDuration::Hours(1)).await;
        scene.enforcer.shutdown().await;
        until("it is behind", async || scene.enforcer.stats().behind).await;
        let ban = decide(&scene.enforcer, "192.0.2.1", None, Requirement::Address).await;
        assert_eq!(ban.denial().unwrap().reason, DenyReason::Banned);
        assert!(ban.denial().unwrap().until.is_some());
        let session = decide(&scene.enforcer, PEER, Some(&token), Requirement::Session).await;
        assert_eq!(session.session().unwrap().user.id, user);
        scene.other.sessions.end_all(user, EndReason::Revoked).await.unwrap();
        let session = decide(&scene.enforcer, PEER, Some(&token), Requirement::Session).await;
        assert_eq!(reason(session), Some(DenyReason::InvalidSession), "at once");
        let key = key_in_memory(&scene).await;
        ApiKeyService::from(scene.other.context.clone()).revoke(key.key.id).await.unwrap();
        let opened = scene.enforcer.authenticate_key(&key.secret.reveal()).await.unwrap();
        assert_eq!(opened, None, "at once");
    });
}

/// A miss while the storage fails is not a no, and not a yes.
#[test]
fn a_session_that_can_t_be_looked_up() {
    run(Backend::Memory, async |host: &Host| {
        let bound = Duration::from_secs(3_600);
        let scene = scene(host, Mood::Answers, WhenBehind::AskStorage, bound).await;
        let user = scene.other.user("ada").await.id;
        let token = scene.other.session(user).await.token;
        scene.moody.mood.send_replace(Mood::Fails);
        let refused = decide(&scene.enforcer, PEER, Some(&token), Requirement::Session).await;
        assert_eq!(reason(refused), Some(DenyReason::Unavailable));
        assert_eq!(of_address(&scene.enforcer, PEER).await, None, "bans are in memory");
        scene.moody.mood.send_replace(Mood::Answers);
        remember(&scene.enforcer, &token).await;
        scene.enforcer.shutdown().await;
    });
}

#[test]
fn without_an_alarm_it_looks_by_itself() {
    run(Backend::Memory, async |host: &Host| {
        let bound = Duration::from_secs(3_600);
        let scene = scene(host, Mood::IsMute, WhenBehind::AskStorage, bound).await;
        scene.other.ban("192.0.2.1", BanDuration::Permanent).await;
        until("it has seen the ban", async || {
            of_address(&scene.enforcer, "192.0.2.1").await == Some(DenyReason::Banned)
        })
        .await;
        scene.enforcer.shutdown().await;
    });
}

#[test]
fn it_does_not_start_without_knowing_what_holds() {
    run(Backend::Memory, async |host: &Host| {
        let moody = Moody::new(&host.storage);
        moody.mood.send_replace(Mood::Fails);
        let refused = Enforcer::start(&moody, EnforcerOptions::default()).await;
        assert!(refused.unwrap_err().is_retryable());
        let options = EnforcerOptions { cache_sessions: 0, ..EnforcerOptions::default() };
        let refused = Enforcer::start(&host.storage, options).await.unwrap_err();
        assert_eq!(refused.field(), Some("cache_sessions"));
    });
}
