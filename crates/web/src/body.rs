//! Extractors whose refusals are problem details.

mod query;

use axum::extract::path::ErrorKind;
use axum::extract::rejection::{JsonRejection, PathRejection};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::de::DeserializeOwned;

use self::query::Fault;
use crate::Problem;

/// A JSON body: an object.
#[derive(Debug, Clone, Copy)]
pub struct JsonBody<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let media_type = media_type(request.headers(), "application/json")?;
        let is_json = media_type == "application/json"
            || (media_type.starts_with("application/") && media_type.ends_with("+json"));
        if !is_json {
            return Err(unsupported("the body must be application/json"));
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

/// The media type of a body, in lower case and without its parameters.
///
/// # Errors
/// 415 when it is missing, sent more than once, or of text that is not UTF-8; `expected` is what would be right.
pub(crate) fn media_type(headers: &HeaderMap, expected: &str) -> Result<String, Problem> {
    let mut values = headers.get_all(header::CONTENT_TYPE).into_iter();
    let value = values.next().and_then(|value| value.to_str().ok());
    let Some(value) = value.filter(|_| values.next().is_none()) else {
        return Err(unsupported(&format!("send one `Content-Type`: {expected}")));
    };
    let mut parts = value.split(';');
    let media_type = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
    for (name, charset) in parts.filter_map(|parameter| parameter.split_once('=')) {
        let charset = charset.trim().trim_matches('"');
        let is_utf8 =
            ["utf-8", "utf8", "us-ascii"].iter().any(|name| name.eq_ignore_ascii_case(charset));
        if name.trim().eq_ignore_ascii_case("charset") && !is_utf8 {
            return Err(unsupported("the body must be in UTF-8: `charset=utf-8`"));
        }
    }
    Ok(media_type)
}

/// 415, saying what would be right.
pub(crate) fn unsupported(detail: &str) -> Problem {
    let title = "The body is of another media type";
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", title).detail(detail)
}

/// Whether a body is compressed or otherwise encoded.
pub(crate) fn is_encoded(headers: &HeaderMap) -> bool {
    headers.get_all(header::CONTENT_ENCODING).into_iter().any(|value| {
        let mut codings = value.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
        codings.any(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case(b"identity"))
    })
}

/// A middleware: refuses encoded bodies with 415, since bodies are read as they come.
pub(crate) async fn refuse_encoded(request: Request, next: Next) -> Response {
    if !is_encoded(request.headers()) {
        return next.run(request).await;
    }
    let title = "The body is encoded";
    let problem = Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_encoding", title)
        .detail("send the body without a `Content-Encoding`")
        .field("Content-Encoding");
    let mut response = problem.into_response();
    let accepted = HeaderValue::from_static("identity");
    response.headers_mut().insert(header::ACCEPT_ENCODING, accepted);
    response
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
        .or_else(|| named("unknown field `"))
}

/// The parameters behind the `?`. Each may be there once, and stands for what it says and nothing else: numbers and
/// booleans have one spelling.
#[derive(Debug, Clone, Copy)]
pub struct QueryParams<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for QueryParams<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        query::read(parts.uri.query().unwrap_or_default()).map(Self).map_err(refused_query)
    }
}

fn refused_query(fault: Fault) -> Problem {
    let detail = match fault {
        Fault::Unreadable(detail) => detail,
        Fault::Nul(name) => {
            let title = "A value is not acceptable";
            return Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "validation", title)
                .detail(format!("{name}: must not hold U+0000"))
                .field(name);
        }
    };
    match field(&detail).map(str::to_owned) {
        Some(field) => Problem::bad_request(detail).field(field),
        None => Problem::bad_request(detail),
    }
}

/// The parts of the path. What can't be an id names nothing: 404.
#[derive(Debug, Clone, Copy)]
pub struct PathParams<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for PathParams<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        // Nothing that is stored has such a name, and Postgres takes it for no text at all.
        if parts.uri.path().contains("%00") {
            return Err(Problem::bad_request("a path holds no U+0000"));
        }
        match axum::extract::Path::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(params)) => Ok(Self(params)),
            Err(rejection) => Err(refused_path(&rejection)),
        }
    }
}

fn refused_path(rejection: &PathRejection) -> Problem {
    if let PathRejection::FailedToDeserializePathParams(failed) = rejection
        && let ErrorKind::InvalidUtf8InPathParam { key } = failed.kind()
    {
        return Problem::bad_request("the path is not UTF-8").field(key);
    }
    Problem::not_found(rejection.body_text())
}
