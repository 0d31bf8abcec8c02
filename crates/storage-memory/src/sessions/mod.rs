//! Sessions: the rows, and every index of them.

mod list;
mod repository;
mod row;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use imbl::{HashMap, OrdSet};
use systemprompt_users_domain::{
    EndReason, EndedSession, SessionActivity, SessionId, StorageError, StorageResult, TokenHash,
    UniqueKey, UserId, UserSession,
};

use self::row::{ByStart, Client, HeldToken, Known, OfUser, SessionRow};
use crate::place::ByTime;
use crate::time::{micros, micros_from, moment};
use crate::walk::{Change, Span, range};

/// All sessions. A clone shares everything.
#[derive(Clone, Default)]
pub(crate) struct SessionTable {
    /// Every session, with the moment at which it was last used.
    rows: HashMap<Known, i64>,
    tokens: HashMap<HeldToken, ()>,
    by_start: OrdSet<ByStart>,
    by_use: OrdSet<ByTime>,
    /// Those not ended, by user.
    open_of_user: OrdSet<OfUser>,
    ended_of_user: OrdSet<OfUser>,
    /// Those not ended, by the moment until which they are live.
    open_until: OrdSet<ByTime>,
    ended: OrdSet<ByTime>,
    /// What clients say they are, and how many sessions share it.
    clients: HashMap<Arc<Client>, u64>,
}

impl SessionTable {
    /// The one place that knows which index holds which session.
    fn index(&mut self, row: &Arc<SessionRow>, used: i64, change: Change) {
        let id = row.id.as_uuid();
        change.hash(&mut self.tokens, HeldToken(Arc::clone(row)));
        change.order(&mut self.by_start, ByStart(Arc::clone(row)));
        change.order(&mut self.by_use, ByTime { time: used, id });
        match row.ended {
            None => {
                change.order(&mut self.open_of_user, OfUser(Arc::clone(row)));
                change.order(&mut self.open_until, ByTime { time: row.live_until(used), id });
            }
            Some(time) => {
                change.order(&mut self.ended_of_user, OfUser(Arc::clone(row)));
                change.order(&mut self.ended, ByTime { time, id });
            }
        }
        match change {
            Change::In => {
                *self.clients.entry(Arc::clone(&row.client)).or_insert(0) += 1;
                self.rows.insert(Known(Arc::clone(row)), used);
            }
            Change::Out => {
                match self.clients.get_mut(&row.client) {
                    Some(count) if *count > 1 => *count -= 1,
                    _ => drop(self.clients.remove(&row.client)),
                }
                self.rows.remove(&row.id);
            }
        }
    }

    /// Puts a changed row in the place of another.
    fn replace(&mut self, old: &Arc<SessionRow>, used: i64, new: SessionRow) {
        self.index(old, used, Change::Out);
        self.index(&Arc::new(new), used, Change::In);
    }

    fn insert(&mut self, session: &UserSession) -> StorageResult<()> {
        let taken = if self.rows.contains_key(&session.id) {
            Some(UniqueKey::Id)
        } else if self.tokens.contains_key(&session.token_hash.as_bytes()[..]) {
            Some(UniqueKey::Token)
        } else {
            None
        };
        if let Some(key) = taken {
            return Err(StorageError::Conflict { key, source: None });
        }
        let client = Arc::new(Client::of(session));
        let shared = self.clients.get_key_value(&client).map(|(shared, _)| Arc::clone(shared));
        let row = SessionRow::new(session, shared.unwrap_or(client));
        self.index(&Arc::new(row), micros(session.last_activity_at), Change::In);
        Ok(())
    }

    fn entry(&self, id: SessionId) -> Option<(&Arc<SessionRow>, i64)> {
        self.rows.get_key_value(&id).map(|(known, used)| (&known.0, *used))
    }

    fn used(&self, row: &SessionRow) -> i64 {
        self.rows.get(&row.id).copied().unwrap_or_default()
    }

    fn find(&self, id: SessionId) -> Option<UserSession> {
        self.entry(id).map(|(row, used)| row.to_session(used))
    }

    fn find_by_token(&self, token: &TokenHash) -> Option<UserSession> {
        let (key, ()) = self.tokens.get_key_value(&token.as_bytes()[..])?;
        Some(key.0.to_session(self.used(&key.0)))
    }

    fn touch(&mut self, id: SessionId, time: DateTime<Utc>) {
        let Some((row, before)) = self.entry(id) else { return };
        let used = micros(time);
        if before >= used || !row.is_open(before, time) {
            return;
        }
        let row = Arc::clone(row);
        let key = id.as_uuid();
        self.by_use.remove(&ByTime { time: before, id: key });
        self.by_use.insert(ByTime { time: used, id: key });
        let (until_before, until) = (row.live_until(before), row.live_until(used));
        if until_before != until {
            self.open_until.remove(&ByTime { time: until_before, id: key });
            self.open_until.insert(ByTime { time: until, id: key });
        }
        if let Some(entry) = self.rows.get_mut(&id) {
            *entry = used;
        }
    }

    fn end(&mut self, id: SessionId, reason: EndReason, at: i64) -> Option<EndedSession> {
        let (row, used) = self.entry(id)?;
        if row.ended.is_some() {
            return None;
        }
        let row = Arc::clone(row);
        self.replace(&row, used, row.ended(at, reason));
        Some(EndedSession { user_id: row.user_id, id })
    }

    fn open_rows(&self, user: UserId) -> impl DoubleEndedIterator<Item = &Arc<SessionRow>> {
        range(&self.open_of_user, &Span::of_owner(user.as_uuid())).map(|key| &key.0)
    }

    fn ended_rows(&self, user: UserId) -> impl DoubleEndedIterator<Item = &Arc<SessionRow>> {
        range(&self.ended_of_user, &Span::of_owner(user.as_uuid())).map(|key| &key.0)
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
        let over: Vec<ByTime> = over.take(usize::from(limit)).copied().collect();
        for key in &over {
            self.end(SessionId::from_uuid(key.id), EndReason::Expired, key.time);
        }
        over.len() as u64
    }

    fn delete_ended(&mut self, before: DateTime<Utc>, limit: u16) -> u64 {
        let gone = range(&self.ended, &Span::before(micros_from(before)));
        let gone: Vec<ByTime> = gone.take(usize::from(limit)).copied().collect();
        for key in &gone {
            let entry =
                self.entry(SessionId::from_uuid(key.id)).map(|(row, used)| (Arc::clone(row), used));
            if let Some((row, used)) = entry {
                self.index(&row, used, Change::Out);
            }
        }
        gone.len() as u64
    }
}
