//! Ending sessions: one, many, all of a user, all but one.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use systemprompt_users_domain::{SessionId, UserId};
use utoipa::IntoParams;

use super::dto::{EndFor, EndMany, EndedSessions};
use crate::api::errors::{AnyProblem, BodyProblem, ChangeProblem};
use crate::auth::{Authorized, Write};
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

/// Ends a session. One that has ended already stays as it is, with the same answer.
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
    web.sessions(who.actor()).end(id, params.reason.into()).await?;
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
    let ended = web.sessions(who.actor()).end_many(&body.ids(), body.reason.into()).await?;
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
    let sessions = web.sessions(who.actor());
    let ended = sessions.end_all_except(id, params.except, params.reason.into()).await?;
    Ok(Json(ended.into()))
}
