//! Users: each method of the port, and the file where it is done.

mod cell;
mod copy;
mod count;
mod find;
mod insert;
pub(crate) mod list;
mod one;
mod purge;
pub(crate) mod refold;
mod row;
mod search;
mod search_anywhere;
pub(crate) mod search_index;
mod touch;
mod update;

pub(crate) use row::{UserRow, optional, token_hash};

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};
use systemprompt_users_domain::{
    Cursor, Email, Fingerprint, InsertOutcome, Page, PageRequest, PurgePreview, SearchText,
    SignupDay, StorageResult, TimeRange, TokenHash, User, UserFilter, UserId, UserName, UserOrder,
    UserRepository, UserTally,
};
use uuid::Uuid;

use crate::unit::Unit;

#[async_trait]
impl UserRepository for Unit {
    async fn find_many(&mut self, ids: &[UserId]) -> StorageResult<Vec<User>> {
        find::by_ids(self, ids).await
    }

    async fn lock_many(&mut self, ids: &[UserId]) -> StorageResult<Vec<User>> {
        find::lock(self, ids).await
    }

    async fn find_by_emails(&mut self, emails: &[Email]) -> StorageResult<Vec<User>> {
        find::by_emails(self, emails).await
    }

    async fn find_by_names(&mut self, names: &[UserName]) -> StorageResult<Vec<User>> {
        find::by_names(self, names).await
    }

    async fn find_deleted_by_email(&mut self, email: &Email) -> StorageResult<Option<User>> {
        find::deleted_by_email(self, email).await
    }

    async fn find_deleted_by_name(&mut self, name: &UserName) -> StorageResult<Option<User>> {
        find::deleted_by_name(self, name).await
    }

    async fn find_by_token(&mut self, token: &TokenHash) -> StorageResult<Option<User>> {
        find::by_token(self, token).await
    }

    async fn find_anonymous_by_fingerprint(
        &mut self,
        fingerprint: &Fingerprint,
    ) -> StorageResult<Option<User>> {
        find::anonymous_by_fingerprint(self, fingerprint).await
    }

    async fn list(
        &mut self,
        filter: &UserFilter,
        order: UserOrder,
        page: &PageRequest,
    ) -> StorageResult<Page<User>> {
        list::page(self, filter, order, page).await
    }

    async fn search(
        &mut self,
        text: &SearchText,
        filter: &UserFilter,
        page: &PageRequest,
    ) -> StorageResult<Page<User>> {
        search::page(self, text, filter, page).await
    }

    async fn count(&mut self, filter: &UserFilter) -> StorageResult<u64> {
        count::count(self, filter).await
    }

    async fn tally(&mut self, created: &TimeRange) -> StorageResult<Vec<UserTally>> {
        count::tally(self, created).await
    }

    async fn signups_per_day(
        &mut self,
        first: NaiveDate,
        last: NaiveDate,
    ) -> StorageResult<Vec<SignupDay>> {
        count::signups_per_day(self, first, last).await
    }

    async fn has_other_active_admin(&mut self, except: &[UserId]) -> StorageResult<bool> {
        find::has_other_active_admin(self, except).await
    }

    async fn insert_many(&mut self, users: &[User]) -> StorageResult<Vec<InsertOutcome>> {
        insert::many(self, users).await
    }

    async fn update_many(&mut self, users: &[User]) -> StorageResult<()> {
        update::many(self, users).await
    }

    async fn touch_many(&mut self, seen: &[(UserId, DateTime<Utc>)]) -> StorageResult<()> {
        touch::many(self, seen).await
    }

    async fn list_idle_anonymous(
        &mut self,
        idle_since: DateTime<Utc>,
        now: DateTime<Utc>,
        after: Option<Cursor>,
        limit: u16,
    ) -> StorageResult<Vec<User>> {
        list::idle_anonymous(self, idle_since, now, after, limit).await
    }

    async fn list_purgeable(
        &mut self,
        before: DateTime<Utc>,
        limit: u16,
    ) -> StorageResult<Vec<User>> {
        list::purgeable(self, before, limit).await
    }

    async fn preview_purge(&mut self, ids: &[UserId]) -> StorageResult<PurgePreview> {
        purge::preview(self, ids).await
    }

    async fn purge_many(&mut self, ids: &[UserId]) -> StorageResult<PurgePreview> {
        purge::many(self, ids).await
    }
}

/// The bare ids, to bind.
pub(crate) fn uuids(ids: &[UserId]) -> Vec<Uuid> {
    ids.iter().map(UserId::as_uuid).collect()
}
