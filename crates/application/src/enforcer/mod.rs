//! The decision path: may this address, with this session, do this? Answered from memory.

mod activity;
mod alarm;
mod ask;
mod bans;
mod counters;
mod decision;
mod follower;
mod freshness;
mod heard;
mod keys;
mod memory;
mod networks;
mod options;
mod prefix;
mod sessions;
mod table;
mod thrown_out;

pub use decision::{Access, Decision, Denial, DenyReason, Requirement};
pub use options::{EnforcerOptions, EnforcerStats, WhenBehind};

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use systemprompt_users_domain::{ApiKey, Result, Storage};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use self::activity::Activity;
use self::alarm::Alarm;
use self::follower::Follower;
use self::memory::{Known, Memory};
use crate::Context;

/// Decides about requests from memory, and follows the changes of every host. A clone is a handle to the
/// same one; what runs in the background ends with the last handle.
///
/// - Bans and the allow-list are all in memory; sessions and API keys are, once they were asked for. A decision
///   about them waits for nobody. Whether one of them has run out is decided at the moment of the question.
/// - A change takes effect as soon as this host has read it from the log of events. How long ago that log
///   was last known to be read to its end is [`Enforcer::revocation_lag`]. Beyond
///   [`EnforcerOptions::lag_bound`] nothing is decided from memory.
/// - The activity of sessions is kept in memory and written in batches. What a crash loses is the activity
///   of about [`EnforcerOptions::touch_interval`].
///
/// ```
/// # use systemprompt_users_application::{Enforcer, EnforcerOptions, Requirement};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> systemprompt_users_domain::Result<()> {
/// # let storage = systemprompt_users_memory::MemoryStorage::new();
/// let enforcer = Enforcer::start(&storage, EnforcerOptions::default()).await?;
/// let address = "192.0.2.7".parse().unwrap();
/// assert!(enforcer.decide(address, None, Requirement::Address).await.is_allowed());
/// assert!(!enforcer.decide(address, None, Requirement::Session).await.is_allowed());
/// # enforcer.shutdown().await;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Enforcer {
    memory: Arc<Memory>,
    tasks: Arc<Tasks>,
}

/// What runs in the background. It ends when `stop` says so, or is dropped.
struct Tasks {
    stop: watch::Sender<bool>,
    running: Mutex<Vec<JoinHandle<()>>>,
}

impl Enforcer {
    /// An enforcer over `storage` with the real clock and the default policy, once it has loaded what it
    /// decides by.
    ///
    /// # Errors
    /// `Validation` of the option out of bounds; `Storage` when it does not answer.
    pub async fn start<S: Storage + Clone + 'static>(
        storage: &S,
        options: EnforcerOptions,
    ) -> Result<Self> {
        Self::start_in(Context::new(storage), options).await
    }

    /// The same in a context, which brings its clock and policy.
    ///
    /// # Errors
    /// As for [`Enforcer::start`].
    #[tracing::instrument(skip_all, err(level = "debug"))]
    pub async fn start_in(context: Context, options: EnforcerOptions) -> Result<Self> {
        options.check()?;
        context.policy().check()?;
        let (patience, poll) = (options.storage_timeout, options.poll);
        let began = Instant::now();
        let (follower, snapshot) = Follower::load(context.clone(), patience).await?;
        let (activity, notes) = Activity::new();
        let memory = Memory::new(context.clone(), options, activity, snapshot, began);
        let memory = Arc::new(memory);
        let follower = follower.begun(&memory).await?;
        let (stop, stopped) = watch::channel(false);
        let alarm = Arc::new(Alarm::default());
        let listening = {
            let (context, alarm, stop) = (context.clone(), Arc::clone(&alarm), stopped.clone());
            async move { alarm.listen(&context, stop, patience).await }
        };
        let following = follower.run(Arc::clone(&memory), alarm, stopped.clone(), poll);
        let writing = activity::write_activity(context, notes, stopped, patience);
        let running = vec![tokio::spawn(listening), tokio::spawn(following), tokio::spawn(writing)];
        Ok(Self { memory, tasks: Arc::new(Tasks { stop, running: Mutex::new(running) }) })
    }

    /// Decides about a request from `address` with `token`, which may be any text.
    ///
    /// It waits for the storage only when the session is not in memory, as that of a token which stands for
    /// none never is, or when this host has fallen behind.
    pub async fn decide(
        &self,
        address: IpAddr,
        token: Option<&str>,
        requirement: Requirement,
    ) -> Decision {
        match self.memory.decide(address, token, requirement) {
            Known::All(decision) => decision,
            // On the heap, so that the way that most take carries nothing along.
            Known::NotTheSession(token) => Box::pin(self.memory.look_up(token, requirement)).await,
            Known::Nothing => {
                Box::pin(self.memory.decide_behind(address, token, requirement)).await
            }
        }
    }

    /// Decides about a session by its token alone, for who asks on behalf of somebody else and has looked at the
    /// address already. It notes the session's use and waits for the storage as [`Enforcer::decide`] does.
    pub async fn decide_session(&self, token: &str, requirement: Requirement) -> Decision {
        match self.memory.decide_session(token, requirement) {
            Known::All(decision) => decision,
            Known::NotTheSession(token) => self.memory.look_up(token, requirement).await,
            Known::Nothing => self.memory.decide_session_behind(token, requirement).await,
        }
    }

    /// The API key that a client's secret opens now. Text that is no secret, a key that is not there, a wrong secret
    /// and a key that is not usable are all `None`. It waits for the storage as [`Enforcer::decide`] does.
    ///
    /// It notes no use: collect the uses and hand them to [`crate::ApiKeyService::touch_many`]. What else is in the
    /// answer, such as `last_used_at`, is as it was when the key was read from the storage.
    ///
    /// # Errors
    /// `Storage` when the storage had to be asked and did not answer in time, and while this host is behind and is
    /// to refuse then.
    pub async fn authenticate_key(&self, secret: &str) -> Result<Option<Arc<ApiKey>>> {
        self.memory.authenticate_key(secret).await
    }

    /// How far this host may be behind the storage: every change older than this is in its decisions.
    pub fn revocation_lag(&self) -> Duration {
        self.memory.freshness.lag()
    }

    /// Up to where this host has read the log of events. It changes soon after each event, on whichever host, so that
    /// any number of readers of the log can sleep until there is something to read, and share one alarm.
    pub fn heard(&self) -> watch::Receiver<systemprompt_users_domain::EventPosition> {
        self.memory.heard.subscribe()
    }

    /// What it holds and how it fares.
    pub fn stats(&self) -> EnforcerStats {
        self.memory.stats()
    }

    /// Writes the activity that is still in memory and ends what runs in the background. From then on it
    /// falls behind, and does what it does then.
    pub async fn shutdown(&self) {
        self.tasks.stop.send_replace(true);
        let running =
            std::mem::take(&mut *self.tasks.running.lock().unwrap_or_else(PoisonError::into_inner));
        for task in running {
            if let Err(error) = task.await {
                tracing::warn!(%error, "a task of the enforcer did not end well");
            }
        }
    }
}

impl std::fmt::Debug for Enforcer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Enforcer").field("stats", &self.stats()).finish_non_exhaustive()
    }
}
