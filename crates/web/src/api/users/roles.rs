//! A user's roles. Whoever makes an admin, or changes one, needs the scope `admin`.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use systemprompt_users_application::UserAdminService;
use systemprompt_users_domain::{DemoteResult, PromoteResult, User, UserError, UserId, UserRole};
use utoipa::ToSchema;

use super::params::{UserChange, UserPath};
use super::{RegisteredRole, Role, UserAnswer, UserBody};
use crate::api::errors::{AnyProblem, BodyProblem, ChangeProblem, MatchProblem};
use crate::api::etag::{IfMatch, etag};
use crate::auth::{Admin, Authorized, Read, Write};
use crate::{JsonBody, PathParams, Problem, Web};

/// The roles of a user.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Roles)]
pub(super) struct RolesBody {
    /// At least one; `anonymous` stands alone.
    #[schema(min_items = 1)]
    roles: Vec<Role>,
}

/// The roles of a live user.
#[utoipa::path(
    get,
    path = "/users/{id}/roles",
    tag = "roles",
    params(UserPath),
    responses((status = 200, body = RolesBody, description = "The roles"), AnyProblem),
)]
pub(super) async fn get_user_roles(
    who: Authorized<Read>,
    State(web): State<Web>,
    PathParams(id): PathParams<UserId>,
) -> Result<Json<RolesBody>, Problem> {
    let user = web.users(who.actor()).find_by_id(id).await?;
    let user = user.ok_or_else(|| UserError::user_not_found(id))?;
    Ok(Json(RolesBody { roles: user.roles.iter().filter_map(Role::of).collect() }))
}

/// Other roles for a user.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewRoles)]
pub(super) struct NewRolesBody {
    /// At least one.
    #[schema(min_items = 1)]
    roles: Vec<RegisteredRole>,
}

/// Roles that do not go with those the user has: it is the state of the user that does not allow it.
fn refused(error: UserError) -> Problem {
    let conflicts = matches!(error, UserError::InvalidRoles(_));
    let mut problem = Problem::from(error);
    if conflicts {
        problem.status = StatusCode::CONFLICT.as_u16();
        problem.title = "Its state does not allow this";
    }
    problem
}

/// Replaces all roles of a live user.
#[utoipa::path(
    put,
    path = "/users/{id}/roles",
    tag = "roles",
    params(UserPath, IfMatch),
    request_body = NewRolesBody,
    responses(UserAnswer, AnyProblem, BodyProblem, ChangeProblem, MatchProblem),
)]
pub(super) async fn set_user_roles(
    change: UserChange<Write>,
    JsonBody(body): JsonBody<NewRolesBody>,
) -> Result<UserAnswer, Problem> {
    if body.roles.is_empty() {
        return Err(UserError::InvalidRoles("a user holds at least one role".into()).into());
    }
    let roles: Vec<UserRole> = body.roles.into_iter().map(Into::into).collect();
    Ok(UserAnswer::ok(&change.users.assign_roles(change.id, &roles).await.map_err(refused)?))
}

/// Gives a role to a live user; nothing changes when the user holds it.
#[utoipa::path(
    put,
    path = "/users/{id}/roles/{role}",
    tag = "roles",
    params(UserPath, ("role" = RegisteredRole, Path, description = "The role"), IfMatch),
    responses(UserAnswer, AnyProblem, ChangeProblem, MatchProblem),
)]
pub(super) async fn assign_user_role(
    change: UserChange<Write>,
    PathParams((_, role)): PathParams<(UserId, RegisteredRole)>,
) -> Result<UserAnswer, Problem> {
    Ok(UserAnswer::ok(&change.users.assign_role(change.id, role.into()).await.map_err(refused)?))
}

/// Takes a role from a live user; nothing changes when the user does not hold it.
#[utoipa::path(
    delete,
    path = "/users/{id}/roles/{role}",
    tag = "roles",
    params(UserPath, ("role" = Role, Path, description = "The role"), IfMatch),
    responses(UserAnswer, AnyProblem, ChangeProblem, MatchProblem),
)]
pub(super) async fn revoke_user_role(
    change: UserChange<Write>,
    PathParams((_, role)): PathParams<(UserId, Role)>,
) -> Result<UserAnswer, Problem> {
    Ok(UserAnswer::ok(&change.users.revoke_role(change.id, role.into()).await.map_err(refused)?))
}

/// What a promotion or demotion did.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AdminChange)]
pub(super) struct AdminChangeBody {
    /// Whether anything changed; false when the user was that way already.
    changed: bool,
    /// The user as it is now.
    user: UserBody,
}

/// What was done, with the version of the user.
type AdminChange = ([(HeaderName, HeaderValue); 1], Json<AdminChangeBody>);

impl AdminChangeBody {
    fn answer(changed: bool, user: &User) -> AdminChange {
        ([(header::ETAG, etag(user.version))], Json(Self { changed, user: user.into() }))
    }
}

/// Makes a live, registered user an admin.
#[utoipa::path(
    post,
    path = "/users/{id}/promote",
    tag = "roles",
    params(UserPath, IfMatch),
    responses(
        (status = 200, body = AdminChangeBody, description = "What was done", headers(("ETag" = String, description = "The version"))),
        AnyProblem, ChangeProblem, MatchProblem,
    ),
)]
pub(super) async fn promote_user(
    change: UserChange<Admin>,
    State(web): State<Web>,
) -> Result<AdminChange, Problem> {
    Ok(match admins(&web, &change).promote(&change.id.to_string()).await.map_err(refused)? {
        PromoteResult::Promoted(user) => AdminChangeBody::answer(true, &user),
        PromoteResult::AlreadyAdmin(user) => AdminChangeBody::answer(false, &user),
    })
}

/// Takes the role `admin` away; a user without another role stays a `user`.
#[utoipa::path(
    post,
    path = "/users/{id}/demote",
    tag = "roles",
    params(UserPath, IfMatch),
    responses(
        (status = 200, body = AdminChangeBody, description = "What was done", headers(("ETag" = String, description = "The version"))),
        AnyProblem, ChangeProblem, MatchProblem,
    ),
)]
pub(super) async fn demote_user(
    change: UserChange<Admin>,
    State(web): State<Web>,
) -> Result<AdminChange, Problem> {
    Ok(match admins(&web, &change).demote(&change.id.to_string()).await? {
        DemoteResult::Demoted(user) => AdminChangeBody::answer(true, &user),
        DemoteResult::NotAdmin(user) => AdminChangeBody::answer(false, &user),
    })
}

/// Who promotes and demotes, from a version that was named.
fn admins(web: &Web, change: &UserChange<Admin>) -> UserAdminService {
    let admins = web.admin(change.who.actor());
    match change.version {
        Some(version) => admins.at_version(version),
        None => admins,
    }
}
