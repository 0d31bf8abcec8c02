//! What a million users with two sessions each cost in memory, and how soon one of them is found.
//!
//! `BENCH_MEMORY=100000` asks for another number of users.

#![expect(clippy::expect_used, reason = "a benchmark without its database has nothing to measure")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use systemprompt_users::{DbPool, UserService};
use systemprompt_users_bench::{
    is_asked_for, number, people, percentile, resident, row, some_user_id,
};

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
    if is_asked_for(TABLE) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(measure());
    }
}

async fn measure() {
    let users = number("BENCH_MEMORY", USERS);
    let pool = DbPool::connect("memory:").await.expect("a storage");
    let service = UserService::new(&pool).expect("a service");

    let (before, began) = (resident(), Instant::now());
    people(&pool, users).await;
    let populated = began.elapsed();
    // Users are made in small batches, whose memory the next one uses again, so nearly all that the process
    // has grown by is what is kept.
    let bytes = (resident() - before) as f64 / f64::from(users);
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
