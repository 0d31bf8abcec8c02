//! Two units of work that overlap by force: one is held open while another runs in a task.

use std::future::Future;
use std::time::Duration;

use systemprompt_users_domain::{StorageError, StorageResult};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Whoever is still waiting now is stuck.
const STUCK: Duration = Duration::from_secs(60);

/// How long a task that has to wait is watched. A storage that lets it pass is caught within this time or
/// by what the task then saw; one that keeps the rule passes however slow the machine is.
const WATCHED: Duration = Duration::from_millis(150);

/// A unit that runs beside the one of the case.
pub(crate) struct Beside<T>(JoinHandle<T>);

impl<T: Send + 'static> Beside<T> {
    pub(crate) fn start(work: impl Future<Output = T> + Send + 'static) -> Self {
        Self(tokio::spawn(work))
    }

    pub(crate) fn is_over(&mut self) -> bool {
        self.0.is_finished()
    }

    /// Gives it time to run until it waits or ends, whichever the storage makes of it.
    pub(crate) async fn let_run(&mut self) {
        for _ in 0..30 {
            if self.0.is_finished() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Checks that it waits as long as the other unit is open.
    pub(crate) async fn must_wait(&mut self) {
        let ended = timeout(WATCHED, &mut self.0).await;
        assert!(ended.is_err(), "it did not wait for the unit that is open");
    }

    /// What it comes to, once nothing stands in its way.
    pub(crate) async fn end(self) -> T {
        match timeout(STUCK, self.0).await.expect("it waits for nobody, for ever") {
            Ok(done) => done,
            Err(failed) => std::panic::resume_unwind(failed.into_panic()),
        }
    }
}

/// Runs `attempt` again while the storage says that this may help, as a service does.
pub(crate) async fn persist<T, F>(mut attempt: impl FnMut() -> F) -> T
where
    F: Future<Output = StorageResult<T>>,
{
    for _ in 0..50 {
        match attempt().await {
            Err(StorageError::Unavailable(_)) => tokio::task::yield_now().await,
            done => return done.unwrap(),
        }
    }
    panic!("unavailable fifty times in a row");
}
