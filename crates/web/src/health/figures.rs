//! The figures of a host: what they are called, and those that are read when somebody asks.

use std::collections::BTreeMap;
use std::time::Duration;

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusRecorder};
use systemprompt_users_domain::{Actor, JobRunFilter, PageRequest, Result};

use crate::Web;

/// How long the storage may take for the figures that it is asked for.
const PATIENCE: Duration = Duration::from_secs(2);

/// How many runs of jobs are looked at.
const JOB_RUNS: i64 = 1000;

/// Bounds of latencies in seconds.
const BUCKETS: [f64; 12] =
    [0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0];

/// A recorder with the buckets of this crate, for a host to install.
///
/// ```
/// let recorder = systemprompt_users_web::health::recorder();
/// let handle = recorder.handle();
/// // metrics::set_global_recorder(recorder)?;
/// # let _ = handle;
/// ```
pub fn recorder() -> PrometheusRecorder {
    let matcher = Matcher::Suffix("_seconds".to_owned());
    let builder = PrometheusBuilder::new().set_buckets_for_metric(matcher, &BUCKETS);
    builder.unwrap_or_else(|_| PrometheusBuilder::new()).build_recorder()
}

/// Tells the installed recorder what the figures mean.
pub fn describe() {
    describe_counter!("users_http_requests_total", "Requests by method, route and status");
    describe_histogram!("users_http_request_seconds", Unit::Seconds, "Time to the answer's head");
    describe_counter!("users_storage_errors_total", "Failures of the storage by what was tried");
    describe_histogram!("users_storage_seconds", Unit::Seconds, "Time that the storage took");
    describe_gauge!("users_total", "Live registered users by status");
    describe_gauge!("users_bans_active", "Bans in force");
    describe_gauge!("users_job_runs", "Runs on record, the latest 1,000, by job and outcome");
    describe_gauge!("users_enforcer_sessions", "Sessions in memory");
    describe_gauge!("users_enforcer_keys", "API keys in memory");
    describe_gauge!("users_enforcer_bans", "Bans in memory");
    describe_counter!("users_enforcer_hits_total", "Tokens and keys answered from memory");
    describe_counter!(
        "users_enforcer_misses_total",
        "Tokens and keys for which the storage was asked"
    );
    describe_counter!("users_enforcer_reloads_total", "How often everything was loaded anew");
    describe_counter!("users_activity_dropped_total", "Notes of activity that were dropped");
    describe_gauge!("users_revocation_lag_seconds", Unit::Seconds, "How far this host is behind");
    describe_gauge!("users_decisions_behind", "1 while that is beyond its bound");
}

/// Reads the figures that are not counted as things happen.
pub(super) async fn collect(web: &Web) {
    let stats = web.enforcer().stats();
    gauge!("users_enforcer_sessions").set(stats.cached_sessions as f64);
    gauge!("users_enforcer_keys").set(stats.cached_keys as f64);
    gauge!("users_enforcer_bans").set(stats.bans as f64);
    counter!("users_enforcer_hits_total").absolute(stats.hits);
    counter!("users_enforcer_misses_total").absolute(stats.misses);
    counter!("users_enforcer_reloads_total").absolute(stats.reloads);
    counter!("users_activity_dropped_total").absolute(stats.activity_dropped);
    gauge!("users_revocation_lag_seconds").set(stats.lag.as_secs_f64());
    gauge!("users_decisions_behind").set(f64::from(u8::from(stats.behind)));
    match tokio::time::timeout(PATIENCE, collect_stored(web)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            crate::outage::STORAGE.failed(&error);
        }
        Err(elapsed) => crate::outage::STORAGE.failed(&elapsed),
    }
}

async fn collect_stored(web: &Web) -> Result<()> {
    let users = web.users(Actor::System).get_stats().await?;
    gauge!("users_total", "status" => "active").set(users.active as f64);
    gauge!("users_total", "status" => "suspended").set(users.suspended as f64);
    let bans = web.bans(Actor::System).count_active_bans().await?;
    gauge!("users_bans_active").set(bans as f64);
    let jobs = web.jobs(Actor::System)?;
    let runs = jobs.history(&JobRunFilter::default(), &PageRequest::new(JOB_RUNS)?).await?;
    let mut counts: BTreeMap<(String, &'static str), u32> = BTreeMap::new();
    for run in runs.items {
        let outcome = run.outcome.map_or("running", systemprompt_users_domain::JobOutcome::as_str);
        *counts.entry((run.job, outcome)).or_default() += 1;
    }
    for ((job, outcome), count) in counts {
        gauge!("users_job_runs", "job" => job, "outcome" => outcome).set(f64::from(count));
    }
    Ok(())
}
