//! The memory adapter with one rule broken.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};
use systemprompt_users_domain::*;
use systemprompt_users_memory::MemoryStorage;
use tokio::time::timeout;

/// The rule that is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    LosesCommits,
    WritesWhileReading,
    WaitsForNobody,
    IgnoresVersions,
    UpdatesSome,
    HidesConflicts,
    EmailFirst,
    RevivesSessions,
    LosesTies,
    IgnoresBots,
    KnowsWildcards,
    CountsOnce,
    ForgetsSessions,
    WidestFirst,
    LeadersOnly,
    MissesEvents,
    StartsTwice,
    TakesOverEarly,
    GivesLinksTwice,
    BeginsTwice,
    IgnoresKeyVersions,
    RingsOnce,
}

#[derive(Clone)]
pub(crate) struct BrokenStorage {
    inner: MemoryStorage,
    fault: Option<Fault>,
    memory: Arc<Mutex<Memory>>,
}

/// What some faults remember.
#[derive(Default)]
struct Memory {
    touched: BTreeMap<SessionId, DateTime<Utc>>,
    tallies: Option<Vec<UserTally>>,
}

struct BrokenUnit {
    unit: Box<dyn UnitOfWork>,
    fault: Option<Fault>,
    memory: Arc<Mutex<Memory>>,
}

impl BrokenStorage {
    pub(crate) fn new(fault: Option<Fault>) -> Self {
        Self { inner: MemoryStorage::new(), fault, memory: Arc::default() }
    }

    fn unit(&self, unit: Box<dyn UnitOfWork>) -> Box<dyn UnitOfWork> {
        Box::new(BrokenUnit { unit, fault: self.fault, memory: Arc::clone(&self.memory) })
    }
}

#[async_trait]
impl Storage for BrokenStorage {
    async fn read(&self) -> StorageResult<Box<dyn UnitOfWork>> {
        match self.fault {
            Some(Fault::WritesWhileReading) => Ok(self.unit(self.inner.write().await?)),
            _ => Ok(self.unit(self.inner.read().await?)),
        }
    }

    async fn write(&self) -> StorageResult<Box<dyn UnitOfWork>> {
        if self.fault == Some(Fault::WaitsForNobody) {
            let turn = timeout(Duration::from_millis(10), self.inner.write()).await;
            return Ok(self.unit(match turn {
                Ok(unit) => unit?,
                Err(_) => self.inner.read().await?,
            }));
        }
        Ok(self.unit(self.inner.write().await?))
    }

    async fn signal(&self) -> StorageResult<Box<dyn ChangeSignal>> {
        let signal = self.inner.signal().await?;
        match self.fault {
            Some(Fault::RingsOnce) => Ok(Box::new(RingsOnce(Some(signal)))),
            _ => Ok(signal),
        }
    }
}

#[async_trait]
impl UnitOfWork for BrokenUnit {
    fn users(&mut self) -> &mut dyn UserRepository {
        self
    }

    fn sessions(&mut self) -> &mut dyn SessionRepository {
        self
    }

    fn bans(&mut self) -> &mut dyn BannedIpRepository {
        self
    }

    fn events(&mut self) -> &mut dyn EventLog {
        self
    }

    fn jobs(&mut self) -> &mut dyn JobRepository {
        self
    }

    fn api_keys(&mut self) -> &mut dyn ApiKeyRepository {
        self
    }

    fn sign_in_links(&mut self) -> &mut dyn SignInLinkRepository {
        self
    }

    fn idempotency(&mut self) -> &mut dyn IdempotencyRepository {
        self
    }

    async fn lock(&mut self, key: LockKey) -> StorageResult<()> {
        match self.fault {
            Some(Fault::WaitsForNobody) => Ok(()),
            _ => self.unit.lock(key).await,
        }
    }

    async fn commit(self: Box<Self>) -> StorageResult<()> {
        match self.fault {
            Some(Fault::LosesCommits) => Ok(()),
            _ => self.unit.commit().await,
        }
    }
}

/// Implements a port by handing on what is not written out.
macro_rules! port {
    (
        $port:ident by $part:ident {
            $($method:ident($($name:ident: $kind:ty),*) -> $answer:ty;)*
        }
        $($broken:tt)*
    ) => {
        #[async_trait]
        impl $port for BrokenUnit {
            $(async fn $method(&mut self, $($name: $kind),*) -> StorageResult<$answer> {
                self.unit.$part().$method($($name),*).await
            })*

            $($broken)*
        }
    };
}

// Behind the macro, which they use.
mod access;
mod jobs;

port! {
    UserRepository by users {
        find_many(ids: &[UserId]) -> Vec<User>;
        lock_many(ids: &[UserId]) -> Vec<User>;
        find_by_emails(emails: &[Email]) -> Vec<User>;
        find_by_names(names: &[UserName]) -> Vec<User>;
        find_deleted_by_email(email: &Email) -> Option<User>;
        find_deleted_by_name(name: &UserName) -> Option<User>;
        find_by_token(token: &TokenHash) -> Option<User>;
        find_anonymous_by_fingerprint(mark: &Fingerprint) -> Option<User>;
        signups_per_day(first: NaiveDate, last: NaiveDate) -> Vec<SignupDay>;
        has_other_active_admin(except: &[UserId]) -> bool;
        touch_many(seen: &[(UserId, DateTime<Utc>)]) -> ();
        list_purgeable(before: DateTime<Utc>, limit: u16) -> Vec<User>;
        preview_purge(ids: &[UserId]) -> PurgePreview;
        purge_many(ids: &[UserId]) -> PurgePreview;
    }

    async fn list(
        &mut self,
        filter: &UserFilter,
        order: UserOrder,
        page: &PageRequest,
    ) -> StorageResult<Page<User>> {
        let mut filter = filter.clone();
        if self.fault == Some(Fault::IgnoresBots) {
            filter.is_bot = None;
        }
        let mut found = self.unit.users().list(&filter, order, page).await?;
        if self.fault == Some(Fault::LosesTies) && let Some(after) = &page.after {
            found.items.retain(|user| order.cursor(user).key != after.key);
        }
        Ok(found)
    }

    async fn search(
        &mut self,
        text: &SearchText,
        filter: &UserFilter,
        page: &PageRequest,
    ) -> StorageResult<Page<User>> {
        let users = self.unit.users();
        if self.fault == Some(Fault::KnowsWildcards) && text.as_str().contains(['%', '_']) {
            return users.list(filter, UserOrder::Name, page).await;
        }
        users.search(text, filter, page).await
    }

    async fn count(&mut self, filter: &UserFilter) -> StorageResult<u64> {
        let mut filter = filter.clone();
        if self.fault == Some(Fault::IgnoresBots) {
            filter.is_bot = None;
        }
        self.unit.users().count(&filter).await
    }

    async fn tally(&mut self, created: &TimeRange) -> StorageResult<Vec<UserTally>> {
        let tallies = self.unit.users().tally(created).await?;
        if self.fault == Some(Fault::CountsOnce) && created.is_unbounded() {
            let mut memory = self.memory.lock().unwrap();
            let lagging = memory.tallies.replace(tallies);
            return Ok(lagging.unwrap_or_default());
        }
        Ok(tallies)
    }

    async fn insert_many(&mut self, users: &[User]) -> StorageResult<Vec<InsertOutcome>> {
        let outcomes = self.unit.users().insert_many(users).await?;
        match self.fault {
            Some(Fault::HidesConflicts) => Ok(vec![InsertOutcome::Inserted; outcomes.len()]),
            _ => Ok(outcomes),
        }
    }

    async fn update_many(&mut self, users: &[User]) -> StorageResult<()> {
        let mut users = users.to_vec();
        match self.fault {
            Some(Fault::IgnoresVersions) => {
                for user in &mut users {
                    let stored = self.unit.users().find_many(&[user.id]).await?;
                    user.version = stored.first().map_or(2, |stored| stored.version + 1);
                }
                self.unit.users().update_many(&users).await
            }
            Some(Fault::UpdatesSome) => {
                for user in users {
                    self.unit.users().update_many(&[user]).await?;
                }
                Ok(())
            }
            _ => match self.unit.users().update_many(&users).await {
                Err(StorageError::Conflict { source, .. }) if self.fault == Some(Fault::EmailFirst) => {
                    Err(StorageError::Conflict { key: UniqueKey::Email, source })
                }
                result => result,
            },
        }
    }

    async fn list_idle_anonymous(
        &mut self,
        idle_since: DateTime<Utc>,
        now: DateTime<Utc>,
        after: Option<Cursor>,
        limit: u16,
    ) -> StorageResult<Vec<User>> {
        let now = match self.fault {
            Some(Fault::ForgetsSessions) => now + chrono::Duration::days(9_999),
            _ => now,
        };
        self.unit.users().list_idle_anonymous(idle_since, now, after, limit).await
    }
}

port! {
    SessionRepository by sessions {
        insert(session: &UserSession) -> ();
        find_by_token(token: &TokenHash) -> Option<(UserSession, User)>;
        list(filter: &SessionFilter, order: SessionOrder, page: &PageRequest) -> Page<UserSession>;
        end_many(ids: &[SessionId], reason: EndReason, now: DateTime<Utc>) -> Vec<EndedSession>;
        end_all(
            users: &[UserId],
            except: Option<SessionId>,
            reason: EndReason,
            now: DateTime<Utc>
        ) -> Vec<EndedSession>;
        list_surplus(user: UserId, keep: u16, now: DateTime<Utc>) -> Vec<SessionId>;
        move_all(source: UserId, target: UserId) -> u64;
        activity(user: UserId, now: DateTime<Utc>) -> SessionActivity;
        end_expired(now: DateTime<Utc>, limit: u16) -> u64;
        delete_ended(before: DateTime<Utc>, limit: u16) -> u64;
    }

    async fn find_many(&mut self, ids: &[SessionId]) -> StorageResult<Vec<UserSession>> {
        let mut found = self.unit.sessions().find_many(ids).await?;
        let memory = self.memory.lock().unwrap();
        for session in &mut found {
            if let Some(touched) = memory.touched.get(&session.id) {
                session.last_activity_at = *touched;
            }
        }
        Ok(found)
    }

    async fn touch_many(&mut self, seen: &[(SessionId, DateTime<Utc>)]) -> StorageResult<()> {
        if self.fault == Some(Fault::RevivesSessions) {
            self.memory.lock().unwrap().touched.extend(seen.iter().copied());
        }
        self.unit.sessions().touch_many(seen).await
    }
}

port! {
    BannedIpRepository by bans {
        find_many(targets: &[IpTarget]) -> Vec<BannedIp>;
        append(changes: &[(BannedIp, BanFact)]) -> ();
        history(ban: BanId, page: &PageRequest) -> Page<BanFact>;
        list_active(now: DateTime<Utc>, page: &PageRequest) -> Page<BannedIp>;
        count_active(now: DateTime<Utc>) -> u64;
        reassign_user(source: UserId, target: UserId) -> u64;
        delete_over(before: DateTime<Utc>, limit: u16) -> u64;
        allow(network: &AllowedNetwork) -> bool;
        disallow(target: &IpTarget) -> bool;
        list_allowed(page: &PageRequest) -> Page<AllowedNetwork>;
        find_allowed(target: &IpTarget) -> Vec<AllowedNetwork>;
    }

    async fn find_covering(
        &mut self,
        target: &IpTarget,
        now: DateTime<Utc>,
    ) -> StorageResult<Vec<BannedIp>> {
        let mut found = self.unit.bans().find_covering(target, now).await?;
        if self.fault == Some(Fault::WidestFirst) {
            found.reverse();
        }
        Ok(found)
    }

    async fn list_by_origin(
        &mut self,
        origin: &BanOrigin,
        now: DateTime<Utc>,
        page: &PageRequest,
    ) -> StorageResult<Page<BannedIp>> {
        let mut found = self.unit.bans().list_by_origin(origin, now, page).await?;
        if self.fault == Some(Fault::LeadersOnly) {
            found.items.retain(|ban| match origin {
                BanOrigin::Source(source) => ban.source.as_ref() == Some(source),
                BanOrigin::Fingerprint(mark) => ban.fingerprint.as_ref() == Some(mark),
            });
        }
        Ok(found)
    }
}

port! {
    EventLog by events {
        append(events: &[Event]) -> ();
        list(filter: &EventFilter, before: Option<EventPosition>, limit: u16) -> Vec<RecordedEvent>;
        count_of_user(user: UserId) -> u64;
        last_position() -> EventPosition;
        delete_before(before: DateTime<Utc>, limit: u16) -> u64;
    }

    async fn read(&mut self, after: EventPosition, limit: u16) -> StorageResult<Vec<RecordedEvent>> {
        let missed = self.fault == Some(Fault::MissesEvents) && after > EventPosition::START;
        let after = if missed { EventPosition(after.0 + 1) } else { after };
        self.unit.events().read(after, limit).await
    }
}

struct RingsOnce(Option<Box<dyn ChangeSignal>>);

#[async_trait]
impl ChangeSignal for RingsOnce {
    async fn wait(&mut self) -> StorageResult<()> {
        match &mut self.0 {
            Some(signal) => signal.wait().await?,
            None => std::future::pending().await,
        }
        self.0 = None;
        Ok(())
    }
}
