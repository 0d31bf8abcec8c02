//! Nothing here takes forever.

use std::process;
use std::sync::Once;
use std::thread;
use std::time::{Duration, Instant};

use super::program;

/// How long anything may take before it counts as never.
pub(crate) const NEVER: Duration = Duration::from_secs(90);

/// How long all scenarios together may take.
const ALL: Duration = Duration::from_secs(600);

/// To be called first by every scenario: when the time for all is over, this process ends, and whatever it has
/// started with it.
pub(crate) fn bounded() {
    static BEGAN: Once = Once::new();
    BEGAN.call_once(|| {
        thread::spawn(|| {
            thread::sleep(ALL);
            eprintln!("the scenarios take longer than ten minutes");
            program::kill_all();
            process::exit(1);
        });
    });
}

/// Waits on this thread until something holds.
#[track_caller]
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < NEVER, "never: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}
