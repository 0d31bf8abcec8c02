//! Methods that a route does not have: 405 as a problem with every method it has, and `OPTIONS`.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use utoipa::openapi::OpenApi;

use super::PREFIX;
use crate::Problem;

/// What is allowed at each path, as `Allow` says it.
#[derive(Debug, Clone)]
pub(super) struct Methods(Arc<HashMap<String, String>>);

impl Methods {
    /// What the routes of a document allow.
    pub(super) fn of(document: &OpenApi) -> Self {
        let paths = document.paths.paths.iter().map(|(path, item)| {
            let known = [
                (item.get.is_some(), "GET, HEAD"),
                (item.post.is_some(), "POST"),
                (item.put.is_some(), "PUT"),
                (item.patch.is_some(), "PATCH"),
                (item.delete.is_some(), "DELETE"),
                (true, "OPTIONS"),
            ];
            let allowed =
                known.into_iter().filter_map(|(is_there, method)| is_there.then_some(method));
            (format!("{PREFIX}{path}"), allowed.collect::<Vec<_>>().join(", "))
        });
        Self(Arc::new(paths.collect()))
    }
}

/// A middleware around routes. What the router itself says comes later, and only where nothing is said here.
pub(super) async fn explain(
    State(methods): State<Methods>,
    path: Option<MatchedPath>,
    request: Request,
    next: Next,
) -> Response {
    let method = request.method().clone();
    let response = next.run(request).await;
    let allow = path.and_then(|path| methods.0.get(path.as_str()));
    let Some(allow) = allow.filter(|_| response.status() == StatusCode::METHOD_NOT_ALLOWED) else {
        return response;
    };
    let mut response = if method == Method::OPTIONS {
        StatusCode::NO_CONTENT.into_response()
    } else {
        let title = "The method is not allowed here";
        Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", title)
            .detail(format!("allowed here: {allow}"))
            .into_response()
    };
    if let Ok(allow) = HeaderValue::try_from(allow) {
        response.headers_mut().insert(header::ALLOW, allow);
    }
    response
}
