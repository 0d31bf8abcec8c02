//! Counts by hour and day, so that a count of a range of time walks nothing but its edges.

use std::ops::Range;

use imbl::OrdMap;

const HOUR: i64 = 3_600_000_000;
const HOURS_OF_DAY: i64 = 24;
/// The length of a day in microseconds.
pub(crate) const DAY: i64 = HOUR * HOURS_OF_DAY;

/// How many entries of an index fall into each hour and each day.
#[derive(Clone, Default)]
pub(crate) struct Histogram {
    hours: OrdMap<i64, u64>,
    days: OrdMap<i64, u64>,
}

impl Histogram {
    pub(crate) fn add(&mut self, micros: i64) {
        for (counts, length) in [(&mut self.hours, HOUR), (&mut self.days, DAY)] {
            *counts.entry(micros.div_euclid(length)).or_default() += 1;
        }
    }

    pub(crate) fn remove(&mut self, micros: i64) {
        for (counts, length) in [(&mut self.hours, HOUR), (&mut self.days, DAY)] {
            let key = micros.div_euclid(length);
            match counts.get_mut(&key) {
                Some(count) if *count > 1 => *count -= 1,
                _ => drop(counts.remove(&key)),
            }
        }
    }

    /// How many entries fall into `range`; `walk` counts those of a range of less than two hours.
    pub(crate) fn count(&self, range: Range<i64>, walk: impl Fn(Range<i64>) -> u64) -> u64 {
        let hours = whole(&range, HOUR);
        if hours.is_empty() {
            return walk(range);
        }
        let days = whole(&hours, HOURS_OF_DAY);
        let inner = if days.is_empty() {
            sum(&self.hours, hours.clone())
        } else {
            sum(&self.hours, hours.start..days.start * HOURS_OF_DAY)
                + sum(&self.days, days.clone())
                + sum(&self.hours, days.end * HOURS_OF_DAY..hours.end)
        };
        walk(range.start..hours.start * HOUR) + inner + walk(hours.end * HOUR..range.end)
    }

    /// The counts of these days, counted from the epoch; days without any are left out.
    pub(crate) fn days(&self, days: Range<i64>) -> impl Iterator<Item = (i64, u64)> {
        self.days.range(days).map(|(day, count)| (*day, *count))
    }
}

/// The units of `length` that lie in `range` as a whole.
fn whole(range: &Range<i64>, length: i64) -> Range<i64> {
    let start = range.start.saturating_add(length - 1).div_euclid(length);
    start..range.end.div_euclid(length)
}

fn sum(counts: &OrdMap<i64, u64>, range: Range<i64>) -> u64 {
    if range.is_empty() { 0 } else { counts.range(range).map(|(_, count)| count).sum() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_count_is_what_a_scan_says(
            times in proptest::collection::vec(-3 * DAY..3 * DAY, 0..200),
            removed in 0usize..50,
            a in -4 * DAY..4 * DAY,
            b in -4 * DAY..4 * DAY,
            open in 0u8..4,
        ) {
            let mut histogram = Histogram::default();
            for time in &times {
                histogram.add(*time);
            }
            let (gone, kept) = times.split_at(removed.min(times.len()));
            for time in gone {
                histogram.remove(*time);
            }
            let scan = |range: Range<i64>| kept.iter().filter(|time| range.contains(time)).count() as u64;
            let from = if open & 1 == 0 { a.min(b) } else { i64::MIN };
            let until = if open & 2 == 0 { a.max(b) } else { i64::MAX };
            let edges = |range: Range<i64>| {
                assert!(range.is_empty() || range.end - range.start < 2 * HOUR, "{range:?} is no edge");
                scan(range)
            };
            prop_assert_eq!(histogram.count(from..until, edges), scan(from..until));
        }
    }
}
