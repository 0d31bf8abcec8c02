//! An import of users, as `usersctl users import` does it, beside the fastest way that each database has of
//! taking the same rows.
//!
//! `BENCH_IMPORT=100000` chooses how many users, `BENCH_BACKENDS=sqlite,postgres` where; these are the
//! defaults.
//!
//! **Ours**: rows of CSV text are read, every field is checked, and batches of as many rows as `usersctl`
//! takes are stored by [`UserStore`], which says of each row what became of it. That writes `users`, the
//! tables that a search reads, an event for each user and the kept counts, and commits each batch.
//!
//! **Bare**: the rows that an import has left in `users` and in the tables that a search reads (on Postgres
//! `user_search` and `user_terms`, on SQLite `user_keys` and `user_grams`; roles are a column), to the letter and
//! in the same order, into an empty database of the same schema: by `COPY` from text in memory on Postgres, by
//! one prepared `INSERT` a row on SQLite, in one transaction that is committed. No events are written and
//! nothing is counted (those triggers are off), nothing is parsed and nothing is checked but what the schema
//! checks. Both databases are durable: a commit waits for the disk.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a benchmark without its database has nothing to measure"
)]

mod file;
mod postgres;
mod sqlite;

use std::io::Cursor;
use std::time::{Duration, Instant};

use systemprompt_users::{DbPool, OnExisting, UserAdminService, UserService};
use systemprompt_users_bench::{is_asked_for, number, rate};
use systemprompt_users_import::{BATCH, Lines, Rows, TableFormat, UserRows, UserStore, UserStored};
use tokio::runtime::Runtime;

/// How often each side is measured.
const ROUNDS: usize = 3;

/// What ours is to reach of the bare thing.
const LEAST: f64 = 0.4;

fn main() {
    if !is_asked_for("import") {
        return;
    }
    let users = number("BENCH_IMPORT", 100_000);
    let backends = std::env::var("BENCH_BACKENDS").unwrap_or_else(|_| "sqlite,postgres".into());
    let runtime = Runtime::new().expect("a runtime");
    if backends.contains("sqlite") {
        report("SQLite, beside prepared inserts", users, || sqlite::round(&runtime, users));
    }
    if backends.contains("postgres") {
        let server = postgres::start();
        report("Postgres, beside COPY", users, || postgres::round(&server, &runtime, users));
    }
}

/// Measures rounds of both and prints their medians.
fn report(work: &str, users: u32, mut round: impl FnMut() -> (Duration, Duration)) {
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (one, other) = round();
        println!("{work}: {one:.1?} and {other:.1?}");
        ours.push(one);
        bare.push(other);
    }
    let median = |times: &mut Vec<Duration>| {
        times.sort_unstable();
        f64::from(users) / times[times.len() / 2].as_secs_f64()
    };
    let work = format!("import of {users} users, {work}");
    rate("Import", &work, median(&mut ours), median(&mut bare), LEAST);
}

/// Imports as `usersctl` does, and answers how long it took.
async fn import(pool: &DbPool, users: u32) -> Duration {
    let csv = file::csv(users);
    let service = UserService::new(pool).expect("a service");
    let admin = UserAdminService::new(pool).expect("a service");
    let mut store = UserStore::new(service, admin, OnExisting::Keep);
    let begin = Instant::now();
    let mut rows =
        UserRows::open(Lines::new(Box::new(Cursor::new(csv))), TableFormat::Csv).expect("a header");
    let mut created = 0;
    loop {
        let mut batch = Vec::new();
        let mut originals = Vec::new();
        while batch.len() < BATCH
            && let Some(row) = rows.next().expect("memory can be read")
        {
            batch.push(row.parsed.expect("a valid row"));
            originals.push(row.original);
        }
        if batch.is_empty() {
            break;
        }
        let stored = store.store(&batch).await.expect("a batch is stored");
        for (stored, original) in stored.iter().zip(&originals) {
            assert!(matches!(stored, UserStored::Created(_)), "{stored:?}, {original:?}");
            created += 1;
        }
    }
    let time = begin.elapsed();
    assert_eq!(created, users);
    time
}
