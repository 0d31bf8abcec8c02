//! Words for people: times, sizes, sentences.

use chrono::{DateTime, Duration, Utc};
use systemprompt_users_domain::BanEnd;

/// A time as pages show it: how long ago or ahead, and exactly.
#[derive(Debug, Clone)]
pub(super) struct Moment {
    /// For programs: RFC 3339.
    pub(super) machine: String,
    /// To the second.
    pub(super) exact: String,
    /// In words.
    pub(super) relative: String,
}

impl Moment {
    pub(super) fn new(at: DateTime<Utc>, now: DateTime<Utc>) -> Self {
        Self {
            machine: at.format("%Y-%m-%dT%H:%M:%SZ").to_string(),
            exact: at.format("%Y-%m-%d %H:%M:%S UTC").to_string(),
            relative: relative(at, now),
        }
    }
}

fn relative(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let distance = now.signed_duration_since(at);
    let words = length(distance.abs());
    match distance {
        distance if distance.abs() < Duration::seconds(10) => "just now".into(),
        distance if distance > Duration::zero() => format!("{words} ago"),
        // What lasts seven days from now is told as seven, also a second later.
        _ => format!("in {}", length(distance.abs() + Duration::seconds(30))),
    }
}

/// A length of time in its largest unit.
pub(super) fn length(length: Duration) -> String {
    let units = [
        (365 * 86_400, "year"),
        (30 * 86_400, "month"),
        (86_400, "day"),
        (3600, "hour"),
        (60, "minute"),
        (1, "second"),
    ];
    let seconds = length.num_seconds().max(0);
    let found = units.into_iter().find(|(unit, _)| seconds >= *unit).unwrap_or((1, "second"));
    let (unit, name) = found;
    counted(u64::try_from(seconds / unit).unwrap_or(0), name)
}

/// A ban's end in words.
pub(super) fn ban_end(end: BanEnd, now: DateTime<Utc>) -> String {
    match end {
        BanEnd::Never => "until it is lifted".into(),
        BanEnd::At(at) => {
            let moment = Moment::new(at, now);
            format!("until {} ({})", moment.exact, moment.relative)
        }
    }
}

/// `1 user`, `2 users`.
pub(super) fn counted(count: u64, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {what}{plural}", grouped(count))
}

/// A number with its thousands apart.
pub(super) fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

pub(super) fn size(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// A message of a service as a sentence.
pub(super) fn sentence(message: impl AsRef<str>) -> String {
    let message = message.as_ref();
    let mut chars = message.chars();
    let first = chars.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    let end = if message.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{first}{}{end}", chars.as_str())
}

/// A word of the code as words for people: `user_created` as `User created`.
pub(super) fn words(code: &str) -> String {
    let text = code.replace(['_', '-'], " ");
    for (word, name) in [("ip ", "IP "), ("api ", "API ")] {
        if let Some(rest) = text.strip_prefix(word) {
            return format!("{name}{rest}");
        }
    }
    let mut chars = text.chars();
    let first = chars.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}", chars.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_in_their_largest_unit() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let tell = |seconds: i64| Moment::new(now + Duration::seconds(seconds), now).relative;
        assert_eq!(tell(-5), "just now");
        assert_eq!(tell(-60), "1 minute ago");
        assert_eq!(tell(-7200), "2 hours ago");
        assert_eq!(tell(3 * 86_400), "in 3 days");
        assert_eq!(tell(-400 * 86_400), "1 year ago");
    }

    #[test]
    fn thousands_stand_apart() {
        assert_eq!(grouped(7), "7");
        assert_eq!(grouped(1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!(counted(1, "user"), "1 user");
        assert_eq!(counted(0, "user"), "0 users");
    }
}
