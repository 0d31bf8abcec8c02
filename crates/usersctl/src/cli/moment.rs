//! Reading a moment: a date, a time, or how long ago it was.

use std::str::FromStr;

use chrono::{DateTime, Duration, NaiveDate, NaiveDateTime, Utc};

use super::duration;
use crate::exit::Failure;

/// A moment as it was typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// At this time.
    At(DateTime<Utc>),
    /// So long ago.
    Ago(Duration),
}

impl Moment {
    /// The time that is meant when it is `now`.
    pub(crate) fn resolve(self, now: DateTime<Utc>) -> Result<DateTime<Utc>, Failure> {
        match self {
            Self::At(time) => Ok(time),
            Self::Ago(length) => now
                .checked_sub_signed(length)
                .ok_or_else(|| Failure::Usage("a time reaches too far into the past".into())),
        }
    }
}

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if let Ok(length) = duration(text) {
            return Ok(Self::Ago(length));
        }
        if let Ok(time) = DateTime::parse_from_rfc3339(text) {
            return Ok(Self::At(time.to_utc()));
        }
        let plain = text.replace('T', " ");
        for format in ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M"] {
            if let Ok(time) = NaiveDateTime::parse_from_str(&plain, format) {
                return Ok(Self::At(time.and_utc()));
            }
        }
        let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
        day.and_then(|day| day.and_hms_opt(0, 0, 0))
            .map(|time| Self::At(time.and_utc()))
            .ok_or_else(|| {
                "expected a date (2026-01-31), a time (2026-01-31T12:00:00Z) or how long ago (7d)"
                    .into()
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_moment() {
        let noon = DateTime::parse_from_rfc3339("2026-01-31T12:00:00Z").unwrap().to_utc();
        for text in [
            "2026-01-31T12:00:00Z",
            "2026-01-31T13:00:00+01:00",
            "2026-01-31 12:00",
            "2026-01-31T12:00:00",
        ] {
            assert_eq!(text.parse(), Ok(Moment::At(noon)), "{text}");
        }
        assert_eq!("2026-01-31".parse(), Ok(Moment::At(noon - Duration::hours(12))));
        assert_eq!(
            "7d".parse::<Moment>().unwrap().resolve(noon).unwrap(),
            noon - Duration::days(7)
        );
        for text in ["", "yesterday", "2026-13-01", "31.1.2026", "12:00"] {
            assert!(text.parse::<Moment>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn what_is_too_long_ago_is_refused() {
        let moment: Moment = "9000000000000s".parse().unwrap();
        assert!(moment.resolve(DateTime::UNIX_EPOCH).is_err());
    }
}
