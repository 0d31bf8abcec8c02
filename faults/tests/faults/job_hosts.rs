//! A host dies in the middle of a job: of all others, one takes the job over, once, and not before its lease is over.

use std::fs;
use std::path::Path;
use std::process::Command;

use systemprompt_users::{JobOutcome, JobRun, JobRunFilter, JobRunner, PageRequest};

use crate::support::{Place, Program, bounded, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_heir_takes_over_on_postgres() {
    bounded();
    take_over(Place::postgres().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_heir_takes_over_on_sqlite() {
    bounded();
    take_over(Place::sqlite().await).await;
}

async fn take_over(place: Place) {
    let file = place.path().join("begun");
    let pool = place.connect().await;
    let runner = JobRunner::new(&pool).unwrap();
    let runs = async || -> Vec<JobRun> {
        let page = PageRequest::new(10).unwrap();
        runner.history(&JobRunFilter::default(), &page).await.unwrap().items
    };
    let mut dead = host(&place, "dead", &file, &["hold"]);
    until("the job has begun", || begun(&file) == ["dead"]);
    let heirs = ["one", "two", "three"].map(|name| host(&place, name, &file, &[]));
    dead.kill();
    let left = runs().await.remove(0);
    assert_eq!((&*left.host, left.outcome, left.attempts), ("dead", None, 1));
    until("an heir has begun", || begun(&file).len() > 1);
    for mut heir in heirs {
        // It finishes what it does.
        drop(heir.child.stdin.take());
        let (status, errors) = heir.wait();
        assert!(status.success(), "{errors}");
    }
    let runs = runs().await;
    let [run] = runs.as_slice() else { panic!("{runs:?}") };
    assert_eq!((run.id, run.attempts, run.outcome), (left.id, 2, Some(JobOutcome::Succeeded)));
    assert_eq!(begun(&file), ["dead", &run.host], "it was begun once more, and not twice");
    assert!(run.started_at >= left.lease_until, "{run:?} {left:?}");
    pool.close().await.unwrap();
}

fn begun(file: &Path) -> Vec<String> {
    fs::read_to_string(file).unwrap_or_default().lines().map(str::to_owned).collect()
}

fn host(place: &Place, name: &str, file: &Path, hold: &[&str]) -> Program {
    let mut command = Command::new(env!("CARGO_BIN_EXE_faults-host"));
    command.args([&place.url, name]).arg(file).args(hold);
    Program::start(command)
}
