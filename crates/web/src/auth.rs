//! Who is behind a request to the API, and what that may do.

mod cookies;
mod credentials;
mod keys;

pub(crate) use cookies::cookies;
pub(crate) use credentials::{Credential, api_key, session_tokens, token_cookies};
pub(crate) use keys::KeyUses;

use std::marker::PhantomData;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use systemprompt_users_application::{Access, AuthenticatedSession, Decision, Requirement};
use systemprompt_users_domain::{Actor, ApiKey, ApiScope, EventKind, UserRole};
use uuid::Uuid;

use crate::client_ip::client_of;
use crate::decision::denied;
use crate::settle::settle_changes;
use crate::{Problem, Web};

/// Who is behind a request.
#[derive(Debug, Clone)]
pub enum Principal {
    /// An API key.
    Key(Arc<ApiKey>),
    /// A signed-in user.
    Session(Arc<AuthenticatedSession>),
}

impl Principal {
    /// What it is counted by.
    pub(crate) fn id(&self) -> Uuid {
        match self {
            Self::Key(key) => key.id.as_uuid(),
            Self::Session(session) => session.session.id.as_uuid(),
        }
    }

    /// Whom the events of this request name.
    pub fn actor(&self) -> Actor {
        match self {
            Self::Key(key) => Actor::ApiKey(key.id),
            Self::Session(session) => Actor::User(session.user.id),
        }
    }

    /// Whether it may do what `scope` covers. A session may do all when its user is an admin, else nothing.
    pub fn allows(&self, scope: ApiScope) -> bool {
        match self {
            Self::Key(key) => key.scopes.allows(scope),
            Self::Session(session) => session.user.roles.contains(UserRole::Admin),
        }
    }

    /// Whether it may see an event of that kind.
    pub(crate) fn sees(&self, kind: &EventKind) -> bool {
        self.allows(kind.required_scope())
    }
}

/// A scope as a type, for [`Authorized`].
pub trait RequiredScope: Send + Sync {
    /// Which one.
    const SCOPE: ApiScope;
}

macro_rules! scope_types {
    ($($(#[$doc:meta])* $name:ident),*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub struct $name;

        impl RequiredScope for $name {
            const SCOPE: ApiScope = ApiScope::$name;
        }
    )*};
}

scope_types! {
    /// Asks for [`ApiScope::Read`].
    Read,
    /// Asks for [`ApiScope::Write`].
    Write,
    /// Asks for [`ApiScope::Admin`].
    Admin,
    /// Asks for [`ApiScope::Bans`].
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
            return Err(missing(S::SCOPE));
        }
        Ok(Self { principal, scope: PhantomData })
    }
}

/// What is answered to who lacks a scope.
pub(crate) fn missing(scope: ApiScope) -> Problem {
    Problem::forbidden(format!("this needs the scope `{scope}`"))
}

/// A middleware for routes of the API: finds out who is asking, before anything of the body is read, and puts the
/// [`Principal`] into the request. Who brings no valid credentials gets 401, a banned address 403.
pub async fn authenticate(State(web): State<Web>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    match find_principal(&web, &mut parts).await {
        Ok(principal) => {
            parts.extensions.insert(principal);
            settle_changes(State(web), Request::from_parts(parts, body), next).await
        }
        Err(problem) => problem.into_response(),
    }
}

pub(crate) async fn find_principal(web: &Web, parts: &mut Parts) -> Result<Principal, Problem> {
    let address = parts.extensions.get::<ConnectInfo<SocketAddr>>().is_some();
    let address = if address { Some(client_of(parts, web)?) } else { None };
    match Credential::of(&parts.headers) {
        None => Err(Problem::unauthorized("send `Authorization: Bearer` and an API key")),
        Some(Credential::Key(secret)) => {
            if let Some(address) = address
                && let Decision::Deny(denial) =
                    web.decide(address, None, Requirement::Address).await
            {
                return Err(denied(&denial));
            }
            web.find_key(secret).await?.map(Principal::Key).ok_or_else(invalid)
        }
        Some(Credential::Session(token)) => find_session(web, address, token).await,
    }
}

/// A host that does not tell the peer can't ask about its bans, but about the session all the same.
async fn find_session(
    web: &Web,
    address: Option<IpAddr>,
    token: &str,
) -> Result<Principal, Problem> {
    let Some(address) = address else {
        let session = web.sessions(Actor::System).validate(token).await?.ok_or_else(invalid)?;
        return Ok(Principal::Session(Arc::new(session)));
    };
    match web.decide(address, Some(token), Requirement::Session).await {
        Decision::Allow(Access { session }) => session.map(Principal::Session).ok_or_else(invalid),
        Decision::Deny(denial) => Err(denied(&denial)),
    }
}

fn invalid() -> Problem {
    Problem::unauthorized("the credentials are not valid")
}
