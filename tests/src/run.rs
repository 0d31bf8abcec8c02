//! Running one scenario on one backend.

use std::time::Duration;

use systemprompt_users::Invariant;
use tokio::runtime::Builder;
use tokio::time::timeout;

use crate::{Backend, Host};

/// No scenario takes this long unless something waits for ever.
const HANGS: Duration = Duration::from_secs(170);

/// Runs `scenario` on a fresh storage of `backend`, and then lets the doctor look at what it left.
///
/// # Panics
/// When the scenario fails, hangs, or leaves data that breaks an invariant.
pub fn run(backend: Backend, scenario: impl AsyncFnOnce(&Host)) {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let opened = backend.open().await;
        let host = Host::on(&opened);
        timeout(HANGS, scenario(&host)).await.expect("the scenario hangs");
        let findings = host.doctor.examine().await.unwrap();
        for finding in findings {
            // Few scenarios need an admin, and one that has none can't lose the last.
            let is_sound = finding.broken == 0 || finding.invariant == Invariant::ActiveAdmin;
            assert!(is_sound || host.is_broken_on_purpose(), "left behind: {finding:?}");
        }
        opened.close().await;
    });
}

/// One test for each scenario and backend, such as `memory::the_last_admin_stays`.
#[macro_export]
macro_rules! on_every_backend {
    ($($scenario:ident),+ $(,)?) => {
        $crate::on_every_backend!(@ memory Memory [$($scenario)+]);
        $crate::on_every_backend!(@ sqlite Sqlite [$($scenario)+]);
        $crate::on_every_backend!(@ postgres Postgres [$($scenario)+]);
    };
    (@ $module:ident $backend:ident [$($scenario:ident)+]) => {
        mod $module {
            $(#[test]
            fn $scenario() {
                $crate::run($crate::Backend::$backend, super::$scenario);
            })+
        }
    };
}
