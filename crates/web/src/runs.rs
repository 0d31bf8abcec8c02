//! Runs of jobs that somebody asked for: they go on when nobody waits any more, and the host's end waits for them.

use std::time::Duration;

use systemprompt_users_domain::{Actor, JobRun, Result};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::Web;

/// How long the end of the host waits. A run that takes longer is taken over when its lease is over, by another host
/// or by this one when it is up again.
const PATIENCE: Duration = Duration::from_secs(60);

/// How many runs there are.
#[derive(Debug, Default)]
pub(crate) struct Runs(watch::Sender<usize>);

impl Web {
    /// Runs a job now, in a task of its own: a client that goes away must not leave a run without an end.
    pub(crate) fn run_job(&self, actor: Actor, name: String) -> JoinHandle<Result<JobRun>> {
        self.runs().0.send_modify(|count| *count += 1);
        let counted = Counted(self.clone());
        tokio::spawn(async move { counted.0.jobs(actor)?.run_now(&name).await })
    }

    /// Waits until no run is left, or it has taken too long.
    pub(crate) async fn end_runs(&self) {
        let mut count = self.runs().0.subscribe();
        let none = count.wait_for(|count| *count == 0);
        if tokio::time::timeout(PATIENCE, none).await.is_err() {
            tracing::warn!("a job still runs; a host takes its run over when the lease is over");
        }
    }
}

/// One run, until it is over, however it ends.
struct Counted(Web);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.runs().0.send_modify(|count| *count = count.saturating_sub(1));
    }
}
