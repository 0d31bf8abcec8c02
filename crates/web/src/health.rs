//! Whether this host is alive, ready, and how it fares.

mod figures;
mod metered;
mod readiness;

pub use figures::{describe, recorder};
pub use metered::MeteredStorage;
pub use metrics_exporter_prometheus::PrometheusHandle;
pub use readiness::{Readiness, SchemaState};

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router, routing};

use crate::Web;

/// What the routes need besides [`Web`].
#[derive(Clone)]
pub struct Health {
    /// Tells how far the schema is.
    pub readiness: Arc<dyn Readiness>,
    /// Where the figures are read from, see [`recorder`]. `None`: there is no `/metrics`.
    pub metrics: Option<PrometheusHandle>,
}

impl std::fmt::Debug for Health {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Health").field("metrics", &self.metrics.is_some()).finish_non_exhaustive()
    }
}

#[derive(Clone)]
struct HealthState {
    web: Web,
    health: Health,
}

/// `/healthz` (the process answers), `/readyz` (the storage answers, the schema is current, decisions are
/// fresh; 503 otherwise), `/metrics` (Prometheus). None asks who is there: leave `/metrics` to the inside.
pub fn router(web: &Web, health: Health) -> Router {
    let router = Router::new()
        .route("/healthz", routing::get(async || "ok\n"))
        .route("/readyz", routing::get(ready));
    let router = match health.metrics {
        Some(_) => router.route("/metrics", routing::get(metrics)),
        None => router,
    };
    router.with_state(HealthState { web: web.clone(), health })
}

async fn ready(State(state): State<HealthState>) -> Response {
    let report = readiness::check(&state.web, &*state.health.readiness).await;
    let status = if report.is_ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let mut response = (status, Json(report)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if status == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

async fn metrics(State(state): State<HealthState>) -> Response {
    let Some(recorded) = state.health.metrics else {
        return StatusCode::NOT_FOUND.into_response();
    };
    figures::collect(&state.web).await;
    recorded.run_upkeep();
    let content_type = "text/plain; version=0.0.4; charset=utf-8";
    ([(header::CONTENT_TYPE, content_type)], recorded.render()).into_response()
}
