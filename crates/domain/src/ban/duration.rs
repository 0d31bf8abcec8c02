//! How long a ban holds.

use std::str::FromStr;

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};

use crate::{Result, UserError, parse_duration};

/// How long a ban is to hold from the moment it is made.
///
/// ```
/// # use chrono::{DateTime, Duration};
/// # use systemprompt_users_domain::{BanDuration, BanEnd};
/// let now = DateTime::UNIX_EPOCH;
/// assert_eq!(BanDuration::Days(1).end(now)?, BanEnd::At(now + Duration::days(1)));
/// assert_eq!(BanDuration::Permanent.end(now)?, BanEnd::Never);
/// assert!(BanDuration::Hours(0).end(now).is_err());
/// assert!(BanDuration::Days(i64::MAX).end(now).is_err());
/// # Ok::<(), systemprompt_users_domain::UserError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BanDuration {
    /// This many hours.
    Hours(i64),
    /// This many days of 24 hours.
    Days(i64),
    /// Any other length; cut to the microsecond.
    For(Duration),
    /// Until it is lifted.
    Permanent,
}

impl BanDuration {
    /// When a ban made at `now` ends.
    ///
    /// # Errors
    /// `Validation` of `duration` when it is not positive, or ends after the year 9999.
    pub fn end(self, now: DateTime<Utc>) -> Result<BanEnd> {
        let length = match self {
            Self::Hours(hours) => Duration::try_hours(hours),
            Self::Days(days) => Duration::try_days(days),
            Self::For(length) => length.num_microseconds().map(Duration::microseconds),
            Self::Permanent => return Ok(BanEnd::Never),
        };
        let too_long = || UserError::validation("duration", "is too long; use a permanent ban");
        let length = length.ok_or_else(too_long)?;
        if length <= Duration::zero() {
            return Err(UserError::validation("duration", "must be longer than zero"));
        }
        let end = now.checked_add_signed(length).ok_or_else(too_long)?;
        if end.timestamp() >= END_OF_YEAR_9999 {
            return Err(too_long());
        }
        Ok(BanEnd::At(end))
    }
}

impl FromStr for BanDuration {
    type Err = UserError;

    /// Reads `permanent`, or a length of time as [`parse_duration`] does.
    fn from_str(text: &str) -> Result<Self> {
        if text.trim().eq_ignore_ascii_case("permanent") {
            return Ok(Self::Permanent);
        }
        parse_duration(text).map(Self::For).map_err(|error| match error {
            UserError::Validation { field, message } if message.starts_with("expected") => {
                UserError::validation(field, "expected a duration such as 12h or 7d, or permanent")
            }
            other => other,
        })
    }
}

const END_OF_YEAR_9999: i64 = 253_402_300_800;

/// When a ban ends. `Never` is later than any moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "Option<DateTime<Utc>>", into = "Option<DateTime<Utc>>")]
pub enum BanEnd {
    /// At this moment: from then on it does not hold.
    At(DateTime<Utc>),
    /// Not until it is lifted.
    Never,
}

impl BanEnd {
    /// Whether a ban that ends so holds at `now`.
    pub fn is_after(self, now: DateTime<Utc>) -> bool {
        match self {
            Self::At(end) => now < end,
            Self::Never => true,
        }
    }

    /// The moment, `None` for `Never`: the form in which it is stored and serialized.
    pub const fn time(self) -> Option<DateTime<Utc>> {
        match self {
            Self::At(end) => Some(end),
            Self::Never => None,
        }
    }
}

impl From<Option<DateTime<Utc>>> for BanEnd {
    fn from(end: Option<DateTime<Utc>>) -> Self {
        end.map_or(Self::Never, Self::At)
    }
}

impl From<BanEnd> for Option<DateTime<Utc>> {
    fn from(end: BanEnd) -> Self {
        end.time()
    }
}
