//! What an enforcer decides by, shared by all its handles and tasks.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use systemprompt_users_domain::{
    ApiKey, ApiKeySecret, Policy, Result, StorageError, Token, UserError,
};
use tokio::time::Instant;

use super::activity::Activity;
use super::ask::Authority;
use super::bans::{BanSnapshot, Published};
use super::counters::Counter;
use super::decision::judge;
use super::freshness::Freshness;
use super::heard::Heard;
use super::keys::KeyCache;
use super::sessions::{CachedSession, Found, SessionCache};
use super::{Decision, DenyReason, EnforcerOptions, EnforcerStats, Requirement, WhenBehind};
use crate::Context;

pub(super) struct Memory {
    context: Context,
    options: EnforcerOptions,
    authority: Authority,
    pub(super) bans: Published,
    pub(super) sessions: SessionCache,
    pub(super) keys: KeyCache,
    pub(super) freshness: Freshness,
    pub(super) heard: Heard,
    pub(super) activity: Activity,
    hits: Counter,
    misses: Counter,
    reloads: AtomicU64,
}

impl Memory {
    /// Of a snapshot that was taken at `loaded` or later.
    pub(super) fn new(
        context: Context,
        options: EnforcerOptions,
        activity: Activity,
        snapshot: BanSnapshot,
        loaded: Instant,
    ) -> Self {
        Self {
            authority: Authority::new(&context, options.storage_timeout),
            bans: Published::from_pointee(snapshot),
            sessions: SessionCache::new(options.cache_sessions),
            keys: KeyCache::new(options.cache_keys),
            freshness: Freshness::new(loaded, options.lag_bound),
            heard: Heard::default(),
            activity,
            hits: Counter::default(),
            misses: Counter::default(),
            reloads: AtomicU64::new(0),
            context,
            options,
        }
    }

    /// The decision, where memory knows it. Nothing here waits.
    pub(super) fn decide<'a>(
        &self,
        address: IpAddr,
        token: Option<&'a str>,
        requirement: Requirement,
    ) -> Known<'a> {
        if self.freshness.is_behind() {
            return Known::Nothing;
        }
        if !is_exempt(self.context.policy(), address)
            && let Some(denial) = self.bans.load().find(address, || self.context.now())
        {
            return Known::All(Decision::Deny(denial));
        }
        match token {
            Some(token) => self.find_session(token, requirement),
            None => Known::All(judge(requirement, false, None)),
        }
    }

    /// The decision about a token, whatever address it comes from. Nothing here waits.
    pub(super) fn decide_session<'a>(&self, text: &'a str, requirement: Requirement) -> Known<'a> {
        if self.freshness.is_behind() {
            return Known::Nothing;
        }
        self.find_session(text, requirement)
    }

    fn find_session<'a>(&self, text: &'a str, requirement: Requirement) -> Known<'a> {
        // What is no token at all stands for nothing.
        let Ok(token) = text.parse::<Token>() else {
            return Known::All(judge(requirement, true, None));
        };
        let now = self.context.now();
        match self.sessions.find(&token.hash(), now) {
            Found::Live(cached) => {
                self.hits.add();
                self.activity.note(&cached, now);
                let found = (cached.roles, Arc::clone(&cached.session));
                Known::All(judge(requirement, true, Some(found)))
            }
            Found::Expired => {
                self.hits.add();
                Known::All(judge(requirement, true, None))
            }
            Found::Unknown => Known::NotTheSession(text),
        }
    }

    /// The decision about an address that is not banned, with a session that the storage has to tell.
    pub(super) async fn look_up(&self, text: &str, requirement: Requirement) -> Decision {
        self.misses.add();
        let ticket = self.sessions.ticket();
        let session = match self.authority.validate(text).await {
            Ok(session) => session.map(Arc::new),
            Err(error) => {
                tracing::debug!(%error, "a session could not be looked up");
                return Decision::deny(DenyReason::Unavailable);
            }
        };
        if let Some(session) = &session {
            let session = Arc::clone(session);
            let cached = Arc::new(CachedSession::new(session, self.options.touch_interval));
            self.sessions.insert(ticket, &cached);
            self.activity.note(&cached, self.context.now());
        }
        judge(requirement, true, session.map(|session| (session.user.roles, session)))
    }

    /// The decision of a host that has fallen behind.
    pub(super) async fn decide_behind(
        &self,
        address: IpAddr,
        token: Option<&str>,
        requirement: Requirement,
    ) -> Decision {
        match self.options.when_behind {
            WhenBehind::AskStorage => self.authority.decide(address, token, requirement).await,
            WhenBehind::Refuse => Decision::deny(DenyReason::Unavailable),
        }
    }

    /// The same of a token, whatever address it comes from.
    pub(super) async fn decide_session_behind(
        &self,
        token: &str,
        requirement: Requirement,
    ) -> Decision {
        match self.options.when_behind {
            // What is kept of the answer is not believed before the events up to now are read.
            WhenBehind::AskStorage => self.look_up(token, requirement).await,
            WhenBehind::Refuse => Decision::deny(DenyReason::Unavailable),
        }
    }

    /// The key that a secret opens, from the storage where memory does not know it.
    pub(super) async fn authenticate_key(&self, text: &str) -> Result<Option<Arc<ApiKey>>> {
        let Ok(secret) = text.parse::<ApiKeySecret>() else { return Ok(None) };
        let is_behind = self.freshness.is_behind();
        if is_behind && self.options.when_behind == WhenBehind::Refuse {
            let reason = "this host does not know the latest changes".into();
            return Err(UserError::Storage(StorageError::Unavailable(reason)));
        }
        if !is_behind && let Some(key) = self.keys.find(secret.prefix()) {
            self.hits.add();
            return Ok(Some(key).filter(|key| key.is_opened_by(&secret, self.context.now())));
        }
        self.misses.add();
        let ticket = self.keys.ticket();
        let key = self.authority.authenticate_key(text).await?.map(Arc::new);
        if let Some(key) = &key {
            self.keys.insert(ticket, key);
        }
        Ok(key)
    }

    pub(super) fn count_reload(&self) {
        self.reloads.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn stats(&self) -> EnforcerStats {
        let bans = self.bans.load();
        EnforcerStats {
            bans: bans.bans,
            networks_allowed: bans.networks_allowed,
            cached_sessions: self.sessions.len(),
            cached_keys: self.keys.len(),
            hits: self.hits.sum(),
            misses: self.misses.sum(),
            lag: self.freshness.lag(),
            behind: self.freshness.is_behind(),
            reloads: self.reloads.load(Ordering::Relaxed),
            activity_dropped: self.activity.dropped(),
        }
    }
}

/// How much of a decision memory knows.
pub(super) enum Known<'a> {
    All(Decision),
    /// The address is fine; this token has to be looked up.
    NotTheSession(&'a str),
    /// This host is behind.
    Nothing,
}

/// Whether the policy keeps bans from this address.
fn is_exempt(policy: &Policy, address: IpAddr) -> bool {
    policy.allow_loopback && address.to_canonical().is_loopback()
}
