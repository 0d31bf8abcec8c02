//! An enforcer that holds that many bans and sessions in memory.

use std::time::Duration;

use chrono::{DateTime, Utc};
use systemprompt_users::{
    Actor, BanDuration, BanId, BanIpParams, BanIpWithMetadataParams, BannedIp, Clock,
    CreateUserParams, DbPool, Enforcer, EnforcerOptions, Entropy, LockKey, OnExisting, Requirement,
    SessionId, Storage, SystemClock, Token, UserId, UserService, UserSession,
};
use systemprompt_users_bench::resident;
use tokio::runtime::Runtime;
use uuid::Uuid;

use crate::PEER;
use crate::networks::{network, scramble};

/// How many rows are written at a time.
const BATCH: usize = 5_000;

/// How many sessions a user has.
const SESSIONS_OF_A_USER: u32 = 50;

/// An enforcer and what it may be asked about.
pub(crate) struct World {
    pub(crate) enforcer: Enforcer,
    /// The tokens of all sessions that are in memory.
    pub(crate) tokens: Vec<String>,
    pub(crate) bytes_of_a_ban: usize,
    pub(crate) bytes_of_a_session: usize,
    pool: DbPool,
    runtime: Runtime,
}

impl World {
    /// With so many networks banned, and room for so many sessions.
    pub(crate) fn new(networks: u32, sessions: u32) -> Self {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(1).enable_all().build().expect("a runtime");
        let options = EnforcerOptions {
            // Its parts fill unevenly.
            cache_sessions: sessions as usize * 2,
            lag_bound: Duration::from_secs(60),
            // Of the questions about a session few are the first in half a minute, whose use is noted for another
            // thread to write; of questions about a million sessions, as quick as here, all would be.
            touch_interval: Duration::from_secs(3_600),
            ..EnforcerOptions::default()
        };
        let (pool, enforcer, bytes) = runtime.block_on(async {
            let pool = DbPool::connect("memory:").await.expect("a storage");
            ban_all(&pool, networks, SystemClock.now()).await;
            let before = resident();
            let enforcer = Enforcer::start(&pool, options).await.expect("an enforcer");
            (pool, enforcer, resident().saturating_sub(before))
        });
        let bytes_of_a_ban = bytes / enforcer.stats().bans.max(1);
        let tokens = Vec::new();
        Self { enforcer, tokens, bytes_of_a_ban, bytes_of_a_session: 0, pool, runtime }
    }

    /// Starts so many sessions and lets the enforcer read them all.
    pub(crate) fn sign_in(&mut self, sessions: u32) {
        let tokens: Vec<Token> =
            (0..sessions).map(|n| Token::generate(&Numbered(u64::from(n)))).collect();
        let bytes = self.runtime.block_on(async {
            store_sessions(&self.pool, &tokens, SystemClock.now()).await;
            self.tokens = tokens.iter().map(Token::reveal).collect();
            let before = resident();
            for token in &self.tokens {
                let decision = self.enforcer.decide(PEER, Some(token), Requirement::Session).await;
                assert!(decision.is_allowed(), "{decision:?}");
            }
            resident().saturating_sub(before)
        });
        let cached = self.enforcer.stats().cached_sessions;
        assert_eq!(cached, self.tokens.len(), "all are in memory");
        self.bytes_of_a_session = bytes / cached.max(1);
    }
}

/// The same token each time for the same number.
struct Numbered(u64);

impl Entropy for Numbered {
    fn fill(&self, bytes: &mut [u8]) {
        for (n, chunk) in bytes.chunks_mut(8).enumerate() {
            let part = scramble(self.0 * 8 + n as u64).to_le_bytes();
            chunk.copy_from_slice(&part[..chunk.len()]);
        }
    }
}

async fn store_sessions(pool: &DbPool, tokens: &[Token], now: DateTime<Utc>) {
    let users = UserService::new(pool).expect("a service");
    let params: Vec<_> = (0..tokens.len() as u32)
        .step_by(SESSIONS_OF_A_USER as usize)
        .map(|n| CreateUserParams::new(format!("u{n}"), format!("u{n}@example.com")))
        .collect();
    let mut ids = Vec::new();
    for params in params.chunks(BATCH) {
        let created = users.bulk_create(params, OnExisting::Keep).await.expect("users");
        ids.extend(created.items.iter().filter_map(|item| item.outcome.user_id()));
    }
    for (batch, tokens) in tokens.chunks(BATCH).enumerate() {
        let mut unit = pool.write().await.expect("a unit");
        for (n, token) in tokens.iter().enumerate() {
            let n = batch * BATCH + n;
            let session = session(n as u128, ids[n / SESSIONS_OF_A_USER as usize], token, now);
            unit.sessions().insert(&session).await.expect("a session");
        }
        unit.commit().await.expect("a commit");
    }
}

fn session(n: u128, user_id: UserId, token: &Token, now: DateTime<Utc>) -> UserSession {
    let agent = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0";
    UserSession {
        id: SessionId::from_uuid(Uuid::from_u128(n + 1)),
        user_id,
        token_hash: token.hash(),
        ip: Some(PEER),
        user_agent: Some(agent.into()),
        device_type: Some("desktop".into()),
        os: Some("Linux".into()),
        browser: Some("Firefox".into()),
        fingerprint: None,
        started_at: now,
        last_activity_at: now,
        expires_at: now + chrono::Duration::days(30),
        idle_timeout: Some(chrono::Duration::days(7)),
        ended_at: None,
        end_reason: None,
    }
}

async fn ban_all(storage: &dyn Storage, networks: u32, now: DateTime<Utc>) {
    let mut all: Vec<_> = (0..networks).map(network).collect();
    all.sort_unstable();
    all.dedup();
    for (batch, networks) in all.chunks(BATCH).enumerate() {
        let facts: Vec<_> = networks
            .iter()
            .enumerate()
            .map(|(n, network)| {
                let params = BanIpParams::new(network.to_string(), BanDuration::Permanent);
                let offence = BanIpWithMetadataParams::from(params).parse(now).expect("an offence");
                let id = Uuid::from_u128((batch * BATCH + n) as u128 + 1);
                BannedIp::first(BanId::from_uuid(id), offence, &Actor::System, now)
            })
            .collect();
        let mut unit = storage.write().await.expect("a unit");
        unit.lock(LockKey::Bans).await.expect("the lock");
        unit.bans().append(&facts).await.expect("bans");
        unit.commit().await.expect("a commit");
    }
}
