//! The admin pages: rendered here, usable without JavaScript, for signed-in admins only.

mod anonymous;
mod assets;
mod bans;
mod chart;
mod confirm;
mod error;
mod event_row;
mod events;
mod flash;
mod form;
mod guard;
mod jobs;
mod keys;
mod layout;
mod origin;
mod overview;
mod session;
mod sign_in;
mod text;
mod users;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{StatusCode, Uri};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};

use crate::Web;
use error::PageError;
use session::Admin;

/// The pages below `/admin`, to merge into a host's router, which must be served with
/// `into_make_service_with_connect_info::<SocketAddr>()`.
pub fn router(web: &Web) -> Router {
    let for_admins = Router::new()
        .route("/admin", get(overview::show))
        .merge(users::router())
        .merge(bans::router())
        .route("/admin/anonymous", get(anonymous::show))
        .route("/admin/anonymous/cleanup", post(anonymous::cleanup))
        .route("/admin/jobs", get(jobs::show))
        .route("/admin/jobs/run", post(jobs::run))
        .route("/admin/events", get(events::show))
        .route("/admin/events/stream", get(events::stream))
        .route("/admin/keys", get(keys::show).post(keys::create))
        .route("/admin/keys/rotate", post(keys::rotate))
        .route("/admin/keys/revoke", post(keys::revoke))
        .route("/admin/sign-out", post(sign_in::sign_out))
        .route("/admin/", get(async || axum::response::Redirect::permanent("/admin")))
        .route("/admin/{*nowhere}", any(nowhere))
        .method_not_allowed_fallback(wrong_method)
        .route_layer(middleware::from_fn_with_state(web.clone(), guard::only_admins));
    let for_everybody = Router::new()
        .route("/admin/sign-in", get(sign_in::show).post(sign_in::redeem))
        .method_not_allowed_fallback(wrong_method);
    Router::new()
        .merge(for_admins)
        .merge(for_everybody)
        .layer(middleware::from_fn_with_state(web.clone(), guard::protect))
        .layer(DefaultBodyLimit::max(web.options().max_body))
        .with_state(web.clone())
        .merge(assets::router())
}

async fn nowhere(_admin: Admin, uri: Uri) -> PageError {
    PageError::not_found(format!("There is no page at {}.", uri.path()))
}

async fn wrong_method() -> PageError {
    let detail = "Go back and use the links and buttons of the page.";
    PageError::new(StatusCode::METHOD_NOT_ALLOWED, "This can't be done that way", detail)
}

/// A redirect after a form was done, so that reloading the page does not send it again.
fn see_other(path: &str) -> Response {
    axum::response::Redirect::to(path).into_response()
}
