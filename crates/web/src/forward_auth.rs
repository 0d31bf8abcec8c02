//! Forward auth: a proxy asks whether a request may pass, and who is behind it.

use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Router, routing};
use serde::Deserialize;
use systemprompt_users_application::{AuthenticatedSession, Decision, DenyReason, Requirement};
use systemprompt_users_domain::{ApiScope, UserRole};

use crate::auth::{api_key, session_tokens};
use crate::client_ip;
use crate::{ClientIp, Problem, QueryParams, Web};

/// Where the proxy asks.
pub const VERIFY: &str = "/auth/verify";

const USER_ID: HeaderName = HeaderName::from_static("x-auth-user-id");
const USER: HeaderName = HeaderName::from_static("x-auth-user");
const ROLES: HeaderName = HeaderName::from_static("x-auth-roles");
/// How many headers an answer has, with those that the layers around add.
const HEADERS: usize = 12;
const REASON: HeaderName = HeaderName::from_static("x-auth-reason");

/// The route [`VERIFY`], for any method.
///
/// - 200 with `X-Auth-User-Id`, `X-Auth-User` (percent-encoded beyond visible ASCII) and `X-Auth-Roles`
///   (separated by commas): it may pass.
/// - 401 with `X-Auth-Reason`: nobody is signed in.
/// - 403 with `X-Auth-Reason`: the address is banned or not known, the role is missing, or the proxy's own key is.
/// - 429: this address has sent too many keys that are not valid.
/// - 503: the storage does not answer.
///
/// For proxies that append the path and the query of the request that they ask about, the same question stands in
/// the path: `/auth/verify/session`, `/auth/verify/address` or `/auth/verify/role/ROLE`. What follows it, and the
/// query, is the client's, and means nothing.
pub fn router(web: &Web) -> Router {
    Router::new()
        .route(VERIFY, routing::any(verify))
        .route("/auth/verify/{*question}", routing::any(verify_by_path))
        .with_state(web.clone())
}

/// What a proxy asks for besides the address.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    /// The role that the user must hold.
    role: Option<UserRole>,
    /// `session`, or `address` where visitors who are not signed in may pass.
    #[serde(default)]
    require: Require,
}

impl Question {
    /// The question at the beginning of what follows [`VERIFY`] in a path.
    fn of_path(path: &str) -> Option<Self> {
        let mut words = path.trim_start_matches('/').split('/');
        let (role, require) = match words.next()? {
            "session" => (None, Require::Session),
            "address" => (None, Require::Address),
            "role" => (Some(words.next()?.parse().ok()?), Require::Session),
            _ => return None,
        };
        Some(Self { role, require })
    }

    const fn requirement(&self) -> Requirement {
        match self {
            Self { role: Some(role), .. } => Requirement::Role(*role),
            Self { require: Require::Session, .. } => Requirement::Session,
            Self { require: Require::Address, .. } => Requirement::Address,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Require {
    #[default]
    Session,
    Address,
}

async fn verify(
    State(web): State<Web>,
    QueryParams(question): QueryParams<Question>,
    request: Request,
) -> Result<Response, Problem> {
    answer(&web, question.requirement(), request).await
}

async fn verify_by_path(State(web): State<Web>, request: Request) -> Result<Response, Problem> {
    let asked = request.uri().path().strip_prefix(VERIFY).and_then(Question::of_path);
    let Some(question) = asked else {
        let detail = format!("after {VERIFY} comes /session, /address or /role/ROLE");
        return Err(Problem::not_found(detail));
    };
    answer(&web, question.requirement(), request).await
}

async fn answer(
    web: &Web,
    requirement: Requirement,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, _) = request.into_parts();
    let address = match ClientIp::of(&parts, web) {
        Ok(ClientIp(address)) => address,
        Err(problem) => return Ok(refuse_unknown(problem)),
    };
    if let Some(refusal) = refuse_proxy(web, &parts, address).await? {
        return Ok(refusal);
    }
    let tokens = session_tokens(&parts.headers, web.options());
    Ok(match web.decide_by_any(address, tokens, requirement).await {
        Decision::Allow(access) => allow(access.session.as_deref()),
        Decision::Deny(denial) => {
            let status = match denial.reason {
                DenyReason::NoToken | DenyReason::InvalidSession => StatusCode::UNAUTHORIZED,
                DenyReason::Banned | DenyReason::MissingRole => StatusCode::FORBIDDEN,
                _ => return Err(Problem::unavailable()),
            };
            refuse(status, denial.reason.as_str())
        }
    })
}

/// A stranger must not find out by this route which tokens are good.
async fn refuse_proxy(
    web: &Web,
    parts: &Parts,
    address: IpAddr,
) -> Result<Option<Response>, Problem> {
    if !web.options().forward_auth_key {
        return Ok(None);
    }
    let Some(secret) = api_key(&parts.headers) else {
        return Ok(Some(refuse(StatusCode::FORBIDDEN, "no_proxy_key")));
    };
    let key = web.find_key(secret).await?;
    let may_ask = key.is_some_and(|key| key.scopes.allows(ApiScope::ForwardAuth));
    if may_ask {
        return Ok(None);
    }
    let refused = web.limits().refuse_guess(address);
    Ok(Some(refused.unwrap_or_else(|| refuse(StatusCode::FORBIDDEN, "invalid_proxy_key"))))
}

/// Nobody knows whose request it is: it does not pass as the proxy's own.
fn refuse_unknown(problem: Problem) -> Response {
    let is_unknown = problem.code == client_ip::UNKNOWN;
    let mut response = problem.into_response();
    if is_unknown {
        response.headers_mut().insert(REASON, HeaderValue::from_static(client_ip::UNKNOWN));
    }
    response
}

fn allow(session: Option<&AuthenticatedSession>) -> Response {
    let mut response = StatusCode::OK.into_response();
    let headers = response.headers_mut();
    headers.reserve(HEADERS);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(session) = session {
        let user = &session.user;
        let roles: Vec<_> = user.roles.iter().map(UserRole::as_str).collect();
        set(headers, USER_ID, user.id.to_string());
        set(headers, USER, percent_encode(user.name.as_str()));
        set(headers, ROLES, roles.join(","));
    }
    response
}

fn refuse(status: StatusCode, reason: &'static str) -> Response {
    let mut response = status.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(REASON, HeaderValue::from_static(reason));
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: String) {
    if let Ok(value) = HeaderValue::try_from(value) {
        headers.insert(name, value);
    }
}

/// A name may hold any letter, a header only visible ASCII.
fn percent_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_graphic() && byte != b'%' {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_fits_into_a_header_and_can_be_read_back() {
        assert_eq!(percent_encode("ada-99"), "ada-99");
        assert_eq!(percent_encode("zoë 100%"), "zo%C3%AB%20100%25");
    }
}
