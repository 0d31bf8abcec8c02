//! An answer about a user is given again only to who may still ask for it: the answer may hold the token of a session,
//! whose user has become an admin since.

use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{MatchedPath, RawPathParams, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use systemprompt_users_domain::{Actor, ApiScope, UserError, UserId, UserRef, UserRole};

use super::PREFIX;
use crate::auth::Principal;
use crate::idempotency::KEY;
use crate::{Problem, Web};

/// How many merges are followed to whom the sessions of a user belong now.
const MAX_MERGES: usize = 16;

/// A middleware before [`crate::idempotency::remember`]: a POST about one user that may have been answered before is
/// refused to who lacks the scope `admin` when the user is an admin now, as its handler would.
pub(super) async fn spare_admins(
    State(web): State<Web>,
    path: Option<MatchedPath>,
    params: Result<RawPathParams, RawPathParamsRejection>,
    request: Request,
    next: Next,
) -> Response {
    let may_be_replayed = request.method() == Method::POST && request.headers().contains_key(KEY);
    let is_about_user =
        path.is_some_and(|path| path.as_str().starts_with(&format!("{PREFIX}/users/{{id}}")));
    let principal = request.extensions().get::<Principal>();
    let is_spared = principal.is_some_and(|principal| !principal.allows(ApiScope::Admin));
    if !(may_be_replayed && is_about_user && is_spared) {
        return next.run(request).await;
    }
    // What is not an id is refused by the handler.
    let id = params.ok().and_then(|params| {
        params.iter().find(|(name, _)| *name == "id").and_then(|(_, id)| id.parse().ok())
    });
    match check(&web, id).await {
        Ok(()) => next.run(request).await,
        Err(error) => Problem::from(error).into_response(),
    }
}

async fn check(web: &Web, mut id: Option<UserId>) -> systemprompt_users_domain::Result<()> {
    let users = web.users(Actor::System);
    for _ in 0..MAX_MERGES {
        let Some(next) = id else { break };
        let Some(user) = users.find_by_reference(&UserRef::Id(next)).await? else { break };
        if user.roles.contains(UserRole::Admin) {
            return Err(UserError::AdminsOnly);
        }
        id = user.merged_into;
    }
    Ok(())
}
