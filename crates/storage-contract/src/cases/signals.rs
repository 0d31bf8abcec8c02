//! The alarm rings for whoever follows the log.

use std::time::Duration;

use systemprompt_users_domain::{ChangeSignal, EventPosition, StorageResult};
use tokio::time::error::Elapsed;
use tokio::time::timeout;

use super::events::{append, happened};
use crate::Subject;
use crate::fixtures::every_kind;
use crate::overlap::Beside;

/// No machine is so slow that an alarm takes this long.
const SILENT: Duration = Duration::from_secs(20);

#[track_caller]
fn rang(waited: Result<StorageResult<()>, Elapsed>) {
    waited.expect("the alarm does not ring").expect("the alarm is lost");
}

async fn wait(signal: &mut Box<dyn ChangeSignal>) {
    rang(timeout(SILENT, signal.wait()).await);
}

pub(crate) async fn a_commit_rings_whoever_waits(subject: Subject) {
    let mut signal = subject.signal().await;
    let mut waiting = Beside::start(async move { timeout(SILENT, signal.wait()).await });
    waiting.let_run().await;
    append(&subject, &[happened(1, 1)]).await;
    rang(waiting.end().await);
}

pub(crate) async fn a_commit_rings_whoever_comes_to_wait_later(subject: Subject) {
    let mut signal = subject.signal().await;
    append(&subject, &[happened(1, 1)]).await;
    wait(&mut signal).await;
    append(&subject, &[happened(2, 1)]).await;
    wait(&mut signal).await;
}

/// What rang is there to be read: the alarm is not before the commit.
pub(crate) async fn what_rang_is_committed(subject: Subject) {
    let mut signal = subject.signal().await;
    let mut seen = 0;
    for n in 1..=10 {
        let appending = {
            let subject = subject.clone();
            Beside::start(async move { append(&subject, &[happened(n, 1)]).await })
        };
        // It may ring for nothing, but then it rings again.
        while seen < n {
            wait(&mut signal).await;
            let read = subject.read().await.events().read(EventPosition::START, 100).await;
            seen = u32::try_from(read.unwrap().len()).unwrap();
        }
        appending.end().await;
    }
}

pub(crate) async fn every_kind_that_changes_decisions_rings(subject: Subject) {
    let mut signal = subject.signal().await;
    let kinds: Vec<_> =
        every_kind().into_iter().filter(|event| event.kind.changes_decisions()).collect();
    assert!(kinds.len() >= 13);
    for event in kinds {
        append(&subject, &[event]).await;
        wait(&mut signal).await;
    }
}

pub(crate) async fn everybody_is_rung(subject: Subject) {
    let mut signals = [subject.signal().await, subject.signal().await, subject.signal().await];
    append(&subject, &[happened(1, 1)]).await;
    for signal in &mut signals {
        wait(signal).await;
    }
}

pub(crate) async fn who_gave_up_waiting_misses_nothing(subject: Subject) {
    let mut signal = subject.signal().await;
    for n in 1..=5 {
        // Whether it rings for nothing or not: it is dropped while it waits, or just after.
        drop(timeout(Duration::from_millis(5), signal.wait()).await);
        append(&subject, &[happened(n, 1)]).await;
        wait(&mut signal).await;
    }
}
