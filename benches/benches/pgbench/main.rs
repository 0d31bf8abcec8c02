//! The Postgres adapter beside `pgbench -M prepared`, which does the same statements with a bare client.
//!
//! `BENCH_PGBENCH=100000` users with two sessions each, and as many bans, are there; each round takes
//! `BENCH_PGBENCH_SECONDS=1`, and each figure is the median of `BENCH_PGBENCH_ROUNDS=5` of them, after one that warms up.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a benchmark without its database has nothing to measure"
)]

mod script;
mod server;
mod work;

use std::time::Duration;

use systemprompt_users_bench::{is_asked_for, number, rate};
use tokio::runtime::Runtime;

use crate::script::Script;
use crate::server::Server;
use crate::work::{Services, Work};

/// How many ask at once.
const CALLERS: [u32; 2] = [1, 16];

fn main() {
    let chosen = |work: &Work| is_asked_for("pgbench") || is_asked_for(work.name());
    let works: Vec<Work> = Work::ALL.into_iter().filter(chosen).collect();
    if !works.is_empty() {
        measure(&works);
    }
}

fn measure(works: &[Work]) {
    let users = number("BENCH_PGBENCH", 100_000).max(1_000);
    let seconds = number("BENCH_PGBENCH_SECONDS", 1).max(1);
    let rounds = number("BENCH_PGBENCH_ROUNDS", 5).max(1);
    let runtime = Runtime::new().expect("a runtime");
    let server = Server::start();
    runtime.block_on(work::migrate(server.url()));
    server.fill(users);
    println!("{users} users with two sessions each, {users} bans");
    // Of the turns of users, the last ones are for those that are watched.
    let last_turns = u64::from(users / 2 - 10);
    let watched = runtime.block_on(Services::connect(server.url_that_logs(), users, last_turns));
    let services = runtime.block_on(Services::connect(server.url(), users, 0));
    for &work in works {
        let script = Script::parse(work.script());
        // What is measured beside ours is what ours does: the server itself has noted that.
        let sent = server.statements(|| runtime.block_on(watched.call_each_way(work)));
        script.check(work.name(), &sent);
        for callers in CALLERS {
            let (mut ours, mut bare) = (Vec::new(), Vec::new());
            // The first round warms up and is not counted.
            for _ in 0..=rounds {
                let time = Duration::from_secs(seconds.into());
                ours.push(runtime.block_on(services.measure(work, callers, time)));
                let first = services.turn();
                let run = server.pgbench(&script, callers, seconds, users, first);
                services.skip_turns(run.transactions);
                bare.push(run.rate);
            }
            let (ours, bare) = (ours.split_off(1), bare.split_off(1));
            let plural = if callers == 1 { "" } else { "s" };
            let name = format!("{}, {callers} caller{plural}", work.name());
            rate("pgbench", &name, median(ours), median(bare), 0.8);
        }
    }
    runtime.block_on(watched.close());
    runtime.block_on(services.close());
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    let middle = rates.len() / 2;
    let upper = rates.get(middle).copied().unwrap_or_default();
    let lower = rates.get(rates.len().saturating_sub(1) / 2).copied().unwrap_or(upper);
    f64::midpoint(lower, upper)
}
