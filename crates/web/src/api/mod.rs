//! The HTTP API under `/api/v1`: the router, put together from the modules of its resources.
//!
//! Each resource is a module with `pub(super) fn routes() -> OpenApiRouter<Web>`. Its handlers
//!
//! - carry `#[utoipa::path]` with a path behind `/api/v1`, and a name that no other handler has: it is the
//!   operation's id;
//! - are registered by `routes!` of `scopes`, which reads the scope from the first argument;
//! - take `Authorized<Scope>` first, or `UserChange<Scope>` where one user is changed, then
//!   [`PathParams`](crate::PathParams), [`QueryParams`](crate::QueryParams), [`JsonBody`](crate::JsonBody) of types with `deny_unknown_fields`;
//! - answer `Result<_, Problem>`, and document the refusals by the sets of `errors`;
//! - answer lists with `page::Paged` and one user with its `ETag`, see `etag`.

mod allow_list;
mod bans;
pub(crate) mod batches;
mod docs;
pub(crate) mod errors;
pub(crate) mod etag;
mod events;
mod jobs;
mod keys;
mod methods;
mod openapi;
pub(crate) mod page;
mod path;
mod replays;
mod rows;
pub(crate) mod schema;
pub(crate) mod scopes;
mod sessions;
mod statistics;
mod upload;
mod users;

use axum::extract::{DefaultBodyLimit, OriginalUri, Request};
use axum::http::{HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use axum::{Router, middleware};
use utoipa_axum::router::OpenApiRouter;

use crate::{Problem, Web, auth};

/// Where the API is mounted.
pub const PREFIX: &str = "/api/v1";

/// The API, complete with its prefix.
pub fn router(web: &Web) -> Router {
    let (router, paths) = routes().split_for_parts();
    let document = openapi::complete(paths);
    let methods = methods::Methods::of(&document);
    let scopes = scopes::Scopes::of(&document);
    let router = router
        .fallback(not_found)
        .layer(middleware::from_fn_with_state(methods, methods::explain))
        .layer(middleware::from_fn_with_state(web.clone(), crate::idempotency::remember))
        .layer(middleware::from_fn(crate::body::refuse_encoded))
        // Before anything is answered again.
        .layer(middleware::from_fn_with_state(web.clone(), replays::spare_admins))
        .layer(middleware::from_fn_with_state(scopes, scopes::check))
        .layer(middleware::from_fn_with_state(web.clone(), crate::layers::limit_principals))
        .layer(middleware::from_fn_with_state(web.clone(), auth::authenticate))
        .layer(middleware::from_fn(private))
        .layer(DefaultBodyLimit::max(web.options().max_body));
    Router::new()
        .nest(PREFIX, router)
        .with_state(web.clone())
        .merge(openapi::route(&format!("{PREFIX}/openapi.json"), &document))
        .merge(docs::routes())
}

/// The description of the API at `/openapi.json`, where programs look for it first, for a host that leaves that
/// path to it. [`router`] serves the same under its prefix.
pub fn openapi_router() -> Router {
    openapi::route("/openapi.json", &openapi::complete(routes().into_openapi()))
}

/// The description of the API as OpenAPI 3.1, the same for every host.
pub fn openapi() -> String {
    openapi::text(&openapi::complete(routes().into_openapi()))
}

/// All routes behind [`PREFIX`], with their documentation.
fn routes() -> OpenApiRouter<Web> {
    OpenApiRouter::default()
        .merge(users::routes())
        .merge(statistics::routes())
        .merge(sessions::routes())
        .merge(bans::routes())
        .merge(allow_list::routes())
        .merge(events::routes())
        .merge(jobs::routes())
        .merge(keys::routes())
}

/// A middleware: every answer is for who asked alone, whichever header showed who that is.
async fn private(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.append(header::VARY, HeaderValue::from_static("Authorization, X-Api-Key"));
    response
}

/// How much of a path is told back, in characters.
const SHOWN: usize = 200;

async fn not_found(OriginalUri(uri): OriginalUri) -> Problem {
    let path: String = uri.path().chars().take(SHOWN).collect();
    // What people try first with a network.
    let is_network = ["/bans/", "/allow-list/"].into_iter().any(|list| path.contains(list));
    let hint = if is_network { "; the `/` of a network is `%2F` in a path" } else { "" };
    Problem::not_found(format!("there is nothing at `{path}`{hint}"))
}
