//! A user's way out and back: status, restore, legal hold, purge.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use systemprompt_users_domain::{PurgePreview, UserId, UserStatus};
use utoipa::ToSchema;

use super::UserAnswer;
use super::params::{UserChange, UserPath};
use crate::api::errors::{AnyProblem, BodyProblem, ChangeProblem, MatchProblem};
use crate::api::etag::IfMatch;
use crate::auth::{Admin, Authorized, Read, Write};
use crate::{JsonBody, PathParams, Problem, Web};

/// A status that a live user can be given.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LiveStatus {
    /// May sign in.
    Active,
    /// Is kept out; all sessions end.
    Suspended,
}

impl From<LiveStatus> for UserStatus {
    fn from(status: LiveStatus) -> Self {
        match status {
            LiveStatus::Active => Self::Active,
            LiveStatus::Suspended => Self::Suspended,
        }
    }
}

/// Another status.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewStatus)]
pub(super) struct StatusBody {
    /// The status; deleting and restoring have routes of their own.
    status: LiveStatus,
}

/// Suspends or activates a live user. Suspending ends all sessions.
#[utoipa::path(
    put,
    path = "/users/{id}/status",
    tag = "users",
    params(UserPath, IfMatch),
    request_body = StatusBody,
    responses(UserAnswer, AnyProblem, BodyProblem, ChangeProblem, MatchProblem),
)]
pub(super) async fn set_user_status(
    change: UserChange<Write>,
    JsonBody(body): JsonBody<StatusBody>,
) -> Result<UserAnswer, Problem> {
    Ok(UserAnswer::ok(&change.users.update_status(change.id, body.status.into()).await?))
}

/// Brings a deleted user back to the status before; its sessions stay ended.
#[utoipa::path(
    post,
    path = "/users/{id}/restore",
    tag = "users",
    params(UserPath, IfMatch),
    responses(UserAnswer, AnyProblem, ChangeProblem, MatchProblem)
)]
pub(super) async fn restore_user(change: UserChange<Write>) -> Result<UserAnswer, Problem> {
    Ok(UserAnswer::ok(&change.users.restore(change.id).await?))
}

/// Places a legal hold on a user of any status: it is never purged.
#[utoipa::path(
    put,
    path = "/users/{id}/hold",
    tag = "users",
    params(UserPath, IfMatch),
    responses(UserAnswer, AnyProblem, ChangeProblem, MatchProblem)
)]
pub(super) async fn hold_user(change: UserChange<Admin>) -> Result<UserAnswer, Problem> {
    Ok(UserAnswer::ok(&change.users.set_legal_hold(change.id, true).await?))
}

/// Lifts a legal hold.
#[utoipa::path(
    delete,
    path = "/users/{id}/hold",
    tag = "users",
    params(UserPath, IfMatch),
    responses(UserAnswer, AnyProblem, ChangeProblem, MatchProblem)
)]
pub(super) async fn unhold_user(change: UserChange<Admin>) -> Result<UserAnswer, Problem> {
    Ok(UserAnswer::ok(&change.users.set_legal_hold(change.id, false).await?))
}

/// What a purge would remove, or did: rows per table.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Purge)]
pub(super) struct PurgeBody {
    /// Users.
    users: u64,
    /// Their sessions.
    sessions: u64,
    /// Ban facts that lose their association with the user; the facts stay.
    ban_associations: u64,
    /// Users merged into these, which no longer resolve.
    merged_references: u64,
}

impl From<PurgePreview> for PurgeBody {
    fn from(rows: PurgePreview) -> Self {
        Self {
            users: rows.users,
            sessions: rows.sessions,
            ban_associations: rows.ban_associations,
            merged_references: rows.merged_references,
        }
    }
}

/// What a purge of a deleted user would remove. Nothing is changed.
#[utoipa::path(
    get,
    path = "/users/{id}/purge",
    tag = "users",
    params(UserPath),
    responses((status = 200, body = PurgeBody, description = "Rows per table"), AnyProblem, ChangeProblem),
)]
pub(super) async fn preview_purge(
    who: Authorized<Read>,
    State(web): State<Web>,
    PathParams(id): PathParams<UserId>,
) -> Result<Json<PurgeBody>, Problem> {
    Ok(Json(web.users(who.actor()).preview_purge(id).await?.into()))
}

/// Removes a deleted user and its sessions for good. Events stay: they hold no personal data.
#[utoipa::path(
    post,
    path = "/users/{id}/purge",
    tag = "users",
    params(UserPath, IfMatch),
    responses((status = 200, body = PurgeBody, description = "Rows per table"), AnyProblem, ChangeProblem, MatchProblem),
)]
pub(super) async fn purge_user(change: UserChange<Admin>) -> Result<Json<PurgeBody>, Problem> {
    Ok(Json(change.users.purge(change.id).await?.into()))
}
