//! Deletion, restoration, legal hold and purge.

use chrono::{DateTime, Duration, Utc};
use systemprompt_users_domain::{
    BulkItem, BulkReport, EventKind, PurgePreview, RefusedOperation, Result, User, UserError,
    UserId,
};

use super::UserService;
use super::engine::Guard;
use crate::context::retry;

const DELETE: Guard = Guard::MayRemoveAdmin(RefusedOperation::Delete);

impl UserService {
    /// Deletes a user softly: sessions end, name and email are free, [`restore`](Self::restore) undoes it.
    ///
    /// # Errors
    /// `NotFound`, `LastAdmin`.
    #[tracing::instrument(skip_all, fields(%id), err(level = "debug"))]
    pub async fn delete(&self, id: UserId) -> Result<User> {
        self.change_one(id, DELETE, delete).await
    }

    /// [`delete`](Self::delete) of many users.
    ///
    /// # Errors
    /// `Validation` of `ids` beyond 10,000; `Storage`, and then nothing is changed.
    #[tracing::instrument(skip_all, fields(ids = ids.len()), err(level = "debug"))]
    pub async fn bulk_delete(&self, ids: &[UserId]) -> Result<BulkReport<BulkItem>> {
        self.change_many(ids, DELETE, delete).await
    }

    /// Brings a deleted user back to the status before; its sessions stay ended.
    ///
    /// # Errors
    /// `NotFound` for an id that nobody has, `NotAllowed` when it is not deleted or was merged,
    /// `NameAlreadyExists` or `EmailAlreadyExists` when they have been taken since.
    #[tracing::instrument(skip_all, fields(%id), err(level = "debug"))]
    pub async fn restore(&self, id: UserId) -> Result<User> {
        self.change_one(id, Guard::Harmless, |user: &mut User, _: DateTime<Utc>| {
            user.restore()?;
            Ok(Some(EventKind::UserRestored { user_id: user.id, status: user.status }))
        })
        .await
    }

    /// Places a legal hold on a user of any status, or lifts it; under it a user is never purged.
    ///
    /// # Errors
    /// `NotFound`.
    #[tracing::instrument(skip_all, fields(%id, held), err(level = "debug"))]
    pub async fn set_legal_hold(&self, id: UserId, held: bool) -> Result<User> {
        self.change_one(id, Guard::Harmless, move |user: &mut User, _: DateTime<Utc>| {
            let changes = std::mem::replace(&mut user.legal_hold, held) != held;
            Ok(changes.then_some(EventKind::LegalHoldChanged { user_id: user.id, held }))
        })
        .await
    }

    /// What [`purge`](Self::purge) would remove: rows per table.
    ///
    /// # Errors
    /// `NotFound`; `NotAllowed` when it is not deleted; `LegalHold`.
    pub async fn preview_purge(&self, id: UserId) -> Result<PurgePreview> {
        let mut unit = self.context.read().await?;
        let user = unit.users().find_many(&[id]).await?.pop();
        check_purgeable(id, user.as_ref())?;
        Ok(unit.users().preview_purge(&[id]).await?)
    }

    /// Removes a deleted user and its sessions for good. Events stay: they hold no personal data.
    ///
    /// # Errors
    /// `NotFound`; `NotAllowed` when it is not deleted; `LegalHold`.
    #[tracing::instrument(skip_all, fields(%id), err(level = "debug"))]
    pub async fn purge(&self, id: UserId) -> Result<PurgePreview> {
        retry(|| async move {
            let mut unit = self.context.write().await?;
            let user = unit.users().lock_many(&[id]).await?.pop();
            check_purgeable(id, user.as_ref())?;
            if let Some(user) = &user {
                self.context.check_version(user)?;
                self.context.check_roles(user.roles)?;
            }
            let purged = unit.users().purge_many(&[id]).await?;
            let event =
                self.context.event(self.context.now(), EventKind::UserPurged { user_id: id });
            unit.events().append(&[event]).await?;
            self.context.commit(unit).await?;
            Ok(purged)
        })
        .await
    }

    /// How many users [`purge_deleted`](Self::purge_deleted) would remove next: at most one batch.
    ///
    /// # Errors
    /// `Validation` of `retention`.
    pub async fn list_purgeable(&self, retention: Duration) -> Result<Vec<User>> {
        let before = self.before(retention)?;
        let limit = self.context.policy().cleanup_batch;
        Ok(self.context.read().await?.users().list_purgeable(before, limit).await?)
    }

    /// Removes one batch of the users deleted longer than `retention` ago and not on hold. Answers how many
    /// it removed; zero is the end.
    ///
    /// # Errors
    /// `Validation` of `retention` that is not positive.
    #[tracing::instrument(skip_all, err(level = "debug"))]
    pub async fn purge_deleted(&self, retention: Duration) -> Result<u64> {
        let before = self.before(retention)?;
        retry(|| self.try_purge_deleted(before)).await
    }

    async fn try_purge_deleted(&self, before: DateTime<Utc>) -> Result<u64> {
        let mut unit = self.context.write().await?;
        let limit = self.context.policy().cleanup_batch;
        let listed = unit.users().list_purgeable(before, limit).await?;
        let listed: Vec<UserId> = listed.iter().map(|user| user.id).collect();
        // Between the list and the lock somebody may have restored one, or placed a hold.
        let locked = unit.users().lock_many(&listed).await?;
        let ids: Vec<UserId> = locked
            .iter()
            .filter(|user| check_purgeable(user.id, Some(user)).is_ok())
            .filter(|user| user.deleted_at.is_some_and(|deleted| deleted < before))
            .map(|user| user.id)
            .collect();
        if ids.is_empty() {
            return Ok(0);
        }
        let purged = unit.users().purge_many(&ids).await?;
        let now = self.context.now();
        let purge = |id: &UserId| self.context.event(now, EventKind::UserPurged { user_id: *id });
        unit.events().append(&ids.iter().map(purge).collect::<Vec<_>>()).await?;
        self.context.commit(unit).await?;
        Ok(purged.users)
    }

    /// The moment `retention` ago.
    pub(super) fn before(&self, retention: Duration) -> Result<DateTime<Utc>> {
        crate::context::moment_before("retention", self.context.now(), retention)
    }
}

fn delete(user: &mut User, now: DateTime<Utc>) -> Result<Option<EventKind>> {
    user.delete(now)?;
    Ok(Some(EventKind::UserDeleted { user_id: user.id }))
}

fn check_purgeable(id: UserId, user: Option<&User>) -> Result<()> {
    match user {
        None => Err(UserError::user_not_found(id)),
        Some(user) if user.legal_hold => Err(UserError::LegalHold(id)),
        Some(user) if user.is_live() => {
            Err(UserError::NotAllowed(format!("user `{id}` is not deleted; delete it first")))
        }
        Some(_) => Ok(()),
    }
}
