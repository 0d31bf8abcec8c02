//! How many rows one batch of a clean-up has: whoever waits for what it holds shall not notice.

use std::time::Duration;

/// How long a batch may take. Others wait for as long at the most, on SQLite whoever writes; four times as long,
/// which a slower moment costs, is still nothing that anybody sees.
const AIM: Duration = Duration::from_millis(12);

/// How many rows the first batch has, when nothing is known yet.
const FIRST: u16 = 50;

/// However slow the storage is: a batch this small is mostly its commit.
const FEWEST: u16 = 10;

/// Finds the size of the next batch from how long the one before took.
#[derive(Debug)]
pub(super) struct Pace {
    batch: u16,
    most: u16,
}

impl Pace {
    /// Batches of no more than `most` rows.
    pub(super) fn new(most: u16) -> Self {
        Self { batch: FIRST.min(most), most }
    }

    /// The size of the next one.
    pub(super) const fn batch(&self) -> u16 {
        self.batch
    }

    /// Takes note of the one that has just ended.
    pub(super) fn note(&mut self, took: Duration) {
        if took > AIM {
            self.batch = (self.batch / 2).max(FEWEST).min(self.most);
        } else if took < AIM / 3 {
            self.batch = self.batch.saturating_mul(2).min(self.most);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(most: u16, milliseconds: &[u64]) -> Vec<u16> {
        let mut pace = Pace::new(most);
        let after = |took: &u64| {
            pace.note(Duration::from_millis(*took));
            pace.batch()
        };
        milliseconds.iter().map(after).collect()
    }

    #[test]
    fn a_batch_grows_while_it_is_quick_and_shrinks_when_it_is_slow() {
        assert_eq!(sizes(500, &[1, 1, 1, 1, 1]), [100, 200, 400, 500, 500]);
        assert_eq!(sizes(500, &[10, 5, 20, 20, 20, 20]), [50, 50, 25, 12, 10, 10]);
    }

    #[test]
    fn it_never_has_more_rows_than_the_policy_says() {
        assert_eq!(sizes(2, &[1, 99, 1]), [2, 2, 2]);
        assert_eq!(Pace::new(1).batch(), 1);
    }
}
