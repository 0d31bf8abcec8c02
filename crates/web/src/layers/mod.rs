//! Tower layers and extractors for any axum host.
//!
//! ```
//! use axum::{Router, routing::get};
//! use systemprompt_users_domain::UserRole;
//! use systemprompt_users_web::layers::{BanLayer, CurrentUser, RequireRole, SessionLayer};
//! use systemprompt_users_web::{OnOutage, Web, WebOptions};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let storage = systemprompt_users_memory::MemoryStorage::new();
//! let web = Web::new(&storage, WebOptions::new(OnOutage::Refuse)).await?;
//! let app: Router = Router::new()
//!     .route("/reports", get(|user: CurrentUser| async move { user.user().name.to_string() }))
//!     .layer(RequireRole(UserRole::Admin))
//!     .layer(SessionLayer::new(web.clone()))
//!     .layer(BanLayer::new(web));
//! // Serve it with `app.into_make_service_with_connect_info::<SocketAddr>()`.
//! # let _ = app; Ok(()) }
//! ```

mod ban;
mod deadline;
mod gate;
mod headers;
mod host;
mod observe;
mod rate_limit;
mod request_id;
mod session;

pub use crate::settle::settle_changes;
pub use ban::BanLayer;
pub use deadline::{LongRunning, deadline};
pub use gate::{Gated, Gatekeeper};
pub use headers::security_headers;
pub use host::require_host;
pub use observe::observe;
pub use rate_limit::{limit_addresses, limit_principals};
pub use request_id::{REQUEST_ID, RequestId};
pub use session::{CurrentUser, OptionalUser, RequireRole, SessionLayer};

pub(crate) use rate_limit::Limits;

use std::any::Any;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use tower_http::catch_panic::CatchPanicLayer;

use crate::{Problem, Web};

/// Puts around all routes of `router`, and around its 404 and 405, what every host wants: request ids, spans and
/// figures, security headers, panics caught, a deadline, bodies bounded. Rate limits and bans are layers of their
/// own.
pub fn hardened(router: Router, web: &Web) -> Router {
    router
        .layer(DefaultBodyLimit::max(web.options().max_body))
        .layer(from_fn_with_state(web.clone(), deadline))
        .layer(CatchPanicLayer::custom(caught))
        .layer(from_fn(security_headers))
        .layer(from_fn(observe))
}

fn caught(_panic: Box<dyn Any + Send>) -> Response {
    // The message of a panic may hold a value, and the hook has shown where it was.
    tracing::error!("a handler panicked");
    Problem::internal().into_response()
}
