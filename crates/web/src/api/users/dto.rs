//! A user as clients see it.

use std::collections::BTreeMap;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use systemprompt_users_domain::{User, UserRole, UserStatus};
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{self, Content, Ref, RefOr};
use utoipa::{IntoResponses, ToSchema};
use uuid::Uuid;

use crate::api::PREFIX;
use crate::api::etag::etag;

/// A user.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = User)]
pub(crate) struct UserBody {
    /// The identity, for ever.
    pub(crate) id: Uuid,
    /// The handle, unique among live users.
    pub(crate) name: String,
    /// Unique among live users; null only for anonymous ones.
    #[schema(required = true)]
    pub(crate) email: Option<String>,
    /// Whether the user has proved that the email is theirs.
    pub(crate) email_verified: bool,
    /// The person's full name.
    #[schema(required = true)]
    pub(crate) full_name: Option<String>,
    /// The name shown to others.
    #[schema(required = true)]
    pub(crate) display_name: Option<String>,
    /// The address of a picture.
    #[schema(required = true)]
    pub(crate) avatar_url: Option<String>,
    /// Where the user stands.
    pub(crate) status: Status,
    /// What the user may do.
    pub(crate) roles: Vec<Role>,
    /// Whether a program is behind it.
    pub(crate) is_bot: bool,
    /// The browser's fingerprint of an anonymous user.
    #[schema(required = true)]
    pub(crate) fingerprint: Option<String>,
    /// When the user was created.
    pub(crate) created_at: DateTime<Utc>,
    /// When any of the fields was last changed.
    pub(crate) updated_at: DateTime<Utc>,
    /// When the user was last seen; being seen makes no new version.
    pub(crate) last_active_at: DateTime<Utc>,
    /// When the user was deleted, while it is.
    #[schema(required = true)]
    pub(crate) deleted_at: Option<DateTime<Utc>>,
    /// The user that this one was merged into.
    #[schema(required = true)]
    pub(crate) merged_into: Option<Uuid>,
    /// Whether a legal hold forbids the purge.
    pub(crate) legal_hold: bool,
    /// Counts the changes from 1; the `ETag` is this number in quotes.
    pub(crate) version: i64,
}

impl From<&User> for UserBody {
    fn from(user: &User) -> Self {
        Self {
            id: user.id.as_uuid(),
            name: user.name.to_string(),
            email: user.email.as_ref().map(ToString::to_string),
            email_verified: user.email_verified,
            full_name: user.full_name.as_ref().map(ToString::to_string),
            display_name: user.display_name.as_ref().map(ToString::to_string),
            avatar_url: user.avatar_url.as_ref().map(ToString::to_string),
            status: user.status.into(),
            roles: user.roles.iter().filter_map(Role::of).collect(),
            is_bot: user.is_bot,
            fingerprint: user.fingerprint.as_ref().map(ToString::to_string),
            created_at: user.created_at,
            updated_at: user.updated_at,
            last_active_at: user.last_active_at,
            deleted_at: user.deleted_at,
            merged_into: user.merged_into.map(|id| id.as_uuid()),
            legal_hold: user.legal_hold,
            version: user.version,
        }
    }
}

/// Where a user stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    /// May sign in.
    Active,
    /// Is kept out, but holds name and email.
    Suspended,
    /// Is gone for everybody; name and email are free for others.
    Deleted,
}

impl From<UserStatus> for Status {
    fn from(status: UserStatus) -> Self {
        match status {
            UserStatus::Active => Self::Active,
            UserStatus::Suspended => Self::Suspended,
            UserStatus::Deleted => Self::Deleted,
        }
    }
}

impl From<Status> for UserStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Active => Self::Active,
            Status::Suspended => Self::Suspended,
            Status::Deleted => Self::Deleted,
        }
    }
}

/// What a user may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Role {
    /// Manages users, sessions and bans.
    Admin,
    /// A registered user.
    User,
    /// A visitor who has not registered; held alone.
    Anonymous,
}

impl Role {
    /// The role as the API names it; a role that is newer than the API has no name in it.
    pub(crate) const fn of(role: UserRole) -> Option<Self> {
        match role {
            UserRole::Admin => Some(Self::Admin),
            UserRole::User => Some(Self::User),
            UserRole::Anonymous => Some(Self::Anonymous),
            _ => None,
        }
    }
}

impl From<Role> for UserRole {
    fn from(role: Role) -> Self {
        match role {
            Role::Admin => Self::Admin,
            Role::User => Self::User,
            Role::Anonymous => Self::Anonymous,
        }
    }
}

/// What a registered user may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RegisteredRole {
    /// Manages users, sessions and bans.
    Admin,
    /// A registered user.
    User,
}

impl From<RegisteredRole> for UserRole {
    fn from(role: RegisteredRole) -> Self {
        match role {
            RegisteredRole::Admin => Self::Admin,
            RegisteredRole::User => Self::User,
        }
    }
}

/// One user as an answer, with its `ETag`.
#[derive(Debug)]
pub(crate) struct UserAnswer {
    status: StatusCode,
    user: UserBody,
}

impl UserAnswer {
    /// A user that is there.
    pub(crate) fn ok(user: &User) -> Self {
        Self { status: StatusCode::OK, user: user.into() }
    }

    /// A user that was just created; the answer names its place.
    pub(crate) fn created(user: &User) -> Self {
        Self { status: StatusCode::CREATED, user: user.into() }
    }
}

impl IntoResponses for UserAnswer {
    fn responses() -> BTreeMap<String, RefOr<openapi::Response>> {
        let tag = HeaderBuilder::new()
            .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
            .description(Some("The version"));
        let response = ResponseBuilder::new()
            .description("The user as it is now")
            .header("ETag", tag.build())
            .content("application/json", Content::new(Some(Ref::from_schema_name("User"))));
        BTreeMap::from([("200".to_owned(), response.into())])
    }
}

impl IntoResponse for UserAnswer {
    fn into_response(self) -> Response {
        let (id, version) = (self.user.id, self.user.version);
        let mut response = (self.status, Json(self.user)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::ETAG, etag(version));
        let place = HeaderValue::try_from(format!("{PREFIX}/users/{id}"));
        if self.status == StatusCode::CREATED
            && let Ok(place) = place
        {
            headers.insert(header::LOCATION, place);
        }
        response
    }
}
