//! What every request to these pages goes through.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use systemprompt_users_domain::UserRole;

use super::error::PageError;
use super::flash::{self, Flash};
use super::session::{Admin, cookie_name, set_cookie};
use super::{layout, origin, sign_in};
use crate::auth::{cookies, token_cookies};
use crate::{Web, body};

const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; \
    connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The headers of every page, for signed-in admins and for others alike.
const HEADERS: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

/// Refuses what other sites send, and puts the security headers on every answer.
pub(super) async fn protect(request: Request, next: Next) -> Response {
    let mut response = if origin::is_foreign(&request) {
        PageError::forbidden("Another site sent this form.").into_response()
    } else if body::is_encoded(request.headers()) {
        let (status, title) = (StatusCode::UNSUPPORTED_MEDIA_TYPE, "The form can't be read");
        PageError::new(status, title, "Send it without a `Content-Encoding`.").into_response()
    } else {
        next.run(request).await
    };
    if let Some(error) = response.extensions_mut().remove::<PageError>() {
        response = layout::problem_page(error, None);
    }
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    if response.status() == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

/// Lets active admins through, everybody else sees how to sign in.
pub(super) async fn only_admins(
    State(web): State<Web>,
    mut request: Request,
    next: Next,
) -> Response {
    let admin = match find(&web, request.headers()).await {
        Ok(admin) => admin,
        Err(response) => return response,
    };
    admin.note_activity(&web).await;
    let had_flash = cookies(request.headers(), flash::COOKIE).next().is_some();
    request.extensions_mut().insert(admin.clone());
    let mut response = next.run(request).await;
    if let Some(error) = response.extensions_mut().remove::<PageError>() {
        response = layout::problem_page(error, Some(&admin));
    }
    if had_flash && shows_flash(&response) {
        let removal = set_cookie(&web, flash::COOKIE, "", Some(0));
        removal.map(|line| response.headers_mut().append(header::SET_COOKIE, line));
    }
    response
}

/// The first of the cookies of the name that an admin's session is behind.
async fn find(web: &Web, headers: &HeaderMap) -> Result<Admin, Response> {
    let mut is_known = false;
    for token in token_cookies(headers, cookie_name(web)) {
        let found = Admin::find(web, token).await;
        let found = found.map_err(|error| PageError::from(error).into_response())?;
        let Some(mut admin) = found else { continue };
        is_known = true;
        if admin.session.user.roles.contains(UserRole::Admin) {
            admin.flash = Flash::read(headers, &admin.flash_key);
            return Ok(admin);
        }
    }
    Err(if is_known { sign_in::not_admin() } else { sign_in::needed(headers) })
}

/// Whether the answer was a whole page, which has told the message.
fn shows_flash(response: &Response) -> bool {
    let html = response.headers().get(header::CONTENT_TYPE);
    let html = html.is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    html && response.extensions().get::<Fragment>().is_none()
}

/// Marks an answer that is a part of a page.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fragment;
