//! The sessions in memory: found by token, thrown out by user or session.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use quick_cache::sync::Cache;
use quick_cache::{DefaultHashBuilder, Lifecycle, UnitWeighter};
use systemprompt_users_domain::{Roles, SessionId, TokenHash, UserId};

use super::activity::Seen;
use super::thrown_out::{ThrownOut, Ticket};
use crate::AuthenticatedSession;

type Key = [u8; 32];

/// A live session in memory. What a decision looks at lies together here, so that it does not have to wait for
/// the rest of the session to come from far memory.
pub(super) struct CachedSession {
    pub(super) session: Arc<AuthenticatedSession>,
    pub(super) seen: Seen,
    pub(super) roles: Roles,
    expires_at: i64,
}

impl CachedSession {
    pub(super) fn new(session: Arc<AuthenticatedSession>, touch_interval: Duration) -> Self {
        Self {
            seen: Seen::new(&session.session, touch_interval),
            roles: session.user.roles,
            expires_at: session.session.expires_at.timestamp_micros(),
            session,
        }
    }
}

/// What memory knows of a token.
pub(super) enum Found {
    /// A live session.
    Live(Arc<CachedSession>),
    /// A session that has expired, whatever was done with it.
    Expired,
    /// Nothing that can be relied on.
    Unknown,
}

/// A bounded number of sessions. Those who look one up wait for nobody who reads from the storage.
pub(super) struct SessionCache {
    cache: Cache<Key, Arc<CachedSession>, UnitWeighter, DefaultHashBuilder, TakeNote>,
    index: Mutex<Index>,
}

/// Who changes the cache holds this. So what is thrown out stays out, whoever is about to bring it in.
#[derive(Default)]
struct Index {
    of_user: HashMap<UserId, Vec<Arc<CachedSession>>>,
    /// The users whose sessions were.
    thrown_out: ThrownOut<UserId>,
}

impl SessionCache {
    pub(super) fn new(capacity: usize) -> Self {
        let capacity_u64 = u64::try_from(capacity).unwrap_or(u64::MAX);
        let hasher = DefaultHashBuilder::default();
        let cache = Cache::with(capacity, capacity_u64, UnitWeighter, hasher, TakeNote);
        Self { cache, index: Mutex::default() }
    }

    pub(super) fn len(&self) -> usize {
        self.cache.len()
    }

    /// What is known of a token at `now`. Expiry is decided here, idleness is not: the session may have
    /// been used on another host.
    pub(super) fn find(&self, token: &TokenHash, now: DateTime<Utc>) -> Found {
        let Some(cached) = self.cache.get(token.as_bytes()) else { return Found::Unknown };
        if now.timestamp_micros() >= cached.expires_at {
            self.throw_out_session(&cached);
            return Found::Expired;
        }
        if cached.seen.is_idle(now) {
            self.throw_out_session(&cached);
            return Found::Unknown;
        }
        Found::Live(cached)
    }

    /// To be taken before the storage is asked for a session.
    pub(super) fn ticket(&self) -> Ticket {
        self.index().thrown_out.ticket()
    }

    /// Keeps a session that was read after `ticket` was taken, unless its user was thrown out meanwhile:
    /// what was read may be older than that.
    pub(super) fn insert(&self, ticket: Ticket, cached: &Arc<CachedSession>) {
        let user = cached.session.user.id;
        let key = *cached.session.session.token_hash.as_bytes();
        let mut index = self.index();
        if index.thrown_out.may_be_stale(ticket, &user) {
            return;
        }
        if let Some(known) = self.cache.peek(&key) {
            index.forget(&known);
        }
        let mut evicted = Vec::new();
        self.cache.insert_with_lifecycle(key, Arc::clone(cached), &mut evicted);
        index.of_user.entry(user).or_default().push(Arc::clone(cached));
        for evicted in evicted {
            index.forget(&evicted);
        }
    }

    /// Throws out all sessions of a user.
    pub(super) fn throw_out_user(&self, user: UserId) {
        let mut index = self.index();
        index.thrown_out.remember(user);
        for cached in index.of_user.remove(&user).unwrap_or_default() {
            self.cache.remove(cached.session.session.token_hash.as_bytes());
        }
    }

    /// Throws out these sessions of a user.
    pub(super) fn throw_out_sessions(&self, user: UserId, sessions: &[SessionId]) {
        let mut index = self.index();
        index.thrown_out.remember(user);
        let Some(all) = index.of_user.get_mut(&user) else { return };
        all.retain(|cached| {
            let stays = !sessions.contains(&cached.session.session.id);
            if !stays {
                self.cache.remove(cached.session.session.token_hash.as_bytes());
            }
            stays
        });
        if all.is_empty() {
            index.of_user.remove(&user);
        }
    }

    /// Throws out everything, also what is just being read.
    pub(super) fn clear(&self) {
        let mut index = self.index();
        index.of_user.clear();
        index.thrown_out.remember_all();
        self.cache.clear();
    }

    fn throw_out_session(&self, cached: &Arc<CachedSession>) {
        let mut index = self.index();
        let same = |known: &Arc<CachedSession>| Arc::ptr_eq(known, cached);
        let key = cached.session.session.token_hash;
        if self.cache.remove_if(key.as_bytes(), same).is_some() {
            index.forget(cached);
        }
    }

    fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Index {
    fn forget(&mut self, cached: &Arc<CachedSession>) {
        let user = cached.session.user.id;
        let Some(all) = self.of_user.get_mut(&user) else { return };
        all.retain(|known| !Arc::ptr_eq(known, cached));
        if all.is_empty() {
            self.of_user.remove(&user);
        }
    }
}

/// Collects what had to make room.
#[derive(Clone)]
struct TakeNote;

impl Lifecycle<Key, Arc<CachedSession>> for TakeNote {
    type RequestState = Vec<Arc<CachedSession>>;

    fn on_evict(&self, evicted: &mut Self::RequestState, _key: Key, cached: Arc<CachedSession>) {
        evicted.push(cached);
    }
}
