//! A clock that is not set back.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, Duration, Utc};
use systemprompt_users_domain::Clock;

/// Stands still while the clock within is behind what it has said before, so that nothing that has expired comes
/// alive again. It catches up by itself.
///
/// A clock that is set back by more than [`SteadyClock::LIMIT`] was wrong before, and is believed.
pub(crate) struct SteadyClock {
    clock: Arc<dyn Clock>,
    /// The latest time that was told, in microseconds since 1970.
    latest: AtomicI64,
}

/// How much later a time must be than the latest one to be noted: so that threads that ask all the time do not
/// quarrel about one place in memory. By as much the clock can go back unnoticed.
const STEP: i64 = 1_000;

impl SteadyClock {
    /// By how much a clock may be set back.
    pub(crate) const LIMIT: Duration = Duration::hours(2);

    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, latest: AtomicI64::new(i64::MIN) }
    }
}

impl Clock for SteadyClock {
    fn now(&self) -> DateTime<Utc> {
        let now = self.clock.now();
        let micros = now.timestamp_micros();
        let latest = self.latest.load(Ordering::Relaxed);
        let ahead = micros.saturating_sub(latest);
        if ahead >= STEP {
            self.latest.fetch_max(micros, Ordering::Relaxed);
            return now;
        }
        if ahead >= 0 {
            return now;
        }
        if ahead < -Self::LIMIT.num_microseconds().unwrap_or(i64::MAX) {
            tracing::warn!(
                seconds = -ahead / 1_000_000,
                "the clock was set back so far that it is believed"
            );
            // Unless somebody else has noted a time since.
            let _ =
                self.latest.compare_exchange(latest, micros, Ordering::Relaxed, Ordering::Relaxed);
            return now;
        }
        DateTime::from_timestamp_micros(latest).unwrap_or(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tells what it was set to.
    struct SetClock(AtomicI64);

    impl Clock for SetClock {
        fn now(&self) -> DateTime<Utc> {
            DateTime::from_timestamp_micros(self.0.load(Ordering::Relaxed)).unwrap()
        }
    }

    #[test]
    fn stands_still_for_two_hours_and_believes_what_is_further_back() {
        const HOUR: i64 = 3_600_000_000;
        let set = Arc::new(SetClock(AtomicI64::new(10 * HOUR)));
        let steady = SteadyClock::new(set.clone());
        for (set_to, told) in [
            (10 * HOUR, 10 * HOUR),
            (9 * HOUR, 10 * HOUR),
            (8 * HOUR, 10 * HOUR),
            (10 * HOUR + 1, 10 * HOUR + 1),
            (12 * HOUR, 12 * HOUR),
            (12 * HOUR - 1, 12 * HOUR),
            (10 * HOUR - 1, 10 * HOUR - 1),
            (9 * HOUR, 10 * HOUR - 1),
            (11 * HOUR, 11 * HOUR),
        ] {
            set.0.store(set_to, Ordering::Relaxed);
            assert_eq!(steady.now().timestamp_micros(), told, "set to {set_to}");
        }
    }
}
