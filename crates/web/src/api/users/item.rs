//! One user: read, change, delete.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use systemprompt_users_domain::{Patch, UpdateUserParams, UserError, UserId};
use utoipa::ToSchema;

use super::params::{UserChange, UserPath};
use super::{UserAnswer, UserBody};
use crate::api::errors::{AnyProblem, BodyProblem, ChangeProblem, MatchProblem};
use crate::api::etag::{IfMatch, IfNoneMatch, etag, is_known};
use crate::api::schema::Line;
use crate::auth::{Authorized, Read, Write};
use crate::{JsonBody, PathParams, Problem, Web};

/// A live user. Deleted ones are answered by `/users/lookup`, when it is asked for them.
#[utoipa::path(
    get,
    path = "/users/{id}",
    tag = "users",
    params(UserPath, IfNoneMatch),
    responses(
        (status = 200, body = UserBody, description = "The user", headers(("ETag" = String, description = "The version"))),
        (status = 304, description = "The client holds this version"),
        AnyProblem,
    ),
)]
pub(super) async fn get_user(
    who: Authorized<Read>,
    State(web): State<Web>,
    PathParams(id): PathParams<UserId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let user = web.users(who.actor()).find_by_id(id).await?;
    let user = user.ok_or_else(|| UserError::user_not_found(id))?;
    if is_known(&headers, user.version)? {
        let tag = [(axum::http::header::ETAG, etag(user.version))];
        return Ok((StatusCode::NOT_MODIFIED, tag).into_response());
    }
    Ok(UserAnswer::ok(&user).into_response())
}

/// What to change of a user: absent is untouched, null is cleared.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = UserPatch)]
pub(crate) struct UserPatch {
    /// Another handle.
    #[serde(default, deserialize_with = "not_null")]
    #[schema(value_type = String, min_length = 1, max_length = 255, pattern = r"^\S+$", example = "ada", nullable = false, required = false)]
    name: Option<String>,
    /// Another email, which is not verified then.
    #[serde(default, deserialize_with = "not_null")]
    #[schema(value_type = String, format = "email", min_length = 3, max_length = 320, example = "ada@example.com", nullable = false, required = false)]
    email: Option<String>,
    /// The person's full name.
    #[serde(default)]
    #[schema(value_type = Option<Line>)]
    full_name: Patch<String>,
    /// The name shown to others.
    #[serde(default)]
    #[schema(value_type = Option<Line>)]
    display_name: Patch<String>,
    /// The address of a picture.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 255, pattern = "^(https?://[A-Za-z0-9.-]+(/[!-~]*)?)?$", example = "https://example.com/ada.png")]
    avatar_url: Patch<String>,
    /// Whether the email is known to be the user's. `true` needs `email`, `verified_email` or `If-Match` beside
    /// it, which tell the address that was verified.
    #[serde(default, deserialize_with = "not_null")]
    #[schema(value_type = bool, nullable = false, required = false)]
    email_verified: Option<bool>,
    /// The address that `email_verified` is about. When the user has another one by now, nothing is changed: 409.
    #[serde(default, deserialize_with = "not_null")]
    #[schema(value_type = String, format = "email", min_length = 3, max_length = 320, example = "ada@example.com", nullable = false, required = false)]
    verified_email: Option<String>,
    /// Whether a program is behind it.
    #[serde(default, deserialize_with = "not_null")]
    #[schema(value_type = bool, nullable = false, required = false)]
    is_bot: Option<bool>,
}

impl From<UserPatch> for UpdateUserParams {
    fn from(patch: UserPatch) -> Self {
        Self {
            name: patch.name,
            email: patch.email,
            full_name: patch.full_name,
            display_name: patch.display_name,
            avatar_url: patch.avatar_url,
            email_verified: patch.email_verified,
            verified_email: patch.verified_email,
            is_bot: patch.is_bot,
            expected_version: None,
        }
    }
}

/// Changes fields of a live user.
#[utoipa::path(
    patch,
    path = "/users/{id}",
    tag = "users",
    params(UserPath, IfMatch),
    request_body = UserPatch,
    responses(UserAnswer, AnyProblem, BodyProblem, ChangeProblem, MatchProblem),
)]
pub(super) async fn update_user(
    change: UserChange<Write>,
    JsonBody(patch): JsonBody<UserPatch>,
) -> Result<UserAnswer, Problem> {
    let params = UpdateUserParams { expected_version: change.version, ..patch.into() };
    Ok(UserAnswer::ok(&change.users.update(change.id, &params).await?))
}

/// Deletes a user softly: its sessions end, name and email are free, a restore brings it back.
#[utoipa::path(
    delete,
    path = "/users/{id}",
    tag = "users",
    params(UserPath, IfMatch),
    responses(UserAnswer, AnyProblem, ChangeProblem, MatchProblem)
)]
pub(super) async fn delete_user(change: UserChange<Write>) -> Result<UserAnswer, Problem> {
    Ok(UserAnswer::ok(&change.users.delete(change.id).await?))
}

/// A field that may be absent but not null: null would look like "cleared".
fn not_null<'de, T: Deserialize<'de>, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}
