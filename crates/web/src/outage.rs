//! An outage of the storage, told once when it begins and once when it is over.

use std::error::Error;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What failed, told by all requests of the process: they ask one storage.
pub(crate) static STORAGE: Outage = Outage { current: Mutex::new(None) };

/// Success counts as the end when nothing has failed for so long, so that a storage that flaps is not told of each
/// time.
const CALM: Duration = Duration::from_secs(1);

/// Whether something is out of order, and since when.
pub(crate) struct Outage {
    current: Mutex<Option<Current>>,
}

#[derive(Debug, Clone, Copy)]
struct Current {
    since: Instant,
    last: Instant,
    failures: u64,
}

impl Outage {
    /// Notes a failure; the first one is told as a warning.
    pub(crate) fn failed(&self, error: &(dyn Error + 'static)) {
        match self.note(Instant::now()) {
            1 => tracing::warn!(error, "the storage does not answer; further failures are counted"),
            failures => tracing::debug!(error, failures, "the storage does not answer"),
        }
    }

    /// Notes that it answered; the end of an outage is told with what it amounted to.
    pub(crate) fn answered(&self) {
        if let Some(over) = self.end(Instant::now()) {
            let seconds = over.last.duration_since(over.since).as_secs_f64();
            tracing::info!(failures = over.failures, seconds, "the storage answers again");
        }
    }

    fn note(&self, now: Instant) -> u64 {
        let mut current = self.lock();
        let current = current.get_or_insert(Current { since: now, last: now, failures: 0 });
        current.last = now;
        current.failures += 1;
        current.failures
    }

    fn end(&self, now: Instant) -> Option<Current> {
        self.lock().take_if(|current| now.duration_since(current.last) >= CALM)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Current>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_has_one_beginning_and_one_end() {
        let outage = Outage { current: Mutex::new(None) };
        let begin = Instant::now();
        assert!(outage.end(begin).is_none(), "there was none");
        let failures = [0, 100, 900].map(|at| outage.note(begin + Duration::from_millis(at)));
        assert_eq!(failures, [1, 2, 3]);
        assert!(outage.end(begin + Duration::from_millis(1_000)).is_none(), "it flaps");
        let over = outage.end(begin + Duration::from_millis(1_900)).unwrap();
        assert_eq!((over.failures, over.last - over.since), (3, Duration::from_millis(900)));
        assert_eq!(outage.note(begin + Duration::from_secs(9)), 1, "another one");
    }
}
