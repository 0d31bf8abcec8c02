//! What an operator does: find anybody by whatever is at hand, make and unmake admins.

use systemprompt_users_domain::{
    DemoteResult, PromoteResult, Result, User, UserError, UserRef, UserRole,
};

use crate::{Context, UserService};

/// Finds users by id, email or name, and makes them admins or not.
#[derive(Debug, Clone)]
pub struct UserAdminService {
    context: Context,
}

crate::context::service_of_context!(UserAdminService);

impl UserAdminService {
    /// The same, promoting and demoting only from that version of the user; another one is `Stale`.
    #[must_use]
    pub fn at_version(&self, version: i64) -> Self {
        Self { context: self.context.clone().at_version(version) }
    }

    /// The live user of that id, email or name.
    ///
    /// # Errors
    /// `Validation` of `user` when the text can be none of these.
    pub async fn find(&self, reference: &str) -> Result<Option<User>> {
        Ok(self.find_any_status(reference).await?.filter(User::is_live))
    }

    /// The user of that id, email or name, deleted ones included; a live one comes first.
    ///
    /// # Errors
    /// `Validation` of `user` when the text can be none of these.
    pub async fn find_any_status(&self, reference: &str) -> Result<Option<User>> {
        self.users().find_by_reference(&reference.parse::<UserRef>()?).await
    }

    /// Makes a live, registered user an admin.
    ///
    /// # Errors
    /// `NotFound`, `InvalidRoles` for an anonymous user, `Stale`.
    pub async fn promote(&self, reference: &str) -> Result<PromoteResult> {
        let user = self.get(reference).await?;
        self.context.check_version(&user)?;
        if user.roles.contains(UserRole::Admin) {
            return Ok(PromoteResult::AlreadyAdmin(user));
        }
        self.users().assign_role(user.id, UserRole::Admin).await.map(PromoteResult::Promoted)
    }

    /// Takes the role admin away; a user without another role stays a `User`.
    ///
    /// # Errors
    /// `NotFound`, `LastAdmin`, `Stale`.
    pub async fn demote(&self, reference: &str) -> Result<DemoteResult> {
        let user = self.get(reference).await?;
        self.context.check_version(&user)?;
        if !user.roles.contains(UserRole::Admin) {
            return Ok(DemoteResult::NotAdmin(user));
        }
        self.users().revoke_admin(user.id).await.map(DemoteResult::Demoted)
    }

    async fn get(&self, reference: &str) -> Result<User> {
        self.find(reference).await?.ok_or_else(|| UserError::user_not_found(reference))
    }

    fn users(&self) -> UserService {
        self.context.clone().into()
    }
}
