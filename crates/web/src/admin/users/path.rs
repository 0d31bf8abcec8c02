//! The user that an address names.

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use systemprompt_users_domain::{Actor, User, UserId, UserRef};

use super::super::error::PageError;
use crate::Web;

/// The id in the path. What is no id names nobody.
#[derive(Debug, Clone, Copy)]
pub(super) struct UserPath(pub(super) UserId);

impl UserPath {
    /// The user of any status.
    pub(super) async fn find(self, web: &Web) -> Result<User, PageError> {
        let found = web.users(Actor::System).find_by_reference(&UserRef::Id(self.0)).await?;
        found.ok_or_else(nobody)
    }

    pub(super) fn page(self) -> String {
        format!("/admin/users/{}", self.0)
    }
}

impl FromRequestParts<Web> for UserPath {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Self, PageError> {
        let Path(text) =
            Path::<String>::from_request_parts(parts, web).await.map_err(|_| nobody())?;
        text.parse().map(Self).map_err(|_| nobody())
    }
}

fn nobody() -> PageError {
    PageError::not_found("There is no such user, or it has been purged.")
}
