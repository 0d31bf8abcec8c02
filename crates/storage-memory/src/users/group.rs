//! Users who share status, roles and marks, in every order in which they are listed.

use std::ops::{Bound, Range};
use std::sync::Arc;

use crate::index::Index;
use systemprompt_users_domain::TimeRange;
use uuid::Uuid;

use super::row::{ByCreated, ById, ByName, ByText, UserRow};
use crate::histogram::Histogram;
use crate::place::{Spot, Timed};
use crate::time::micros_from;
use crate::walk::{Change, Span, range};

/// The users of one tally.
///
/// There are few groups, and a filter either wants all users of a group or none, its time ranges aside.
/// So a list merges the groups it wants and never wades through users it does not.
#[derive(Clone, Default)]
pub(crate) struct Group {
    pub(crate) by_id: Index<ById>,
    pub(crate) by_created: Index<ByCreated>,
    pub(crate) by_seen: Index<Timed<UserRow>>,
    pub(crate) by_name: Index<ByName>,
    pub(crate) by_text: Index<ByText>,
    pub(crate) created: Histogram,
}

impl Group {
    /// Takes a user in, or lets it go.
    pub(crate) fn index(&mut self, row: &Arc<UserRow>, seen: i64, change: Change) {
        self.order(row, seen, change);
        match change {
            Change::In => self.created.add(row.created()),
            Change::Out => self.created.remove(row.created()),
        }
    }

    /// Takes a row in, in the place of another one of the same user with the same texts, seen at the same time.
    pub(crate) fn replace(&mut self, row: &Arc<UserRow>, seen: i64) {
        self.order(row, seen, Change::In);
    }

    fn order(&mut self, row: &Arc<UserRow>, seen: i64, change: Change) {
        change.apply(&mut self.by_id, ById::new(row));
        change.apply(&mut self.by_created, ByCreated::new(row));
        change.apply(&mut self.by_seen, Timed::new(seen, row));
        change.apply(&mut self.by_name, ByName::new(row));
        for text in row.texts() {
            change.apply(&mut self.by_text, text);
        }
    }

    /// How many of its users were created in `created`.
    pub(crate) fn count(&self, created: &TimeRange) -> u64 {
        if created.is_unbounded() {
            return self.by_id.len() as u64;
        }
        let from = created.from.map_or(i64::MIN, micros_from);
        let until = created.until.map_or(i64::MAX, micros_from);
        let walk = |edge: Range<i64>| {
            if edge.is_empty() {
                return 0;
            }
            let span = Span {
                from: Bound::Included(Spot::at_time(edge.start, Uuid::nil())),
                until: Bound::Excluded(Spot::at_time(edge.end, Uuid::nil())),
            };
            range(&self.by_created, &span).count() as u64
        };
        self.created.count(from..until, walk)
    }
}
