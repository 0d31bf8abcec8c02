//! Users: the rows, and every index of them.

mod group;
mod list;
mod repository;
mod row;
mod search;

use std::sync::Arc;

use imbl::{HashMap, OrdMap, OrdSet};
use systemprompt_users_domain::{
    Email, Fingerprint, StorageError, StorageResult, TimeRange, TokenHash, UniqueKey, User,
    UserFilter, UserId, UserName, UserRole, UserStatus, UserTally,
};

use self::group::Group;
use self::row::{
    ByDeletedEmail, ByDeletedName, ByDeletion, ByFingerprint, HeldToken, Known, LiveEmail,
    LiveName, UserRow,
};
use crate::place::{ByOwner, ByTime, Spot};
use crate::time::micros;
use crate::walk::{Change, Direction, Span, range, walk};

/// All users. A clone shares everything.
#[derive(Clone, Default)]
pub(crate) struct UserTable {
    /// Every user, with the moment at which it was last seen.
    rows: HashMap<Known, i64>,
    groups: OrdMap<UserTally, Group>,
    names: HashMap<LiveName, ()>,
    emails: HashMap<LiveEmail, ()>,
    tokens: HashMap<HeldToken, ()>,
    /// Active, anonymous users.
    fingerprints: OrdSet<ByFingerprint>,
    deleted_names: OrdSet<ByDeletedName>,
    deleted_emails: OrdSet<ByDeletedEmail>,
    /// Deleted users without a legal hold.
    purgeable: OrdSet<ByDeletion>,
    merged: OrdSet<ByOwner>,
}

impl UserTable {
    /// The one place that knows which index holds which user.
    fn index(&mut self, row: &Arc<UserRow>, seen: i64, change: Change) {
        let user = &row.user;
        self.groups.entry(row.group).or_default().index(row, seen, change);
        if user.is_live() {
            change.hash(&mut self.names, LiveName(Arc::clone(row)));
            if user.email.is_some() {
                change.hash(&mut self.emails, LiveEmail(Arc::clone(row)));
            }
        } else {
            change.order(&mut self.deleted_names, ByDeletedName(Arc::clone(row)));
            if user.email.is_some() {
                change.order(&mut self.deleted_emails, ByDeletedEmail(Arc::clone(row)));
            }
            if !user.legal_hold {
                change.order(&mut self.purgeable, ByDeletion(Arc::clone(row)));
            }
        }
        if user.token_hash.is_some() {
            change.hash(&mut self.tokens, HeldToken(Arc::clone(row)));
        }
        if user.is_active() && user.is_anonymous() && user.fingerprint.is_some() {
            change.order(&mut self.fingerprints, ByFingerprint(Arc::clone(row)));
        }
        if let Some(target) = user.merged_into {
            change.order(&mut self.merged, ByOwner { owner: target.as_uuid(), id: row.id() });
        }
        match change {
            Change::In => drop(self.rows.insert(Known(Arc::clone(row)), seen)),
            Change::Out => drop(self.rows.remove(&user.id)),
        }
    }

    /// The key that `user` would take from another one.
    fn taken(&self, user: &User) -> Option<UniqueKey> {
        let live = user.is_live();
        let email = user.email.as_ref().filter(|_| live);
        if self.rows.contains_key(&user.id) {
            Some(UniqueKey::Id)
        } else if live && self.names.contains_key(user.name.canonical()) {
            Some(UniqueKey::Name)
        } else if email.is_some_and(|email| self.emails.contains_key(email.as_str())) {
            Some(UniqueKey::Email)
        } else if user.token_hash.is_some_and(|hash| self.tokens.contains_key(&hash.as_bytes()[..]))
        {
            Some(UniqueKey::Token)
        } else {
            None
        }
    }

    fn entry(&self, id: UserId) -> Option<(&Arc<UserRow>, i64)> {
        self.rows.get_key_value(&id).map(|(known, seen)| (&known.0, *seen))
    }

    fn seen(&self, row: &UserRow) -> i64 {
        self.rows.get(&row.user.id).copied().unwrap_or_default()
    }

    fn user(&self, row: &Arc<UserRow>) -> User {
        row.to_user(self.seen(row))
    }

    pub(crate) fn find(&self, id: UserId) -> Option<User> {
        self.entry(id).map(|(row, seen)| row.to_user(seen))
    }

    pub(crate) fn status(&self, id: UserId) -> Option<UserStatus> {
        self.entry(id).map(|(row, _)| row.user.status)
    }

    fn find_by_email(&self, email: &Email) -> Option<User> {
        self.emails.get_key_value(email.as_str()).map(|(key, ())| self.user(&key.0))
    }

    fn find_by_name(&self, name: &UserName) -> Option<User> {
        self.names.get_key_value(name.canonical()).map(|(key, ())| self.user(&key.0))
    }

    fn find_by_token(&self, token: &TokenHash) -> Option<User> {
        self.tokens.get_key_value(&token.as_bytes()[..]).map(|(key, ())| self.user(&key.0))
    }

    fn find_deleted_by_email(&self, email: &Email) -> Option<User> {
        let key = range(&self.deleted_emails, &Span::of_text(email.as_str())).next_back()?;
        Some(self.user(&key.0))
    }

    fn find_deleted_by_name(&self, name: &UserName) -> Option<User> {
        let key = range(&self.deleted_names, &Span::of_text(name.canonical())).next_back()?;
        Some(self.user(&key.0))
    }

    fn find_by_fingerprint(&self, fingerprint: &Fingerprint) -> Option<User> {
        let key = range(&self.fingerprints, &Span::of_text(fingerprint.as_str())).next_back()?;
        Some(self.user(&key.0))
    }

    fn insert(&mut self, user: &User) -> Result<(), UniqueKey> {
        match self.taken(user) {
            Some(key) => Err(key),
            None => {
                let row = Arc::new(UserRow::new(user.clone()));
                self.index(&row, micros(user.last_active_at), Change::In);
                Ok(())
            }
        }
    }

    /// Replaces users, all or none: a clone is changed, and takes the place of `self` when all went well.
    fn update(&mut self, users: &[User]) -> StorageResult<()> {
        let mut next = self.clone();
        for user in users {
            let (row, seen) = next.entry(user.id).ok_or(StorageError::Stale)?;
            if row.user.version.checked_add(1) != Some(user.version) {
                return Err(StorageError::Stale);
            }
            let row = Arc::clone(row);
            next.index(&row, seen, Change::Out);
        }
        for user in users {
            next.insert(user).map_err(|key| StorageError::Conflict { key, source: None })?;
        }
        *self = next;
        Ok(())
    }

    fn touch(&mut self, id: UserId, seen: i64) {
        let Some((row, before)) = self.entry(id) else { return };
        if before >= seen {
            return;
        }
        let group = row.group;
        if let Some(group) = self.groups.get_mut(&group) {
            group.by_seen.remove(&ByTime { time: before, id: id.as_uuid() });
            group.by_seen.insert(ByTime { time: seen, id: id.as_uuid() });
        }
        if let Some(entry) = self.rows.get_mut(&id) {
            *entry = seen;
        }
    }

    /// Removes a user; those merged into it lose the reference.
    pub(crate) fn remove(&mut self, id: UserId) {
        let Some((row, seen)) = self.entry(id) else { return };
        let row = Arc::clone(row);
        self.index(&row, seen, Change::Out);
        for source in self.merged_into(id).collect::<Vec<_>>() {
            let Some((row, seen)) = self.entry(source) else { continue };
            let (row, user) = (Arc::clone(row), User { merged_into: None, ..row.user.clone() });
            self.index(&row, seen, Change::Out);
            self.index(&Arc::new(UserRow::new(user)), seen, Change::In);
        }
    }

    pub(crate) fn merged_into(&self, target: UserId) -> impl Iterator<Item = UserId> {
        range(&self.merged, &Span::of_owner(target.as_uuid())).map(|key| UserId::from_uuid(key.id))
    }

    fn matching<'a>(&'a self, filter: &'a UserFilter) -> impl Iterator<Item = &'a Group> {
        self.groups.iter().filter(|(tally, _)| tally.matches(filter)).map(|(_, group)| group)
    }

    fn count(&self, filter: &UserFilter) -> u64 {
        if filter.last_active.is_unbounded() {
            return self.matching(filter).map(|group| group.count(&filter.created)).sum();
        }
        let span = Span::of_times(&filter.last_active);
        let seen = self.matching(filter).flat_map(|group| range(&group.by_seen, &span));
        let created = |id| {
            self.entry(id).is_some_and(|(row, _)| filter.created.contains(row.user.created_at))
        };
        seen.filter(|key| filter.created.is_unbounded() || created(UserId::from_uuid(key.id)))
            .count() as u64
    }

    fn tally(&self, created: &TimeRange) -> Vec<UserTally> {
        let counted = self
            .groups
            .iter()
            .map(|(tally, group)| UserTally { count: group.count(created), ..*tally });
        counted.filter(|tally| tally.count > 0).collect()
    }

    /// Live, registered users by day of creation, in days since the epoch, from `first` to before `end`.
    fn signups(&self, first: i64, end: i64) -> OrdMap<i64, u64> {
        let mut days = OrdMap::new();
        let wanted = UserFilter::default();
        for (day, count) in self.matching(&wanted).flat_map(|group| group.created.days(first..end))
        {
            *days.entry(day).or_insert(0) += count;
        }
        days
    }

    fn has_other_active_admin(&self, except: &[UserId]) -> bool {
        let admins = UserFilter {
            statuses: vec![UserStatus::Active],
            ..UserFilter::by_role(UserRole::Admin)
        };
        let mut ids = self.matching(&admins).flat_map(|group| group.by_id.iter());
        ids.any(|key| !except.contains(&key.0.user.id))
    }

    /// Active, anonymous users without a legal hold, last seen before `idle_since`, least recently first.
    pub(crate) fn idle_anonymous<'a>(
        &'a self,
        idle_since: i64,
        after: Option<Spot<'a>>,
    ) -> impl Iterator<Item = User> + use<'a> {
        let idle =
            |tally: &UserTally| tally.status == UserStatus::Active && tally.roles.is_anonymous();
        let groups = self.groups.iter().filter(move |(tally, _)| idle(tally));
        let span = Span::before(idle_since).behind(after, Direction::Up);
        let seen = walk(groups.map(|(_, group)| &group.by_seen), &span, Direction::Up);
        let entries = seen.filter_map(|key| self.entry(UserId::from_uuid(key.id)));
        entries.filter(|(row, _)| !row.user.legal_hold).map(|(row, seen)| row.to_user(seen))
    }

    fn purgeable(&self, before: i64) -> impl Iterator<Item = User> {
        range(&self.purgeable, &Span::before(before)).map(|key| self.user(&key.0))
    }
}
