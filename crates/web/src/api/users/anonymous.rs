//! Anonymous visitors: created, found again, registered in place.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use systemprompt_users_domain::{AnonymousPromotion, NewAnonymous};
use utoipa::ToSchema;

use super::params::{UserChange, UserPath};
use super::{UserAnswer, UserBody};
use crate::api::errors::{AnyProblem, BodyProblem, ChangeProblem, MatchProblem};
use crate::api::etag::IfMatch;
use crate::api::schema::Line;
use crate::auth::{Authorized, Read, Write};
use crate::{JsonBody, Problem, Web};

/// A visitor to be created.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewAnonymous)]
pub(super) struct NewAnonymousBody {
    /// The browser's fingerprint, a hint.
    #[schema(
        min_length = 1,
        max_length = 255,
        pattern = r"^[^\u0000-\u001F\u007F-\u009F\u2028-\u202E\u2066-\u2069]*[^\s\u0000-\u001F\u007F-\u009F\u2028-\u202E\u2066-\u2069][^\u0000-\u001F\u007F-\u009F\u2028-\u202E\u2066-\u2069]*$"
    )]
    fingerprint: Option<String>,
}

/// A visitor to be found or created.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AnonymousFingerprint)]
pub(super) struct FingerprintBody {
    /// The browser's fingerprint.
    #[schema(
        min_length = 1,
        max_length = 255,
        pattern = r"^[^\u0000-\u001F\u007F-\u009F\u2028-\u202E\u2066-\u2069]*[^\s\u0000-\u001F\u007F-\u009F\u2028-\u202E\u2066-\u2069][^\u0000-\u001F\u007F-\u009F\u2028-\u202E\u2066-\u2069]*$"
    )]
    fingerprint: String,
}

/// A visitor, and the secret that proves the identity.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Anonymous)]
pub(super) struct AnonymousBody {
    /// The user.
    user: UserBody,
    /// The token, shown now and never again; null when the user was there already.
    #[schema(required = true)]
    token: Option<String>,
}

impl From<&NewAnonymous> for AnonymousBody {
    fn from(created: &NewAnonymous) -> Self {
        let token = created.token.as_ref().map(systemprompt_users_domain::Token::reveal);
        Self { user: (&created.user).into(), token }
    }
}

/// Creates an anonymous user.
#[utoipa::path(
    post,
    path = "/users/anonymous",
    tag = "anonymous",
    request_body = NewAnonymousBody,
    responses(
        (status = 201, body = AnonymousBody, description = "The new user with its token"),
        AnyProblem, BodyProblem, ChangeProblem,
    ),
)]
pub(super) async fn create_anonymous(
    who: Authorized<Write>,
    State(web): State<Web>,
    JsonBody(body): JsonBody<NewAnonymousBody>,
) -> Result<(StatusCode, Json<AnonymousBody>), Problem> {
    let created = web.users(who.actor()).create_anonymous(body.fingerprint.as_deref()).await?;
    Ok((StatusCode::CREATED, Json((&created).into())))
}

/// The active anonymous user of a fingerprint, or else a new one.
#[utoipa::path(
    put,
    path = "/users/anonymous",
    tag = "anonymous",
    request_body = FingerprintBody,
    responses(
        (status = 200, body = AnonymousBody, description = "The user was there"),
        (status = 201, body = AnonymousBody, description = "The user was created"),
        AnyProblem, BodyProblem, ChangeProblem,
    ),
)]
pub(super) async fn find_or_create_anonymous(
    who: Authorized<Write>,
    State(web): State<Web>,
    JsonBody(body): JsonBody<FingerprintBody>,
) -> Result<(StatusCode, Json<AnonymousBody>), Problem> {
    let found = web.users(who.actor()).find_or_create_anonymous(&body.fingerprint).await?;
    let status = if found.token.is_some() { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json((&found).into())))
}

/// A token that a visitor was given.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AnonymousToken)]
pub(super) struct TokenBody {
    /// The token.
    token: String,
}

/// The active anonymous user who holds a token. The token is in the body, so that no log of addresses keeps it.
#[utoipa::path(
    post,
    path = "/users/anonymous/find",
    tag = "anonymous",
    request_body = TokenBody,
    responses(UserAnswer, AnyProblem, BodyProblem),
)]
pub(super) async fn find_anonymous(
    who: Authorized<Read>,
    State(web): State<Web>,
    JsonBody(body): JsonBody<TokenBody>,
) -> Result<UserAnswer, Problem> {
    let found = web.users(who.actor()).find_by_anonymous_token(&body.token).await?;
    let user = found.ok_or_else(|| Problem::not_found("nobody holds this token"))?;
    Ok(UserAnswer::ok(&user))
}

/// The name and email that a visitor registers with.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Registration)]
pub(super) struct RegistrationBody {
    /// The handle.
    #[schema(min_length = 1, max_length = 255, pattern = r"^\S+$", example = "ada")]
    name: String,
    /// The email, not verified yet.
    #[schema(format = "email", max_length = 320, example = "ada@example.com")]
    email: String,
    /// The person's full name; blank is none.
    #[schema(value_type = Option<Line>)]
    full_name: Option<String>,
}

impl From<RegistrationBody> for AnonymousPromotion {
    fn from(body: RegistrationBody) -> Self {
        Self { name: body.name, email: body.email, full_name: body.full_name }
    }
}

/// Registers an anonymous user in place: same id, sessions kept, roles of a user. When the email belongs to
/// somebody already (409), verify the person, and merge.
#[utoipa::path(
    post,
    path = "/users/{id}/register",
    tag = "anonymous",
    params(UserPath, IfMatch),
    request_body = RegistrationBody,
    responses(UserAnswer, AnyProblem, BodyProblem, ChangeProblem, MatchProblem),
)]
pub(super) async fn register_user(
    change: UserChange<Write>,
    JsonBody(body): JsonBody<RegistrationBody>,
) -> Result<UserAnswer, Problem> {
    Ok(UserAnswer::ok(&change.users.promote_anonymous(change.id, &body.into()).await?))
}
