//! Lengths of time as text: `30m`, `12h`, `7d`, `1d12h`.

use chrono::Duration;

use crate::{Result, UserError};

const UNITS: [(char, i64); 5] = [('w', 604_800), ('d', 86_400), ('h', 3600), ('m', 60), ('s', 1)];

/// Reads a length of time that is longer than zero: numbers, each with a unit of `w`, `d`, `h`, `m` or `s`.
///
/// ```
/// # use chrono::Duration;
/// # use systemprompt_users_domain::parse_duration;
/// assert_eq!(parse_duration("1d12h")?, Duration::hours(36));
/// assert!(parse_duration("soon").is_err());
/// # Ok::<(), systemprompt_users_domain::UserError>(())
/// ```
///
/// # Errors
/// `Validation` of `duration`.
pub fn parse_duration(text: &str) -> Result<Duration> {
    let refused = |message: &str| UserError::validation("duration", message);
    let malformed = || refused("expected a duration such as 30m, 12h, 7d, 2w or 1d12h");
    let too_long = || refused("is too long");
    let mut seconds: i64 = 0;
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(malformed());
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).filter(|at| *at > 0);
        let (number, tail) = rest.split_at(digits.ok_or_else(malformed)?);
        let mut tail = tail.chars();
        let unit = tail.next().ok_or_else(malformed)?;
        let (_, length) =
            UNITS.iter().find(|(name, _)| *name == unit).copied().ok_or_else(malformed)?;
        let number: i64 = number.parse().map_err(|_| too_long())?;
        let part = number.checked_mul(length).ok_or_else(too_long)?;
        seconds = seconds.checked_add(part).ok_or_else(too_long)?;
        rest = tail.as_str();
    }
    if seconds == 0 {
        return Err(refused("must be longer than zero"));
    }
    Duration::try_seconds(seconds).ok_or_else(too_long)
}

/// Writes a length of time with its two largest units: `1d12h`, `45s`.
///
/// ```
/// # use chrono::Duration;
/// # use systemprompt_users_domain::format_duration;
/// assert_eq!(format_duration(Duration::seconds(90_061)), "1d1h");
/// ```
pub fn format_duration(length: Duration) -> String {
    let mut seconds = length.num_seconds().max(0);
    let mut text = String::new();
    let mut parts = 0;
    for (unit, length) in UNITS.into_iter().filter(|(unit, _)| *unit != 'w') {
        let number = seconds / length;
        if number > 0 && parts < 2 {
            text.push_str(&format!("{number}{unit}"));
            seconds -= number * length;
            parts += 1;
        }
    }
    if text.is_empty() { "0s".into() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_add_up() {
        for (text, expected) in [
            ("45s", Duration::seconds(45)),
            ("30m", Duration::minutes(30)),
            ("12h", Duration::hours(12)),
            (" 7d ", Duration::days(7)),
            ("2w", Duration::days(14)),
            ("1d12h", Duration::hours(36)),
        ] {
            assert_eq!(parse_duration(text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in
            ["", " ", "7", "d", "7x", "-7d", "7 d", "1.5h", "0d", "0h0m", "７d", "permanent"]
        {
            assert!(parse_duration(text).is_err(), "{text:?}");
        }
        for text in ["9223372036854775807w", "99999999999999999999d", "9223372036854775807s"] {
            let refused = parse_duration(text).unwrap_err().to_string();
            assert_eq!(refused, "duration: is too long", "{text}");
        }
    }

    #[test]
    fn two_units_are_written() {
        for (length, expected) in [
            (Duration::zero(), "0s"),
            (Duration::seconds(-5), "0s"),
            (Duration::seconds(61), "1m1s"),
            (Duration::seconds(90_061), "1d1h"),
            (Duration::days(30), "30d"),
        ] {
            assert_eq!(format_duration(length), expected);
        }
    }
}
