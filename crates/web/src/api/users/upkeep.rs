//! What the clean-up jobs do, by hand: idle visitors, users deleted long ago. One batch at a time.

use axum::Json;
use axum::extract::State;
use chrono::Duration;
use serde::{Deserialize, Serialize};
use systemprompt_users_domain::{Cursor, UserError};
use utoipa::{IntoParams, ToSchema};

use super::UserBody;
use crate::api::errors::{AnyProblem, BodyProblem, ChangeProblem};
use crate::api::page::{List, PageBody};
use crate::auth::{Admin, Authorized, Read};
use crate::{JsonBody, Problem, QueryParams, Web};

/// For how long, and where to go on.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct IdleQuery {
    /// For how many days nothing was heard of them.
    #[param(minimum = 1, maximum = 36500)]
    days: i64,
    /// `next` of the batch before.
    after: Option<String>,
}

/// For how long.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct DaysQuery {
    /// For how many days.
    #[param(minimum = 1, maximum = 36500)]
    days: i64,
}

/// For how long.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Days)]
pub(super) struct DaysBody {
    /// For how many days.
    #[serde(deserialize_with = "whole")]
    #[schema(minimum = 1, maximum = 36500)]
    days: i64,
}

/// How many users a batch was.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Batch)]
pub(super) struct BatchBody {
    /// How many; zero is the end.
    count: u64,
}

/// The anonymous users that a clean-up would delete next, idle longest first: one batch.
#[utoipa::path(
    get,
    path = "/users/anonymous/idle",
    tag = "anonymous",
    params(IdleQuery),
    responses((status = 200, body = PageBody<UserBody>, description = "One batch"), AnyProblem),
)]
pub(super) async fn list_idle_anonymous(
    who: Authorized<Read>,
    State(web): State<Web>,
    QueryParams(query): QueryParams<IdleQuery>,
) -> Result<Json<PageBody<UserBody>>, Problem> {
    let list = List::of("idle anonymous", &[]);
    let after = query.after.as_deref().map(|after| list.open(after)).transpose()?;
    let users = web.users(who.actor()).list_idle_anonymous(days(query.days)?, after).await?;
    let next = users.last().map(|user| Cursor::at_time(user.last_active_at, user.id.as_uuid()));
    Ok(Json(PageBody::new(list, users.iter().map(UserBody::from).collect(), next)))
}

/// Deletes one batch of the active anonymous users without activity for so long and without a live session.
#[utoipa::path(
    post,
    path = "/users/anonymous/cleanup",
    tag = "anonymous",
    request_body = DaysBody,
    responses((status = 200, body = BatchBody, description = "How many were deleted"), AnyProblem, BodyProblem, ChangeProblem),
)]
pub(super) async fn cleanup_anonymous(
    who: Authorized<Admin>,
    State(web): State<Web>,
    JsonBody(body): JsonBody<DaysBody>,
) -> Result<Json<BatchBody>, Problem> {
    let count = web.users(who.actor()).cleanup_anonymous(days(body.days)?).await?;
    Ok(Json(BatchBody { count }))
}

/// The users that were deleted longer ago and are not on hold: one batch of those that would be purged next.
#[utoipa::path(
    get,
    path = "/users/purgeable",
    tag = "users",
    params(DaysQuery),
    responses((status = 200, body = PageBody<UserBody>, description = "One batch"), AnyProblem),
)]
pub(super) async fn list_purgeable(
    who: Authorized<Read>,
    State(web): State<Web>,
    QueryParams(query): QueryParams<DaysQuery>,
) -> Result<Json<PageBody<UserBody>>, Problem> {
    let users = web.users(who.actor()).list_purgeable(days(query.days)?).await?;
    let list = List::of("purgeable", &[]);
    Ok(Json(PageBody::new(list, users.iter().map(UserBody::from).collect(), None)))
}

/// Removes for good one batch of the users that were deleted longer ago and are not on hold.
#[utoipa::path(
    post,
    path = "/users/purgeable/purge",
    tag = "users",
    request_body = DaysBody,
    responses((status = 200, body = BatchBody, description = "How many were purged"), AnyProblem, BodyProblem, ChangeProblem),
)]
pub(super) async fn purge_deleted(
    who: Authorized<Admin>,
    State(web): State<Web>,
    JsonBody(body): JsonBody<DaysBody>,
) -> Result<Json<BatchBody>, Problem> {
    let count = web.users(who.actor()).purge_deleted(days(body.days)?).await?;
    Ok(Json(BatchBody { count }))
}

fn days(days: i64) -> Result<Duration, UserError> {
    let days = if (1..=36_500).contains(&days) { Duration::try_days(days) } else { None };
    days.ok_or_else(|| UserError::validation("days", "expected 1 to 36500"))
}

/// A whole number, also when it is written as `30.0`, which is the same number in JSON.
fn whole<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    let number = serde_json::Number::deserialize(deserializer)?;
    let text = number.to_string();
    let whole = text.strip_suffix(".0").unwrap_or(&text);
    whole.parse().map_err(|_| serde::de::Error::custom("expected a whole number"))
}
