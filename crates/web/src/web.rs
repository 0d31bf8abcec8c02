//! What all routers and layers share.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use systemprompt_users_application::{
    ApiKeyService, BanService, Context, Enforcer, EventService, IdempotencyService, JobRunner,
    SessionService, SignInLinkService, UserAdminService, UserService, registered_jobs,
};
use systemprompt_users_domain::{Actor, Policy, Result, Storage};
use tokio::sync::watch;

use crate::WebOptions;
use crate::auth::KeyUses;
use crate::layers::Limits;
use crate::runs::Runs;

/// The state of every router of this crate. A clone is a handle.
///
/// ```
/// use systemprompt_users_web::{OnOutage, Web, WebOptions};
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let storage = systemprompt_users_memory::MemoryStorage::new();
/// let web = Web::new(&storage, WebOptions::new(OnOutage::Refuse)).await?;
/// # let _ = web; Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct Web {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    context: Context,
    enforcer: Enforcer,
    key_uses: KeyUses,
    limits: Limits,
    options: WebOptions,
    runs: Runs,
    closing: watch::Sender<bool>,
}

impl Web {
    /// Everything over one storage, with the real clock and the default policy.
    ///
    /// # Errors
    /// `Validation` of a setting out of bounds; `Storage`.
    pub async fn new<S: Storage + Clone + 'static>(
        storage: &S,
        options: WebOptions,
    ) -> Result<Self> {
        Self::with_context(Context::new(storage), options).await
    }

    /// The same with the clock and the policy of `context`.
    ///
    /// # Errors
    /// `Validation` of a setting out of bounds; `Storage`.
    pub async fn with_context(context: Context, options: WebOptions) -> Result<Self> {
        options.check()?;
        let options = options.canonical();
        context.policy().check()?;
        let enforcer = Enforcer::start_in(context.clone(), options.enforcer.clone()).await?;
        let limits = Limits::new(options.rate_per_address, options.rate_per_key);
        let (key_uses, closing) = (KeyUses::default(), watch::Sender::new(false));
        let runs = Runs::default();
        let shared = Shared { context, enforcer, key_uses, limits, options, runs, closing };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// What the host decided.
    pub fn options(&self) -> &WebOptions {
        &self.shared.options
    }

    /// Who decides on requests: its figures tell how far this host is behind.
    pub fn enforcer(&self) -> &Enforcer {
        &self.shared.enforcer
    }

    /// Tells streams without an end to end now, so that a server can drain.
    pub fn begin_shutdown(&self) {
        self.shared.closing.send_replace(true);
    }

    /// Waits until [`Web::begin_shutdown`].
    pub async fn closing(&self) {
        // The sender lives as long as this handle does.
        let _ = self.shared.closing.subscribe().wait_for(|is_closing| *is_closing).await;
    }

    /// Writes what is still in memory, such as who was active, and stops what runs in the background, but waits up to
    /// a minute for jobs that somebody began. For the end, after the last request.
    pub async fn shutdown(&self) {
        self.begin_shutdown();
        self.end_runs().await;
        self.flush_key_uses().await;
        self.shared.enforcer.shutdown().await;
    }

    pub(crate) fn key_uses(&self) -> &KeyUses {
        &self.shared.key_uses
    }

    pub(crate) fn runs(&self) -> &Runs {
        &self.shared.runs
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.shared.limits
    }

    /// Users, on behalf of `actor`.
    pub fn users(&self, actor: Actor) -> UserService {
        self.context(actor).into()
    }

    /// Promoting and demoting, on behalf of `actor`.
    pub fn admin(&self, actor: Actor) -> UserAdminService {
        self.context(actor).into()
    }

    /// Sessions, on behalf of `actor`.
    pub fn sessions(&self, actor: Actor) -> SessionService {
        self.context(actor).into()
    }

    /// Bans and the allow-list, on behalf of `actor`.
    pub fn bans(&self, actor: Actor) -> BanService {
        self.context(actor).into()
    }

    /// API keys, on behalf of `actor`.
    pub fn api_keys(&self, actor: Actor) -> ApiKeyService {
        self.context(actor).into()
    }

    /// Requests that were sent before.
    pub(crate) fn idempotency(&self) -> IdempotencyService {
        self.context(Actor::System).into()
    }

    /// One-time links, on behalf of `actor`.
    pub fn sign_in_links(&self, actor: Actor) -> SignInLinkService {
        self.context(actor).into()
    }

    /// The log of events.
    pub fn events(&self) -> EventService {
        self.context(Actor::System).into()
    }

    /// Jobs and their runs, on behalf of `actor`.
    ///
    /// # Errors
    /// `Validation` when a registered job is not acceptable.
    pub fn jobs(&self, actor: Actor) -> Result<JobRunner> {
        JobRunner::of(self.context(actor), registered_jobs())
    }

    /// The time by the host's clock.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.shared.context.to_job().clock.now()
    }

    /// The numbers that the host chose.
    pub(crate) fn policy(&self) -> &Policy {
        self.shared.context.policy()
    }

    fn context(&self, actor: Actor) -> Context {
        self.shared.context.clone().as_actor(actor)
    }
}
