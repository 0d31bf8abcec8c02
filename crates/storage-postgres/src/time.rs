//! Times as Postgres can hold them.

use chrono::{DateTime, TimeDelta, Utc};

/// The start of the year 1: earlier than anything stored, and a time that Postgres knows.
const EARLIEST: i64 = -62_135_596_800_000_000;

/// `time`, or the earliest time there is: a bound may be any time, a column may not.
pub(crate) fn bound(time: DateTime<Utc>) -> DateTime<Utc> {
    let earliest = DateTime::from_timestamp_micros(EARLIEST).unwrap_or_default();
    time.max(earliest)
}

pub(crate) const HOUR: TimeDelta = TimeDelta::hours(1);
pub(crate) const DAY: TimeDelta = TimeDelta::days(1);

/// The last whole hour or day up to `time`.
pub(crate) fn down(time: DateTime<Utc>, unit: TimeDelta) -> DateTime<Utc> {
    let micros = time.timestamp_micros();
    let unit = unit.num_microseconds().unwrap_or(1);
    DateTime::from_timestamp_micros(micros - micros.rem_euclid(unit)).unwrap_or(time)
}

/// The first whole hour or day from `time` on.
pub(crate) fn up(time: DateTime<Utc>, unit: TimeDelta) -> DateTime<Utc> {
    let whole = down(time, unit);
    if whole == time { time } else { whole.checked_add_signed(unit).unwrap_or(time) }
}
