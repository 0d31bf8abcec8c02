//! The description of the API for people: a page that works offline, since it is part of this crate.

use axum::http::{HeaderValue, header};
use axum::response::Response;
use axum::{Router, middleware};
use utoipa_swagger_ui::{Config, SwaggerUi};

use super::PREFIX;

/// Scripts come from files of this host alone. The page sets styles of elements, and its icons are `data:`.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
                      img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

/// The page and its files, for anybody.
pub(super) fn routes() -> Router {
    let config = Config::new([format!("{PREFIX}/openapi.json")])
        .try_it_out_enabled(false)
        .persist_authorization(false)
        .validator_url("none");
    let page: Router = SwaggerUi::new(format!("{PREFIX}/docs")).config(config).into();
    page.layer(middleware::map_response(async |mut response: Response| {
        let policy = HeaderValue::from_static(POLICY);
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
        response
    }))
}
