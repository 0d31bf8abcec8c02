//! Changing roles. No change is lost, whoever changes at the same time.

use chrono::{DateTime, Utc};
use systemprompt_users_domain::{
    BulkItem, BulkReport, EventKind, RefusedOperation, Result, Roles, User, UserError, UserId,
    UserRole,
};

use super::UserService;
use super::engine::Guard;

const CHANGE_ROLES: Guard = Guard::MayRemoveAdmin(RefusedOperation::ChangeRoles);

impl UserService {
    /// Replaces all roles of a live user.
    ///
    /// # Errors
    /// `NotFound`, `InvalidRoles`, `LastAdmin`.
    #[tracing::instrument(skip_all, fields(%id), err(level = "debug"))]
    pub async fn assign_roles(&self, id: UserId, roles: &[UserRole]) -> Result<User> {
        let roles = Roles::new(roles.iter().copied())?;
        self.change_one(id, CHANGE_ROLES, to_roles(move |_| Ok(roles))).await
    }

    /// Gives a role to a live user; nothing changes when the user holds it.
    ///
    /// # Errors
    /// `NotFound`, `InvalidRoles`.
    #[tracing::instrument(skip_all, fields(%id, %role), err(level = "debug"))]
    pub async fn assign_role(&self, id: UserId, role: UserRole) -> Result<User> {
        self.change_one(id, Guard::Harmless, to_roles(move |roles| roles.with(role))).await
    }

    /// Takes a role from a live user; nothing changes when the user does not hold it.
    ///
    /// # Errors
    /// `NotFound`, `InvalidRoles` for the only role, `LastAdmin`.
    #[tracing::instrument(skip_all, fields(%id, %role), err(level = "debug"))]
    pub async fn revoke_role(&self, id: UserId, role: UserRole) -> Result<User> {
        self.change_one(id, CHANGE_ROLES, to_roles(move |roles| roles.without(role))).await
    }

    /// [`assign_role`](Self::assign_role) of many users.
    ///
    /// # Errors
    /// `Validation` of `ids` beyond 10,000; `Storage`, and then nothing is changed.
    #[tracing::instrument(skip_all, fields(ids = ids.len(), %role), err(level = "debug"))]
    pub async fn bulk_assign_role(
        &self,
        ids: &[UserId],
        role: UserRole,
    ) -> Result<BulkReport<BulkItem>> {
        self.change_many(ids, Guard::Harmless, to_roles(move |roles| roles.with(role))).await
    }

    /// Takes the role admin from a live user; one who has no other role stays a `User`.
    pub(crate) async fn revoke_admin(&self, id: UserId) -> Result<User> {
        let change = to_roles(|roles| match roles.without(UserRole::Admin) {
            Err(UserError::InvalidRoles(_)) => Ok(Roles::USER),
            other => other,
        });
        self.change_one(id, CHANGE_ROLES, change).await
    }
}

fn to_roles(
    next: impl Fn(Roles) -> Result<Roles> + Send + Sync,
) -> impl Fn(&mut User, DateTime<Utc>) -> Result<Option<EventKind>> + Send + Sync {
    move |user, _| {
        if !user.is_live() {
            return Err(UserError::user_not_found(user.id));
        }
        let (user_id, from) = (user.id, user.roles);
        let to = next(from)?;
        let changes = user.set_roles(to)?;
        Ok(changes.then_some(EventKind::RolesChanged { user_id, from, to }))
    }
}
