//! Users: the rows, and every index of them.

mod group;
mod inner;
mod list;
mod repository;
mod row;
mod search;

use std::sync::Arc;

#[cfg(test)]
pub(crate) use self::row::LOOKED_AT;
use imbl::OrdMap;
use systemprompt_users_domain::{
    Email, Fingerprint, StorageError, StorageResult, TimeRange, TokenHash, UniqueKey, User,
    UserFilter, UserId, UserName, UserRole, UserStatus, UserTally,
};

use self::group::Group;
use self::inner::InnerTexts;
use self::row::{
    ByDeletedEmail, ByDeletedName, ByDeletion, ByFingerprint, HeldToken, LiveEmail, LiveName,
    UserRow,
};
use crate::index::Index;
use crate::lookup::{Dated, Lookup};
use crate::place::{ByOwner, Identified, Spot, Timed};
use crate::time::{micros, moment};
use crate::walk::{Change, Direction, Span, range, walk};

/// All users. A clone shares everything.
#[derive(Clone, Default)]
pub(crate) struct UserTable {
    /// Every user, with the moment at which it was last seen.
    rows: Lookup<Dated<UserRow>>,
    groups: OrdMap<UserTally, Group>,
    names: Lookup<LiveName>,
    emails: Lookup<LiveEmail>,
    tokens: Lookup<HeldToken>,
    /// Active, anonymous users.
    fingerprints: Index<ByFingerprint>,
    deleted_names: Index<ByDeletedName>,
    deleted_emails: Index<ByDeletedEmail>,
    /// Deleted users without a legal hold.
    purgeable: Index<ByDeletion>,
    merged: Index<ByOwner>,
    inner: InnerTexts,
}

impl UserTable {
    /// The one place that knows which index holds which user.
    fn index(&mut self, row: &Arc<UserRow>, seen: i64, change: Change) {
        self.groups.entry(row.group()).or_default().index(row, seen, change);
        if row.is_live() {
            self.names.apply(change, LiveName::new(row));
            if row.email.is_some() {
                self.emails.apply(change, LiveEmail::new(row));
            }
        } else {
            change.apply(&mut self.deleted_names, ByDeletedName::new(row));
            if row.email.is_some() {
                change.apply(&mut self.deleted_emails, ByDeletedEmail::new(row));
            }
            if !row.legal_hold {
                change.apply(&mut self.purgeable, ByDeletion::new(row));
            }
        }
        if row.token_hash().is_some() {
            self.tokens.apply(change, HeldToken::new(row));
        }
        if row.status == UserStatus::Active && row.is_anonymous() && row.fingerprint().is_some() {
            change.apply(&mut self.fingerprints, ByFingerprint::new(row));
        }
        if let Some(target) = row.merged_into() {
            change.apply(&mut self.merged, ByOwner { owner: target.as_uuid(), id: row.uuid() });
        }
        self.inner.index(row, change);
        match change {
            Change::In => self.rows.insert(row, seen),
            Change::Out => self.rows.remove(row.uuid()),
        }
    }

    /// The key that `user` would take from another one.
    fn taken(&self, user: &User) -> Option<UniqueKey> {
        if self.entry(user.id).is_some() {
            Some(UniqueKey::Id)
        } else if self.takes_name(user) {
            Some(UniqueKey::Name)
        } else if self.takes_email(user) {
            Some(UniqueKey::Email)
        } else if self.takes_token(user) {
            Some(UniqueKey::Token)
        } else {
            None
        }
    }

    fn takes_name(&self, user: &User) -> bool {
        user.is_live() && self.holder_of_name(&user.name).is_some()
    }

    fn takes_email(&self, user: &User) -> bool {
        let email = user.email.as_ref().filter(|_| user.is_live());
        email.is_some_and(|email| self.holder_of_email(email).is_some())
    }

    fn takes_token(&self, user: &User) -> bool {
        user.token_hash.is_some_and(|hash| self.holder_of_token(&hash).is_some())
    }

    fn entry(&self, id: UserId) -> Option<(&Arc<UserRow>, i64)> {
        self.rows.get(id.as_uuid())
    }

    fn holder_of_name(&self, name: &UserName) -> Option<&Arc<UserRow>> {
        self.names.holder(name.canonical().as_bytes())
    }

    fn holder_of_email(&self, email: &Email) -> Option<&Arc<UserRow>> {
        self.emails.holder(email.as_str().as_bytes())
    }

    fn holder_of_token(&self, token: &TokenHash) -> Option<&Arc<UserRow>> {
        self.tokens.holder(token.as_bytes())
    }

    /// When the user was last seen.
    fn seen(&self, row: &Arc<UserRow>) -> i64 {
        self.rows.get(row.uuid()).map_or(0, |(_, seen)| seen)
    }

    fn user(&self, row: &Arc<UserRow>) -> User {
        row.to_user(self.seen(row))
    }

    pub(crate) fn find(&self, id: UserId) -> Option<User> {
        self.entry(id).map(|(row, seen)| row.to_user(seen))
    }

    pub(crate) fn status(&self, id: UserId) -> Option<UserStatus> {
        self.entry(id).map(|(row, _)| row.status)
    }

    fn find_by_email(&self, email: &Email) -> Option<User> {
        self.holder_of_email(email).map(|row| self.user(row))
    }

    fn find_by_name(&self, name: &UserName) -> Option<User> {
        self.holder_of_name(name).map(|row| self.user(row))
    }

    fn find_by_token(&self, token: &TokenHash) -> Option<User> {
        self.holder_of_token(token).map(|row| self.user(row))
    }

    fn find_deleted_by_email(&self, email: &Email) -> Option<User> {
        let key = range(&self.deleted_emails, &Span::of_text(email.as_str())).next_back()?;
        Some(self.user(&key.row))
    }

    fn find_deleted_by_name(&self, name: &UserName) -> Option<User> {
        let key = range(&self.deleted_names, &Span::of_text(name.canonical())).next_back()?;
        Some(self.user(&key.row))
    }

    fn find_by_fingerprint(&self, fingerprint: &Fingerprint) -> Option<User> {
        let key = range(&self.fingerprints, &Span::of_text(fingerprint.as_str())).next_back()?;
        Some(self.user(&key.row))
    }

    /// Takes new users in. Those who would take a key of another one stay out.
    fn insert(&mut self, users: &[User]) -> Vec<Result<(), UniqueKey>> {
        let outcomes = users.iter().map(|user| self.put(user, None)).collect();
        self.settle();
        outcomes
    }

    /// Takes a user in, in the place of `before` if that has gone out.
    fn put(&mut self, user: &User, before: Option<&UserRow>) -> Result<(), UniqueKey> {
        match self.taken(user) {
            Some(key) => Err(key),
            None => {
                let row = self.inner.row(user, before);
                self.index(&row, micros(user.last_active_at), Change::In);
                Ok(())
            }
        }
    }

    /// What is left to do when all users of a call have gone in and out.
    pub(crate) fn settle(&mut self) {
        let rows = &self.rows;
        self.inner.settle(|id| rows.get(id).map(|(row, _)| row));
    }

    /// Replaces users, all or none: a clone is changed, and takes the place of `self` when all went well.
    ///
    /// Those who take or free a key go out first, all of them, so that two may exchange their names. All
    /// others stand where they stood in most indexes, so they are put there instead.
    fn update(&mut self, users: &[User]) -> StorageResult<()> {
        let mut next = self.clone();
        let mut moving = Vec::new();
        for user in users {
            let (row, seen) = next.entry(user.id).ok_or(StorageError::Stale)?;
            if row.version.checked_add(1) != Some(user.version) {
                return Err(StorageError::Stale);
            }
            let row = Arc::clone(row);
            if row.holds_keys_of(user) {
                next.replace(&row, seen, user);
            } else {
                next.index(&row, seen, Change::Out);
                moving.push((user, row));
            }
        }
        let takers: Vec<&User> = moving.iter().map(|(user, _)| *user).collect();
        if let Some(key) = next.taken_by_any(&takers) {
            return Err(StorageError::Conflict { key, source: None });
        }
        for (user, before) in moving {
            next.put(user, Some(&before))
                .map_err(|key| StorageError::Conflict { key, source: None })?;
        }
        next.settle();
        *self = next;
        Ok(())
    }

    /// Of the names and emails that others hold, or that two of these users would share, the first of name, email.
    fn taken_by_any(&self, users: &[&User]) -> Option<UniqueKey> {
        let live = || users.iter().copied().filter(|user| user.is_live());
        let names = live().map(|user| user.name.canonical()).collect();
        let emails = live().filter_map(|user| user.email.as_ref()).map(Email::as_str).collect();
        if has_double(names) || users.iter().any(|user| self.takes_name(user)) {
            Some(UniqueKey::Name)
        } else if has_double(emails) || users.iter().any(|user| self.takes_email(user)) {
            Some(UniqueKey::Email)
        } else {
            None
        }
    }

    /// Puts a user in the place of its former row, which holds the same keys.
    fn replace(&mut self, before: &Arc<UserRow>, seen: i64, user: &User) {
        let row = self.inner.row(user, Some(before));
        let now = micros(user.last_active_at);
        let stays = row.is_live()
            && before.created() == row.created()
            && !before.is_anonymous()
            && !row.is_anonymous()
            && before.merged_into() == row.merged_into();
        if !stays {
            self.index(before, seen, Change::Out);
            self.index(&row, now, Change::In);
            return;
        }
        let same_group = before.group() == row.group();
        if same_group && seen == now && before.text_number() == row.text_number() {
            self.groups.entry(row.group()).or_default().replace(&row, now);
        } else {
            self.groups.entry(before.group()).or_default().index(before, seen, Change::Out);
            self.groups.entry(row.group()).or_default().index(&row, now, Change::In);
        }
        // A key that goes in takes the place of the one that stands there.
        self.names.apply(Change::In, LiveName::new(&row));
        if row.email.is_some() {
            self.emails.apply(Change::In, LiveEmail::new(&row));
        }
        if row.token_hash().is_some() {
            self.tokens.apply(Change::In, HeldToken::new(&row));
        }
        self.inner.index(before, Change::Out);
        self.inner.index(&row, Change::In);
        self.rows.insert(&row, now);
    }

    fn touch(&mut self, id: UserId, seen: i64) {
        let Some((row, before)) = self.entry(id) else { return };
        if before >= seen {
            return;
        }
        let row = Arc::clone(row);
        if let Some(group) = self.groups.get_mut(&row.group()) {
            group.by_seen.remove(&Timed::new(before, &row));
            group.by_seen.insert(Timed::new(seen, &row));
        }
        self.rows.insert(&row, seen);
    }

    /// Removes a user; those merged into it lose the reference. Whoever calls it settles.
    pub(crate) fn remove(&mut self, id: UserId) {
        let Some((row, seen)) = self.entry(id) else { return };
        let row = Arc::clone(row);
        self.index(&row, seen, Change::Out);
        for source in self.merged_into(id).collect::<Vec<_>>() {
            let Some((row, seen)) = self.entry(source) else { continue };
            let (row, user) = (Arc::clone(row), User { merged_into: None, ..row.to_user(seen) });
            self.index(&row, seen, Change::Out);
            let next = self.inner.row(&user, Some(&row));
            self.index(&next, seen, Change::In);
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
        let created = |row: &UserRow| filter.created.contains(moment(row.created()));
        seen.filter(|key| filter.created.is_unbounded() || created(&key.row)).count() as u64
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
        ids.any(|key| !except.contains(&key.row.id))
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
        let without_hold = seen.filter(|key| !key.row.legal_hold);
        without_hold.map(|key| key.row.to_user(key.time))
    }

    fn purgeable(&self, before: i64) -> impl Iterator<Item = User> {
        range(&self.purgeable, &Span::before(before)).map(|key| self.user(&key.row))
    }
}

fn has_double(mut keys: Vec<&str>) -> bool {
    keys.sort_unstable();
    keys.windows(2).any(|pair| matches!(pair, [a, b] if a == b))
}
