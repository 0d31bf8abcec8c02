//! Storing rows of users, a batch at a time.

use systemprompt_users_application::{ImportItem, Rehearsal, UserAdminService, UserService};
use systemprompt_users_domain::{BulkCreateOutcome, Email, OnExisting, Result, UserId, UserStatus};

use crate::{RowError, UserRow};

/// What became of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserStored {
    /// The user was created.
    Created(UserId),
    /// The user was there already, and is as it was; with what the row says otherwise and an import does not
    /// change.
    Existing(UserId, Option<String>),
    /// The user was there already, and was brought up to date; with what was not.
    Changed(UserId, Option<String>),
    /// The row was left out.
    Refused(RowError),
}

/// Creates users, a batch in one unit of work, and each row whole.
#[derive(Debug)]
pub struct UserStore {
    users: UserService,
    admin: UserAdminService,
    on_existing: OnExisting,
    rehearsal: Option<Rehearsal>,
}

impl UserStore {
    /// A store on behalf of whoever `users` acts for; `admin` finds users who are deleted.
    pub const fn new(users: UserService, admin: UserAdminService, on_existing: OnExisting) -> Self {
        Self { users, admin, on_existing, rehearsal: None }
    }

    /// Only tells what would become of the rows, by the same way; nothing is stored.
    #[must_use]
    pub fn rehearsing(self) -> Self {
        Self { rehearsal: Some(Rehearsal::new()), ..self }
    }

    /// Whether nothing is stored.
    pub const fn is_rehearsing(&self) -> bool {
        self.rehearsal.is_some()
    }

    /// Stores a batch, and says of each row what became of it.
    ///
    /// # Errors
    /// `Storage`: then no row of this batch is stored; the same may be stored again.
    pub async fn store(&mut self, rows: &[UserRow]) -> Result<Vec<UserStored>> {
        let is_deleted = |row: &UserRow| row.status == Some(UserStatus::Deleted);
        if !rows.iter().any(is_deleted) {
            return self.import(rows).await;
        }
        let others: Vec<UserRow> = rows.iter().filter(|row| !is_deleted(row)).cloned().collect();
        let mut imported = self.import(&others).await?.into_iter();
        let mut stored = Vec::with_capacity(rows.len());
        for row in rows {
            stored.push(if is_deleted(row) {
                self.find_deleted(row).await?
            } else {
                imported.next().unwrap_or_else(passed_over)
            });
        }
        Ok(stored)
    }

    async fn import(&mut self, rows: &[UserRow]) -> Result<Vec<UserStored>> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let rehearsal = self.rehearsal.as_mut();
        let report = self.users.bulk_import(rows, self.on_existing, rehearsal).await?;
        Ok(report.items.into_iter().map(UserStored::from).collect())
    }

    /// A user who is deleted here too is as the row says; nobody is created only to be deleted.
    async fn find_deleted(&self, row: &UserRow) -> Result<UserStored> {
        let known = self.admin.find_any_status(&row.params.name).await?;
        let email = Email::parse(&row.params.email)?;
        let same = known.filter(|user| !user.is_live() && user.email == Some(email));
        if let Some(user) = same {
            return Ok(UserStored::Existing(user.id, None));
        }
        let reason = "is deleted; an import creates no deleted users";
        Ok(UserStored::Refused(RowError::new("status", reason)))
    }
}

impl From<ImportItem> for UserStored {
    fn from(item: ImportItem) -> Self {
        let withheld = (!item.withheld.is_empty()).then(|| {
            format!("an import does not change {} of an existing user", item.withheld.join(", "))
        });
        match item.outcome {
            BulkCreateOutcome::Created(id) => Self::Created(id),
            BulkCreateOutcome::Existing(id) => Self::Existing(id, withheld),
            BulkCreateOutcome::Changed(id) => Self::Changed(id, withheld),
            BulkCreateOutcome::Refused(error) => Self::Refused(error.into()),
        }
    }
}

fn passed_over() -> UserStored {
    UserStored::Refused(RowError::row("was passed over"))
}
