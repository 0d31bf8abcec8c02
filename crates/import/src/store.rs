//! Storing rows of users, a batch at a time.

use systemprompt_users_application::{UserAdminService, UserService};
use systemprompt_users_domain::{
    BulkCreateOutcome, CreateUserParams, Email, OnExisting, Result, User, UserId, UserStatus,
};

use crate::{RowError, UserRow};

/// What became of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserStored {
    /// The user was created.
    Created(UserId),
    /// The user was there already, and is as it was.
    Existing(UserId),
    /// The user was there already, and was brought up to date.
    Changed(UserId),
    /// The row was left out.
    Refused(RowError),
}

/// Creates users, a batch in one unit of work.
#[derive(Debug, Clone)]
pub struct UserStore {
    /// On whose behalf.
    pub users: UserService,
    /// Finds users who are deleted.
    pub admin: UserAdminService,
    /// What to do with users who are there.
    pub on_existing: OnExisting,
}

impl UserStore {
    /// Stores a batch, and says of each row what became of it.
    ///
    /// # Errors
    /// `Storage`: then rows of this batch may be stored or not; the same may be stored again.
    pub async fn store(&self, rows: &[UserRow]) -> Result<Vec<UserStored>> {
        let plain: Vec<CreateUserParams> =
            rows.iter().filter(|row| row.is_plain()).map(|row| row.params.clone()).collect();
        let mut created = self.create(&plain).await?.into_iter();
        let mut stored = Vec::with_capacity(rows.len());
        for row in rows {
            stored.push(match row.is_plain() {
                true => created.next().unwrap_or_else(passed_over),
                false => self.store_special(row).await?,
            });
        }
        Ok(stored)
    }

    async fn create(&self, rows: &[CreateUserParams]) -> Result<Vec<UserStored>> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let report = self.users.bulk_create(rows, self.on_existing).await?;
        let outcomes = report.items.into_iter().map(|item| item.outcome);
        Ok(outcomes
            .map(|outcome| match outcome {
                BulkCreateOutcome::Created(id) => UserStored::Created(id),
                BulkCreateOutcome::Existing(id) => UserStored::Existing(id),
                BulkCreateOutcome::Changed(id) => UserStored::Changed(id),
                BulkCreateOutcome::Refused(error) => UserStored::Refused(error.into()),
            })
            .collect())
    }

    /// Stores a user who is suspended, deleted or on hold, as rows of an export may be.
    ///
    /// An existing user keeps status and hold; where the row says otherwise it is refused, so that nobody
    /// stays active, or unprotected, unnoticed.
    async fn store_special(&self, row: &UserRow) -> Result<UserStored> {
        let users = &self.users;
        if row.status == UserStatus::Deleted {
            return self.find_deleted(row).await;
        }
        if let Some(user) = users.find_by_name(&row.params.name).await? {
            if let Some(difference) = difference(&user, row) {
                return Ok(UserStored::Refused(difference));
            }
            return self.create_one(&row.params).await;
        }
        let report = users.bulk_create(std::slice::from_ref(&row.params), OnExisting::Keep).await?;
        match report.items.into_iter().next().map(|item| item.outcome) {
            Some(BulkCreateOutcome::Created(id)) => {
                if row.legal_hold {
                    users.set_legal_hold(id, true).await?;
                }
                if row.status == UserStatus::Suspended {
                    users.update_status(id, UserStatus::Suspended).await?;
                }
                Ok(UserStored::Created(id))
            }
            Some(BulkCreateOutcome::Refused(error)) => Ok(UserStored::Refused(error.into())),
            _ => Ok(UserStored::Refused(RowError::row("somebody else created it meanwhile"))),
        }
    }

    async fn create_one(&self, params: &CreateUserParams) -> Result<UserStored> {
        let stored = self.create(std::slice::from_ref(params)).await?.pop();
        Ok(stored.unwrap_or_else(passed_over))
    }

    /// A user who is deleted here too is as the row says; nobody is created only to be deleted.
    async fn find_deleted(&self, row: &UserRow) -> Result<UserStored> {
        let known = self.admin.find_any_status(&row.params.name).await?;
        let email = Email::parse(&row.params.email)?;
        let same = known.filter(|user| !user.is_live() && user.email == Some(email));
        if let Some(user) = same {
            return Ok(UserStored::Existing(user.id));
        }
        let reason = "is deleted; an import creates no deleted users";
        Ok(UserStored::Refused(RowError::new("status", reason)))
    }
}

fn passed_over() -> UserStored {
    UserStored::Refused(RowError::row("was passed over"))
}

/// Where an existing user is not what the row says.
fn difference(user: &User, row: &UserRow) -> Option<RowError> {
    if user.status != row.status {
        let reason = format!(
            "the user is there and {}; an import changes no status: suspend or activate the user",
            user.status
        );
        return Some(RowError::new("status", reason));
    }
    if user.legal_hold != row.legal_hold {
        let reason = "the user is there with another legal hold; an import changes none";
        return Some(RowError::new("legal_hold", reason));
    }
    None
}
