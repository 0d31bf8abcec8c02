//! What was thrown out of memory last, so that what was read before that does not come in after it.

use std::collections::VecDeque;

/// How many are remembered. What was read from the storage before so many others were thrown out is not kept.
const REMEMBERED: usize = 4_096;

/// The ids that were thrown out last. It is kept under the lock of the memory that it stands beside.
pub(super) struct ThrownOut<I> {
    /// The latest at the end.
    latest: VecDeque<I>,
    /// How many in all.
    count: u64,
}

/// What memory knew of revocations before the storage was asked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ticket(u64);

impl<I: PartialEq> ThrownOut<I> {
    /// To be taken before the storage is asked.
    pub(super) const fn ticket(&self) -> Ticket {
        Ticket(self.count)
    }

    pub(super) fn remember(&mut self, id: I) {
        if self.latest.len() == REMEMBERED {
            self.latest.pop_front();
        }
        self.latest.push_back(id);
        self.count += 1;
    }

    /// Takes everything as thrown out, whatever it was.
    pub(super) fn remember_all(&mut self) {
        self.latest.clear();
        self.count += 1;
    }

    /// Whether what was read after `ticket` was taken may be older than the revocation of `id`.
    pub(super) fn may_be_stale(&self, ticket: Ticket, id: &I) -> bool {
        let since = usize::try_from(self.count - ticket.0).unwrap_or(usize::MAX);
        since > self.latest.len() || self.latest.iter().rev().take(since).any(|other| other == id)
    }
}

impl<I> Default for ThrownOut<I> {
    fn default() -> Self {
        Self { latest: VecDeque::new(), count: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_before_its_revocation_is_told() {
        let mut thrown_out = ThrownOut::default();
        let before = thrown_out.ticket();
        thrown_out.remember(1);
        let after = thrown_out.ticket();
        thrown_out.remember(2);
        assert!(thrown_out.may_be_stale(before, &1) && thrown_out.may_be_stale(before, &2));
        assert!(!thrown_out.may_be_stale(after, &1) && thrown_out.may_be_stale(after, &2));
        assert!(!thrown_out.may_be_stale(before, &3));
        let now = thrown_out.ticket();
        assert!(!thrown_out.may_be_stale(now, &2));
        thrown_out.remember_all();
        assert!(thrown_out.may_be_stale(now, &3));
    }

    #[test]
    fn what_can_t_be_told_any_more_counts_as_stale() {
        let mut thrown_out = ThrownOut::default();
        let ticket = thrown_out.ticket();
        (0..REMEMBERED).for_each(|id| thrown_out.remember(id));
        assert!(!thrown_out.may_be_stale(ticket, &REMEMBERED));
        thrown_out.remember(0);
        assert!(thrown_out.may_be_stale(ticket, &REMEMBERED));
        assert_eq!(thrown_out.latest.len(), REMEMBERED);
    }
}
