//! Exact figures about users.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use systemprompt_users_domain::{UserCountBreakdown, UserStats};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;

use super::errors::AnyProblem;
use crate::api::scopes::routes;
use crate::auth::{Authorized, Read};
use crate::{Problem, QueryParams, Web};

pub(super) fn routes() -> OpenApiRouter<Web> {
    OpenApiRouter::default()
        .routes(routes!(get_statistics))
        .routes(routes!(get_breakdown))
        .routes(routes!(get_signups))
}

/// The figures of an overview. Anonymous users count under `anonymous` alone, deleted ones nowhere.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Statistics)]
struct StatisticsBody {
    /// Live, registered users.
    total: u64,
    /// Of these, created within the last 24 hours.
    created_24h: u64,
    /// Of these, created within the last 7 days.
    created_7d: u64,
    /// Of these, created within the last 30 days.
    created_30d: u64,
    /// Of these, active.
    active: u64,
    /// Of these, suspended.
    suspended: u64,
    /// Of these, holding the role admin.
    admins: u64,
    /// Live anonymous users.
    anonymous: u64,
    /// Of the registered ones, bots.
    bots: u64,
    /// When the oldest registered user was created.
    #[schema(required = true)]
    oldest: Option<DateTime<Utc>>,
    /// When the newest registered user was created.
    #[schema(required = true)]
    newest: Option<DateTime<Utc>>,
}

impl From<UserStats> for StatisticsBody {
    fn from(stats: UserStats) -> Self {
        Self {
            total: stats.total,
            created_24h: stats.created_24h,
            created_7d: stats.created_7d,
            created_30d: stats.created_30d,
            active: stats.active,
            suspended: stats.suspended,
            admins: stats.admins,
            anonymous: stats.anonymous,
            bots: stats.bots,
            oldest: stats.oldest,
            newest: stats.newest,
        }
    }
}

/// The figures of an overview.
#[utoipa::path(
    get,
    path = "/statistics",
    tag = "statistics",
    responses((status = 200, body = StatisticsBody, description = "The figures"), AnyProblem),
)]
async fn get_statistics(
    who: Authorized<Read>,
    State(web): State<Web>,
) -> Result<Json<StatisticsBody>, Problem> {
    Ok(Json(web.users(who.actor()).get_stats().await?.into()))
}

/// How many users there are by status and by role, every status and role named.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Breakdown)]
struct BreakdownBody {
    /// Live, registered users.
    total: u64,
    /// Registered users by status, the deleted ones included.
    by_status: BTreeMap<String, u64>,
    /// Live users by role, the anonymous ones included; who holds two roles counts under both.
    by_role: BTreeMap<String, u64>,
}

impl From<UserCountBreakdown> for BreakdownBody {
    fn from(counts: UserCountBreakdown) -> Self {
        let by_status = counts.by_status.into_iter();
        let by_role = counts.by_role.into_iter();
        Self {
            total: counts.total,
            by_status: by_status.map(|(status, count)| (status.to_string(), count)).collect(),
            by_role: by_role.map(|(role, count)| (role.to_string(), count)).collect(),
        }
    }
}

/// How many users there are by status and by role.
#[utoipa::path(
    get,
    path = "/statistics/breakdown",
    tag = "statistics",
    responses((status = 200, body = BreakdownBody, description = "The counts"), AnyProblem),
)]
async fn get_breakdown(
    who: Authorized<Read>,
    State(web): State<Web>,
) -> Result<Json<BreakdownBody>, Problem> {
    Ok(Json(web.users(who.actor()).count_with_breakdown().await?.into()))
}

/// Which days.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct SignupQuery {
    /// The first day, in UTC.
    #[param(example = "2026-01-01")]
    first: NaiveDate,
    /// The last day, at most ten years later.
    #[param(example = "2026-01-31")]
    last: NaiveDate,
}

/// Sign-ups by day.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Signups)]
struct SignupsBody {
    /// Every day from the first to the last, also those with none.
    days: Vec<SignupDayBody>,
}

/// How many users signed up on one day.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SignupDay)]
struct SignupDayBody {
    /// The day, in UTC.
    day: NaiveDate,
    /// Live, registered users that were created on it.
    count: u64,
}

/// Sign-ups by UTC day, both ends included.
#[utoipa::path(
    get,
    path = "/statistics/signups",
    tag = "statistics",
    params(SignupQuery),
    responses((status = 200, body = SignupsBody, description = "The days"), AnyProblem),
)]
async fn get_signups(
    who: Authorized<Read>,
    State(web): State<Web>,
    QueryParams(query): QueryParams<SignupQuery>,
) -> Result<Json<SignupsBody>, Problem> {
    let days = web.users(who.actor()).signups_per_day(query.first, query.last).await?;
    let days = days.into_iter().map(|day| SignupDayBody { day: day.day, count: day.count });
    Ok(Json(SignupsBody { days: days.collect() }))
}
