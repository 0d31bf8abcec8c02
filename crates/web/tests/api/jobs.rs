//! Jobs: list, run, history.

use std::time::Duration;

use serde_json::{Value, json};
use systemprompt_users_application::register_job;
use systemprompt_users_domain::{ApiScope, Job, JobContext, JobError, JobReport};
use tokio::sync::Semaphore;

use crate::harness::Api;

#[tokio::test]
async fn a_job_is_run_and_its_run_is_kept() {
    let api = Api::new().await;
    let jobs = api.get("/jobs").await.expect(200);
    let sessions = jobs["items"].as_array().unwrap().iter();
    let sessions = sessions.clone().find(|job| job["name"] == "cleanup_sessions").unwrap();
    assert_eq!(sessions["schedule"], "*/15 * * * *");
    assert!(sessions["last_run"].is_null() && sessions["next"].is_string());

    let run = api.post("/jobs/cleanup_sessions/run", Value::Null).await.expect(200);
    assert_eq!((&run["outcome"], &run["trigger"]), (&json!("succeeded"), &json!("manual")));
    assert_eq!(run["report"], json!({"expired": 0, "deleted": 0}));
    api.post("/jobs/cleanup_bans/run", Value::Null).await.expect(200);

    let runs = api.get("/jobs/runs?job=cleanup_sessions&outcome=succeeded").await.expect(200);
    assert_eq!(runs["items"], json!([run]));
    let page = api.get("/jobs/runs?limit=1").await.expect(200);
    assert_eq!(page["items"][0]["job"], "cleanup_bans");
    let next = format!("/jobs/runs?limit=1&after={}", page["next"].as_str().unwrap());
    assert_eq!(api.get(&next).await.expect(200)["items"], json!([run]));
    assert_eq!(api.get("/jobs/runs?outcome=failed").await.expect(200)["items"], json!([]));
}

#[tokio::test]
async fn refusals_say_what_is_wrong() {
    let api = Api::new().await;
    api.post("/jobs/nothing/run", Value::Null).await.refused(404, "not_found", "-");
    api.get("/jobs/runs?outcome=fine").await.refused(400, "bad_request", "outcome");
    api.get("/jobs/runs?limit=1001").await.refused(422, "validation", "limit");
    let reader = api.with_scope(ApiScope::Read).await;
    reader.get("/jobs").await.expect(200);
    reader.get("/jobs/runs").await.expect(200);
    let writer = api.with_scope(ApiScope::Write).await;
    writer.post("/jobs/cleanup_bans/run", Value::Null).await.refused(403, "forbidden", "-");
}

/// Opens once for each run of `waits_at_a_gate`.
static GATE: Semaphore = Semaphore::const_new(0);

/// A job that runs until somebody opens the gate.
struct WaitsAtAGate;

#[async_trait::async_trait]
impl Job for WaitsAtAGate {
    fn name(&self) -> &'static str {
        "waits_at_a_gate"
    }

    fn description(&self) -> &'static str {
        "Runs for as long as a test wants."
    }

    fn schedule(&self) -> &'static str {
        "0 0 1 1 *"
    }

    async fn execute(&self, _: &JobContext) -> Result<JobReport, JobError> {
        GATE.acquire().await?.forget();
        Ok(JobReport::default())
    }
}

register_job!(WaitsAtAGate);

/// What waits jumps over time in which nothing is done.
#[tokio::test(start_paused = true)]
async fn the_end_of_a_host_waits_for_what_it_runs_but_not_for_ever() {
    for opens in [true, false] {
        let api = Api::new().await;
        let run = api.post("/jobs/waits_at_a_gate/run", Value::Null).await.expect(202);
        assert!(run["ended_at"].is_null(), "{run}");
        let mut end = Box::pin(api.web.shutdown());
        let waited = tokio::time::timeout(Duration::from_secs(30), &mut end).await;
        assert!(waited.is_err(), "a job is running");
        GATE.add_permits(usize::from(opens));
        tokio::time::timeout(Duration::from_secs(60), end).await.unwrap();
        let runs = api.get("/jobs/runs?job=waits_at_a_gate").await.expect(200);
        let outcome = if opens { json!("succeeded") } else { Value::Null };
        assert_eq!(runs["items"][0]["outcome"], outcome, "{runs}");
    }
}
