//! Sessions: the rows, and every index of them.

mod list;
mod repository;
mod row;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use imbl::OrdMap;
use systemprompt_users_domain::{
    EndReason, EndedSession, SessionActivity, SessionId, StorageError, StorageResult, TokenHash,
    UniqueKey, UserId, UserSession,
};

use self::row::{ByStart, Common, HeldToken, OfUser, SessionRow};
use crate::index::Index;
use crate::lookup::{Dated, Lookup};
use crate::place::{Identified, Timed};
use crate::time::{micros, micros_from, moment};
use crate::walk::{Change, Span, range};

/// All sessions. A clone shares everything.
#[derive(Clone, Default)]
pub(crate) struct SessionTable {
    /// Every session, with the moment at which it was last used.
    rows: Lookup<Dated<SessionRow>>,
    tokens: Lookup<HeldToken>,
    by_start: Index<ByStart>,
    by_use: Index<Timed<SessionRow>>,
    /// Those not ended, by user.
    open_of_user: Index<OfUser>,
    ended_of_user: Index<OfUser>,
    /// Those not ended, by the moment until which they are live.
    open_until: Index<Timed<SessionRow>>,
    ended: Index<Timed<SessionRow>>,
    /// What sessions have in common, and how many do.
    commons: OrdMap<Arc<Common>, u64>,
}

impl SessionTable {
    /// The one place that knows which index holds which session.
    fn index(&mut self, row: &Arc<SessionRow>, used: i64, change: Change) {
        self.tokens.apply(change, HeldToken::new(row));
        change.apply(&mut self.by_start, ByStart::new(row));
        change.apply(&mut self.by_use, Timed::new(used, row));
        self.index_of_user(row, used, change);
        self.count_common(row, change);
        match change {
            Change::In => self.rows.insert(row, used),
            Change::Out => self.rows.remove(row.uuid()),
        }
    }

    /// The indexes in which an open session stands elsewhere than one that has ended.
    fn index_of_user(&mut self, row: &Arc<SessionRow>, used: i64, change: Change) {
        match row.ended() {
            None => {
                change.apply(&mut self.open_of_user, OfUser::new(row));
                change.apply(&mut self.open_until, Timed::new(row.live_until(used), row));
            }
            Some(time) => {
                change.apply(&mut self.ended_of_user, OfUser::new(row));
                change.apply(&mut self.ended, Timed::new(time, row));
            }
        }
    }

    fn count_common(&mut self, row: &Arc<SessionRow>, change: Change) {
        match change {
            Change::In => *self.commons.entry(Arc::clone(&row.common)).or_insert(0) += 1,
            Change::Out => match self.commons.get_mut(&row.common) {
                Some(count) if *count > 1 => *count -= 1,
                _ => drop(self.commons.remove(&row.common)),
            },
        }
    }

    /// Puts a row in the place of another one of the same session, that has the same token, start and texts.
    fn replace(&mut self, old: &Arc<SessionRow>, used: i64, new: SessionRow) {
        let new = Arc::new(new);
        self.index_of_user(old, used, Change::Out);
        self.index_of_user(&new, used, Change::In);
        // A key that goes in takes the place of the one that stands there.
        self.tokens.apply(Change::In, HeldToken::new(&new));
        self.by_start.insert(ByStart::new(&new));
        self.by_use.insert(Timed::new(used, &new));
        self.rows.insert(&new, used);
    }

    fn insert(&mut self, session: &UserSession) -> StorageResult<()> {
        let taken = if self.entry(session.id).is_some() {
            Some(UniqueKey::Id)
        } else if self.holder_of_token(&session.token_hash).is_some() {
            Some(UniqueKey::Token)
        } else {
            None
        };
        if let Some(key) = taken {
            return Err(StorageError::Conflict { key, source: None });
        }
        let common = Arc::new(Common::of(session));
        let shared = self.commons.get_key_value(&common).map(|(shared, _)| Arc::clone(shared));
        let row = SessionRow::new(session, shared.unwrap_or(common));
        self.index(&Arc::new(row), micros(session.last_activity_at), Change::In);
        Ok(())
    }

    fn entry(&self, id: SessionId) -> Option<(&Arc<SessionRow>, i64)> {
        self.rows.get(id.as_uuid())
    }

    fn holder_of_token(&self, token: &TokenHash) -> Option<&Arc<SessionRow>> {
        self.tokens.holder(token.as_bytes())
    }

    /// When the session was last used.
    fn used(&self, row: &Arc<SessionRow>) -> i64 {
        self.rows.get(row.uuid()).map_or(0, |(_, used)| used)
    }

    fn find(&self, id: SessionId) -> Option<UserSession> {
        self.entry(id).map(|(row, used)| row.to_session(used))
    }

    fn find_by_token(&self, token: &TokenHash) -> Option<UserSession> {
        self.holder_of_token(token).map(|row| row.to_session(self.used(row)))
    }

    fn touch(&mut self, id: SessionId, time: DateTime<Utc>) {
        let Some((row, before)) = self.entry(id) else { return };
        let used = micros(time);
        if before >= used || !row.is_open(before, time) {
            return;
        }
        let row = Arc::clone(row);
        let steps = [
            (&mut self.by_use, before, used),
            (&mut self.open_until, row.live_until(before), row.live_until(used)),
        ];
        for (index, from, to) in steps.into_iter().filter(|(_, from, to)| from != to) {
            index.remove(&Timed::new(from, &row));
            index.insert(Timed::new(to, &row));
        }
        self.rows.insert(&row, used);
    }

    fn end(&mut self, id: SessionId, reason: EndReason, at: i64) -> Option<EndedSession> {
        let (row, used) = self.entry(id)?;
        if row.ended().is_some() {
            return None;
        }
        let row = Arc::clone(row);
        self.replace(&row, used, row.end(at, reason));
        Some(EndedSession { user_id: row.user_id, id })
    }

    fn open_rows(&self, user: UserId) -> impl DoubleEndedIterator<Item = &Arc<SessionRow>> {
        range(&self.open_of_user, &Span::of_owner(user.as_uuid())).map(|key| &key.row)
    }

    fn ended_rows(&self, user: UserId) -> impl DoubleEndedIterator<Item = &Arc<SessionRow>> {
        range(&self.ended_of_user, &Span::of_owner(user.as_uuid())).map(|key| &key.row)
    }

    fn open_ids(&self, user: UserId) -> impl Iterator<Item = SessionId> {
        self.open_rows(user).map(|row| row.id)
    }

    fn all_rows(&self, user: UserId) -> impl Iterator<Item = &Arc<SessionRow>> {
        self.open_rows(user).chain(self.ended_rows(user))
    }

    pub(crate) fn any_open(&self, user: UserId, now: DateTime<Utc>) -> bool {
        self.open_rows(user).any(|row| row.is_open(self.used(row), now))
    }

    pub(crate) fn count_of(&self, user: UserId) -> u64 {
        self.all_rows(user).count() as u64
    }

    pub(crate) fn remove_all_of(&mut self, user: UserId) -> u64 {
        let rows: Vec<_> = self.all_rows(user).cloned().collect();
        for row in &rows {
            self.index(row, self.used(row), Change::Out);
        }
        rows.len() as u64
    }

    fn move_all(&mut self, source: UserId, target: UserId) -> u64 {
        let rows: Vec<_> = self.all_rows(source).cloned().collect();
        for row in &rows {
            self.replace(row, self.used(row), row.moved(target));
        }
        rows.len() as u64
    }

    fn surplus(&self, user: UserId, keep: u16, now: DateTime<Utc>) -> Vec<SessionId> {
        let open = self.open_rows(user).map(|row| (self.used(row), row));
        let mut open: Vec<_> = open
            .filter(|(used, row)| row.is_open(*used, now))
            .map(|(used, row)| (used, row.id))
            .collect();
        open.sort_unstable_by(|a, b| b.cmp(a));
        open.into_iter().skip(usize::from(keep)).map(|(_, id)| id).collect()
    }

    fn activity(&self, user: UserId, now: DateTime<Utc>) -> SessionActivity {
        let mut activity = SessionActivity::default();
        for row in self.all_rows(user) {
            let used = self.used(row);
            activity.total += 1;
            activity.live += u64::from(row.is_open(used, now));
            activity.last_activity_at = activity.last_activity_at.max(Some(moment(used)));
        }
        activity
    }

    fn end_expired(&mut self, now: DateTime<Utc>, limit: u16) -> u64 {
        let over = range(&self.open_until, &Span::before(micros(now).saturating_add(1)));
        let over: Vec<_> = over.take(usize::from(limit)).cloned().collect();
        for key in &over {
            self.end(key.row.id, EndReason::Expired, key.time);
        }
        over.len() as u64
    }

    fn delete_ended(&mut self, before: DateTime<Utc>, limit: u16) -> u64 {
        let gone = range(&self.ended, &Span::before(micros_from(before)));
        let gone: Vec<_> = gone.take(usize::from(limit)).cloned().collect();
        for key in &gone {
            self.index(&key.row, self.used(&key.row), Change::Out);
        }
        gone.len() as u64
    }
}
