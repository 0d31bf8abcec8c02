//! Who is signed in.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{FromRequestParts, Request};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use systemprompt_users_application::{AuthenticatedSession, Decision, Requirement};
use systemprompt_users_domain::{User, UserRole, UserSession};

use super::gate::{Gatekeeper, layer_of_gatekeeper};
use crate::auth::session_tokens;
use crate::client_ip::client_of;
use crate::decision::denied;
use crate::{Problem, Web};

/// A layer that finds the session behind a request, by its bearer token or its cookie, for [`CurrentUser`],
/// [`OptionalUser`] and [`RequireRole`]. Requests without one pass; those that bring one get 403 from a banned
/// address, and 503 while nobody can say whether it is valid.
#[derive(Debug, Clone)]
pub struct SessionLayer {
    web: Web,
}

impl SessionLayer {
    /// Over the sessions of `web`.
    pub const fn new(web: Web) -> Self {
        Self { web }
    }
}

impl SessionLayer {
    async fn find(
        &self,
        address: IpAddr,
        headers: &HeaderMap,
    ) -> Result<Option<Arc<AuthenticatedSession>>, Response> {
        let mut tokens = session_tokens(headers, self.web.options()).peekable();
        if tokens.peek().is_none() {
            return Ok(None);
        }
        match self.web.decide_by_any(address, tokens, Requirement::Address).await {
            Decision::Allow(access) => Ok(access.session),
            Decision::Deny(denial) => Err(denied(&denial).into_response()),
        }
    }
}

/// What the layer found.
#[derive(Debug, Clone)]
struct Found(Option<Arc<AuthenticatedSession>>);

impl Gatekeeper for SessionLayer {
    async fn pass(&self, request: Request) -> Result<Request, Response> {
        let (mut parts, body) = request.into_parts();
        let address = client_of(&mut parts, &self.web).map_err(Problem::into_response)?;
        let found = self.find(address, &parts.headers).await?;
        parts.extensions.insert(Found(found));
        Ok(Request::from_parts(parts, body))
    }
}

layer_of_gatekeeper!(SessionLayer);

/// The user who is signed in, as an argument of a handler behind a [`SessionLayer`]. Nobody gets 401.
#[derive(Debug, Clone)]
pub struct CurrentUser(pub Arc<AuthenticatedSession>);

impl CurrentUser {
    /// The user.
    pub fn user(&self) -> &User {
        &self.0.user
    }

    /// The session.
    pub fn session(&self) -> &UserSession {
        &self.0.session
    }
}

impl<S: Send + Sync> FromRequestParts<S> for CurrentUser {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let OptionalUser(session) = OptionalUser::from_request_parts(parts, state).await?;
        session.map(Self).ok_or_else(|| Problem::unauthorized("nobody is signed in"))
    }
}

/// The user who is signed in, if anybody is.
#[derive(Debug, Clone)]
pub struct OptionalUser(pub Option<Arc<AuthenticatedSession>>);

impl<S: Send + Sync> FromRequestParts<S> for OptionalUser {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        match parts.extensions.get::<Found>() {
            Some(Found(session)) => Ok(Self(session.clone())),
            None => {
                tracing::error!("there is no SessionLayer around this route");
                Err(Problem::internal())
            }
        }
    }
}

/// A layer inside of a [`SessionLayer`] that lets in only who holds a role: nobody gets 401, others 403.
#[derive(Debug, Clone, Copy)]
pub struct RequireRole(pub UserRole);

impl Gatekeeper for RequireRole {
    async fn pass(&self, request: Request) -> Result<Request, Response> {
        let (mut parts, body) = request.into_parts();
        let user = CurrentUser::from_request_parts(&mut parts, &()).await;
        match user {
            Ok(current) if current.user().roles.contains(self.0) => {
                Ok(Request::from_parts(parts, body))
            }
            Ok(_) => {
                let problem = Problem::forbidden(format!("this needs the role `{}`", self.0));
                Err(problem.into_response())
            }
            Err(problem) => Err(problem.into_response()),
        }
    }
}

layer_of_gatekeeper!(RequireRole);
