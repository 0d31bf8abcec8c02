//! Who is behind a request to the API, and what that may do.

use std::marker::PhantomData;
use std::sync::Arc;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use systemprompt_users_application::AuthenticatedSession;
use systemprompt_users_domain::{Actor, Token, UserRole};
use uuid::Uuid;

use crate::{Problem, Web, WebOptions};

/// Who is behind a request.
#[derive(Debug, Clone)]
pub enum Principal {
    /// A signed-in user.
    Session(Arc<AuthenticatedSession>),
}

impl Principal {
    /// What it is counted by.
    pub(crate) fn id(&self) -> Uuid {
        match self {
            Self::Session(session) => session.session.id.as_uuid(),
        }
    }

    /// Whom the events of this request name.
    pub fn actor(&self) -> Actor {
        match self {
            Self::Session(session) => Actor::User(session.user.id),
        }
    }

    /// Whether it may do what `scope` covers. A session may do all when its user is an admin, else nothing.
    pub fn allows(&self, _scope: Scope) -> bool {
        match self {
            Self::Session(session) => session.user.roles.contains(UserRole::Admin),
        }
    }
}

/// What a route asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// To read.
    Read,
    /// To change users and sessions.
    Write,
    /// To manage keys and jobs, and to purge.
    Admin,
    /// To read and change bans.
    Bans,
}

/// A scope as a type, for [`Authorized`].
pub trait RequiredScope: Send + Sync {
    /// Which one.
    const SCOPE: Scope;
}

macro_rules! scope_types {
    ($($(#[$doc:meta])* $name:ident),*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub struct $name;

        impl RequiredScope for $name {
            const SCOPE: Scope = Scope::$name;
        }
    )*};
}

scope_types! {
    /// Asks for [`Scope::Read`].
    Read,
    /// Asks for [`Scope::Write`].
    Write,
    /// Asks for [`Scope::Admin`].
    Admin,
    /// Asks for [`Scope::Bans`].
    Bans
}

/// The principal of a request, who holds the scope `S`. As an argument of a handler it refuses everybody else.
#[derive(Debug, Clone)]
pub struct Authorized<S> {
    /// Who is asking.
    pub principal: Principal,
    scope: PhantomData<S>,
}

impl<S> Authorized<S> {
    /// Whom the events of this request name.
    pub fn actor(&self) -> Actor {
        self.principal.actor()
    }
}

impl<S: RequiredScope> FromRequestParts<Web> for Authorized<S> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _web: &Web) -> Result<Self, Problem> {
        let principal = parts.extensions.get::<Principal>().cloned();
        let principal =
            principal.ok_or_else(|| Problem::unauthorized("no credentials were sent"))?;
        if !principal.allows(S::SCOPE) {
            return Err(Problem::forbidden(format!("this needs the scope `{:?}`", S::SCOPE)));
        }
        Ok(Self { principal, scope: PhantomData })
    }
}

/// A middleware for routes of the API: finds out who is asking, before anything of the body is read, and puts the
/// [`Principal`] into the request. Who brings no valid credentials gets 401.
pub async fn authenticate(State(web): State<Web>, mut request: Request, next: Next) -> Response {
    match principal(&web, request.headers()).await {
        Ok(principal) => {
            request.extensions_mut().insert(principal);
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    }
}

async fn principal(web: &Web, headers: &HeaderMap) -> Result<Principal, Problem> {
    let Some(token) = bearer(headers) else {
        return Err(Problem::unauthorized("send `Authorization: Bearer` and an API key"));
    };
    let session = web.sessions(Actor::System).validate(token).await?;
    let session = session.ok_or_else(|| Problem::unauthorized("the credentials are not valid"))?;
    Ok(Principal::Session(Arc::new(session)))
}

/// The bearer token of a request.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// The token of a session in a request: the bearer token, or else the cookie. What can't be a token is nobody's
/// and does not hide the other.
pub(crate) fn session_token<'a>(headers: &'a HeaderMap, options: &WebOptions) -> Option<&'a str> {
    let candidates = [bearer(headers), cookie(headers, &options.session_cookie)];
    candidates.into_iter().flatten().find(|token| token.parse::<Token>().is_ok())
}

/// The cookie of that name.
pub(crate) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(header::COOKIE).into_iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(';')).find_map(|pair| {
        let (found, value) = pair.trim().split_once('=')?;
        (found == name).then_some(value)
    })
}
