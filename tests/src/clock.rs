//! A clock that goes only when it is told to.

use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, Duration, Utc};
use systemprompt_users::Clock;

/// Stands still until it is moved. It begins at 10 o'clock on the first of March 2026, UTC.
#[derive(Debug)]
pub struct TestClock {
    micros: AtomicI64,
}

impl TestClock {
    /// When it begins: 2026-03-01 10:00 UTC, a Sunday.
    pub const START: DateTime<Utc> = match DateTime::from_timestamp(1_772_359_200, 0) {
        Some(start) => start,
        None => DateTime::UNIX_EPOCH,
    };

    /// A clock at [`TestClock::START`].
    pub fn new() -> Self {
        Self { micros: AtomicI64::new(Self::START.timestamp_micros()) }
    }

    /// Moves it, also back, and answers with the new time.
    pub fn advance(&self, by: Duration) -> DateTime<Utc> {
        let micros = by.num_microseconds().expect("a test does not wait that long");
        self.micros.fetch_add(micros, Ordering::SeqCst);
        self.now()
    }

    /// Puts it to a time.
    pub fn set(&self, time: DateTime<Utc>) {
        self.micros.store(time.timestamp_micros(), Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.micros.load(Ordering::SeqCst)).expect("within range")
    }
}

impl Default for TestClock {
    fn default() -> Self {
        Self::new()
    }
}
