//! Lists of sessions: of one user or of all, live or any.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use systemprompt_users_domain::{
    Page, PageRequest, SessionFilter, SessionOrder, StorageResult, UserId, UserSession, UserStatus,
};

use super::SessionTable;
use super::row::{SessionRow, of_user};
use crate::cursor::time_of;
use crate::place::{Identified, Spot};
use crate::time::micros;
use crate::walk::{Direction, Span, collect_few, pick, range, walk};

type Rows<'a> = Vec<&'a Arc<SessionRow>>;

impl SessionTable {
    /// A page, given how to tell the status of a user.
    pub(super) fn list(
        &self,
        filter: &SessionFilter,
        order: SessionOrder,
        page: &PageRequest,
        status: impl Fn(UserId) -> Option<UserStatus>,
    ) -> StorageResult<Page<UserSession>> {
        let after = time_of(page.after.as_ref())?;
        let want = usize::from(page.limit.get()) + 1;
        let active = |user| status(user) == Some(UserStatus::Active);
        let live = |row: &&Arc<SessionRow>| {
            filter.live_at.is_none_or(|now| row.is_open(self.used(row), now) && active(row.user_id))
        };
        let rows = match (filter.user_id, order) {
            (Some(user), SessionOrder::Newest) => {
                let rows = self.newest_of(user, filter.live_at.is_some(), after);
                rows.filter(live).take(want).collect()
            }
            (Some(user), SessionOrder::RecentlyActive) => {
                let open = self.open_rows(user).filter(live);
                let any = filter.live_at.is_none().then(|| self.ended_rows(user));
                let rows = open.chain(any.into_iter().flatten()).collect();
                self.sorted(rows, order, after)
            }
            (None, SessionOrder::Newest) => {
                let span = Span::ALL.behind(after, Direction::Down);
                let rows = range(&self.by_start, &span).rev().map(|key| &key.row);
                pick(rows, live, want, || self.few_live(filter.live_at, live, order, after))
            }
            (None, SessionOrder::RecentlyActive) => {
                let span = Span::ALL.behind(after, Direction::Down);
                let rows = range(&self.by_use, &span).rev().map(|key| &key.row);
                pick(rows, live, want, || self.few_live(filter.live_at, live, order, after))
            }
        };
        let sessions = rows.into_iter().take(want).map(|row| row.to_session(self.used(row)));
        Ok(Page::from_rows(sessions.collect(), page.limit, |session| order.cursor(session)))
    }

    fn newest_of<'a>(
        &'a self,
        user: UserId,
        open_only: bool,
        after: Option<Spot<'a>>,
    ) -> impl Iterator<Item = &'a Arc<SessionRow>> {
        let after = after.map(|place| of_user(user, place));
        let span = Span::of_owner(user.as_uuid()).behind(after, Direction::Down);
        let ended = (!open_only).then_some(&self.ended_of_user);
        let indexes = std::iter::once(&self.open_of_user).chain(ended);
        walk(indexes, &span, Direction::Down).map(|key| &key.row)
    }

    /// All that are live, where they are few among many that are over but not ended yet.
    fn few_live<'a>(
        &'a self,
        now: Option<DateTime<Utc>>,
        live: impl Fn(&&'a Arc<SessionRow>) -> bool,
        order: SessionOrder,
        after: Option<Spot<'_>>,
    ) -> Option<Rows<'a>> {
        let keys = range(&self.open_until, &Span::since(micros(now?)));
        let rows = collect_few(keys.map(|key| &key.row))?;
        Some(self.sorted(rows.into_iter().filter(live).collect(), order, after))
    }

    fn sorted<'a>(&self, rows: Rows<'a>, order: SessionOrder, after: Option<Spot<'_>>) -> Rows<'a> {
        let place = |row: &'a Arc<SessionRow>| match order {
            SessionOrder::Newest => row.place_by_start(),
            SessionOrder::RecentlyActive => Spot::at_time(self.used(row), row.uuid()),
        };
        let mut placed: Vec<_> = rows.into_iter().map(|row| (place(row), row)).collect();
        placed.retain(|(place, _)| after.is_none_or(|after| *place < after));
        placed.sort_unstable_by(|(a, _), (b, _)| b.cmp(a));
        placed.into_iter().map(|(_, row)| row).collect()
    }
}
