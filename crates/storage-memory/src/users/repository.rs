//! The port for users.

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};
use systemprompt_users_domain::{
    Cursor, Email, Fingerprint, InsertOutcome, Page, PageRequest, PurgePreview, SearchText,
    SignupDay, StorageResult, TimeRange, TokenHash, User, UserFilter, UserId, UserName, UserOrder,
    UserRepository, UserTally,
};

use crate::cursor::time_of;
use crate::distinct;
use crate::histogram::DAY;
use crate::storage::MemoryUnit;
use crate::time::{micros, micros_from, moment};

#[async_trait]
impl UserRepository for MemoryUnit {
    async fn find_many(&mut self, ids: &[UserId]) -> StorageResult<Vec<User>> {
        let users = &self.state().users;
        if let [id] = ids {
            return Ok(users.find(*id).into_iter().collect());
        }
        Ok(distinct(ids).into_iter().filter_map(|id| users.find(id)).collect())
    }

    async fn lock_many(&mut self, ids: &[UserId]) -> StorageResult<Vec<User>> {
        self.change()?;
        self.find_many(ids).await
    }

    async fn find_by_emails(&mut self, emails: &[Email]) -> StorageResult<Vec<User>> {
        let users = &self.state().users;
        Ok(once_each(emails.iter().filter_map(|email| users.find_by_email(email))))
    }

    async fn find_by_names(&mut self, names: &[UserName]) -> StorageResult<Vec<User>> {
        let users = &self.state().users;
        Ok(once_each(names.iter().filter_map(|name| users.find_by_name(name))))
    }

    async fn find_deleted_by_email(&mut self, email: &Email) -> StorageResult<Option<User>> {
        Ok(self.state().users.find_deleted_by_email(email))
    }

    async fn find_deleted_by_name(&mut self, name: &UserName) -> StorageResult<Option<User>> {
        Ok(self.state().users.find_deleted_by_name(name))
    }

    async fn find_by_token(&mut self, token: &TokenHash) -> StorageResult<Option<User>> {
        Ok(self.state().users.find_by_token(token))
    }

    async fn find_anonymous_by_fingerprint(
        &mut self,
        fingerprint: &Fingerprint,
    ) -> StorageResult<Option<User>> {
        Ok(self.state().users.find_by_fingerprint(fingerprint))
    }

    async fn list(
        &mut self,
        filter: &UserFilter,
        order: UserOrder,
        page: &PageRequest,
    ) -> StorageResult<Page<User>> {
        self.state().users.list(filter, order, page)
    }

    async fn search(
        &mut self,
        text: &SearchText,
        filter: &UserFilter,
        page: &PageRequest,
    ) -> StorageResult<Page<User>> {
        self.state().users.search(text, filter, page)
    }

    async fn count(&mut self, filter: &UserFilter) -> StorageResult<u64> {
        Ok(self.state().users.count(filter))
    }

    async fn tally(&mut self, created: &TimeRange) -> StorageResult<Vec<UserTally>> {
        Ok(self.state().users.tally(created))
    }

    async fn signups_per_day(
        &mut self,
        first: NaiveDate,
        last: NaiveDate,
    ) -> StorageResult<Vec<SignupDay>> {
        let number =
            |day: NaiveDate| micros(day.and_time(chrono::NaiveTime::MIN).and_utc()).div_euclid(DAY);
        let days = self.state().users.signups(number(first), number(last) + 1);
        let day = |number: i64| moment(number.saturating_mul(DAY)).date_naive();
        Ok(days.into_iter().map(|(number, count)| SignupDay { day: day(number), count }).collect())
    }

    async fn has_other_active_admin(&mut self, except: &[UserId]) -> StorageResult<bool> {
        Ok(self.state().users.has_other_active_admin(except))
    }

    async fn insert_many(&mut self, users: &[User]) -> StorageResult<Vec<InsertOutcome>> {
        let outcomes = self.change()?.users.insert(users).into_iter();
        let outcome = |outcome: Result<(), _>| match outcome {
            Ok(()) => InsertOutcome::Inserted,
            Err(key) => InsertOutcome::Conflict(key),
        };
        Ok(outcomes.map(outcome).collect())
    }

    async fn update_many(&mut self, users: &[User]) -> StorageResult<()> {
        self.change()?.users.update(users)
    }

    async fn touch_many(&mut self, seen: &[(UserId, DateTime<Utc>)]) -> StorageResult<()> {
        let users = &mut self.change()?.users;
        for (id, time) in seen {
            users.touch(*id, micros(*time));
        }
        Ok(())
    }

    async fn list_idle_anonymous(
        &mut self,
        idle_since: DateTime<Utc>,
        now: DateTime<Utc>,
        after: Option<Cursor>,
        limit: u16,
    ) -> StorageResult<Vec<User>> {
        let state = self.state();
        let after = time_of(after.as_ref())?;
        let idle = state.users.idle_anonymous(micros_from(idle_since), after);
        let without_session = idle.filter(|user| !state.sessions.any_open(user.id, now));
        Ok(without_session.take(usize::from(limit)).collect())
    }

    async fn list_purgeable(
        &mut self,
        before: DateTime<Utc>,
        limit: u16,
    ) -> StorageResult<Vec<User>> {
        let users = &self.state().users;
        Ok(users.purgeable(micros_from(before)).take(usize::from(limit)).collect())
    }

    async fn preview_purge(&mut self, ids: &[UserId]) -> StorageResult<PurgePreview> {
        Ok(self.state().preview_purge(&distinct(ids)))
    }

    async fn purge_many(&mut self, ids: &[UserId]) -> StorageResult<PurgePreview> {
        Ok(self.change()?.purge(&distinct(ids)))
    }
}

fn once_each(users: impl Iterator<Item = User>) -> Vec<User> {
    let mut users: Vec<User> = users.collect();
    users.sort_unstable_by_key(|user| user.id);
    users.dedup_by_key(|user| user.id);
    users
}
