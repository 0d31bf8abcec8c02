//! The documentation of refusals: sets that a handler names behind its own answers.

use std::collections::BTreeMap;

use utoipa::IntoResponses;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{Content, Ref, RefOr, Response};

/// What any route may answer.
pub(crate) struct AnyProblem;

/// What a route with a body may answer besides [`AnyProblem`].
pub(crate) struct BodyProblem;

/// What a route that changes something may answer besides [`AnyProblem`].
pub(crate) struct ChangeProblem;

/// What a route that takes `If-Match` may answer besides [`ChangeProblem`].
pub(crate) struct MatchProblem;

impl IntoResponses for AnyProblem {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        set(&[400, 401, 403, 404, 405, 422, 429, 500, 503])
    }
}

impl IntoResponses for BodyProblem {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        set(&[408, 413, 415])
    }
}

impl IntoResponses for ChangeProblem {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        set(&[409])
    }
}

impl IntoResponses for MatchProblem {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        set(&[412, 428])
    }
}

fn set(statuses: &[u16]) -> BTreeMap<String, RefOr<Response>> {
    statuses.iter().map(|status| (status.to_string(), problem(*status).into())).collect()
}

fn problem(status: u16) -> ResponseBuilder {
    let problem = Content::new(Some(Ref::from_schema_name("Problem")));
    let response = ResponseBuilder::new()
        .description(meaning(status))
        .content("application/problem+json", problem);
    let header = match status {
        401 => Some(("WWW-Authenticate", Type::String, "How to authenticate")),
        405 => Some(("Allow", Type::String, "The methods that are allowed")),
        429 | 503 => Some(("Retry-After", Type::Integer, "After how many seconds to try again")),
        _ => None,
    };
    let Some((name, kind, description)) = header else { return response };
    let header = HeaderBuilder::new()
        .schema(Some(ObjectBuilder::new().schema_type(kind)))
        .description(Some(description));
    response.header(name, header.build())
}

const fn meaning(status: u16) -> &'static str {
    match status {
        400 => "The request can't be read",
        401 => "No credentials, or none that are valid",
        403 => "The credentials do not allow this",
        404 => "There is no such thing",
        405 => "The method is not allowed here",
        408 => "The body came too slowly",
        409 => "The state of things does not allow this",
        412 => "It was changed meanwhile: `If-Match` names another version",
        413 => "The body is too large",
        415 => "The body is of another media type",
        422 => "A value is not acceptable; `field` names it",
        428 => "The host demands `If-Match`",
        429 => "Too many requests",
        503 => "The storage does not answer, or not in time",
        _ => "The request failed",
    }
}
