//! How long the clean-ups hold a unit of work open: whoever writes meanwhile may wait as long, and on SQLite does.
//!
//! `BENCH_CLEANUP=100000` rows of each kind are too old when the jobs begin: idle visitors, deleted users, sessions that
//! ran out and sessions that are over, bans, events, runs of jobs, one-time links, remembered requests.

#![expect(clippy::expect_used, reason = "a benchmark without its database has nothing to measure")]

mod old;
mod timed;

use std::sync::Arc;
use std::time::{Duration, Instant};

use systemprompt_test_postgres::TestCluster;
use systemprompt_users::{
    Clock, DbPool, JobContext, Policy, SystemClock, SystemEntropy, registered_jobs,
};
use systemprompt_users_bench::{is_asked_for, number, percentile, row};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::timed::TimedStorage;

/// The longest that a unit may be open.
const BOUND: Duration = Duration::from_millis(50);

fn main() {
    if !is_asked_for("cleanup") {
        return;
    }
    let rows = number("BENCH_CLEANUP", 100_000);
    let runtime = Runtime::new().expect("a runtime");
    let folder = TempDir::new().expect("a temporary folder");
    let file = format!("sqlite://{}", folder.path().join("bench.db").display());
    runtime.block_on(measure("sqlite", &file, rows));
    // Whose commits reach the disk, as in production: that, too, happens while the unit is open.
    let cluster = TestCluster::start_durable().expect("a server");
    let database = cluster.create_database();
    runtime.block_on(measure("postgres", database.url(), rows));
}

async fn measure(backend: &str, url: &str, rows: u32) {
    let pool = DbPool::connect(url).await.expect("a connection");
    pool.migrate().await.expect("the schema");
    let (began, now) = (Instant::now(), SystemClock.now());
    old::fill(&pool, rows, now).await;
    eprintln!("{backend}: {rows} rows of each kind in {:.1?}", began.elapsed());
    let storage = TimedStorage::new(pool.clone());
    let mut jobs = registered_jobs();
    jobs.sort_by_key(|job| job.name());
    for job in jobs {
        let context = JobContext::new(
            Arc::new(storage.clone()),
            Arc::new(SystemClock),
            Arc::new(SystemEntropy),
            Policy::default(),
        );
        let began = Instant::now();
        let report = job.execute(&context).await.expect("a report");
        eprintln!("{backend}: {} in {:.1?}: {report:?}", job.name(), began.elapsed());
        let mut open = storage.take();
        let p99 = percentile(&mut open, 0.99);
        let longest = open.last().copied().unwrap_or_default();
        let ms = |time: Duration| time.as_secs_f64() * 1_000.0;
        row(
            "clean-ups",
            &format!("{}, {backend}: a unit is open", job.name()),
            &format!("p99 {:.1} ms, longest {:.1} ms", ms(p99), ms(longest)),
            &format!("{rows} rows of each kind, {} units", open.len()),
            "at most 50 ms",
            longest <= BOUND,
        );
    }
    pool.close().await.expect("the end of all connections");
}
