//! Work that others left behind: however much it is, a deadline bounds one batch of it, and progress is kept.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use systemprompt_users_application::{BanService, Enforcer, EnforcerOptions, EventService};
use systemprompt_users_domain::{
    Actor, ApiKeyRepository, BanDuration, BanIpParams, BannedIpRepository, ChangeSignal, Event,
    EventFilter, EventId, EventKind, EventLog, EventPosition, IdempotencyRepository, JobRepository,
    LockKey, RecordedEvent, SessionRepository, SignInLinkRepository, Storage, StorageResult,
    UnitOfWork, UserId, UserRepository,
};
use systemprompt_users_memory::MemoryStorage;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

/// How many events each call makes readable, and how long it takes for that.
const BATCH: i64 = 1_000;
const TAKES: Duration = Duration::from_millis(900);

/// A storage whose events can be read only after somebody has ordered them, batch by batch.
#[derive(Clone)]
struct Slow {
    inner: MemoryStorage,
    readable: Arc<AtomicI64>,
}

impl Slow {
    async fn with_events(count: u32) -> Self {
        let inner = MemoryStorage::new();
        let user_id = UserId::from_uuid(Uuid::from_u128(1));
        let events: Vec<Event> = (1..=count)
            .map(|n| Event {
                id: EventId::from_uuid(Uuid::from_u128(n.into())),
                at: DateTime::UNIX_EPOCH,
                actor: Actor::System,
                kind: EventKind::UserDeleted { user_id },
            })
            .collect();
        let mut unit = inner.write().await.unwrap();
        unit.events().append(&events).await.unwrap();
        unit.commit().await.unwrap();
        Self { inner, readable: Arc::default() }
    }
}

#[async_trait]
impl Storage for Slow {
    async fn read(&self) -> StorageResult<Box<dyn UnitOfWork>> {
        let unit = self.inner.read().await?;
        Ok(Box::new(SlowUnit { unit, readable: Arc::clone(&self.readable) }))
    }

    async fn write(&self) -> StorageResult<Box<dyn UnitOfWork>> {
        self.inner.write().await
    }

    async fn signal(&self) -> StorageResult<Box<dyn ChangeSignal>> {
        self.inner.signal().await
    }
}

struct SlowUnit {
    unit: Box<dyn UnitOfWork>,
    readable: Arc<AtomicI64>,
}

impl SlowUnit {
    async fn order(&mut self) -> StorageResult<i64> {
        let last = self.unit.events().last_position().await?.0;
        if self.readable.load(Ordering::SeqCst) < last {
            sleep(TAKES).await;
            let readable = self.readable.load(Ordering::SeqCst);
            self.readable.store((readable + BATCH).min(last), Ordering::SeqCst);
        }
        Ok(self.readable.load(Ordering::SeqCst))
    }
}

#[async_trait]
impl EventLog for SlowUnit {
    async fn append(&mut self, events: &[Event]) -> StorageResult<()> {
        self.unit.events().append(events).await
    }

    async fn read(
        &mut self,
        after: EventPosition,
        limit: u16,
    ) -> StorageResult<Vec<RecordedEvent>> {
        let readable = self.order().await?;
        let mut events = self.unit.events().read(after, limit).await?;
        events.retain(|event| event.position.0 <= readable);
        Ok(events)
    }

    async fn list(
        &mut self,
        filter: &EventFilter,
        before: Option<EventPosition>,
        limit: u16,
    ) -> StorageResult<Vec<RecordedEvent>> {
        let end = EventPosition(self.order().await? + 1);
        let before = before.map_or(end, |before| before.min(end));
        self.unit.events().list(filter, Some(before), limit).await
    }

    async fn count_of_user(&mut self, user: UserId) -> StorageResult<u64> {
        self.unit.events().count_of_user(user).await
    }

    async fn last_position(&mut self) -> StorageResult<EventPosition> {
        self.order().await.map(EventPosition)
    }

    async fn delete_before(&mut self, before: DateTime<Utc>, limit: u16) -> StorageResult<u64> {
        self.unit.events().delete_before(before, limit).await
    }
}

#[async_trait]
impl UnitOfWork for SlowUnit {
    fn users(&mut self) -> &mut dyn UserRepository {
        self.unit.users()
    }

    fn sessions(&mut self) -> &mut dyn SessionRepository {
        self.unit.sessions()
    }

    fn bans(&mut self) -> &mut dyn BannedIpRepository {
        self.unit.bans()
    }

    fn events(&mut self) -> &mut dyn EventLog {
        self
    }

    fn jobs(&mut self) -> &mut dyn JobRepository {
        self.unit.jobs()
    }

    fn api_keys(&mut self) -> &mut dyn ApiKeyRepository {
        self.unit.api_keys()
    }

    fn sign_in_links(&mut self) -> &mut dyn SignInLinkRepository {
        self.unit.sign_in_links()
    }

    fn idempotency(&mut self) -> &mut dyn IdempotencyRepository {
        self.unit.idempotency()
    }

    async fn lock(&mut self, key: LockKey) -> StorageResult<()> {
        self.unit.lock(key).await
    }

    async fn commit(self: Box<Self>) -> StorageResult<()> {
        self.unit.commit().await
    }
}

#[tokio::test(start_paused = true)]
async fn a_host_starts_before_it_has_read_what_others_left() {
    let storage = Slow::with_events(10_500).await;
    BanService::new(&storage)
        .unwrap()
        .ban_ip(&BanIpParams::new("192.0.2.7", BanDuration::Permanent).source("test"))
        .await
        .unwrap();
    let began = Instant::now();
    let enforcer = Enforcer::start(&storage, EnforcerOptions::default()).await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    assert_eq!(enforcer.stats().bans, 1, "it knows what was loaded");
    let mut heard = enforcer.heard();
    heard.wait_for(|position| position.0 == 10_501).await.unwrap();
    while enforcer.stats().behind {
        sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(enforcer.stats().reloads, 0, "it went on from where it stood");
    enforcer.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_host_that_catches_up_stops_when_it_is_told_to() {
    let storage = Slow::with_events(50_000).await;
    let enforcer = Enforcer::start(&storage, EnforcerOptions::default()).await.unwrap();
    let began = Instant::now();
    enforcer.shutdown().await;
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn the_log_can_be_caught_up_with() {
    let events = EventService::new(&Slow::with_events(2_500).await).unwrap();
    assert_eq!(events.last_position().await.unwrap(), EventPosition(1_000));
    assert_eq!(events.catch_up().await.unwrap(), EventPosition(2_500));
}
