//! Finding one user by something other than the id it has today.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use systemprompt_users_domain::{User, UserError, UserId, UserRef};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::UserAnswer;
use super::params::UserPath;
use crate::api::errors::{AnyProblem, BodyProblem};
use crate::auth::{Authorized, Read};
use crate::{JsonBody, PathParams, Problem, QueryParams, Web};

/// Whom to look up.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct LookupQuery {
    /// An id, an email or a name, in any spelling.
    reference: String,
    /// Whether a deleted user may be the answer; a live one comes first.
    #[serde(default)]
    #[param(default = false)]
    include_deleted: bool,
}

/// The user of an id, email or name.
#[utoipa::path(
    get,
    path = "/users/lookup",
    tag = "users",
    params(LookupQuery),
    responses(UserAnswer, AnyProblem)
)]
pub(super) async fn lookup_user(
    who: Authorized<Read>,
    State(web): State<Web>,
    QueryParams(query): QueryParams<LookupQuery>,
) -> Result<UserAnswer, Problem> {
    let found = match query.reference.parse::<UserRef>() {
        Ok(reference) => web.users(who.actor()).find_by_reference(&reference).await?,
        // Text that can be no reference is nobody's.
        Err(_) => None,
    };
    let found = found.filter(|user| query.include_deleted || user.is_live());
    answer(found, &query.reference)
}

/// The live, registered user that was created first.
#[utoipa::path(get, path = "/users/first", tag = "users", responses(UserAnswer, AnyProblem))]
pub(super) async fn first_user(
    who: Authorized<Read>,
    State(web): State<Web>,
) -> Result<UserAnswer, Problem> {
    answer(web.users(who.actor()).find_first_user().await?, "first")
}

/// The live admin that was created first.
#[utoipa::path(get, path = "/users/first-admin", tag = "users", responses(UserAnswer, AnyProblem))]
pub(super) async fn first_admin(
    who: Authorized<Read>,
    State(web): State<Web>,
) -> Result<UserAnswer, Problem> {
    answer(web.users(who.actor()).find_first_admin().await?, "first-admin")
}

/// The live user that an id stands for today: its own, or the one it was merged into.
#[utoipa::path(
    get,
    path = "/users/{id}/resolve",
    tag = "users",
    params(UserPath),
    responses(UserAnswer, AnyProblem)
)]
pub(super) async fn resolve_user(
    who: Authorized<Read>,
    State(web): State<Web>,
    PathParams(id): PathParams<UserId>,
) -> Result<UserAnswer, Problem> {
    answer(web.users(who.actor()).resolve(id).await?, &id.to_string())
}

fn answer(found: Option<User>, reference: &str) -> Result<UserAnswer, Problem> {
    match found {
        Some(user) => Ok(UserAnswer::ok(&user)),
        None => Err(UserError::user_not_found(reference).into()),
    }
}

/// Ids of users.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = UserIds)]
pub(super) struct IdsBody {
    /// The ids.
    #[schema(max_items = 10000)]
    ids: Vec<Uuid>,
}

/// Ids that no live user has.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MissingIds)]
pub(super) struct MissingBody {
    /// The ids, each once, in the order in which they were asked about.
    missing: Vec<Uuid>,
}

/// Which of many ids no live user has.
#[utoipa::path(
    post,
    path = "/users/missing",
    tag = "users",
    request_body = IdsBody,
    responses((status = 200, body = MissingBody, description = "The ids that nobody has"), AnyProblem, BodyProblem),
)]
pub(super) async fn missing_users(
    who: Authorized<Read>,
    State(web): State<Web>,
    JsonBody(body): JsonBody<IdsBody>,
) -> Result<Json<MissingBody>, Problem> {
    let ids: Vec<UserId> = body.ids.into_iter().map(UserId::from_uuid).collect();
    let missing = web.users(who.actor()).find_missing_ids(&ids).await?;
    Ok(Json(MissingBody { missing: missing.iter().map(UserId::as_uuid).collect() }))
}

/// What a user has been up to.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UserActivity)]
pub(super) struct ActivityBody {
    /// Who.
    user_id: Uuid,
    /// When the user was last seen.
    last_active_at: chrono::DateTime<chrono::Utc>,
    /// Sessions that are kept.
    sessions: u64,
    /// Sessions that are live.
    live_sessions: u64,
    /// Events about the user.
    events: u64,
}

/// What a live user has been up to.
#[utoipa::path(
    get,
    path = "/users/{id}/activity",
    tag = "users",
    params(UserPath),
    responses((status = 200, body = ActivityBody, description = "The figures"), AnyProblem),
)]
pub(super) async fn user_activity(
    who: Authorized<Read>,
    State(web): State<Web>,
    PathParams(id): PathParams<UserId>,
) -> Result<Json<ActivityBody>, Problem> {
    let activity = web.users(who.actor()).get_activity(id).await?;
    let activity = activity.ok_or_else(|| UserError::user_not_found(id))?;
    Ok(Json(ActivityBody {
        user_id: activity.user_id.as_uuid(),
        last_active_at: activity.last_active_at,
        sessions: activity.sessions,
        live_sessions: activity.live_sessions,
        events: activity.events,
    }))
}
