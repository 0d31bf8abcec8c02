//! The one way in which stored users are changed, single and in bulk.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use systemprompt_users_domain::{
    BulkItem, BulkOutcome, BulkReport, EndReason, EndedSession, Event, EventKind, LockKey,
    ProfileField, RefusedOperation, Result, UnitOfWork, User, UserError, UserId, UserStatus,
};

use super::UserService;
use crate::context::retry;

/// How many items a bulk operation takes.
pub const MAX_BULK_ITEMS: usize = 10_000;

/// What is done to each user: the event it amounts to, or `None` when the user is that way already.
pub(super) trait Change:
    Fn(&mut User, DateTime<Utc>) -> Result<Option<EventKind>> + Send + Sync
{
}

impl<F: Fn(&mut User, DateTime<Utc>) -> Result<Option<EventKind>> + Send + Sync> Change for F {}

/// Whether the change could leave no active admin.
#[derive(Debug, Clone, Copy)]
pub(super) enum Guard {
    /// It never makes anybody less than an active admin.
    Harmless,
    /// It may; what it is called when it is refused.
    MayRemoveAdmin(RefusedOperation),
}

/// What became of each id, and of the users that are there, in the order of the ids.
struct Changed {
    items: Vec<BulkItem>,
    users: HashMap<UserId, User>,
}

/// An attempt either succeeds or finds that it must hold the lock on admins.
enum Attempt {
    Done(Changed),
    NeedsAdminLock,
}

impl UserService {
    /// Changes one user and answers with it as it is now.
    pub(super) async fn change_one(
        &self,
        id: UserId,
        guard: Guard,
        change: impl Change,
    ) -> Result<User> {
        let change = |user: &mut User, now: DateTime<Utc>| {
            self.context.check_version(user)?;
            change(user, now)
        };
        let mut changed = self.change_each(&[id], guard, &change).await?;
        match changed.items.pop().map(|item| item.outcome) {
            Some(BulkOutcome::Refused(error)) => Err(error),
            _ => changed.users.remove(&id).ok_or_else(|| UserError::user_not_found(id)),
        }
    }

    /// Changes many users in one unit of work, as if one after the other.
    pub(super) async fn change_many(
        &self,
        ids: &[UserId],
        guard: Guard,
        change: impl Change,
    ) -> Result<BulkReport<BulkItem>> {
        check_bulk("ids", ids.len())?;
        let changed = self.change_each(ids, guard, &change).await?;
        Ok(BulkReport { items: changed.items })
    }

    async fn change_each(
        &self,
        ids: &[UserId],
        guard: Guard,
        change: &impl Change,
    ) -> Result<Changed> {
        match retry(|| self.try_change(ids, guard, change, false)).await? {
            Attempt::Done(changed) => Ok(changed),
            Attempt::NeedsAdminLock => {
                match retry(|| self.try_change(ids, guard, change, true)).await? {
                    Attempt::Done(changed) => Ok(changed),
                    Attempt::NeedsAdminLock => Err(UserError::Stale),
                }
            }
        }
    }

    async fn try_change(
        &self,
        ids: &[UserId],
        guard: Guard,
        change: &impl Change,
        lock_admins: bool,
    ) -> Result<Attempt> {
        let now = self.context.now();
        let mut unit = self.context.write().await?;
        if lock_admins {
            unit.lock(LockKey::Admins).await?;
        }
        let stored = unit.users().lock_many(ids).await?;
        let mut users: HashMap<UserId, User> =
            stored.into_iter().map(|user| (user.id, user)).collect();
        let mut admins = Admins::untouched();
        if let Guard::MayRemoveAdmin(operation) = guard
            && users.values().any(User::is_active_admin)
        {
            // The lock on admins comes before those on users, so it can't be taken now.
            if !lock_admins {
                return Ok(Attempt::NeedsAdminLock);
            }
            admins = Admins::load(&mut *unit, ids, &users, operation).await?;
        }

        let mut items = Vec::with_capacity(ids.len());
        let mut changes = Changes::default();
        for &id in ids {
            let outcome = match users.get_mut(&id) {
                None => BulkOutcome::Refused(UserError::user_not_found(id)),
                Some(user) => self.apply(user, now, change, &mut admins, &mut changes),
            };
            items.push(BulkItem { id, outcome });
        }

        let changed: Vec<User> =
            changes.ids.iter().filter_map(|id| users.get(id)).cloned().collect();
        if !changed.is_empty() {
            unit.users().update_many(&changed).await?;
            let ended = end_sessions(&mut *unit, &changed, now).await?;
            for (reason, ended) in ended {
                changes.events.extend(self.context.ended_events(&ended, reason, now));
            }
        }
        if !changes.events.is_empty() {
            unit.events().append(&changes.events).await?;
            self.context.commit(unit).await?;
        }
        Ok(Attempt::Done(Changed { items, users }))
    }

    /// Changes one user in memory, unless it may not be.
    fn apply(
        &self,
        user: &mut User,
        now: DateTime<Utc>,
        change: &impl Change,
        admins: &mut Admins,
        changes: &mut Changes,
    ) -> BulkOutcome {
        let mut next = user.clone();
        let changed = self.context.check_roles(user.roles).and_then(|()| change(&mut next, now));
        let changed = changed.and_then(|kind| self.context.check_roles(next.roles).map(|()| kind));
        let kind = match changed {
            Ok(Some(kind)) => kind,
            Ok(None) => return BulkOutcome::Unchanged,
            Err(error) => return BulkOutcome::Refused(error),
        };
        if user.is_active_admin()
            && !next.is_active_admin()
            && let Some(operation) = admins.refuses_to_lose_one()
        {
            let error = UserError::LastAdmin;
            let reason = error.code().to_owned();
            let refused = EventKind::ChangeRefused { user_id: user.id, operation, reason };
            changes.events.push(self.context.event(now, refused));
            return BulkOutcome::Refused(error);
        }
        next.mark_changed(now);
        let beside = told_beside(&kind, user, &next);
        *user = next;
        changes.ids.push(user.id);
        let kinds = std::iter::once(kind).chain(beside);
        changes.events.extend(kinds.map(|kind| self.context.event(now, kind)));
        BulkOutcome::Done
    }
}

/// What a change did beside what its event says by itself: a visitor may register with a full name, or without.
fn told_beside(kind: &EventKind, before: &User, next: &User) -> Option<EventKind> {
    let named =
        matches!(kind, EventKind::AnonymousPromoted { .. }) && before.full_name != next.full_name;
    named.then(|| EventKind::UserUpdated { user_id: next.id, fields: vec![ProfileField::FullName] })
}

/// What a pass over the ids has changed so far.
#[derive(Default)]
struct Changes {
    ids: Vec<UserId>,
    events: Vec<Event>,
}

/// How many active admins are left while a pass removes some.
struct Admins {
    /// `None` when nobody in the pass is an admin, so none can be lost.
    left: Option<(usize, RefusedOperation)>,
}

impl Admins {
    const fn untouched() -> Self {
        Self { left: None }
    }

    async fn load(
        unit: &mut dyn UnitOfWork,
        ids: &[UserId],
        users: &HashMap<UserId, User>,
        operation: RefusedOperation,
    ) -> Result<Self> {
        let inside = users.values().filter(|user| user.is_active_admin()).count();
        let outside = usize::from(unit.users().has_other_active_admin(ids).await?);
        Ok(Self { left: Some((inside + outside, operation)) })
    }

    /// Takes one away, unless it is the last: then says what is refused.
    fn refuses_to_lose_one(&mut self) -> Option<RefusedOperation> {
        match &mut self.left {
            Some((1, operation)) => Some(*operation),
            Some((left, _)) => {
                *left -= 1;
                None
            }
            None => None,
        }
    }
}

/// Ends the sessions of those users that may not sign in any more.
async fn end_sessions(
    unit: &mut dyn UnitOfWork,
    users: &[User],
    now: DateTime<Utc>,
) -> Result<Vec<(EndReason, Vec<EndedSession>)>> {
    let mut ended = Vec::new();
    for (status, reason) in
        [(UserStatus::Suspended, EndReason::Suspended), (UserStatus::Deleted, EndReason::Deleted)]
    {
        let ids: Vec<UserId> =
            users.iter().filter(|user| user.status == status).map(|user| user.id).collect();
        if !ids.is_empty() {
            ended.push((reason, unit.sessions().end_all(&ids, None, reason, now).await?));
        }
    }
    Ok(ended)
}

/// Bounds the number of items of a bulk operation.
pub(crate) fn check_bulk(field: &'static str, count: usize) -> Result<()> {
    if count > MAX_BULK_ITEMS {
        let message = format!("must be at most {MAX_BULK_ITEMS} items, got {count}");
        return Err(UserError::validation(field, message));
    }
    Ok(())
}
