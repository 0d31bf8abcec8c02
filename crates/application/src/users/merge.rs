//! Merging two users into one.

use chrono::{DateTime, Utc};
use systemprompt_users_domain::{
    EndReason, Event, EventKind, LockKey, MergeOptions, MergeResult, RefusedOperation, Result,
    UnitOfWork, User, UserError, UserId,
};

use super::UserService;
use crate::context::retry;

impl UserService {
    /// Merges `source` into `target`, which must both be live and differ. Session history and ban
    /// associations move, blanks of the target are filled, the source is deleted and its id resolves to the
    /// target from now on.
    ///
    /// Live sessions of the source end, and the target gains no roles, unless `options` say otherwise.
    ///
    /// # Errors
    /// `NotFound`, `NotAllowed` for a user and itself or a registered user into an anonymous one, `LastAdmin` when the source is the last active admin
    /// and the target does not become one, `InvalidRoles` when roles are gained that can't be held together.
    #[tracing::instrument(skip_all, fields(%source, %target), err(level = "debug"))]
    pub async fn merge_users(
        &self,
        source: UserId,
        target: UserId,
        options: MergeOptions,
    ) -> Result<MergeResult> {
        if source == target {
            return Err(UserError::NotAllowed("a user can't be merged into itself".into()));
        }
        retry(|| self.try_merge(source, target, options)).await
    }

    async fn try_merge(
        &self,
        source_id: UserId,
        target_id: UserId,
        options: MergeOptions,
    ) -> Result<MergeResult> {
        let now = self.context.now();
        let mut unit = self.context.write().await?;
        unit.lock(LockKey::Admins).await?;
        unit.lock(LockKey::Bans).await?;
        let (mut source, mut target) = lock_pair(&mut *unit, source_id, target_id).await?;
        source.check_merge_into(&target)?;
        self.context.check_version(&source)?;
        self.context.check_roles(source.roles)?;
        self.context.check_roles(target.roles)?;
        let lost_admin = source.is_active_admin();

        let changed = self.take_over(&mut target, &source, options, now)?;
        if lost_admin
            && !target.is_active_admin()
            && !unit.users().has_other_active_admin(&[source_id, target_id]).await?
        {
            let (operation, error) = (RefusedOperation::Merge, UserError::LastAdmin);
            let reason = error.code().to_owned();
            let kind = EventKind::ChangeRefused { user_id: source_id, operation, reason };
            unit.events().append(&[self.context.event(now, kind)]).await?;
            self.context.commit(unit).await?;
            return Err(error);
        }
        source.delete(now)?;
        source.merged_into = Some(target_id);
        source.mark_changed(now);
        target.mark_changed(now);

        let mut events = Vec::new();
        let mut sessions_ended = 0;
        // Only an active target can take sessions over; they would come alive with its activation.
        if !options.keep_sessions || !target.is_active() {
            let reason = EndReason::Merged;
            let ended = unit.sessions().end_all(&[source_id], None, reason, now).await?;
            sessions_ended = count(ended.len());
            events.extend(self.context.ended_events(&ended, reason, now));
        }
        let sessions_moved = unit.sessions().move_all(source_id, target_id).await?;
        let bans_moved = unit.bans().reassign_user(source_id, target_id).await?;
        unit.users().update_many(&[source, target.clone()]).await?;
        events.push(self.merged_event(source_id, target_id, (sessions_moved, bans_moved), now));
        events.extend(changed);
        unit.events().append(&events).await?;
        self.context.commit(unit).await?;
        Ok(MergeResult { source: source_id, target, sessions_moved, sessions_ended, bans_moved })
    }

    /// Gives the target what it takes over from the source. Returns an event for each kind of change.
    fn take_over(
        &self,
        target: &mut User,
        source: &User,
        options: MergeOptions,
        now: DateTime<Utc>,
    ) -> Result<Vec<Event>> {
        let (user_id, from) = (target.id, target.roles);
        let mut kinds = Vec::new();
        if options.gain_roles {
            let to = from.union(source.roles)?;
            if target.set_roles(to)? {
                kinds.push(EventKind::RolesChanged { user_id, from, to });
            }
        }
        let fields = target.fill_blanks_from(source);
        if !fields.is_empty() {
            kinds.push(EventKind::UserUpdated { user_id, fields });
        }
        Ok(kinds.into_iter().map(|kind| self.context.event(now, kind)).collect())
    }

    fn merged_event(
        &self,
        source: UserId,
        into: UserId,
        (sessions, bans): (u64, u64),
        now: DateTime<Utc>,
    ) -> Event {
        self.context.event(now, EventKind::UserMerged { user_id: source, into, sessions, bans })
    }
}

/// Both users, held in the order of their ids, so that two merges of one pair never wait for each other.
async fn lock_pair(
    unit: &mut dyn UnitOfWork,
    source: UserId,
    target: UserId,
) -> Result<(User, User)> {
    let mut users = unit.users().lock_many(&[source, target]).await?;
    let mut take = |id: UserId| {
        let place = users.iter().position(|user| user.id == id && user.is_live());
        place.map(|place| users.swap_remove(place)).ok_or_else(|| UserError::user_not_found(id))
    };
    Ok((take(source)?, take(target)?))
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
