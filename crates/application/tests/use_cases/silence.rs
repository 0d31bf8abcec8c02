//! A storage that never answers a question holds nobody up for ever.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use systemprompt_users_application::{Context, JobRunner};
use systemprompt_users_domain::{
    ChangeSignal, Job, JobContext, JobError, JobReport, Storage, StorageResult, UnitOfWork,
};
use systemprompt_users_memory::MemoryStorage;

/// A storage whose first unit that writes never comes.
#[derive(Clone)]
struct Silent {
    inner: MemoryStorage,
    asked: Arc<AtomicBool>,
}

#[async_trait]
impl Storage for Silent {
    async fn read(&self) -> StorageResult<Box<dyn UnitOfWork>> {
        self.inner.read().await
    }

    async fn write(&self) -> StorageResult<Box<dyn UnitOfWork>> {
        if !self.asked.swap(true, Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        self.inner.write().await
    }

    async fn signal(&self) -> StorageResult<Box<dyn ChangeSignal>> {
        self.inner.signal().await
    }
}

/// Counts how often it ran.
struct Tick(Arc<AtomicUsize>);

#[async_trait]
impl Job for Tick {
    fn name(&self) -> &'static str {
        "tick"
    }

    fn description(&self) -> &'static str {
        "Counts."
    }

    fn schedule(&self) -> &'static str {
        "* * * * *"
    }

    async fn execute(&self, _: &JobContext) -> Result<JobReport, JobError> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Ok(JobReport::default())
    }
}

#[tokio::test(start_paused = true)]
async fn a_runner_goes_on_when_a_claim_is_never_answered() {
    let storage = Silent { inner: MemoryStorage::new(), asked: Arc::default() };
    let ran = Arc::new(AtomicUsize::new(0));
    let job: Arc<dyn Job> = Arc::new(Tick(Arc::clone(&ran)));
    let runner = JobRunner::of(Context::new(&storage), [job]).unwrap();
    let has_run = async {
        while ran.load(Ordering::SeqCst) == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let patience = Duration::from_secs(3_600);
    tokio::time::timeout(patience, runner.run_until(has_run)).await.expect("it is stuck");
}
