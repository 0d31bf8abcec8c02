//! Creating registered users.

use chrono::{DateTime, Utc};
use systemprompt_users_domain::{
    BulkCreateOutcome, CreateUserParams, EventKind, InsertOutcome, NewUser, OnExisting, Result,
    User, UserError, UserId, UserStatus,
};

use super::UserService;
use super::look_alike::AdminNames;
use crate::context::retry;

/// What [`UserService::ensure`] found or did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EnsureResult {
    /// The user was created.
    Created(User),
    /// The user was there, and as asked for.
    Existing(User),
    /// The user was there and was brought up to date.
    Changed(User),
}

impl EnsureResult {
    /// The user, as it is now.
    pub fn into_user(self) -> User {
        match self {
            Self::Created(user) | Self::Existing(user) | Self::Changed(user) => user,
        }
    }
}

impl UserService {
    /// Creates a registered, active user.
    ///
    /// # Errors
    /// `Validation` of the field at fault, `InvalidRoles`, `NameAlreadyExists`, `EmailAlreadyExists`.
    #[tracing::instrument(skip_all, err(level = "debug"))]
    pub async fn create(&self, params: &CreateUserParams) -> Result<User> {
        let new = params.parse()?;
        self.context.check_roles(new.roles)?;
        self.context.policy().check_email(&new.email)?;
        retry(|| self.try_create_one(&new)).await
    }

    /// Creates the user if no live user of that name and email exists; otherwise brings full name, display
    /// name, avatar and bot mark to what `params` say, where they say something. Roles and status of an
    /// existing user are never touched.
    ///
    /// # Errors
    /// As for [`create`](Self::create); `NameAlreadyExists` or `EmailAlreadyExists` also when name and email
    /// belong to two users, or one of them to a user with another one.
    #[tracing::instrument(skip_all, err(level = "debug"))]
    pub async fn ensure(&self, params: &CreateUserParams) -> Result<EnsureResult> {
        let rows = std::slice::from_ref(params);
        let item = self.bulk_create(rows, OnExisting::Update).await?.items.pop();
        match item.map(|item| item.outcome) {
            Some(BulkCreateOutcome::Created(id)) => Ok(EnsureResult::Created(self.get(id).await?)),
            Some(BulkCreateOutcome::Existing(id)) => {
                Ok(EnsureResult::Existing(self.get(id).await?))
            }
            Some(BulkCreateOutcome::Changed(id)) => Ok(EnsureResult::Changed(self.get(id).await?)),
            Some(BulkCreateOutcome::Refused(error)) => Err(error),
            None => Err(UserError::validation("rows", "must be one row")),
        }
    }

    async fn try_create_one(&self, new: &NewUser) -> Result<User> {
        let now = self.context.now();
        let user = self.new_user(new.clone(), now);
        let mut unit = self.context.write().await?;
        AdminNames::load(&mut *unit).await?.check(None, &user.name)?;
        let outcome = unit.users().insert_many(std::slice::from_ref(&user)).await?;
        if let Some(InsertOutcome::Conflict(key)) = outcome.first() {
            return Err(UserError::from(*key));
        }
        let created = EventKind::UserCreated { user_id: user.id, roles: user.roles };
        unit.events().append(&[self.context.event(now, created)]).await?;
        self.context.commit(unit).await?;
        Ok(user)
    }

    /// A new user, as it is stored.
    pub(super) fn new_user(&self, new: NewUser, now: DateTime<Utc>) -> User {
        User {
            id: UserId::generate(now, self.context.entropy()),
            name: new.name,
            email: Some(new.email),
            email_verified: new.email_verified,
            full_name: new.full_name,
            display_name: new.display_name,
            avatar_url: new.avatar_url,
            status: UserStatus::Active,
            roles: new.roles,
            is_bot: new.is_bot,
            fingerprint: None,
            token_hash: None,
            created_at: now,
            updated_at: now,
            last_active_at: now,
            deleted_at: None,
            status_before_delete: None,
            merged_into: None,
            legal_hold: false,
            version: 1,
        }
    }
}
