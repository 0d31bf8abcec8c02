//! What every service works with: storage, clock, randomness, policy, actor.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use systemprompt_users_domain::{
    Actor, ChangeSignal, Clock, EndReason, EndedSession, Entropy, Event, EventId, EventKind,
    JobContext, Policy, Result, Roles, Storage, StorageError, UnitOfWork, User, UserError, UserId,
    UserRole, bound_of, storable_time,
};

use crate::steady::SteadyClock;
use crate::{SystemClock, SystemEntropy};

/// How often a use case is begun again when the storage was busy.
const MAX_ATTEMPTS: u32 = 4;

/// What a service is made of. A clone shares everything.
#[derive(Clone)]
pub struct Context {
    storage: Arc<dyn Storage>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    policy: Policy,
    actor: Actor,
    expected_version: Option<i64>,
    spares_admins: bool,
    up_to_date: bool,
}

impl Context {
    /// The real clock and randomness, the default policy, the actor `System`.
    pub fn new<S: Storage + Clone + 'static>(storage: &S) -> Self {
        Self {
            storage: Arc::new(storage.clone()),
            clock: Arc::new(SteadyClock::new(Arc::new(SystemClock))),
            entropy: Arc::new(SystemEntropy),
            policy: Policy::default(),
            actor: Actor::System,
            expected_version: None,
            spares_admins: false,
            up_to_date: false,
        }
    }

    /// The context of a job, on whose behalf everything is done.
    pub fn of_job(job: &JobContext, name: &str) -> Self {
        Self {
            storage: Arc::clone(&job.storage),
            clock: Arc::clone(&job.clock),
            entropy: Arc::clone(&job.entropy),
            policy: job.policy.clone(),
            actor: Actor::Job(name.into()),
            expected_version: None,
            spares_admins: false,
            up_to_date: false,
        }
    }

    /// The same as a job gets it.
    pub fn to_job(&self) -> JobContext {
        JobContext::new(
            Arc::clone(&self.storage),
            Arc::clone(&self.clock),
            Arc::clone(&self.entropy),
            self.policy.clone(),
        )
    }

    /// The same with another clock. Should it be set back by up to two hours, time stands still until it has
    /// caught up: nothing that had expired comes alive.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Arc::new(SteadyClock::new(clock));
        self
    }

    /// The same with another random source.
    #[must_use]
    pub fn with_entropy(mut self, entropy: Arc<dyn Entropy>) -> Self {
        self.entropy = entropy;
        self
    }

    /// The same with another policy.
    ///
    /// # Errors
    /// `Validation` of the field that is out of bounds.
    pub fn with_policy(mut self, policy: Policy) -> Result<Self> {
        policy.check()?;
        self.policy = policy;
        Ok(self)
    }

    /// The same, of whose clean-ups one batch touches so many rows.
    #[must_use]
    pub(crate) const fn with_cleanup_batch(mut self, rows: u16) -> Self {
        self.policy.cleanup_batch = rows;
        self
    }

    /// The same on behalf of `actor`.
    #[must_use]
    pub fn as_actor(mut self, actor: Actor) -> Self {
        self.actor = actor;
        self
    }

    /// The numbers that the host chose.
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    pub(crate) const fn actor(&self) -> &Actor {
        &self.actor
    }

    /// The same, changing a user only from that version.
    #[must_use]
    pub(crate) const fn at_version(mut self, version: i64) -> Self {
        self.expected_version = Some(version);
        self
    }

    /// Refuses a user that is not at the version that the caller read.
    pub(crate) fn check_version(&self, user: &User) -> Result<()> {
        match self.expected_version {
            Some(version) if version != user.version => Err(UserError::Stale),
            _ => Ok(()),
        }
    }

    /// Returns a copy for a caller who is to be kept from changing an admin, from ending an admin's sessions, from making an
    /// admin, and from signing in as one.
    #[must_use]
    pub const fn sparing_admins(mut self) -> Self {
        self.spares_admins = true;
        self
    }

    /// The same, whose lists and figures are of now too, whatever copies of the storage there are.
    #[must_use]
    pub const fn up_to_date(mut self) -> Self {
        self.up_to_date = true;
        self
    }

    /// Whether the caller is to be kept from touching admins.
    pub(crate) const fn spares_admins(&self) -> bool {
        self.spares_admins
    }

    /// Refuses the roles of an admin where admins are spared.
    pub(crate) const fn check_roles(&self, roles: Roles) -> Result<()> {
        if self.spares_admins && roles.contains(UserRole::Admin) {
            return Err(UserError::AdminsOnly);
        }
        Ok(())
    }

    pub(crate) fn entropy(&self) -> &dyn Entropy {
        &*self.entropy
    }

    /// The time, as every storage keeps it.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        storable_time(self.clock.now())
    }

    /// Not as the `Storage` that an `Arc` of it is, too: that puts a future of its own around each.
    fn storage(&self) -> &dyn Storage {
        &*self.storage
    }

    pub(crate) async fn read(&self) -> Result<Box<dyn UnitOfWork>> {
        Ok(self.storage().read().await?)
    }

    /// For lists and figures, by which nothing is decided: from a copy that lags behind, if the storage has one.
    pub(crate) async fn read_lagging(&self) -> Result<Box<dyn UnitOfWork>> {
        match self.up_to_date {
            true => self.read().await,
            false => Ok(self.storage().read_lagging().await?),
        }
    }

    pub(crate) async fn write(&self) -> Result<Box<dyn UnitOfWork>> {
        Ok(self.storage().write().await?)
    }

    pub(crate) async fn signal(&self) -> Result<Box<dyn ChangeSignal>> {
        Ok(self.storage().signal().await?)
    }

    /// Commits. An answer that got lost may hide a commit that took place, so it is never tried again.
    pub(crate) async fn commit(&self, unit: Box<dyn UnitOfWork>) -> Result<()> {
        unit.commit().await.map_err(|error| match error {
            StorageError::Unavailable(source) => UserError::Storage(StorageError::Other(source)),
            other => other.into(),
        })
    }

    /// Holds a user who is to sign in until the unit ends: whoever suspends or deletes the user waits for it,
    /// and then sees what this unit made.
    pub(crate) async fn lock_active_user(
        &self,
        unit: &mut dyn UnitOfWork,
        user_id: UserId,
    ) -> Result<()> {
        let user = unit.users().lock_many(&[user_id]).await?.pop().filter(User::is_live);
        let user = user.ok_or_else(|| UserError::user_not_found(user_id))?;
        if !user.is_active() {
            let message =
                format!("user `{user_id}` is {}; only an active user can sign in", user.status);
            return Err(UserError::NotAllowed(message));
        }
        self.check_roles(user.roles)
    }

    /// An event of this context's actor.
    pub(crate) fn event(&self, at: DateTime<Utc>, kind: EventKind) -> Event {
        Event { id: EventId::generate(at, self.entropy()), at, actor: self.actor.clone(), kind }
    }

    /// One event for each user whose sessions were ended; `ended` is in the order of users.
    pub(crate) fn ended_events(
        &self,
        ended: &[EndedSession],
        reason: EndReason,
        at: DateTime<Utc>,
    ) -> Vec<Event> {
        ended
            .chunk_by(|a, b| a.user_id == b.user_id)
            .filter_map(|same_user| {
                let user_id = same_user.first()?.user_id;
                let session_ids = same_user.iter().map(|session| session.id).collect();
                let kind = EventKind::SessionsEnded { user_id, session_ids, reason };
                Some(self.event(at, kind))
            })
            .collect()
    }
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context").field("actor", &self.actor).finish_non_exhaustive()
    }
}

/// Makes the same attempt again, a bounded number of times, while the storage is busy.
pub(crate) async fn retry<T, F>(mut attempt: impl FnMut() -> F) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    let mut attempts = 1;
    loop {
        match attempt().await {
            Err(error) if error.is_retryable() && attempts < MAX_ATTEMPTS => {
                tracing::debug!(attempts, "the storage was busy, trying again");
                tokio::time::sleep(Duration::from_millis(10 << attempts)).await;
                attempts += 1;
            }
            result => return result,
        }
    }
}

/// What every service is built by: `new`, `with_clock`, `with_policy`, `as_actor`.
macro_rules! service_of_context {
    ($service:ident) => {
        impl $service {
            /// A service over `storage` (a `DbPool`, an adapter, an `Arc<dyn Storage>`) with the real clock and
            /// the default policy.
            ///
            /// # Errors
            /// `Validation` when the policy is out of bounds.
            pub fn new<S: systemprompt_users_domain::Storage + Clone + 'static>(
                storage: &S,
            ) -> systemprompt_users_domain::Result<Self> {
                let context = $crate::Context::new(storage);
                context.policy().check()?;
                Ok(Self::from(context))
            }

            /// The same with another clock.
            #[must_use]
            pub fn with_clock(
                self,
                clock: std::sync::Arc<dyn systemprompt_users_domain::Clock>,
            ) -> Self {
                Self { context: self.context.with_clock(clock) }
            }

            /// The same with another policy.
            ///
            /// # Errors
            /// `Validation` of the field that is out of bounds.
            pub fn with_policy(
                self,
                policy: systemprompt_users_domain::Policy,
            ) -> systemprompt_users_domain::Result<Self> {
                Ok(Self { context: self.context.with_policy(policy)? })
            }

            /// The same on behalf of `actor`, whom its events name.
            #[must_use]
            pub fn as_actor(&self, actor: systemprompt_users_domain::Actor) -> Self {
                Self { context: self.context.clone().as_actor(actor) }
            }

            /// Returns a copy for a caller who is to be kept from changing an admin, from ending an admin's sessions,
            /// from making an admin, and from signing in as one: that is refused as `AdminsOnly`.
            #[must_use]
            pub fn sparing_admins(&self) -> Self {
                Self { context: self.context.clone().sparing_admins() }
            }

            /// The same for a caller who has to see its own changes in lists and figures too, which otherwise
            /// may come from a replica that lags behind.
            #[must_use]
            pub fn up_to_date(&self) -> Self {
                Self { context: self.context.clone().up_to_date() }
            }
        }

        impl From<$crate::Context> for $service {
            fn from(context: $crate::Context) -> Self {
                Self { context }
            }
        }
    };
}
pub(crate) use service_of_context;

/// The moment `retention` before `now`, as a bound that a storage can compare with.
pub(crate) fn moment_before(
    field: &'static str,
    now: DateTime<Utc>,
    retention: chrono::Duration,
) -> Result<DateTime<Utc>> {
    if retention <= chrono::Duration::zero() {
        return Err(UserError::validation(field, "must be longer than zero"));
    }
    now.checked_sub_signed(retention)
        .map(|before| storable_time(bound_of(before)))
        .ok_or_else(|| UserError::validation(field, "reaches too far into the past"))
}
