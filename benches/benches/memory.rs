//! What a million users with two sessions each cost in memory, and how soon one of them is found.
//!
//! `BENCH_MEMORY=100000` asks for another number of users.

#![expect(clippy::expect_used, reason = "a benchmark without its database has nothing to measure")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use systemprompt_users::{DbPool, UserService};
use systemprompt_users_bench::{people, percentile, row, some_user_id};

const TABLE: &str = "memory";
const USERS: u32 = 1_000_000;
const MOST_BYTES: f64 = 1536.0;
const MOST_TIME: Duration = Duration::from_nanos(500);
/// Calls that are timed together, so that looking at the clock does not count.
const ROUND: u32 = 20;
const ROUNDS: u32 = 50_000;
/// How many users a host asks for again and again.
const FEW: u32 = 1000;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let filters: Vec<&String> = arguments.iter().filter(|word| !word.starts_with("--")).collect();
    let is_wanted = filters.is_empty() || filters.iter().any(|word| TABLE.contains(word.as_str()));
    if arguments.iter().any(|word| word == "--bench") && is_wanted {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(measure());
    }
}

async fn measure() {
    let users = std::env::var("BENCH_MEMORY").ok().and_then(|users| users.parse().ok());
    let users: u32 = users.unwrap_or(USERS);
    let pool = DbPool::connect("memory:").await.expect("a storage");
    let service = UserService::new(&pool).expect("a service");

    let (before, began) = (resident(), Instant::now());
    people(&pool, users).await;
    let populated = began.elapsed();
    // Users are made in small batches, whose memory the next one uses again, so nearly all that the process
    // has grown by is what is kept.
    let bytes = (resident() - before) / f64::from(users);
    row(
        TABLE,
        &format!("a user, all told, of {users} with two sessions each"),
        &format!("{bytes:.0} bytes"),
        &format!("resident; stored in {populated:.0?}"),
        "at most 1.5 KiB",
        bytes <= MOST_BYTES,
    );

    for (whom, among) in [("any of them", users), ("one of a thousand", FEW.min(users))] {
        let time = find_by_id(&service, users, among).await;
        row(
            TABLE,
            &format!("find by id, {whom}"),
            &format!("{} ns", time.as_nanos()),
            "",
            "at most 500 ns",
            time <= MOST_TIME,
        );
    }
}

/// The median over short rounds, of a call, for `among` users spread over all.
async fn find_by_id(service: &UserService, users: u32, among: u32) -> Duration {
    let mut times = Vec::with_capacity(ROUNDS as usize);
    let mut step = 0u32;
    for _ in 0..ROUNDS {
        let ids: Vec<_> = (step..step + ROUND).map(|n| some_user_id(n % among, users)).collect();
        step = step.wrapping_add(ROUND) % (u32::MAX / 2);
        let began = Instant::now();
        for id in ids {
            black_box(service.find_by_id(id).await.expect("an answer").expect("a user"));
        }
        times.push(began.elapsed() / ROUND);
    }
    percentile(&mut times, 0.5)
}

/// Bytes of this process that are in memory.
fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("a status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a figure");
    let kilobytes: u32 = line.trim().trim_end_matches(" kB").parse().expect("a number");
    f64::from(kilobytes) * 1024.0
}
