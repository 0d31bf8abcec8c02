//! A host that does nothing but run one job: `faults-host URL NAME FILE [hold]`, until its stdin ends.

use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use systemprompt_users::{
    Context, DbPool, Job, JobContext, JobError, JobReport, JobRunner, RunnerOptions,
};

/// A job that is due once a year, and so at the first look of all.
struct Yearly {
    host: String,
    /// Where it says that it begins.
    file: PathBuf,
    /// Whether it never ends.
    hold: bool,
}

#[async_trait]
impl Job for Yearly {
    fn name(&self) -> &'static str {
        "yearly"
    }

    fn description(&self) -> &'static str {
        "Says that it begins."
    }

    fn schedule(&self) -> &'static str {
        "0 0 1 1 *"
    }

    async fn execute(&self, _context: &JobContext) -> Result<JobReport, JobError> {
        let mut file = OpenOptions::new().create(true).append(true).open(&self.file)?;
        file.write_all(format!("{}\n", self.host).as_bytes())?;
        if self.hold {
            std::future::pending::<()>().await;
        }
        Ok(JobReport::default())
    }
}

fn main() -> Result<(), JobError> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [url, host, file, rest @ ..] = args.as_slice() else {
        return Err("usage: faults-host URL NAME FILE [hold]".into());
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let pool = DbPool::connect(url).await?;
        let job = Yearly { host: host.clone(), file: file.into(), hold: !rest.is_empty() };
        let options = RunnerOptions {
            host: host.clone(),
            lease: chrono::Duration::seconds(2),
            poll: Duration::from_millis(50),
        };
        let job: Arc<dyn Job> = Arc::new(job);
        let runner = JobRunner::of(Context::new(&pool), [job])?.with_options(options)?;
        let stdin = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
        runner.run_until(async { drop(stdin.await) }).await;
        Ok(pool.close().await?)
    })
}
