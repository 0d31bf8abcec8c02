//! The repository of users.

mod cell;
mod counts;
mod find;
mod grams;
mod index;
mod insert;
mod json;
mod list;
mod merge;
mod places;
mod purge;
mod refold;
mod row;
mod search;
mod update;

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};
use sqlx::SqliteConnection;
use systemprompt_users_domain::{
    Cursor, Email, Fingerprint, InsertOutcome, Page, PageRequest, PurgePreview, SearchText,
    SignupDay, StorageResult, TimeRange, TokenHash, User, UserFilter, UserId, UserName, UserOrder,
    UserRepository, UserTally,
};

pub(crate) use merge::tune as tune_index;
pub(crate) use refold::refold;
pub(crate) use row::UserRow;

use crate::error::storage_error;
use crate::unit::Unit;

#[async_trait]
impl UserRepository for Unit {
    async fn find_many(&mut self, ids: &[UserId]) -> StorageResult<Vec<User>> {
        find::by_ids(self.connection()?, ids).await
    }

    async fn lock_many(&mut self, ids: &[UserId]) -> StorageResult<Vec<User>> {
        self.check_holds_locks()?;
        find::by_ids(self.connection()?, ids).await
    }

    async fn find_by_emails(&mut self, emails: &[Email]) -> StorageResult<Vec<User>> {
        find::by_emails(self.connection()?, emails).await
    }

    async fn find_by_names(&mut self, names: &[UserName]) -> StorageResult<Vec<User>> {
        find::by_names(self.connection()?, names).await
    }

    async fn find_deleted_by_email(&mut self, email: &Email) -> StorageResult<Option<User>> {
        find::deleted_by_email(self.connection()?, email).await
    }

    async fn find_deleted_by_name(&mut self, name: &UserName) -> StorageResult<Option<User>> {
        find::deleted_by_name(self.connection()?, name).await
    }

    async fn find_by_token(&mut self, token: &TokenHash) -> StorageResult<Option<User>> {
        find::by_token(self.connection()?, token).await
    }

    async fn find_anonymous_by_fingerprint(
        &mut self,
        fingerprint: &Fingerprint,
    ) -> StorageResult<Option<User>> {
        find::anonymous_by_fingerprint(self.connection()?, fingerprint).await
    }

    async fn list(
        &mut self,
        filter: &UserFilter,
        order: UserOrder,
        page: &PageRequest,
    ) -> StorageResult<Page<User>> {
        let mut together = self.together().await?;
        let page = list::list(&mut together, filter, order, page).await?;
        together.commit().await.map_err(storage_error)?;
        Ok(page)
    }

    async fn search(
        &mut self,
        text: &SearchText,
        filter: &UserFilter,
        page: &PageRequest,
    ) -> StorageResult<Page<User>> {
        let mut together = self.together().await?;
        let page = search::search(&mut together, text, filter, page).await?;
        together.commit().await.map_err(storage_error)?;
        Ok(page)
    }

    async fn count(&mut self, filter: &UserFilter) -> StorageResult<u64> {
        counts::count(self.connection()?, filter).await
    }

    async fn tally(&mut self, created: &TimeRange) -> StorageResult<Vec<UserTally>> {
        counts::tallies(self.connection()?, created).await
    }

    async fn signups_per_day(
        &mut self,
        first: NaiveDate,
        last: NaiveDate,
    ) -> StorageResult<Vec<SignupDay>> {
        counts::signups_per_day(self.connection()?, first, last).await
    }

    async fn has_other_active_admin(&mut self, except: &[UserId]) -> StorageResult<bool> {
        find::other_active_admin(self.connection()?, except).await
    }

    async fn insert_many(&mut self, users: &[User]) -> StorageResult<Vec<InsertOutcome>> {
        let mut together = self.together().await?;
        let outcomes = insert::insert_many(&mut together, users).await?;
        together.commit().await.map_err(storage_error)?;
        Ok(outcomes)
    }

    async fn update_many(&mut self, users: &[User]) -> StorageResult<()> {
        let mut together = self.together().await?;
        update::update_many(&mut together, users).await?;
        together.commit().await.map_err(storage_error)
    }

    async fn touch_many(&mut self, seen: &[(UserId, DateTime<Utc>)]) -> StorageResult<()> {
        update::touch_many(self.connection()?, seen).await
    }

    async fn list_idle_anonymous(
        &mut self,
        idle_since: DateTime<Utc>,
        now: DateTime<Utc>,
        after: Option<Cursor>,
        limit: u16,
    ) -> StorageResult<Vec<User>> {
        purge::idle_anonymous(self.connection()?, idle_since, now, after.as_ref(), limit).await
    }

    async fn list_purgeable(
        &mut self,
        before: DateTime<Utc>,
        limit: u16,
    ) -> StorageResult<Vec<User>> {
        purge::purgeable(self.connection()?, before, limit).await
    }

    async fn preview_purge(&mut self, ids: &[UserId]) -> StorageResult<PurgePreview> {
        purge::preview(self.connection()?, ids).await
    }

    async fn purge_many(&mut self, ids: &[UserId]) -> StorageResult<PurgePreview> {
        let mut together = self.together().await?;
        let removed = purge::purge(&mut together, ids).await?;
        together.commit().await.map_err(storage_error)?;
        Ok(removed)
    }
}

/// How many users are put into the search index at a time.
const INDEX_STEP: i64 = 1000;

/// Fills the empty search index with the users that are there.
pub(crate) async fn index_everybody(connection: &mut SqliteConnection) -> StorageResult<()> {
    let mut behind = i64::MIN;
    loop {
        let rows = sqlx::query_as!(
            UserRow,
            "SELECT * FROM users WHERE place > ?1 ORDER BY place LIMIT ?2",
            behind,
            INDEX_STEP
        )
        .fetch_all(&mut *connection)
        .await
        .map_err(storage_error)?;
        let Some(last) = rows.last() else { return Ok(()) };
        behind = last.place;
        let entries = rows.iter().map(|row| index::Entry::of(row).map(index::Indexed::from));
        index::add(connection, &entries.collect::<StorageResult<Vec<_>>>()?).await?;
    }
}
