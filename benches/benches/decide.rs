//! Decisions: a ban check beside a bare prefix table, and a cached session.
//!
//! `DECIDE_NETWORKS=1000000` and `DECIDE_SESSIONS=200000` choose how many there are; these are the defaults.
//! First, `DECIDE_REVOCATIONS=1000` times, it is measured how long host B lets through what host A has
//! revoked, on one Postgres under load.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a benchmark without its enforcer has nothing to measure"
)]

use std::cell::Cell;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::pin::pin;
use std::sync::{LazyLock, OnceLock};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use divan::{Bencher, black_box};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use prefix_trie::PrefixMap;
use systemprompt_test_postgres::TestCluster;
use systemprompt_users::{
    Actor, BanDuration, BanEnd, BanId, BanIpParams, BanIpWithMetadataParams, BannedIp, Clock,
    CreateUserParams, DbPool, Decision, EndReason, Enforcer, EnforcerOptions, LockKey, NewSession,
    Requirement, SessionService, Storage, SystemClock, UserRole, UserService,
};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use uuid::Uuid;

fn main() {
    if std::env::args().any(|argument| argument == "--bench") {
        Runtime::new().expect("a runtime").block_on(measure_revocations());
        println!("{} networks, {} sessions", networks(), sessions());
    }
    divan::main();
}

fn number(variable: &str, default: u32) -> u32 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn networks() -> u32 {
    number("DECIDE_NETWORKS", 1_000_000)
}

fn sessions() -> u32 {
    number("DECIDE_SESSIONS", 200_000)
}

/// Numbers without a visible order, the same in every run.
fn scramble(n: u64) -> u64 {
    let mut x = n.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

/// Network `n`: three of four are IPv4, and most are one address, as in lists that people share.
fn network(n: u32) -> IpNet {
    let bits = scramble(u64::from(n));
    let pick = (bits >> 40) % 10;
    if n % 4 == 3 {
        let length = [48, 56, 64, 64, 64, 64, 128, 128, 128, 128][pick as usize];
        let high = 0x2000 << 112 | u128::from(bits % (1 << 45)) << 67;
        let address = Ipv6Addr::from_bits(high | u128::from(scramble(bits)));
        IpNet::V6(Ipv6Net::new(address, length).expect("a length")).trunc()
    } else {
        let length = [20, 22, 24, 24, 32, 32, 32, 32, 32, 32][pick as usize];
        let address = Ipv4Addr::from_bits(bits as u32);
        IpNet::V4(Ipv4Net::new(address, length).expect("a length")).trunc()
    }
}

/// Addresses to ask about: every other one lies in a network.
static ASKED: LazyLock<Vec<IpAddr>> = LazyLock::new(|| {
    (0..1 << 16)
        .map(|n| {
            let inside = network(scramble(n) as u32 % networks());
            match inside.addr() {
                inside if n % 2 == 0 => inside,
                IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::from_bits(scramble(!n) as u32)),
                IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() ^ (1 << 90))),
            }
        })
        .collect()
});

/// The table that others would use: the longest prefix and when its ban ends.
struct Bare {
    v4: PrefixMap<Ipv4Net, BanEnd>,
    v6: PrefixMap<Ipv6Net, BanEnd>,
}

static BARE: LazyLock<Bare> = LazyLock::new(|| {
    let mut bare = Bare { v4: PrefixMap::new(), v6: PrefixMap::new() };
    for n in 0..networks() {
        match network(n) {
            IpNet::V4(v4) => drop(bare.v4.insert(v4, BanEnd::Never)),
            IpNet::V6(v6) => drop(bare.v6.insert(v6, BanEnd::Never)),
        }
    }
    bare
});

impl Bare {
    fn find(&self, address: IpAddr) -> Option<BanEnd> {
        match address {
            IpAddr::V4(v4) => self.v4.get_lpm(&v4.into()).map(|(_, end)| *end),
            IpAddr::V6(v6) => self.v6.get_lpm(&v6.into()).map(|(_, end)| *end),
        }
    }
}

struct World {
    enforcer: Enforcer,
    tokens: Vec<String>,
    _runtime: Runtime,
}

/// An enforcer over that many bans and sessions, all of them in memory.
fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let (enforcer, tokens) = runtime.block_on(populate());
        World { enforcer, tokens, _runtime: runtime }
    })
}

async fn populate() -> (Enforcer, Vec<String>) {
    let pool = DbPool::connect("memory:").await.expect("a storage");
    let now = SystemClock.now();
    ban_all(&pool, now).await;
    let before = resident();
    let options = EnforcerOptions {
        cache_sessions: sessions() as usize * 2,
        lag_bound: Duration::from_secs(60),
        ..EnforcerOptions::default()
    };
    let enforcer = Enforcer::start(&pool, options).await.expect("an enforcer");
    let bans = enforcer.stats().bans;
    println!("{bans} bans, {} bytes each", (resident() - before) / bans.max(1));
    let users = UserService::new(&pool).expect("a service");
    let service = SessionService::new(&pool).expect("a service");
    let mut tokens = Vec::new();
    let mut user = None;
    for n in 0..sessions() {
        if n % 50 == 0 {
            let params = CreateUserParams::new(format!("u{n}"), format!("u{n}@example.com"));
            user = Some(users.create(&params).await.expect("a user").id);
        }
        let started = service.create(user.expect("a user"), &NewSession::default()).await;
        tokens.push(started.expect("a session").token.reveal());
    }
    let before = resident();
    for token in &tokens {
        let decision = enforcer.decide(PEER, Some(token), Requirement::Session).await;
        assert!(decision.is_allowed(), "{decision:?}");
    }
    let cached = enforcer.stats().cached_sessions;
    println!("{cached} sessions, {} bytes each", (resident() - before) / cached.max(1));
    (enforcer, tokens)
}

/// From the commit on A until B refuses, while others write.
async fn measure_revocations() {
    let count = number("DECIDE_REVOCATIONS", 1_000);
    let database = TestCluster::shared().create_database();
    let [a, b] = [connect(database.url()).await, connect(database.url()).await];
    let enforcer = Enforcer::start(&b, EnforcerOptions::default()).await.expect("an enforcer");
    let users = UserService::new(&a).expect("a service");
    let sessions = SessionService::new(&a).expect("a service");
    let params = CreateUserParams::new("ada", "ada@example.com");
    let user = users.create(&params).await.expect("a user").id;
    let load: Vec<_> = (0..4)
        .map(|writer| {
            let users = users.clone();
            tokio::spawn(async move {
                for n in 0_u64.. {
                    let name = format!("load{writer}-{n}");
                    let email = format!("{name}@example.com");
                    let params = CreateUserParams::new(name, email);
                    let id = users.create(&params).await.expect("a user").id;
                    users.update_full_name(id, Some("Load")).await.expect("a change");
                }
            })
        })
        .collect();
    let mut times = Vec::new();
    for _ in 0..count {
        let started = sessions.create(user, &NewSession::default()).await.expect("a session");
        let token = started.token.reveal();
        let open = enforcer.decide(PEER, Some(&token), Requirement::Session).await;
        assert!(open.is_allowed(), "{open:?}");
        sessions.end(started.session.id, EndReason::Revoked).await.expect("an end");
        let ended = Instant::now();
        while enforcer.decide(PEER, Some(&token), Requirement::Session).await.is_allowed() {
            tokio::time::sleep(Duration::from_micros(100)).await;
        }
        times.push(ended.elapsed());
    }
    load.iter().for_each(JoinHandle::abort);
    enforcer.shutdown().await;
    times.sort_unstable();
    let at = |share: f64| times.get((times.len() as f64 * share) as usize).or(times.last());
    println!(
        "revoked on A until refused on B: {count} times, p50 {:?}, p99 {:?}, max {:?}",
        at(0.5),
        at(0.99),
        times.last()
    );
}

async fn connect(url: &str) -> DbPool {
    let pool = DbPool::connect(url).await.expect("a connection");
    pool.migrate().await.expect("the schema");
    pool
}

async fn ban_all(storage: &dyn Storage, now: DateTime<Utc>) {
    let all: Vec<IpNet> = {
        let mut all: Vec<_> = (0..networks()).map(network).collect();
        all.sort_unstable();
        all.dedup();
        all
    };
    for (batch, networks) in all.chunks(5_000).enumerate() {
        let facts: Vec<_> = networks
            .iter()
            .enumerate()
            .map(|(n, network)| {
                let params = BanIpParams::new(network.to_string(), BanDuration::Permanent);
                let offence = BanIpWithMetadataParams::from(params).parse(now).expect("an offence");
                let id = Uuid::from_u128((batch * 5_000 + n) as u128 + 1);
                BannedIp::first(BanId::from_uuid(id), offence, &Actor::System, now)
            })
            .collect();
        let mut unit = storage.write().await.expect("a unit");
        unit.lock(LockKey::Bans).await.expect("the lock");
        unit.bans().append(&facts).await.expect("bans");
        unit.commit().await.expect("a commit");
    }
}

/// How much memory this process holds, in bytes.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<usize>().ok());
    kilobytes.unwrap_or(0) * 1024
}

const PEER: IpAddr = IpAddr::V4(Ipv4Addr::new(0, 0, 0, 1));

/// The answer of a question that does not wait.
fn at_once<T>(question: impl Future<Output = T>) -> T {
    match pin!(question).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => unreachable!("it is in memory"),
    }
}

thread_local! {
    static STEP: Cell<usize> = const { Cell::new(0) };
}

/// Another place each time, for each thread.
fn step() -> usize {
    STEP.with(|step| {
        step.set(step.get().wrapping_add(7_919));
        step.get()
    })
}

fn address() -> IpAddr {
    let asked = &*ASKED;
    asked[step() % asked.len()]
}

#[divan::bench(threads = [1, 2], sample_count = 100, sample_size = 20_000)]
fn bare_prefix_table(bencher: Bencher) {
    let bare = &*BARE;
    LazyLock::force(&ASKED);
    bencher.bench(|| bare.find(black_box(address())));
}

#[divan::bench(threads = [1, 2], sample_count = 100, sample_size = 20_000)]
fn ban_check(bencher: Bencher) {
    let world = world();
    LazyLock::force(&ASKED);
    bencher.bench(|| -> Decision {
        at_once(world.enforcer.decide(black_box(address()), None, Requirement::Address))
    });
}

#[divan::bench(threads = [1, 2], sample_count = 100, sample_size = 20_000)]
fn ban_and_cached_session(bencher: Bencher) {
    let world = world();
    let role = Requirement::Role(UserRole::User);
    bencher.bench(|| -> Decision {
        let token = &world.tokens[step() % world.tokens.len()];
        at_once(world.enforcer.decide(PEER, Some(token), role))
    });
}
