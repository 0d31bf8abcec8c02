//! A daemon is told to stop while a job runs: it ends the run before itself, and leaves none behind.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use systemprompt_users::{
    DbPool, JobOutcome, JobRun, JobRunFilter, JobRunner, PageRequest, registered_jobs,
};

use crate::support::{Daemon, NEVER, Place, Program, bounded, until};

/// The job that is held up, and what it writes to.
const JOB: &str = "cleanup_access";
const TABLE: &str = "remembered_requests";

async fn runs(pool: &DbPool) -> Vec<JobRun> {
    let page = PageRequest::new(100).unwrap();
    let runner = JobRunner::new(pool).unwrap();
    runner.history(&JobRunFilter::default(), &page).await.unwrap().items
}

/// Lets nobody write to the table until the end of the program.
fn hold_table(url: &str) -> Program {
    let mut command = Command::new("psql");
    command.args([url, "-qAtX"]);
    let mut holder = Program::start(command);
    let sql = format!("BEGIN; LOCK TABLE {TABLE} IN SHARE MODE; SELECT 'held';\n");
    holder.child.stdin.as_mut().unwrap().write_all(sql.as_bytes()).unwrap();
    let mut said = String::new();
    BufReader::new(holder.child.stdout.as_mut().unwrap()).read_line(&mut said).unwrap();
    assert_eq!(said, "held\n");
    holder
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_the_middle_of_a_job() {
    bounded();
    let place = Place::postgres().await;
    let pool = place.connect().await;
    let holder = hold_table(&place.url);
    let daemon = tokio::task::block_in_place(|| Daemon::start_with_jobs(&place, &place.url));
    let began = Instant::now();
    let others = registered_jobs().len() - 1;
    let is_held = |runs: &[JobRun]| {
        let held = runs.iter().any(|run| run.job == JOB && run.ended_at.is_none());
        held && runs.iter().filter(|run| run.ended_at.is_some()).count() == others
    };
    while !is_held(&runs(&pool).await) {
        assert!(began.elapsed() < NEVER, "never: {:?}", runs(&pool).await);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    daemon.terminate();
    tokio::task::block_in_place(|| {
        until("it listens no more", || TcpStream::connect(daemon.address()).is_err());
    });
    assert!(is_held(&runs(&pool).await), "the run goes on");
    drop(holder);
    let (status, errors) = tokio::task::block_in_place(|| daemon.wait());
    assert!(status.success(), "{errors}");
    let runs = runs(&pool).await;
    assert_eq!(runs.len(), others + 1, "{runs:?}");
    for run in runs {
        assert_eq!((run.outcome, run.attempts), (Some(JobOutcome::Succeeded), 1), "{run:?}");
    }
    pool.close().await.unwrap();
}
