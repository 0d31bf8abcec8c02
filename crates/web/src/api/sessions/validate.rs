//! Starting sessions, and asking what a token stands for.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, StatusCode, header};
use serde::Serialize;
use systemprompt_users_application::{Decision, DenyReason, Requirement};
use systemprompt_users_domain::{NewSession, StartedSession, UserId};
use utoipa::ToSchema;

use super::dto::{SessionBody, StartSession, StartedSessionBody, ValidateToken};
use super::sessions_of;
use crate::api::PREFIX;
use crate::api::errors::{AnyProblem, BodyProblem, ChangeProblem};
use crate::api::users::UserBody;
use crate::auth::{Authorized, Read, Write};
use crate::{JsonBody, PathParams, Problem, Web};

/// Starts a session of an active user. Its token is in the answer, this once. Sessions beyond the limit per user
/// end, those idle longest first.
#[utoipa::path(
    post,
    path = "/users/{id}/sessions",
    tag = "sessions",
    params(("id" = Uuid, Path, description = "The id of a user")),
    request_body = StartSession,
    responses(
        (status = 201, body = StartedSessionBody, description = "The session and its token", headers(("Location" = String, description = "The session"))),
        AnyProblem, BodyProblem, ChangeProblem,
    ),
)]
pub(super) async fn start_session(
    who: Authorized<Write>,
    State(web): State<Web>,
    PathParams(id): PathParams<UserId>,
    JsonBody(body): JsonBody<StartSession>,
) -> Result<Started, Problem> {
    // A key that may only write must not become an admin by starting a session of one.
    let sessions = sessions_of(&web, &who);
    Ok(started(sessions.create(id, &NewSession::from(body)).await?))
}

/// A new session, where it is, and its token, which nobody may keep a copy of.
pub(super) type Started = (StatusCode, [(HeaderName, String); 2], Json<StartedSessionBody>);

/// The answer about a session that was just started.
pub(super) fn started(session: StartedSession) -> Started {
    let place = format!("{PREFIX}/sessions/{}", session.session.id);
    let headers = [(header::LOCATION, place), (header::CACHE_CONTROL, "no-store".to_owned())];
    (StatusCode::CREATED, headers, Json(session.into()))
}

/// What a token stands for.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ValidatedToken {
    /// Whether it is the token of a live session of an active user.
    valid: bool,
    /// The session; null when the token is not valid.
    #[schema(required = true)]
    session: Option<SessionBody>,
    /// Its user; null when the token is not valid.
    #[schema(required = true)]
    user: Option<UserBody>,
}

/// Says what a token stands for now.
///
/// The answer is 200 with `valid: false` for text that is no token, a token that nobody holds, a session that is
/// over and a user who is not active: the token is the subject of the question, not its credentials, and whoever
/// asks learns no more than that it opens nothing.
#[utoipa::path(
    post,
    path = "/sessions/validate",
    tag = "sessions",
    request_body = ValidateToken,
    responses(
        (status = 200, body = ValidatedToken, description = "The session and its user, or `valid: false`"),
        AnyProblem, BodyProblem,
    ),
)]
pub(super) async fn validate_session(
    who: Authorized<Read>,
    State(web): State<Web>,
    JsonBody(body): JsonBody<ValidateToken>,
) -> Result<([(HeaderName, &'static str); 1], Json<ValidatedToken>), Problem> {
    let found = if body.touch {
        // From memory where it can be, and the use is written with many others.
        match web.enforcer().decide_session(&body.token, Requirement::Session).await {
            Decision::Allow(access) => access.session,
            Decision::Deny(denial) if denial.reason == DenyReason::Unavailable => {
                return Err(Problem::unavailable());
            }
            Decision::Deny(_) => None,
        }
    } else {
        web.sessions(who.actor()).validate(&body.token).await?.map(Arc::new)
    };
    let user = found.as_ref().map(|found| UserBody::from(&found.user));
    let session = found.map(|found| SessionBody::from(found.session.clone()));
    let answer = ValidatedToken { valid: session.is_some(), session, user };
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(answer)))
}
