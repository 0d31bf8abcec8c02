//! Moments as every storage keeps them: whole microseconds, from the year 1 on.

use chrono::{DateTime, TimeDelta, Utc};

/// The start of the year 1, before which nothing is stored.
const EARLIEST_MICROS: i64 = -62_135_596_800_000_000;

/// The start of the year 250,000, from which on nothing is stored: later than anything that is reckoned from now
/// on, and earlier than where a storage or a calendar ends.
const LATEST_MICROS: i64 = 7_827_070_780_800_000_000;

/// `time` as it is stored: what is finer than a microsecond is cut, and what is before the year 1 or after the
/// year 250,000 becomes the first or the last moment between them.
pub fn storable_time(time: DateTime<Utc>) -> DateTime<Utc> {
    let micros = time.timestamp_micros().clamp(EARLIEST_MICROS, LATEST_MICROS);
    DateTime::from_timestamp_micros(micros).unwrap_or(time)
}

/// `time` without what is finer than a microsecond.
pub(crate) fn whole_micros(time: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(time.timestamp_micros()).unwrap_or(time)
}

/// The bound that says the same as `time` about stored moments: the first whole microsecond that is not before
/// it. What is stored is before `time`, or from `time` on, exactly when it is so of this one.
pub fn bound_of(time: DateTime<Utc>) -> DateTime<Utc> {
    let cut = whole_micros(time);
    if cut == time {
        return time;
    }
    cut.checked_add_signed(TimeDelta::microseconds(1)).unwrap_or(cut)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_says_the_same_about_stored_moments() {
        for base in [DateTime::UNIX_EPOCH, DateTime::UNIX_EPOCH - TimeDelta::days(1)] {
            for nanos in [-1001, -1000, -999, -1, 0, 1, 999, 1000, 1001] {
                let time = base + TimeDelta::nanoseconds(nanos);
                let bound = bound_of(time);
                assert_eq!(bound, whole_micros(bound));
                for micros in -3..=3 {
                    let stored = base + TimeDelta::microseconds(micros);
                    assert_eq!(stored < time, stored < bound, "{stored} {time}");
                }
            }
        }
        assert_eq!(bound_of(DateTime::<Utc>::MAX_UTC), whole_micros(DateTime::<Utc>::MAX_UTC));
    }

    #[test]
    fn what_is_stored_is_whole_and_between_the_ends() {
        let first = storable_time(DateTime::<Utc>::MIN_UTC);
        assert_eq!(first.to_rfc3339(), "0001-01-01T00:00:00+00:00");
        let last = storable_time(DateTime::<Utc>::MAX_UTC);
        assert_eq!(last.to_rfc3339(), "+250000-01-01T00:00:00+00:00");
        let fine = DateTime::UNIX_EPOCH + TimeDelta::nanoseconds(1999);
        assert_eq!(storable_time(fine), DateTime::UNIX_EPOCH + TimeDelta::microseconds(1));
    }
}
