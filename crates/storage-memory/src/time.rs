//! Moments as indexes keep them: whole microseconds.

use chrono::{DateTime, TimeDelta, Utc};

/// A moment in microseconds; what is finer is cut.
pub(crate) const fn micros(time: DateTime<Utc>) -> i64 {
    time.timestamp_micros()
}

/// The first whole microsecond that is not before `time`.
pub(crate) fn micros_from(time: DateTime<Utc>) -> i64 {
    let cut = micros(time);
    if moment(cut) < time { cut.saturating_add(1) } else { cut }
}

/// The moment of a number of microseconds.
pub(crate) fn moment(micros: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH
        .checked_add_signed(TimeDelta::microseconds(micros))
        .unwrap_or(DateTime::<Utc>::MAX_UTC)
}
