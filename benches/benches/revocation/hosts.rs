//! Two hosts on one database: A changes, B decides. Others write through A meanwhile.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use systemprompt_users::{
    BanDuration, BanIpParams, BanService, CreateUserParams, DbPool, DenyReason, EndReason,
    Enforcer, EnforcerOptions, NewSession, Requirement, Result, SessionService, StartedSession,
    UserId, UserService, UserStatus,
};
use tokio::task::JoinHandle;

/// How many write beside the revocations.
const WRITERS: u32 = 4;

/// What is let through for so long is missed.
const MISSED: Duration = Duration::from_secs(30);

/// How often B is asked.
const ASK_EVERY: Duration = Duration::from_micros(100);

/// How long is waited before what has failed is tried again.
const AGAIN: Duration = Duration::from_millis(5);

/// From where sessions are used; nobody bans it.
const PEER: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 7));

/// Host A's services and host B's enforcer. A clone is a handle.
#[derive(Clone)]
pub(crate) struct Hosts {
    pools: [DbPool; 2],
    users: UserService,
    sessions: SessionService,
    bans: BanService,
    enforcer: Enforcer,
    names: Arc<AtomicU32>,
}

/// What was revoked, and how long B has let it through.
pub(crate) struct Revoked {
    pub(crate) took: Duration,
    pub(crate) is_missed: bool,
    address: IpAddr,
    token: Option<String>,
}

impl Hosts {
    pub(crate) async fn on(url: &str) -> Self {
        let [a, b] = [connect(url).await, connect(url).await];
        Self {
            users: UserService::new(&a).expect("a service"),
            sessions: SessionService::new(&a).expect("a service"),
            bans: BanService::new(&a).expect("a service"),
            enforcer: Enforcer::start(&b, EnforcerOptions::default()).await.expect("an enforcer"),
            names: Arc::default(),
            pools: [a, b],
        }
    }

    pub(crate) async fn close(&self) {
        self.enforcer.shutdown().await;
        for pool in &self.pools {
            pool.close().await.expect("its connections close");
        }
    }

    /// Bans an address that was let in.
    pub(crate) async fn ban(&self) -> Revoked {
        let address = IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + self.number()));
        let params = BanIpParams::new(address.to_string(), BanDuration::Days(1));
        self.let_in(address, None).await;
        until_done(|| self.bans.ban_ip(&params)).await;
        self.watch(address, None).await
    }

    /// Suspends a user who was let in.
    pub(crate) async fn suspend(&self) -> Revoked {
        let (user, started) = self.sign_in().await;
        let token = started.token.reveal();
        self.let_in(PEER, Some(&token)).await;
        until_done(|| self.users.update_status(user, UserStatus::Suspended)).await;
        self.watch(PEER, Some(token)).await
    }

    /// Ends a session that was let in.
    pub(crate) async fn end_session(&self) -> Revoked {
        let (_, started) = self.sign_in().await;
        let token = started.token.reveal();
        self.let_in(PEER, Some(&token)).await;
        until_done(|| self.sessions.end(started.session.id, EndReason::Revoked)).await;
        self.watch(PEER, Some(token)).await
    }

    /// Whether B refuses by what it knows, and not because it can't know.
    pub(crate) async fn refuses(&self, revoked: &Revoked) -> bool {
        until_some(|| self.ask(revoked.address, revoked.token.as_deref())).await
    }

    /// Writes that have nothing to do with the revocations.
    pub(crate) fn load(&self) -> Load {
        let written = Arc::new(AtomicU64::new(0));
        let write = |_| {
            let (hosts, written) = (self.clone(), Arc::clone(&written));
            tokio::spawn(async move {
                loop {
                    let user = hosts.user().await;
                    let named = hosts.users.update_full_name(user, Some("Load")).await;
                    written.fetch_add(1 + u64::from(named.is_ok()), Ordering::Relaxed);
                }
            })
        };
        Load { writers: (0..WRITERS).map(write).collect(), written, began: Instant::now() }
    }

    async fn sign_in(&self) -> (UserId, StartedSession) {
        let user = self.user().await;
        let session = NewSession::default();
        (user, until_done(|| self.sessions.create(user, &session)).await)
    }

    /// A new user; of another name each time, since one whose answer got lost may be there.
    async fn user(&self) -> UserId {
        let create = || async move {
            let name = format!("user{}", self.number());
            let email = format!("{name}@example.com");
            self.users.create(&CreateUserParams::new(name, email)).await
        };
        until_done(create).await.id
    }

    fn number(&self) -> u32 {
        self.names.fetch_add(1, Ordering::Relaxed)
    }

    /// Has B let a request through, so that what it asks about is in its memory.
    async fn let_in(&self, address: IpAddr, token: Option<&str>) {
        let refuses = until_some(|| self.ask(address, token)).await;
        assert!(!refuses, "nothing is revoked yet");
    }

    /// Asks B until it refuses. The revocation is acknowledged.
    async fn watch(&self, address: IpAddr, token: Option<String>) -> Revoked {
        let began = Instant::now();
        let mut refuses = false;
        while !refuses && began.elapsed() < MISSED {
            refuses = until_some(|| self.ask(address, token.as_deref())).await;
            if !refuses {
                tokio::time::sleep(ASK_EVERY).await;
            }
        }
        Revoked { took: began.elapsed(), is_missed: !refuses, address, token }
    }

    /// Whether B refuses; `None` while it does not know.
    async fn ask(&self, address: IpAddr, token: Option<&str>) -> Option<bool> {
        let requirement = if token.is_some() { Requirement::Session } else { Requirement::Address };
        let decision = self.enforcer.decide(address, token, requirement).await;
        match decision.denial().map(|denial| denial.reason) {
            None => Some(false),
            Some(DenyReason::Unavailable) => None,
            Some(_) => Some(true),
        }
    }
}

/// Writers that go on until they are told to end.
pub(crate) struct Load {
    writers: Vec<JoinHandle<()>>,
    written: Arc<AtomicU64>,
    began: Instant,
}

impl Load {
    /// How much they wrote.
    pub(crate) async fn end(self) -> String {
        let written = self.written.load(Ordering::Relaxed) as f64;
        let rate = written / self.began.elapsed().as_secs_f64();
        for writer in self.writers {
            writer.abort();
            let _ = writer.await;
        }
        format!("{rate:.0} other writes/s")
    }
}

async fn connect(url: &str) -> DbPool {
    let pool = DbPool::connect(url).await.expect("a connection");
    pool.migrate().await.expect("the schema");
    pool
}

async fn until_done<T, F: Future<Output = Result<T>>>(mut change: impl FnMut() -> F) -> T {
    until_some(|| {
        let changed = change();
        async move { changed.await.ok() }
    })
    .await
}

async fn until_some<T, F: Future<Output = Option<T>>>(mut question: impl FnMut() -> F) -> T {
    let began = Instant::now();
    loop {
        if let Some(answer) = question().await {
            return answer;
        }
        assert!(began.elapsed() < MISSED, "there is no answer");
        tokio::time::sleep(AGAIN).await;
    }
}
