//! Methods that a route does not have: 405 as a problem with every method it has, and `OPTIONS`.

use axum::extract::Request;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::Problem;

/// A middleware around routes: the router has set `Allow` when it knows the path but not the method.
pub(super) async fn explain(request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let mut response = next.run(request).await;
    if response.status() != StatusCode::METHOD_NOT_ALLOWED {
        return response;
    }
    let allow = response.headers_mut().remove(header::ALLOW);
    let allow = allow.as_ref().and_then(|allow| allow.to_str().ok()).unwrap_or_default();
    let mut methods: Vec<&str> = allow.split(',').filter(|method| !method.is_empty()).collect();
    methods.push("OPTIONS");
    let allow = methods.join(", ");
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
