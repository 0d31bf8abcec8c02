//! Lengths of time as text: `30m`, `12h`, `7d`, `1d12h`.

use chrono::Duration;
use systemprompt_users_domain::BanDuration;

const UNITS: [(char, i64); 5] = [('w', 604_800), ('d', 86_400), ('h', 3600), ('m', 60), ('s', 1)];

const MALFORMED: &str = "expected a duration such as 12h, 7d or 1d12h, or permanent";

/// Reads how long a ban is to hold: a duration, or `permanent`.
pub(super) fn parse(text: &str) -> Result<BanDuration, &'static str> {
    let mut rest = text.trim();
    if rest.eq_ignore_ascii_case("permanent") {
        return Ok(BanDuration::Permanent);
    }
    let mut seconds: i64 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).filter(|at| *at > 0);
        let (number, tail) = rest.split_at(digits.ok_or(MALFORMED)?);
        let mut tail = tail.chars();
        let unit = tail.next();
        let (_, length) = UNITS.iter().find(|(name, _)| Some(*name) == unit).ok_or(MALFORMED)?;
        let part = number.parse::<i64>().ok().and_then(|number| number.checked_mul(*length));
        seconds = part.and_then(|part| seconds.checked_add(part)).ok_or("is too long")?;
        rest = tail.as_str();
    }
    match Duration::try_seconds(seconds) {
        Some(length) if seconds > 0 => Ok(BanDuration::For(length)),
        Some(_) => Err(MALFORMED),
        None => Err("is too long"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_add_up() {
        let hours = |hours| Ok(BanDuration::For(Duration::hours(hours)));
        assert_eq!(parse(" 12h "), hours(12));
        assert_eq!(parse("1d12h"), hours(36));
        assert_eq!(parse("2w"), hours(14 * 24));
        assert_eq!(parse("Permanent"), Ok(BanDuration::Permanent));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "7", "d", "7x", "-7d", "7 d", "1.5h", "0d", "７d", "for ever"] {
            assert_eq!(parse(text), Err(MALFORMED), "{text:?}");
        }
        for text in ["99999999999999999999d", "9223372036854775807w", "9223372036854775807s"] {
            assert_eq!(parse(text), Err("is too long"), "{text:?}");
        }
    }
}
