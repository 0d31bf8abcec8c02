//! Ending sessions: one, many, all of a user, all but one or a few; cleaning up after those that are over.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use systemprompt_users_application::CleanedSessions;
use systemprompt_users_domain::{SessionId, UserId};
use utoipa::{IntoParams, ToSchema};

use super::dto::{EndFor, EndMany, EndedSessions};
use super::sessions_of;
use crate::api::errors::{AnyProblem, BodyProblem, ChangeProblem};
use crate::auth::{Admin, Authorized, Write};
use crate::{JsonBody, PathParams, Problem, QueryParams, Web};

/// Why a session is ended.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct EndParams {
    /// Why: `logout` when the user signed out, or else `revoked`.
    #[serde(default)]
    #[param(inline, default = "revoked")]
    reason: EndFor,
}

/// Ends a session. One that has ended already stays as it is, with the same answer. Of an admin it takes the scope
/// `admin`, as everything that ends sessions does.
#[utoipa::path(
    delete,
    path = "/sessions/{id}",
    tag = "sessions",
    params(("id" = Uuid, Path, description = "The id of a session"), EndParams),
    responses((status = 204, description = "The session is over"), AnyProblem, ChangeProblem),
)]
pub(super) async fn end_session(
    who: Authorized<Write>,
    State(web): State<Web>,
    PathParams(id): PathParams<SessionId>,
    QueryParams(params): QueryParams<EndParams>,
) -> Result<StatusCode, Problem> {
    sessions_of(&web, &who).end(id, params.reason.into()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends many sessions at once.
#[utoipa::path(
    post,
    path = "/sessions/end",
    tag = "sessions",
    request_body = EndMany,
    responses(
        (status = 200, body = EndedSessions, description = "The sessions that this request ended"),
        AnyProblem, BodyProblem, ChangeProblem,
    ),
)]
pub(super) async fn end_sessions(
    who: Authorized<Write>,
    State(web): State<Web>,
    JsonBody(body): JsonBody<EndMany>,
) -> Result<Json<EndedSessions>, Problem> {
    let ended = sessions_of(&web, &who).end_many(&body.ids(), body.reason.into()).await?;
    Ok(Json(ended.into()))
}

/// Which sessions of a user are ended.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct EndAllParams {
    /// The session to keep, such as the one that asks. It must be one of the user's.
    #[param(value_type = Option<Uuid>)]
    except: Option<SessionId>,
    /// Why: `logout` when the user signed out everywhere, or else `revoked`.
    #[serde(default)]
    #[param(inline, default = "revoked")]
    reason: EndFor,
}

/// Ends all sessions of a live user, or all but one.
#[utoipa::path(
    delete,
    path = "/users/{id}/sessions",
    tag = "sessions",
    params(("id" = Uuid, Path, description = "The id of a user"), EndAllParams),
    responses(
        (status = 200, body = EndedSessions, description = "The sessions that this request ended"),
        AnyProblem, ChangeProblem,
    ),
)]
pub(super) async fn end_user_sessions(
    who: Authorized<Write>,
    State(web): State<Web>,
    PathParams(id): PathParams<UserId>,
    QueryParams(params): QueryParams<EndAllParams>,
) -> Result<Json<EndedSessions>, Problem> {
    let sessions = sessions_of(&web, &who);
    let ended = sessions.end_all_except(id, params.except, params.reason.into()).await?;
    Ok(Json(ended.into()))
}

/// How many sessions a user keeps.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SessionLimit)]
pub(super) struct LimitBody {
    /// How many live sessions stay.
    #[schema(minimum = 1, maximum = 1000, example = 3)]
    keep: u16,
}

/// Ends those live sessions of a live user that are idle longest, until no more than `keep` are left.
#[utoipa::path(
    post,
    path = "/users/{id}/sessions/limit",
    tag = "sessions",
    params(("id" = Uuid, Path, description = "The id of a user")),
    request_body = LimitBody,
    responses(
        (status = 200, body = EndedSessions, description = "The sessions that this request ended"),
        AnyProblem, BodyProblem, ChangeProblem,
    ),
)]
pub(super) async fn limit_user_sessions(
    who: Authorized<Write>,
    State(web): State<Web>,
    PathParams(id): PathParams<UserId>,
    JsonBody(body): JsonBody<LimitBody>,
) -> Result<Json<EndedSessions>, Problem> {
    let ended = sessions_of(&web, &who).limit_per_user(id, body.keep).await?;
    Ok(Json(ended.into()))
}

/// What a clean-up of sessions did.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CleanedSessions)]
pub(super) struct CleanedBody {
    /// How many had run out and are marked as ended now.
    expired: u64,
    /// How many had ended long ago and are removed.
    deleted: u64,
}

/// Marks one batch of sessions that ran out as ended, and removes one batch of those that ended long ago, as the job
/// `cleanup_sessions` does. Zero of both means that nothing is left to do.
#[utoipa::path(
    post,
    path = "/sessions/cleanup",
    tag = "sessions",
    responses(
        (status = 200, body = CleanedBody, description = "What was done"),
        AnyProblem, BodyProblem, ChangeProblem,
    ),
)]
pub(super) async fn clean_up_sessions(
    who: Authorized<Admin>,
    State(web): State<Web>,
) -> Result<Json<CleanedBody>, Problem> {
    let CleanedSessions { expired, deleted } = web.sessions(who.actor()).cleanup().await?;
    Ok(Json(CleanedBody { expired, deleted }))
}
