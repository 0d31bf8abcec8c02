//! Everything that this host serves, with the layers around it.

use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use axum::http::{HeaderValue, Uri, header};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::Redirect;
use axum::routing::get;
use systemprompt_users::{DbPool, Result};
use systemprompt_users_web::health::{Health, PrometheusHandle, Readiness, SchemaState};
use systemprompt_users_web::layers::{
    BanLayer, hardened, limit_addresses, require_host, settle_changes,
};
use systemprompt_users_web::{Problem, Web, admin, api, forward_auth, health};
use tower_http::set_header::SetResponseHeaderLayer;

use crate::config::Config;

/// The routes. Health answers everybody, and forward auth every proxy, also those in whose name a banned client
/// asks; the rest is closed to banned addresses.
pub(crate) fn router(
    config: &Config,
    pool: &DbPool,
    web: &Web,
    metrics: Option<PrometheusHandle>,
) -> Router {
    let mut pages = api::router(web).merge(api::openapi_router());
    if config.admin_pages {
        let settled = from_fn_with_state(web.clone(), settle_changes);
        let admin = admin::router(web).layer(settled);
        pages = pages.merge(admin).route("/", get(async || Redirect::to("/admin")));
    }
    let guarded = pages
        .layer(BanLayer::new(web.clone()))
        .layer(from_fn_with_state(web.clone(), limit_addresses));
    let readiness = Arc::new(Schema(pool.clone()));
    let all = Router::new()
        .merge(guarded)
        .merge(forward_auth::router(web))
        .merge(health::router(web, Health { readiness, metrics }))
        .fallback(nothing);
    let all = hardened(all.layer(from_fn(require_host)), web);
    let all = match config.hsts {
        Some(seconds) => all.layer(SetResponseHeaderLayer::overriding(
            header::STRICT_TRANSPORT_SECURITY,
            HeaderValue::from_str(&format!("max-age={seconds}")).ok(),
        )),
        None => all,
    };
    #[cfg(feature = "otlp")]
    if config.otlp_endpoint.is_some() {
        return all.layer(from_fn(crate::traces::continued));
    }
    all
}

async fn nothing(uri: Uri) -> Problem {
    Problem::not_found(format!("there is nothing at `{}`", uri.path()))
}

struct Schema(DbPool);

#[async_trait]
impl Readiness for Schema {
    async fn schema(&self) -> Result<SchemaState> {
        let version = self.0.schema_version().await?;
        Ok(SchemaState { current: version.current, latest: version.latest })
    }

    fn replica_in_use(&self) -> Option<bool> {
        self.0.replica_in_use()
    }
}
