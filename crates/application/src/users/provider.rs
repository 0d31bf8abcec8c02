//! The service as the providers that a consumer's own code asks for.

use async_trait::async_trait;
use systemprompt_users_domain::{
    CreateUserParams, Result, RoleProvider, Roles, User, UserId, UserProvider, UserRole,
};

use super::UserService;

#[async_trait]
impl UserProvider for UserService {
    async fn find_by_id(&self, id: UserId) -> Result<Option<User>> {
        Self::find_by_id(self, id).await
    }

    async fn find_by_email(&self, email: &str) -> Result<Option<User>> {
        Self::find_by_email(self, email).await
    }

    async fn find_by_name(&self, name: &str) -> Result<Option<User>> {
        Self::find_by_name(self, name).await
    }

    async fn find_authenticated_user(&self, id: UserId) -> Result<Option<User>> {
        Self::find_authenticated_user(self, id).await
    }

    async fn create_user(&self, params: &CreateUserParams) -> Result<User> {
        self.create(params).await
    }
}

#[async_trait]
impl RoleProvider for UserService {
    async fn roles_of(&self, id: UserId) -> Result<Option<Roles>> {
        Ok(Self::find_by_id(self, id).await?.map(|user| user.roles))
    }

    async fn has_role(&self, id: UserId, role: UserRole) -> Result<bool> {
        let user = Self::find_authenticated_user(self, id).await?;
        Ok(user.is_some_and(|user| user.roles.contains(role)))
    }

    async fn assign_role(&self, id: UserId, role: UserRole) -> Result<User> {
        Self::assign_role(self, id, role).await
    }

    async fn revoke_role(&self, id: UserId, role: UserRole) -> Result<User> {
        Self::revoke_role(self, id, role).await
    }
}

/// A [`UserService`] for code that is handed an `Arc<dyn UserProvider>` or `Arc<dyn RoleProvider>`, and that
/// shall see no more of it.
///
/// ```
/// # use std::sync::Arc;
/// # use systemprompt_users_application::{UserProviderImpl, UserService};
/// # use systemprompt_users_domain::UserProvider;
/// fn inject(users: UserService) -> Arc<dyn UserProvider> {
///     Arc::new(UserProviderImpl::new(users))
/// }
/// ```
#[derive(Debug, Clone)]
pub struct UserProviderImpl {
    users: UserService,
}

impl UserProviderImpl {
    /// Wraps the service.
    pub const fn new(users: UserService) -> Self {
        Self { users }
    }
}

#[async_trait]
impl UserProvider for UserProviderImpl {
    async fn find_by_id(&self, id: UserId) -> Result<Option<User>> {
        self.users.find_by_id(id).await
    }

    async fn find_by_email(&self, email: &str) -> Result<Option<User>> {
        self.users.find_by_email(email).await
    }

    async fn find_by_name(&self, name: &str) -> Result<Option<User>> {
        self.users.find_by_name(name).await
    }

    async fn find_authenticated_user(&self, id: UserId) -> Result<Option<User>> {
        self.users.find_authenticated_user(id).await
    }

    async fn create_user(&self, params: &CreateUserParams) -> Result<User> {
        self.users.create(params).await
    }
}

#[async_trait]
impl RoleProvider for UserProviderImpl {
    async fn roles_of(&self, id: UserId) -> Result<Option<Roles>> {
        self.users.roles_of(id).await
    }

    async fn has_role(&self, id: UserId, role: UserRole) -> Result<bool> {
        self.users.has_role(id, role).await
    }

    async fn assign_role(&self, id: UserId, role: UserRole) -> Result<User> {
        self.users.assign_role(id, role).await
    }

    async fn revoke_role(&self, id: UserId, role: UserRole) -> Result<User> {
        self.users.revoke_role(id, role).await
    }
}
