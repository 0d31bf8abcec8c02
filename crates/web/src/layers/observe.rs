//! What is seen of a request: its name, a span, figures. Nothing personal: no address, no token, no query.

use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use metrics::{counter, histogram};
use tracing::Instrument as _;
use tracing::field::Empty;

use super::request_id::{REQUEST_ID, RequestId};

/// How the route is called where none was found.
const NO_ROUTE: &str = "none";

/// A middleware: gives the request its id, opens its span, and counts it when it is answered.
///
/// The route is named by its pattern, so that no part of a path gets into the log or multiplies the figures.
pub async fn observe(mut request: Request, next: Next) -> Response {
    if request.extensions().get::<RequestId>().is_some() {
        return next.run(request).await;
    }
    let id = RequestId::of(request.headers());
    let method = method_name(request.method());
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or(NO_ROUTE, MatchedPath::as_str).to_owned();
    let span =
        tracing::info_span!("request", method, route, request_id = id.as_str(), status = Empty);
    request.extensions_mut().insert(id.clone());
    let begun = Instant::now();
    let mut response = next.run(request).instrument(span.clone()).await;
    let (status, elapsed) = (response.status(), begun.elapsed());
    span.in_scope(|| log(status, elapsed));
    span.record("status", status.as_u16());
    count(method, route, status, elapsed);
    response.headers_mut().insert(REQUEST_ID, id.into_header());
    response
}

fn log(status: StatusCode, elapsed: Duration) {
    let (status, milliseconds) = (status.as_u16(), elapsed.as_secs_f64() * 1000.0);
    // That the storage is gone is told once, not with each request.
    if status >= 500 && status != 503 {
        tracing::warn!(status, milliseconds, "answered");
    } else {
        tracing::debug!(status, milliseconds, "answered");
    }
}

fn count(method: &'static str, route: String, status: StatusCode, elapsed: Duration) {
    let status = status.as_str().to_owned();
    counter!("users_http_requests_total", "method" => method, "route" => route.clone(), "status" => status)
        .increment(1);
    histogram!("users_http_request_seconds", "method" => method, "route" => route)
        .record(elapsed.as_secs_f64());
}

/// A method is whatever a client writes: the figures know those that mean something.
fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}
