//! Pages of the log of events.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use systemprompt_users_domain::{EventFilter, EventPosition, PageLimit, UserError, UserId};
use utoipa::IntoParams;

use super::dto::{EventBody, EventLogPage, LatestEvents};
use crate::api::bans::target;
use crate::api::errors::AnyProblem;
use crate::api::schema::IpTargetText;
use crate::auth::{Authorized, Read};
use crate::{Problem, QueryParams, Web};

/// Which part of the log is wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct LogParams {
    /// `next` of the part before; 0 is the beginning of the log.
    #[serde(default)]
    #[param(minimum = 0, maximum = 9_223_372_036_854_775_807_i64, default = 0)]
    after: u64,
    /// How many items at the most.
    #[param(minimum = 1, maximum = 1000, default = 50)]
    limit: Option<i64>,
}

/// The log in order, oldest first. Whoever goes on from `next` misses no event, also when one commits late.
#[utoipa::path(
    get,
    path = "/events",
    tag = "events",
    params(LogParams),
    responses((status = 200, body = EventLogPage, description = "A part of the log"), AnyProblem),
)]
pub(super) async fn read_events(
    _who: Authorized<Read>,
    State(web): State<Web>,
    QueryParams(params): QueryParams<LogParams>,
) -> Result<Json<EventLogPage>, Problem> {
    let after = position("after", params.after)?;
    let limit = params.limit.unwrap_or_else(default_limit);
    let events = web.events().read(after, limit).await?;
    let next = events.last().map_or(after, |event| event.position).0;
    let items = events.into_iter().map(EventBody::from).collect();
    Ok(Json(EventLogPage { items, next }))
}

/// Which of the newest events are wanted; all conditions must hold.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct LatestParams {
    /// About this user.
    #[param(value_type = Option<Uuid>)]
    user_id: Option<UserId>,
    /// About exactly this address or network, in any spelling.
    #[param(value_type = Option<IpTargetText>)]
    target: Option<String>,
    /// `next` of the page before.
    #[param(minimum = 0, maximum = 9_223_372_036_854_775_807_i64)]
    before: Option<u64>,
    /// How many items at the most.
    #[param(minimum = 1, maximum = 1000, default = 50)]
    limit: Option<i64>,
}

/// The newest events, newest first: all, of a user, of an address or network.
#[utoipa::path(
    get,
    path = "/events/latest",
    tag = "events",
    params(LatestParams),
    responses((status = 200, body = LatestEvents, description = "A page"), AnyProblem),
)]
pub(super) async fn latest_events(
    _who: Authorized<Read>,
    State(web): State<Web>,
    QueryParams(params): QueryParams<LatestParams>,
) -> Result<Json<LatestEvents>, Problem> {
    let filter = EventFilter {
        user_id: params.user_id,
        target: params.target.as_deref().map(target).transpose()?,
    };
    let before = params.before.map(|before| position("before", before)).transpose()?;
    let limit = params.limit.unwrap_or_else(default_limit);
    let events = web.events().list(&filter, before, limit).await?;
    let is_full = i64::try_from(events.len()) == Ok(limit);
    let next = events.last().filter(|_| is_full).map(|event| event.position.0);
    Ok(Json(LatestEvents { items: events.into_iter().map(EventBody::from).collect(), next }))
}

/// A place in the log.
pub(super) fn position(field: &'static str, position: u64) -> Result<EventPosition, UserError> {
    let position = i64::try_from(position);
    position.map(EventPosition).map_err(|_| UserError::validation(field, "is no place in the log"))
}

fn default_limit() -> i64 {
    PageLimit::default().get().into()
}
