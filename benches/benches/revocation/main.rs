//! How long host B lets through what host A has revoked, on one Postgres, while others write.
//!
//! `BENCH_REVOCATIONS=1000` chooses how many in all; this is the default. A third each are bans, suspensions and
//! sessions ended. The first half goes on undisturbed; during the second, connections of both hosts are cut all
//! the time, the one that listens for changes included. A revocation that fails on A is made again, and counts from
//! the moment at which it is acknowledged.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a benchmark without its database has nothing to measure"
)]

mod cuts;
mod hosts;

use std::time::Duration;

use systemprompt_test_postgres::TestCluster;
use systemprompt_users_bench::{is_asked_for, number, percentile, row};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use self::cuts::Cuts;
use self::hosts::{Hosts, Revoked};

const TABLE: &str = "Revocation";

/// What 99 of 100 revocations may take.
const BOUND: Duration = Duration::from_millis(100);

fn main() {
    if !is_asked_for("revocation") {
        return;
    }
    let count: usize = number("BENCH_REVOCATIONS", 1_000);
    Runtime::new().expect("a runtime").block_on(async {
        let database = TestCluster::shared().create_database();
        let hosts = Hosts::on(database.url()).await;
        undisturbed(&hosts, count / 2).await;
        with_cuts(&hosts, database.url(), count - count / 2).await;
        hosts.close().await;
    });
}

async fn undisturbed(hosts: &Hosts, count: usize) {
    let load = hosts.load();
    let mut revoked = revoke(hosts, count).await;
    let writes = load.end().await;
    report("until refused on B", &mut revoked, &writes, true);
    missed("missed", hosts, &revoked).await;
}

async fn with_cuts(hosts: &Hosts, url: &str, count: usize) {
    let load = hosts.load();
    let cuts = Cuts::begin(url).await;
    let mut revoked = revoke(hosts, count).await;
    let (cuts, listening) = cuts.end().await;
    let writes = load.end().await;
    let beside = format!("{writes}, {cuts} connections cut, {listening} of them listening");
    report("the same while connections are cut", &mut revoked, &beside, false);
    missed("missed while connections are cut", hosts, &revoked).await;
}

/// So many revocations, each kind by itself, one after the other.
async fn revoke(hosts: &Hosts, count: usize) -> [Vec<Revoked>; 3] {
    let share = count.div_ceil(3);
    let mut kinds = JoinSet::new();
    for kind in 0..3 {
        let hosts = hosts.clone();
        kinds.spawn(async move {
            let mut revoked = Vec::with_capacity(share);
            for _ in 0..share.min(count.saturating_sub(kind * share)) {
                revoked.push(match kind {
                    0 => hosts.ban().await,
                    1 => hosts.suspend().await,
                    _ => hosts.end_session().await,
                });
            }
            (kind, revoked)
        });
    }
    let mut all = [const { Vec::new() }; 3];
    while let Some(done) = kinds.join_next().await {
        let (kind, revoked) = done.expect("a kind of revocation");
        all[kind] = revoked;
    }
    all
}

fn report(work: &str, revoked: &mut [Vec<Revoked>; 3], beside: &str, bounded: bool) {
    for (kind, revoked) in ["ban", "suspension", "session ended"].into_iter().zip(revoked) {
        let mut times: Vec<_> = revoked.iter().map(|revoked| revoked.took).collect();
        let [p50, p99] = [0.5, 0.99].map(|share| percentile(&mut times, share));
        let worst = times.last().copied().unwrap_or_default();
        let measured = format!(
            "{} times, p50 {}, p99 {}, max {}",
            times.len(),
            milliseconds(p50),
            milliseconds(p99),
            milliseconds(worst)
        );
        let (bound, met) =
            if bounded { ("p99 under 100 ms", p99 < BOUND) } else { ("stated", true) };
        row(TABLE, &format!("{kind} on A, {work}"), &measured, beside, bound, met);
    }
}

fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}

/// Those that B has never refused, and those that it lets through in the end, after all.
async fn missed(work: &str, hosts: &Hosts, revoked: &[Vec<Revoked>; 3]) {
    let (mut missed, mut all) = (0, 0);
    for revoked in revoked.iter().flatten() {
        all += 1;
        if revoked.is_missed || !hosts.refuses(revoked).await {
            missed += 1;
        }
    }
    row(TABLE, work, &format!("{missed} of {all}"), "", "none", missed == 0);
}
