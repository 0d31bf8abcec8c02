//! The ports towards a consumer: what its own code asks for, and its tests replace.

use async_trait::async_trait;

use crate::{CreateUserParams, Result, Roles, User, UserId, UserRole};

/// Finds and creates users. `UserService` is one, and so is a mock.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait UserProvider: Send + Sync {
    /// The live user of that id.
    async fn find_by_id(&self, id: UserId) -> Result<Option<User>>;

    /// The live user of that email, in any spelling.
    async fn find_by_email(&self, email: &str) -> Result<Option<User>>;

    /// The live user of that name, in any spelling.
    async fn find_by_name(&self, name: &str) -> Result<Option<User>>;

    /// The user of that id if it is Active.
    async fn find_authenticated_user(&self, id: UserId) -> Result<Option<User>>;

    /// Creates a registered user.
    ///
    /// # Errors
    /// `EmailAlreadyExists`, `NameAlreadyExists`, `Validation`, `InvalidRoles`.
    async fn create_user(&self, params: &CreateUserParams) -> Result<User>;
}

/// Tells and changes who holds which roles. `UserService` is one, and so is a mock.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait RoleProvider: Send + Sync {
    /// The roles of a live user; `None` when there is no such user.
    async fn roles_of(&self, id: UserId) -> Result<Option<Roles>>;

    /// Whether an Active user holds `role`.
    async fn has_role(&self, id: UserId, role: UserRole) -> Result<bool>;

    /// Gives a role to a live user; nothing changes when the user holds it.
    ///
    /// # Errors
    /// `NotFound`, `InvalidRoles`.
    async fn assign_role(&self, id: UserId, role: UserRole) -> Result<User>;

    /// Takes a role from a live user; nothing changes when the user does not hold it.
    ///
    /// # Errors
    /// `NotFound`, `InvalidRoles` for the only role, `LastAdmin`.
    async fn revoke_role(&self, id: UserId, role: UserRole) -> Result<User>;
}
