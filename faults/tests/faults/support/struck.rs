//! Going through a row of changes while the server is killed again and again.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use systemprompt_test_postgres::TestCluster;
use systemprompt_users::{Result, UserError};

use super::{NEVER, until};

/// How far the changes are.
#[derive(Default)]
pub(crate) struct Watch {
    acknowledged: AtomicUsize,
    failed: AtomicUsize,
}

/// What is there of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Nothing,
    Half,
    All,
}

impl State {
    /// Of a change that consists of so many parts.
    pub(crate) fn of(done: usize, all: usize) -> Self {
        match done {
            0 => Self::Nothing,
            _ if done == all => Self::All,
            _ => Self::Half,
        }
    }
}

/// Makes `count` changes, each until it is acknowledged. After each failure the change must be there as a whole or
/// not at all.
pub(crate) async fn go_through(
    watch: &Watch,
    count: usize,
    change: impl AsyncFn(usize) -> Result<()>,
    state: impl AsyncFn(usize) -> Result<State>,
) {
    for number in 0..count {
        while let Err(error) = change(number).await {
            assert!(matches!(error, UserError::Storage(_)), "{number}: {error:?}");
            watch.failed.fetch_add(1, Ordering::SeqCst);
            let began = Instant::now();
            let state = loop {
                match state(number).await {
                    Ok(state) => break state,
                    Err(error) => assert!(began.elapsed() < NEVER, "never again: {error:?}"),
                }
                // A server that is killed while one looks is noticed here.
                watch.failed.fetch_add(1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(20)).await;
            };
            assert_ne!(state, State::Half, "change {number} is half done");
        }
        watch.acknowledged.fetch_add(1, Ordering::SeqCst);
    }
}

/// On a thread of its own: kills the server when so many changes are acknowledged, waits until somebody has
/// noticed, and starts it again; answers with the server.
pub(crate) fn kill_at(
    mut cluster: TestCluster,
    watch: &Arc<Watch>,
    marks: &'static [usize],
) -> JoinHandle<TestCluster> {
    let watch = Arc::clone(watch);
    thread::spawn(move || {
        for mark in marks {
            until("so many are acknowledged", || {
                watch.acknowledged.load(Ordering::SeqCst) >= *mark
            });
            let failed = watch.failed.load(Ordering::SeqCst);
            cluster.kill().unwrap();
            until("somebody has noticed", || watch.failed.load(Ordering::SeqCst) > failed);
            cluster.start_again().unwrap();
        }
        cluster
    })
}
