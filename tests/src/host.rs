//! A host: all services on one storage and one clock, and short words for what scenarios do often.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, Duration, Utc};
use systemprompt_users::{
    Actor, BackendKind, BanDuration, BanFact, BanIpParams, BanService, BannedIp, Clock, Context,
    CreateUserParams, DbPool, Doctor, EventKind, EventPosition, EventService, NewAnonymous,
    NewSession, Page, PageRequest, Policy, SessionId, SessionService, StartedSession, Storage,
    Token, User, UserAdminService, UserId, UserRole, UserService, UserSession,
};

use crate::{Opened, TestClock};

/// All services on one storage and one clock. A clone is another handle to the same.
#[derive(Clone)]
pub struct Host {
    /// The storage, for what no service does.
    pub storage: Arc<dyn Storage>,
    /// The clock of all services.
    pub clock: Arc<TestClock>,
    /// What the services are made of.
    pub context: Context,
    /// Users.
    pub users: UserService,
    /// Admins.
    pub admins: UserAdminService,
    /// Sessions.
    pub sessions: SessionService,
    /// Bans.
    pub bans: BanService,
    /// Events.
    pub events: EventService,
    /// The doctor.
    pub doctor: Doctor,
    broken: Arc<AtomicBool>,
    /// Where another program finds the storage; `None` when none could.
    url: Option<Arc<str>>,
}

impl Host {
    /// A host on a fresh storage, with a clock of its own.
    pub fn on(opened: &Opened) -> Self {
        let is_shared = opened.storage().kind() != BackendKind::Memory;
        Self { url: is_shared.then(|| opened.url().into()), ..Self::new(opened.storage()) }
    }

    /// Another program on the same storage, by connections of its own; it goes by the same clock.
    pub async fn another_program(&self) -> Self {
        let Some(url) = &self.url else { return self.clone() };
        let other = Self::new(&DbPool::connect(url).await.unwrap());
        let context = other.context.with_clock(self.clock.clone());
        self.with(other.storage, context)
    }

    /// A host on `storage` with a clock of its own.
    pub fn new<S: Storage + Clone + 'static>(storage: &S) -> Self {
        let storage: Arc<dyn Storage> = Arc::new(storage.clone());
        let clock = Arc::new(TestClock::new());
        let context = Context::new(&storage).with_clock(clock.clone());
        Self::of(storage, clock, context)
    }

    fn of(storage: Arc<dyn Storage>, clock: Arc<TestClock>, context: Context) -> Self {
        Self {
            users: context.clone().into(),
            admins: context.clone().into(),
            sessions: context.clone().into(),
            bans: context.clone().into(),
            events: context.clone().into(),
            doctor: context.clone().into(),
            storage,
            clock,
            context,
            broken: Arc::default(),
            url: None,
        }
    }

    /// The same on another storage or with another context.
    fn with(&self, storage: Arc<dyn Storage>, context: Context) -> Self {
        let (broken, url) = (self.broken.clone(), self.url.clone());
        Self { broken, url, ..Self::of(storage, self.clock.clone(), context) }
    }

    /// Another host on the same storage and clock, with a policy of its own.
    #[must_use]
    pub fn with_policy(&self, policy: Policy) -> Self {
        let context = self.context.clone().with_policy(policy).unwrap();
        self.with(self.storage.clone(), context)
    }

    /// Another host on the same storage and clock, on behalf of `actor`.
    #[must_use]
    pub fn as_actor(&self, actor: Actor) -> Self {
        let context = self.context.clone().as_actor(actor);
        self.with(self.storage.clone(), context)
    }

    /// Says that the scenario breaks invariants on purpose.
    pub fn break_on_purpose(&self) {
        self.broken.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_broken_on_purpose(&self) -> bool {
        self.broken.load(Ordering::SeqCst)
    }

    /// The time of the clock.
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// A second later, so that no two things made by these words share a time.
    fn tick(&self) {
        self.clock.advance(Duration::seconds(1));
    }

    /// A new user of that name, with the email `{name}@example.com`.
    pub async fn user(&self, name: &str) -> User {
        self.tick();
        self.users.create(&params(name)).await.unwrap()
    }

    /// A new user of that name with the roles admin and user.
    pub async fn admin(&self, name: &str) -> User {
        self.tick();
        let roles = vec![UserRole::Admin, UserRole::User];
        self.users.create(&CreateUserParams { roles, ..params(name) }).await.unwrap()
    }

    /// A new anonymous user.
    pub async fn visitor(&self, fingerprint: &str) -> NewAnonymous {
        self.tick();
        self.users.create_anonymous(Some(fingerprint)).await.unwrap()
    }

    /// A new session.
    pub async fn session(&self, user: UserId) -> StartedSession {
        self.tick();
        self.sessions.create(user, &NewSession::default()).await.unwrap()
    }

    /// A new user with that many sessions, a second apart.
    pub async fn user_with_sessions(&self, name: &str, count: usize) -> (User, Vec<SessionId>) {
        let user = self.user(name).await;
        let mut sessions = Vec::with_capacity(count);
        for _ in 0..count {
            sessions.push(self.session(user.id).await.session.id);
        }
        (user, sessions)
    }

    /// Whether a token opens a session now.
    pub async fn is_open(&self, token: &Token) -> bool {
        self.sessions.validate(&token.reveal()).await.unwrap().is_some()
    }

    /// A new ban.
    pub async fn ban(&self, ip: &str, duration: BanDuration) -> BannedIp {
        self.tick();
        self.bans.ban_ip(&BanIpParams::new(ip, duration)).await.unwrap()
    }

    /// The user of that id, of any status.
    pub async fn get(&self, id: UserId) -> User {
        let mut unit = self.storage.read().await.unwrap();
        unit.users().find_many(&[id]).await.unwrap().pop().expect("the user is there")
    }

    /// All sessions of a user, newest first.
    pub async fn all_sessions(&self, user: UserId) -> Vec<UserSession> {
        let page = self.sessions.list(user, &largest()).await.unwrap();
        whole(page)
    }

    /// The live sessions of a user, used last first.
    pub async fn live_sessions(&self, user: UserId) -> Vec<UserSession> {
        whole(self.sessions.list_active(user, &largest()).await.unwrap())
    }

    /// What happened to a target, newest first, without a gap.
    pub async fn ban_history(&self, ip: &str) -> Vec<BanFact> {
        let facts = whole(self.bans.ban_history(ip, &largest()).await.unwrap());
        let sequences = facts.iter().map(|fact| fact.sequence).rev();
        assert!(sequences.eq((1..).take(facts.len())), "a fact is missing: {facts:?}");
        facts
    }

    /// Where the log of events ends now.
    pub async fn position(&self) -> EventPosition {
        self.events.last_position().await.unwrap()
    }

    /// What has happened since `position`.
    pub async fn events_since(&self, position: EventPosition) -> Vec<EventKind> {
        let events = self.events.read(position, 1000).await.unwrap();
        assert!(events.len() < 1000, "more events than one page holds");
        events.into_iter().map(|recorded| recorded.event.kind).collect()
    }

    /// The names of what has happened since `position`.
    pub async fn kinds_since(&self, position: EventPosition) -> Vec<&'static str> {
        self.events_since(position).await.iter().map(EventKind::name).collect()
    }
}

fn params(name: &str) -> CreateUserParams {
    CreateUserParams::new(name, format!("{name}@example.com"))
}

/// The largest page there is.
fn largest() -> PageRequest {
    PageRequest::new(1000).unwrap()
}

#[track_caller]
fn whole<T>(page: Page<T>) -> Vec<T> {
    assert!(page.next.is_none(), "more than one page holds");
    page.items
}
