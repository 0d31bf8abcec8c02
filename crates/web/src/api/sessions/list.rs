//! Reading sessions: one, all users', one user's.

use axum::Json;
use axum::extract::{OriginalUri, State};
use serde::Deserialize;
use systemprompt_users_domain::{
    Page, PageRequest, Result, SessionId, UserError, UserId, UserSession,
};
use utoipa::IntoParams;

use super::dto::{SessionBody, SessionState};
use crate::api::errors::AnyProblem;
use crate::api::page::{List, PageBody, Paged, page_request};
use crate::auth::{Authorized, Read};
use crate::{PathParams, Problem, QueryParams, Web};

/// Which sessions are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct SessionParams {
    /// `all`, live or over, started last first; or only `live` ones, used last first.
    #[serde(default)]
    #[param(inline, default = "all")]
    state: SessionState,
    /// How many items at the most.
    #[param(minimum = 1, maximum = 1000, default = 50)]
    limit: Option<i64>,
    /// `next` of the page before.
    after: Option<String>,
}

impl SessionParams {
    fn request(&self, list: List) -> Result<PageRequest> {
        page_request(list, self.limit, self.after.as_deref())
    }
}

/// A page of the sessions of all users.
#[utoipa::path(
    get,
    path = "/sessions",
    tag = "sessions",
    params(SessionParams),
    responses(
        (status = 200, body = PageBody<SessionBody>, description = "A page", headers(("Link" = String, description = "The next page, where there is one"))),
        AnyProblem,
    ),
)]
pub(super) async fn list_sessions(
    who: Authorized<Read>,
    State(web): State<Web>,
    uri: OriginalUri,
    QueryParams(params): QueryParams<SessionParams>,
) -> Result<Paged<SessionBody>, Problem> {
    let list = List::of("sessions", &[&format!("{:?}", params.state)]);
    let (sessions, request) = (web.sessions(who.actor()), params.request(list)?);
    let page = match params.state {
        SessionState::All => sessions.list_recent(&request).await?,
        SessionState::Live => sessions.list_all_active(&request).await?,
    };
    Ok(Paged::new(&uri, list, page, SessionBody::from))
}

/// A page of the sessions of one user, who may be deleted.
#[utoipa::path(
    get,
    path = "/users/{id}/sessions",
    tag = "sessions",
    params(("id" = Uuid, Path, description = "The id of a user"), SessionParams),
    responses(
        (status = 200, body = PageBody<SessionBody>, description = "A page", headers(("Link" = String, description = "The next page, where there is one"))),
        AnyProblem,
    ),
)]
pub(super) async fn list_user_sessions(
    who: Authorized<Read>,
    State(web): State<Web>,
    PathParams(id): PathParams<UserId>,
    uri: OriginalUri,
    QueryParams(params): QueryParams<SessionParams>,
) -> Result<Paged<SessionBody>, Problem> {
    let list = List::of("sessions of", &[&id.to_string(), &format!("{:?}", params.state)]);
    let (sessions, request) = (web.sessions(who.actor()), params.request(list)?);
    let page: Page<UserSession> = match params.state {
        SessionState::All => sessions.list(id, &request).await?,
        SessionState::Live => sessions.list_active(id, &request).await?,
    };
    // Who has sessions is or was a user; who has none may never have been one.
    if page.items.is_empty() {
        let user = web.users(who.actor()).find_by_reference(&id.into()).await?;
        user.ok_or_else(|| UserError::user_not_found(id))?;
    }
    Ok(Paged::new(&uri, list, page, SessionBody::from))
}

/// A session, live or over.
#[utoipa::path(
    get,
    path = "/sessions/{id}",
    tag = "sessions",
    params(("id" = Uuid, Path, description = "The id of a session")),
    responses((status = 200, body = SessionBody, description = "The session"), AnyProblem),
)]
pub(super) async fn get_session(
    who: Authorized<Read>,
    State(web): State<Web>,
    PathParams(id): PathParams<SessionId>,
) -> Result<Json<SessionBody>, Problem> {
    let session = web.sessions(who.actor()).find_by_id(id).await?;
    let session = session.ok_or_else(|| UserError::not_found("session", id))?;
    Ok(Json(session.into()))
}
