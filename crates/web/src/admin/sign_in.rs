//! Signing in by a one-time link, and out.

use askama::Template;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Response};
use systemprompt_users_domain::{Actor, EndReason, NewSession, UserRole};

use super::error::PageResult;
use super::form::{Fields, Posted};
use super::layout::{Layout, Section, page};
use super::session::{cookie_name, set_cookie};
use super::{form, origin, see_other};
use crate::{ClientIp, Web};

#[derive(Template)]
#[template(path = "admin/sign_in.html")]
struct SignInPage {
    layout: Layout,
    token: Option<String>,
    problem: Option<String>,
    /// Whether the browser shall ask again by itself, as its cookie stayed at home.
    again: bool,
}

/// The page of a link: it only shows a button, so that a program that looks at links does not use them up.
pub(super) async fn show(uri: Uri) -> PageResult {
    let token = Fields::of_query(&uri).filled("token").map(str::to_owned);
    let layout = Layout::bare("Sign in", Section::None);
    page(&SignInPage { layout, token, problem: None, again: false })
}

/// Makes a session out of a link.
pub(super) async fn redeem(State(web): State<Web>, request: Request) -> PageResult {
    let (mut parts, body) = request.into_parts();
    let ip = ClientIp::from_request_parts(&mut parts, &web).await?;
    let agent = parts.headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
    let client = NewSession {
        ip: Some(ip.0),
        user_agent: agent.map(str::to_owned),
        ..NewSession::default()
    };
    let fields = form::read(Request::from_parts(parts, body), &web).await?;
    let links = web.sign_in_links(Actor::System);
    let Some(started) = links.redeem(fields.get("token").trim(), &client).await? else {
        let problem = "This link has been used already, or is too old. Make a new one.";
        return Ok(refused(StatusCode::UNAUTHORIZED, Some(problem), false));
    };
    let mut response = see_other("/admin");
    let cookie = set_cookie(&web, cookie_name(&web), &started.token.reveal(), None);
    cookie.map(|cookie| response.headers_mut().append(header::SET_COOKIE, cookie));
    Ok(response)
}

/// Ends the session.
pub(super) async fn sign_out(State(web): State<Web>, posted: Posted) -> PageResult {
    let admin = posted.admin;
    web.sessions(admin.actor()).end(admin.session.session.id, EndReason::Logout).await?;
    let mut response = see_other("/admin/sign-in");
    let removal = set_cookie(&web, cookie_name(&web), "", Some(0));
    removal.map(|cookie| response.headers_mut().append(header::SET_COOKIE, cookie));
    Ok(response)
}

/// What somebody sees who is not signed in. After a link on another site the cookie stayed at home, so the
/// browser asks once more from here, which is no other site.
pub(super) fn needed(headers: &HeaderMap) -> Response {
    refused(StatusCode::UNAUTHORIZED, None, origin::came_by_foreign_link(headers))
}

/// What somebody sees whose session opens nothing here.
pub(super) fn not_admin() -> Response {
    let problem = format!("You are signed in, but hold no role `{}`.", UserRole::Admin);
    refused(StatusCode::FORBIDDEN, Some(&problem), false)
}

fn refused(status: StatusCode, problem: Option<&str>, again: bool) -> Response {
    let layout = Layout::bare("Sign in", Section::None);
    let page = SignInPage { layout, token: None, problem: problem.map(str::to_owned), again };
    (status, Html(page.render().unwrap_or_default())).into_response()
}
