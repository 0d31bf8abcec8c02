//! When a job is due: a cron pattern of five fields, in UTC.

use chrono::{DateTime, Utc};
use croner::parser::{CronParser, Seconds, Year};
use croner::{Cron, Direction};
use systemprompt_users_domain::{Result, UserError};

/// A checked schedule.
#[derive(Debug, Clone)]
pub(super) struct Schedule(Cron);

/// The largest value of each field: minute, hour, day of month, month, day of week.
const FIELD_MAX: [u32; 5] = [59, 23, 31, 12, 7];

impl Schedule {
    pub(super) fn parse(pattern: &str) -> Result<Self> {
        let invalid = |why: &str| UserError::validation("schedule", format!("`{pattern}`: {why}"));
        let fields: Vec<&str> = pattern.split_whitespace().collect();
        if fields.len() != FIELD_MAX.len() {
            return Err(invalid("expected five fields: minute, hour, day, month, weekday"));
        }
        for (field, max) in fields.iter().zip(FIELD_MAX) {
            // The parser takes a step beyond the field to mean "once", which nobody means.
            let steps = field.split(',').filter_map(|part| part.split_once('/'));
            for (_, step) in steps {
                if step.parse::<u32>().is_ok_and(|step| step == 0 || step > max) {
                    return Err(invalid(&format!("a step must be 1 to {max}")));
                }
            }
        }
        let parser =
            CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        parser.parse(pattern).map(Self).map_err(|error| invalid(&error.to_string()))
    }

    /// The latest time at or before `now` at which it was due.
    pub(super) fn latest(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.0.iter_from(now, Direction::Backward).next()
    }

    /// The first time after `now` at which it will be due.
    pub(super) fn next(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.0.find_next_occurrence(&now, false).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn tells_the_latest_and_the_next_time() {
        let hourly = Schedule::parse("0 * * * *").unwrap();
        let now = at("2026-03-01T10:30:00.5Z");
        assert_eq!(hourly.latest(now), Some(at("2026-03-01T10:00:00Z")));
        assert_eq!(hourly.next(now), Some(at("2026-03-01T11:00:00Z")));
        let sharp = at("2026-03-01T10:00:00Z");
        assert_eq!(hourly.latest(sharp), Some(sharp));
        assert_eq!(hourly.next(sharp), Some(at("2026-03-01T11:00:00Z")));
    }

    #[test]
    fn refuses_what_nobody_means() {
        for bad in
            ["", "* * * *", "*/90 * * * *", "*/0 * * * *", "61 * * * *", "* * * * * *", "@hourly"]
        {
            assert_eq!(Schedule::parse(bad).unwrap_err().field(), Some("schedule"), "{bad:?}");
        }
    }
}
