//! Extractors whose refusals are problem details.

use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use bytes::Bytes;
use serde::de::DeserializeOwned;

use crate::Problem;

/// A JSON body: an object.
#[derive(Debug, Clone, Copy)]
pub struct JsonBody<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            let title = "The body must be application/json";
            return Err(Problem::new(status, "unsupported_media_type", title));
        }
        let bytes = Bytes::from_request(request, state).await.map_err(|rejection| {
            let title = "The body is too large";
            match rejection.status() {
                StatusCode::PAYLOAD_TOO_LARGE => {
                    Problem::new(rejection.status(), "body_too_large", title)
                }
                _ => Problem::bad_request(rejection.body_text()),
            }
        })?;
        let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
        match axum::Json::from_bytes(&bytes) {
            // A list of values would do where an object of fields is meant, but nobody would know which is which.
            Ok(_) if first != Some(&b'{') => Err(no_object()),
            Ok(axum::Json(body)) => Ok(Self(body)),
            Err(JsonRejection::JsonDataError(_)) if first != Some(&b'{') => Err(no_object()),
            Err(rejection) => Err(refused_body(&rejection)),
        }
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = value.and_then(|value| value.split(';').next()).unwrap_or_default().trim();
    let media_type = media_type.to_ascii_lowercase();
    media_type == "application/json"
        || (media_type.starts_with("application/") && media_type.ends_with("+json"))
}

fn no_object() -> Problem {
    let title = "A value is not acceptable";
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "validation", title)
        .detail("the body must be an object")
}

fn refused_body(rejection: &JsonRejection) -> Problem {
    let text = rejection.body_text();
    if rejection.status() != StatusCode::UNPROCESSABLE_ENTITY {
        return Problem::bad_request(text);
    }
    let detail = text.split_once("target type: ").map_or(text.as_str(), |(_, detail)| detail);
    let problem =
        Problem::new(rejection.status(), "validation", "A value is not acceptable").detail(detail);
    match field(detail) {
        Some(field) => problem.field(field),
        None => problem,
    }
}

/// The field at fault: the path before the fault, or the field that is missing or there twice.
fn field(detail: &str) -> Option<&str> {
    let in_path = |c: char| c.is_alphanumeric() || "_-.[]".contains(c);
    let path = detail.split_once(": ").map(|(path, _)| path);
    let named = |what: &str| detail.strip_prefix(what)?.split('`').next();
    path.filter(|path| path.chars().all(in_path))
        .or_else(|| named("missing field `"))
        .or_else(|| named("duplicate field `"))
}

/// The parameters behind the `?`.
#[derive(Debug, Clone, Copy)]
pub struct QueryParams<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for QueryParams<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match axum::extract::Query::from_request_parts(parts, state).await {
            Ok(axum::extract::Query(params)) => Ok(Self(params)),
            Err(rejection) => Err(refused_query(&rejection)),
        }
    }
}

fn refused_query(rejection: &QueryRejection) -> Problem {
    let text = rejection.body_text();
    let detail = text.split_once("query string: ").map_or(text.as_str(), |(_, detail)| detail);
    let problem = Problem::bad_request(detail);
    match field(detail) {
        Some(field) => problem.field(field),
        None => problem,
    }
}

/// The parts of the path. What can't be an id names nothing: 404.
#[derive(Debug, Clone, Copy)]
pub struct PathParams<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for PathParams<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match axum::extract::Path::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(params)) => Ok(Self(params)),
            Err(rejection) => Err(refused_path(&rejection)),
        }
    }
}

fn refused_path(rejection: &PathRejection) -> Problem {
    Problem::not_found(rejection.body_text())
}
