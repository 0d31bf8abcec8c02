//! Creating a user, and making sure that one is there.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use systemprompt_users_application::EnsureResult;
use systemprompt_users_domain::CreateUserParams;
use utoipa::ToSchema;

use super::params::users_of;
use super::{RegisteredRole, UserAnswer, UserBody};
use crate::api::errors::{AnyProblem, BodyProblem, ChangeProblem};
use crate::api::etag::etag;
use crate::api::schema::Line;
use crate::auth::{Authorized, Write};
use crate::{JsonBody, Problem, Web};

/// A registered user to be created.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewUser)]
pub(crate) struct NewUserBody {
    /// The handle.
    #[schema(min_length = 1, max_length = 255, pattern = r"^\S+$", example = "ada")]
    name: String,
    /// The email.
    #[schema(min_length = 3, format = "email", max_length = 320, example = "ada@example.com")]
    email: String,
    /// The person's full name; blank is none.
    #[schema(value_type = Option<Line>)]
    full_name: Option<String>,
    /// The name shown to others; blank is none.
    #[schema(value_type = Option<Line>)]
    display_name: Option<String>,
    /// The address of a picture; blank is none.
    #[schema(
        max_length = 255,
        pattern = "^(https?://[A-Za-z0-9.-]+(/[!-~]*)?)?$",
        example = "https://example.com/ada.png"
    )]
    avatar_url: Option<String>,
    /// The roles; none means `user`. To make an admin takes the scope `admin`.
    #[serde(default)]
    roles: Vec<RegisteredRole>,
    /// Whether the email is known to be the user's.
    #[serde(default)]
    email_verified: bool,
    /// Whether a program is behind it.
    #[serde(default)]
    is_bot: bool,
}

impl From<NewUserBody> for CreateUserParams {
    fn from(user: NewUserBody) -> Self {
        Self {
            name: user.name,
            email: user.email,
            full_name: user.full_name,
            display_name: user.display_name,
            avatar_url: user.avatar_url,
            roles: user.roles.into_iter().map(Into::into).collect(),
            email_verified: user.email_verified,
            is_bot: user.is_bot,
        }
    }
}

/// Creates a registered, active user.
#[utoipa::path(
    post,
    path = "/users",
    tag = "users",
    request_body = NewUserBody,
    responses(
        (status = 201, body = UserBody, description = "The new user", headers(
            ("ETag" = String, description = "The version"),
            ("Location" = String, description = "Where the user is"),
        )),
        AnyProblem, BodyProblem, ChangeProblem,
    ),
)]
pub(super) async fn create_user(
    who: Authorized<Write>,
    State(web): State<Web>,
    JsonBody(user): JsonBody<NewUserBody>,
) -> Result<UserAnswer, Problem> {
    Ok(UserAnswer::created(&users_of(&web, &who).create(&user.into()).await?))
}

/// What became of a user that was to be there.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EnsuredUser)]
pub(super) struct EnsuredBody {
    /// What became of it.
    outcome: EnsureOutcome,
    /// The user as it is now.
    user: UserBody,
}

/// What became of a user that was to be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum EnsureOutcome {
    /// It was created.
    Created,
    /// It was there, and that way.
    Unchanged,
    /// It was there, and was brought up to date.
    Updated,
}

/// Creates the user unless a live user of that name and email is there; otherwise brings full name, display name,
/// avatar and bot mark to what the body says, where it says something. Roles and status of a user who is there are
/// never touched. The same may be sent again.
#[utoipa::path(
    put,
    path = "/users/ensure",
    tag = "users",
    request_body = NewUserBody,
    responses(
        (status = 200, body = EnsuredBody, description = "The user was there", headers(("ETag" = String, description = "The version"))),
        (status = 201, body = EnsuredBody, description = "The user was created", headers(("ETag" = String, description = "The version"))),
        AnyProblem, BodyProblem, ChangeProblem,
    ),
)]
pub(super) async fn ensure_user(
    who: Authorized<Write>,
    State(web): State<Web>,
    JsonBody(user): JsonBody<NewUserBody>,
) -> Result<Response, Problem> {
    let (status, outcome, user) = match users_of(&web, &who).ensure(&user.into()).await? {
        EnsureResult::Created(user) => (StatusCode::CREATED, EnsureOutcome::Created, user),
        EnsureResult::Existing(user) => (StatusCode::OK, EnsureOutcome::Unchanged, user),
        EnsureResult::Changed(user) => (StatusCode::OK, EnsureOutcome::Updated, user),
    };
    let tag: [(HeaderName, HeaderValue); 1] = [(header::ETAG, etag(user.version))];
    Ok((status, tag, Json(EnsuredBody { outcome, user: (&user).into() })).into_response())
}
