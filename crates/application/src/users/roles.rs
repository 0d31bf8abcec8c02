//! Changing roles. No change is lost, whoever changes at the same time.

use chrono::{DateTime, Utc};
use systemprompt_users_domain::{
    BulkItem, BulkReport, EventKind, RefusedOperation, Result, Roles, User, UserError, UserId,
    UserRole,
};

use super::UserService;
use super::engine::Guard;
use super::look_alike::AdminNames;

const CHANGE_ROLES: Guard = Guard::MayRemoveAdmin(RefusedOperation::ChangeRoles);

impl UserService {
    /// Replaces all roles of a live user.
    ///
    /// # Errors
    /// `NotFound`, `InvalidRoles`, `LastAdmin`.
    #[tracing::instrument(skip_all, fields(%id), err(level = "debug"))]
    pub async fn assign_roles(&self, id: UserId, roles: &[UserRole]) -> Result<User> {
        let roles = Roles::new(roles.iter().copied())?;
        self.change_one(
            id,
            CHANGE_ROLES,
            to_roles(self.admin_names(roles.contains(UserRole::Admin)).await?, move |_| Ok(roles)),
        )
        .await
    }

    /// Gives a role to a live user; nothing changes when the user holds it.
    ///
    /// # Errors
    /// `NotFound`, `InvalidRoles`.
    #[tracing::instrument(skip_all, fields(%id, %role), err(level = "debug"))]
    pub async fn assign_role(&self, id: UserId, role: UserRole) -> Result<User> {
        self.change_one(
            id,
            Guard::Harmless,
            to_roles(self.admin_names(role == UserRole::Admin).await?, move |roles| {
                roles.with(role)
            }),
        )
        .await
    }

    /// Takes a role from a live user; nothing changes when the user does not hold it.
    ///
    /// # Errors
    /// `NotFound`, `InvalidRoles` for the only role, `LastAdmin`.
    #[tracing::instrument(skip_all, fields(%id, %role), err(level = "debug"))]
    pub async fn revoke_role(&self, id: UserId, role: UserRole) -> Result<User> {
        self.change_one(id, CHANGE_ROLES, to_roles(None, move |roles| roles.without(role))).await
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
        self.change_many(
            ids,
            Guard::Harmless,
            to_roles(self.admin_names(role == UserRole::Admin).await?, move |roles| {
                roles.with(role)
            }),
        )
        .await
    }

    /// Takes the role admin from a live user; one who has no other role stays a `User`.
    pub(crate) async fn revoke_admin(&self, id: UserId) -> Result<User> {
        let change = to_roles(None, |roles: Roles| match roles.without(UserRole::Admin) {
            Err(UserError::InvalidRoles(_)) => Ok(Roles::USER),
            other => other,
        });
        self.change_one(id, CHANGE_ROLES, change).await
    }

    /// The names that a user who becomes an admin must not look like.
    async fn admin_names(&self, becomes_admin: bool) -> Result<Option<AdminNames>> {
        if !becomes_admin {
            return Ok(None);
        }
        AdminNames::load(&mut *self.context.read().await?).await.map(Some)
    }
}

fn to_roles(
    admins: Option<AdminNames>,
    next: impl Fn(Roles) -> Result<Roles> + Send + Sync,
) -> impl Fn(&mut User, DateTime<Utc>) -> Result<Option<EventKind>> + Send + Sync {
    move |user, _| {
        if !user.is_live() {
            return Err(UserError::user_not_found(user.id));
        }
        let (user_id, from) = (user.id, user.roles);
        let to = next(from)?;
        if let Some(admins) = admins.as_ref().filter(|_| !from.contains(UserRole::Admin)) {
            admins.check(Some(user_id), &user.name)?;
        }
        let changes = user.set_roles(to)?;
        Ok(changes.then_some(EventKind::RolesChanged { user_id, from, to }))
    }
}
