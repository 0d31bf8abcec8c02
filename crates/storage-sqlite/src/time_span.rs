//! A range of times, cut into the slots by which rows are counted (table `time_spans`).

use serde_json::json;

/// The lengths of slots, longest first: 64 days, a day, an hour, a minute, a second.
const SPANS: [i64; 5] = [64 * DAY, DAY, 3_600_000_000, 60_000_000, 1_000_000];

/// A day in microseconds.
pub(crate) const DAY: i64 = 86_400_000_000;

/// The same range in parts: whole slots, whose counts are kept, and what is left at both ends, each less
/// than a second, where rows have to be counted.
#[derive(Debug, PartialEq, Eq, Default)]
pub(crate) struct Parts {
    /// Length of the slots, start of the first, start of the first one behind.
    slots: Vec<(i64, i64, i64)>,
    /// First moment, first moment behind.
    edges: Vec<(i64, i64)>,
}

impl Parts {
    /// Cuts the range from `from` until before `until`; `None` is open.
    pub(crate) fn of(from: Option<i64>, until: Option<i64>) -> Self {
        let mut parts = Self::default();
        if from.is_none() && until.is_none() {
            parts.slots.push((0, 0, 1));
        } else {
            parts.cut(from.unwrap_or(i64::MIN), until.unwrap_or(i64::MAX), &SPANS);
        }
        parts
    }

    /// The slots for `json_each`: arrays of span, start of the first, start of the first one behind.
    pub(crate) fn slots_json(&self) -> String {
        json!(self.slots).to_string()
    }

    /// The edges for `json_each`: arrays of first moment, first moment behind.
    pub(crate) fn edges_json(&self) -> String {
        json!(self.edges).to_string()
    }

    fn cut(&mut self, from: i64, until: i64, spans: &[i64]) {
        if from >= until {
            return;
        }
        let Some((&span, shorter)) = spans.split_first() else {
            self.edges.push((from, until));
            return;
        };
        // The ends of all times are on the border of a slot: there is nothing behind them.
        let first = if from == i64::MIN { from } else { round_up(from, span) };
        let behind = if until == i64::MAX { until } else { until - until.rem_euclid(span) };
        if first < behind {
            self.slots.push((span, first, behind));
            self.cut(from, first, shorter);
            self.cut(behind, until, shorter);
        } else {
            self.cut(from, until, shorter);
        }
    }
}

fn round_up(time: i64, span: i64) -> i64 {
    match time.rem_euclid(span) {
        0 => time,
        past => time.saturating_add(span - past),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether the parts hold `time`, and how often.
    fn hits(parts: &Parts, time: i64) -> usize {
        let slots = parts.slots.iter().filter(|(span, first, behind)| {
            let start = if *span == 0 { 0 } else { time - time.rem_euclid(*span) };
            *first <= start && start < *behind
        });
        let edges = parts.edges.iter().filter(|(first, behind)| *first <= time && time < *behind);
        slots.count() + edges.count()
    }

    #[test]
    fn parts_hold_each_moment_of_the_range_once() {
        let ends = [-DAY - 1, -1, 0, 1, 999_999, 1_000_000, 70 * DAY + 5, 400 * DAY];
        let mut ranges = vec![(None, None)];
        for from in ends {
            ranges.extend([(Some(from), None), (None, Some(from))]);
            ranges.extend(ends.map(|until| (Some(from), Some(until))));
        }
        for (from, until) in ranges {
            let parts = Parts::of(from, until);
            assert!(parts.slots.len() <= 9 && parts.edges.len() <= 2, "{parts:?}");
            for end in ends {
                for time in [end - 1, end, end + 1, end + 30_000_000] {
                    let inside = from.is_none_or(|from| from <= time)
                        && until.is_none_or(|until| time < until);
                    assert_eq!(
                        hits(&parts, time),
                        usize::from(inside),
                        "{time} in {from:?}..{until:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn an_edge_is_shorter_than_a_second() {
        let parts = Parts::of(Some(1), Some(400 * DAY + 7));
        assert!(parts.edges.iter().all(|(first, behind)| behind - first < 1_000_000), "{parts:?}");
    }
}
