//! Pages of the log of events.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use systemprompt_users_domain::{
    ApiScope, EventFilter, EventKind, EventPosition, PageLimit, UserError, UserId,
};
use utoipa::IntoParams;

use super::dto::{EventBody, EventLogPage, LatestEvents};
use crate::api::bans::target;
use crate::api::errors::AnyProblem;
use crate::api::schema::IpTargetText;
use crate::auth::{Authorized, Read, missing};
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
///
/// Events about bans and the allow-list are left out for who lacks the scope `bans`, those about API keys and one-time
/// links for who lacks `admin`; `next` goes on past them.
#[utoipa::path(
    get,
    path = "/events",
    tag = "events",
    params(LogParams),
    responses((status = 200, body = EventLogPage, description = "A part of the log"), AnyProblem),
)]
pub(super) async fn read_events(
    who: Authorized<Read>,
    State(web): State<Web>,
    QueryParams(params): QueryParams<LogParams>,
) -> Result<Json<EventLogPage>, Problem> {
    let after = position("after", params.after)?;
    let limit = params.limit.unwrap_or_else(default_limit);
    let sees = |kind: &EventKind| who.principal.sees(kind);
    let (events, next) = web.events().read_seen(after, limit, sees).await?;
    let items = events.into_iter().map(EventBody::from).collect();
    Ok(Json(EventLogPage { items, next: next.0 }))
}

/// Which of the newest events are wanted; all conditions must hold.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct LatestParams {
    /// About this user.
    #[param(value_type = Option<Uuid>)]
    user_id: Option<UserId>,
    /// About exactly this address or network, in any spelling. Takes the scope `bans`.
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
///
/// Events about bans and the allow-list are left out for who lacks the scope `bans`, those about API keys and one-time
/// links for who lacks `admin`.
#[utoipa::path(
    get,
    path = "/events/latest",
    tag = "events",
    params(LatestParams),
    responses((status = 200, body = LatestEvents, description = "A page"), AnyProblem),
)]
pub(super) async fn latest_events(
    who: Authorized<Read>,
    State(web): State<Web>,
    QueryParams(params): QueryParams<LatestParams>,
) -> Result<Json<LatestEvents>, Problem> {
    // Whatever happened to an address or network is about bans.
    if params.target.is_some() && !who.principal.allows(ApiScope::Bans) {
        return Err(missing(ApiScope::Bans).field("target"));
    }
    let filter = EventFilter {
        user_id: params.user_id,
        target: params.target.as_deref().map(target).transpose()?,
    };
    let before = params.before.map(|before| position("before", before)).transpose()?;
    let limit = params.limit.unwrap_or_else(default_limit);
    let sees = |kind: &EventKind| who.principal.sees(kind);
    let (events, next) = web.events().list_seen(&filter, before, limit, sees).await?;
    let items = events.into_iter().map(EventBody::from).collect();
    Ok(Json(LatestEvents { items, next: next.map(|position| position.0) }))
}

/// A place in the log.
pub(super) fn position(field: &'static str, position: u64) -> Result<EventPosition, UserError> {
    let position = i64::try_from(position);
    position.map(EventPosition).map_err(|_| UserError::validation(field, "is no place in the log"))
}

fn default_limit() -> i64 {
    PageLimit::default().get().into()
}
