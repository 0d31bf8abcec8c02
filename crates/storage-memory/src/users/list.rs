//! Lists of users, in each order.

use std::sync::Arc;

use systemprompt_users_domain::{
    Page, PageRequest, StorageResult, TimeRange, User, UserFilter, UserOrder,
};

use super::UserTable;
use super::row::UserRow;
use crate::cursor::{text_of, time_of};
use crate::place::{Identified, Spot};
use crate::time::moment;
use crate::walk::{Direction, Span, collect_few, pick, range, walk};

impl UserTable {
    pub(super) fn list(
        &self,
        filter: &UserFilter,
        order: UserOrder,
        page: &PageRequest,
    ) -> StorageResult<Page<User>> {
        let direction = direction(order);
        let after = match order {
            UserOrder::Name => text_of(page.after.as_ref())?,
            UserOrder::Newest | UserOrder::Oldest | UserOrder::RecentlyActive => {
                time_of(page.after.as_ref())?
            }
        };
        let want = usize::from(page.limit.get()) + 1;
        let keep = |row: &&Arc<UserRow>| self.in_range(row, filter);
        let few = || self.few(filter, order, after);
        let groups = self.matching(filter);
        let rows = match order {
            UserOrder::Newest | UserOrder::Oldest => {
                let span = Span::of_times(&filter.created).behind(after, direction);
                let keys = walk(groups.map(|group| &group.by_created), &span, direction);
                pick(keys.map(|key| &key.row), keep, want, few)
            }
            UserOrder::RecentlyActive => {
                let span = Span::of_times(&filter.last_active).behind(after, direction);
                let keys = walk(groups.map(|group| &group.by_seen), &span, direction);
                pick(keys.map(|key| &key.row), keep, want, few)
            }
            UserOrder::Name => {
                let span = Span::ALL.behind(after, direction);
                let keys = walk(groups.map(|group| &group.by_name), &span, direction);
                pick(keys.map(|key| &key.row), keep, want, few)
            }
        };
        let users = rows.into_iter().map(|row| self.user(row)).collect();
        Ok(Page::from_rows(users, page.limit, |user| order.cursor(user)))
    }

    /// Whether a user of a matching group meets the time ranges of the filter too.
    pub(super) fn in_range(&self, row: &Arc<UserRow>, filter: &UserFilter) -> bool {
        filter.created.contains(moment(row.created()))
            && (filter.last_active.is_unbounded()
                || filter.last_active.contains(moment(self.seen(row))))
    }

    /// All users of the filter, where one of its time ranges holds few.
    pub(super) fn in_short_range<'a>(
        &'a self,
        filter: &'a UserFilter,
    ) -> Option<Vec<&'a Arc<UserRow>>> {
        let bounded = |range: &TimeRange| !range.is_unbounded();
        let by_created = bounded(&filter.created).then(|| {
            let span = Span::of_times(&filter.created);
            let keys = self.matching(filter).flat_map(|group| range(&group.by_created, &span));
            collect_few(keys.map(|key| &key.row))
        });
        let rows = by_created.flatten().or_else(|| {
            let span = Span::of_times(&filter.last_active);
            let groups = bounded(&filter.last_active).then(|| self.matching(filter))?;
            let keys = groups.flat_map(|group| range(&group.by_seen, &span));
            collect_few(keys.map(|key| &key.row))
        });
        rows.map(|rows| rows.into_iter().filter(|row| self.in_range(row, filter)).collect())
    }

    fn few<'a>(
        &'a self,
        filter: &'a UserFilter,
        order: UserOrder,
        after: Option<Spot<'_>>,
    ) -> Option<Vec<&'a Arc<UserRow>>> {
        let mut placed: Vec<_> = self
            .in_short_range(filter)?
            .into_iter()
            .map(|row| (self.spot(row, order), row))
            .collect();
        match direction(order) {
            Direction::Up => {
                placed.retain(|(spot, _)| after.is_none_or(|after| *spot > after));
                placed.sort_unstable_by_key(|(spot, _)| *spot);
            }
            Direction::Down => {
                placed.retain(|(spot, _)| after.is_none_or(|after| *spot < after));
                placed.sort_unstable_by(|(a, _), (b, _)| b.cmp(a));
            }
        }
        Some(placed.into_iter().map(|(_, row)| row).collect())
    }

    fn spot<'a>(&self, row: &'a Arc<UserRow>, order: UserOrder) -> Spot<'a> {
        match order {
            UserOrder::Newest | UserOrder::Oldest => Spot::at_time(row.created(), row.uuid()),
            UserOrder::RecentlyActive => Spot::at_time(self.seen(row), row.uuid()),
            UserOrder::Name => Spot::at_text(row.name.canonical(), row.uuid()),
        }
    }
}

const fn direction(order: UserOrder) -> Direction {
    match order {
        UserOrder::Newest | UserOrder::RecentlyActive => Direction::Down,
        UserOrder::Oldest | UserOrder::Name => Direction::Up,
    }
}
