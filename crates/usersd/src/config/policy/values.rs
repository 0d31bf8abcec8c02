//! The kinds of values that the policy has, as people write them.

use std::fmt;
use std::str::FromStr;

use chrono::Duration;
use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use systemprompt_users::{UserError, parse_duration};

use crate::config::values::as_text;

/// How no limit is written.
const NONE: &str = "none";

/// The most of anything that is counted here.
const MOST: u16 = 1000;

/// A length of time such as `30m`, `12h`, `7d`, `2w` or `1d12h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Length(pub(crate) Duration);

impl FromStr for Length {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        parse_duration(text).map(Self).map_err(|error| match error {
            UserError::Validation { message, .. } => message,
            error => error.to_string(),
        })
    }
}

/// Every unit that there is something of, so that what is shown is read as the same.
impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let length = self.0;
        let parts = [
            (length.num_days(), 'd'),
            (length.num_hours() % 24, 'h'),
            (length.num_minutes() % 60, 'm'),
            (length.num_seconds() % 60, 's'),
        ];
        parts
            .iter()
            .filter(|(count, _)| *count > 0)
            .try_for_each(|(count, unit)| write!(f, "{count}{unit}"))
    }
}

/// A length of time, or `none`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct IdleTimeout(pub(crate) Option<Duration>);

impl FromStr for IdleTimeout {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.trim() == NONE {
            return Ok(Self(None));
        }
        let length: Length = text.parse().map_err(|message| format!("{message}; or `{NONE}`"))?;
        Ok(Self(Some(length.0)))
    }
}

impl fmt::Display for IdleTimeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(length) => Length(length).fmt(f),
            None => f.write_str(NONE),
        }
    }
}

as_text!(Length = "a time such as \"12h\", \"7d\" or \"1d12h\"");
as_text!(IdleTimeout = "a time such as \"12h\" or \"7d\", or \"none\"");

/// A number from 1 to 1000.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Count(pub(crate) u16);

impl Count {
    fn of(number: u64) -> Option<Self> {
        let number = u16::try_from(number).ok()?;
        (1..=MOST).contains(&number).then_some(Self(number))
    }
}

impl FromStr for Count {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = text.trim().parse().ok().and_then(Self::of);
        number.ok_or_else(|| format!("expected a number from 1 to {MOST}"))
    }
}

impl Serialize for Count {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u16(self.0)
    }
}

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_u64(Number)
    }
}

struct Number;

impl Visitor<'_> for Number {
    type Value = Count;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a number from 1 to {MOST}")
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Count, E> {
        let refused = || E::invalid_value(de::Unexpected::Unsigned(number), &self);
        Count::of(number).ok_or_else(refused)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Count, E> {
        let counted = u64::try_from(number).ok().and_then(Count::of);
        counted.ok_or_else(|| E::invalid_value(de::Unexpected::Signed(number), &self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_shown_as_they_are_read() {
        for (text, shown) in [
            ("30d", "30d"),
            ("2w", "14d"),
            ("1d12h", "1d12h"),
            ("90061s", "1d1h1m1s"),
            ("45s", "45s"),
        ] {
            let length: Length = text.parse().unwrap();
            assert_eq!(length.to_string(), shown);
            assert_eq!(shown.parse::<Length>().unwrap(), length);
        }
        for bad in ["", "30", "0d", "-1d", "soon", "none", "1mo"] {
            assert!(bad.parse::<Length>().is_err(), "{bad}");
        }
        assert_eq!(" none".parse::<IdleTimeout>().unwrap().to_string(), "none");
        assert_eq!("7d".parse::<IdleTimeout>().unwrap(), IdleTimeout(Some(Duration::days(7))));
        assert!("never".parse::<IdleTimeout>().unwrap_err().contains("`none`"));
    }

    #[test]
    fn counts_are_from_one_to_a_thousand() {
        for (text, read) in [("1", Some(1)), (" 1000 ", Some(1000)), ("0", None), ("1001", None)] {
            assert_eq!(text.parse().ok(), read.map(Count), "{text}");
        }
        for bad in ["-1", "x", "70000", "1.5"] {
            assert!(bad.parse::<Count>().unwrap_err().contains("1 to 1000"), "{bad}");
        }
    }
}
