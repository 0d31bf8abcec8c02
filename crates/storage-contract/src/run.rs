//! Runs one case on one fresh storage.

use std::sync::Arc;
use std::time::Duration;

use systemprompt_users_domain::Storage;
use tokio::runtime::Builder;
use tokio::time::timeout;

use crate::Subject;

/// No case takes this long unless units wait for each other for ever.
const HANGS: Duration = Duration::from_secs(300);

/// Runs `case` on the storage that `fresh` makes, on a runtime of its own; drops what `fresh` made beside
/// it after the storage.
///
/// # Panics
/// When the storage breaks the rule.
pub fn run<S, G>(fresh: impl AsyncFnOnce() -> (S, G), case: impl AsyncFnOnce(Subject))
where
    S: Storage + 'static,
{
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let (storage, guard) = fresh().await;
        // The guard is bound first, so that it is dropped last, also when the case panics.
        let _guard = guard;
        let subject = Subject::new(Arc::new(storage));
        timeout(HANGS, case(subject)).await.unwrap();
    });
}
