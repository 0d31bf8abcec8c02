//! Versions of users over HTTP: `ETag`, `If-Match` and `If-None-Match`.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use systemprompt_users_application::UserService;
use systemprompt_users_domain::{UserError, UserId};
use utoipa::IntoParams;
use utoipa::openapi::Required;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};

use crate::{Problem, Web};

/// One tag, or any.
const TAG_PATTERN: &str = r#"^(\*|(W/)?"[0-9]+")$"#;

/// The tag of a version: strong, since a version stands for every byte of a user but `last_active_at`.
pub(crate) fn etag(version: i64) -> HeaderValue {
    HeaderValue::try_from(format!("\"{version}\"")).unwrap_or(HeaderValue::from_static("\"0\""))
}

/// What `If-Match` demands. As an argument of a handler it answers 428 where the host demands the header and
/// none was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum IfMatch {
    /// No header, or `*`: any version will do.
    Any,
    /// One of these versions; none when the tags are not ours.
    Versions(Vec<i64>),
}

impl FromRequestParts<Web> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Self, Problem> {
        match tags(&parts.headers, &header::IF_MATCH)? {
            Some(Tags::Any) => Ok(Self::Any),
            Some(Tags::These(versions)) => Ok(Self::Versions(versions)),
            None if web.options().require_if_match => Err(demanded()),
            None => Ok(Self::Any),
        }
    }
}

impl IntoParams for IfMatch {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![tag_parameter("If-Match", "The `ETag` that the change is made from")]
    }
}

/// The documentation of `If-None-Match`.
pub(crate) struct IfNoneMatch;

impl IntoParams for IfNoneMatch {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![tag_parameter("If-None-Match", "An `ETag` that is known already")]
    }
}

fn tag_parameter(name: &str, description: &str) -> Parameter {
    // One tag of ours, or any; a list of them is understood too.
    let tag = ObjectBuilder::new().schema_type(Type::String).pattern(Some(TAG_PATTERN));
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(description))
        .schema(Some(tag))
        .build()
}

impl IfMatch {
    /// The one version that the user may be at; `None` is any.
    ///
    /// # Errors
    /// `Stale` when the user is at none of those that were named; `Storage`.
    pub(crate) async fn version(
        &self,
        users: &UserService,
        id: UserId,
    ) -> Result<Option<i64>, UserError> {
        let versions = match self {
            Self::Any => return Ok(None),
            Self::Versions(versions) => versions,
        };
        if let [only] = versions.as_slice() {
            return Ok(Some(*only));
        }
        let current = users.find_by_reference(&id.into()).await?.map(|user| user.version);
        current.filter(|version| versions.contains(version)).ok_or(UserError::Stale).map(Some)
    }
}

/// Whether the client holds this version already, by `If-None-Match`.
pub(crate) fn is_known(headers: &HeaderMap, version: i64) -> Result<bool, Problem> {
    Ok(match tags(headers, &header::IF_NONE_MATCH)? {
        Some(Tags::Any) => true,
        Some(Tags::These(versions)) => versions.contains(&version),
        None => false,
    })
}

fn demanded() -> Problem {
    let title = "The host demands `If-Match`";
    Problem::new(StatusCode::PRECONDITION_REQUIRED, "precondition_required", title)
        .detail("send the `ETag` of what you have read as `If-Match`")
        .field("If-Match")
}

enum Tags {
    Any,
    These(Vec<i64>),
}

fn tags(headers: &HeaderMap, name: &HeaderName) -> Result<Option<Tags>, Problem> {
    let mut versions = Vec::new();
    let mut is_there = false;
    for value in headers.get_all(name) {
        is_there = true;
        let field = if *name == header::IF_MATCH { "If-Match" } else { "If-None-Match" };
        let unreadable =
            || Problem::bad_request("expected entity tags such as `\"1\"`").field(field);
        let text = value.to_str().map_err(|_| unreadable())?.trim();
        if text == "*" {
            return Ok(Some(Tags::Any));
        }
        for tag in text.split(',').map(str::trim) {
            let strong = tag.strip_prefix("W/").unwrap_or(tag);
            let opaque = strong.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
            let opaque = opaque.ok_or_else(unreadable)?;
            // A weak tag never matches strongly, and a tag that is no version was never given out.
            let is_comparable = strong == tag || *name == header::IF_NONE_MATCH;
            versions.extend(opaque.parse::<i64>().ok().filter(|_| is_comparable));
        }
    }
    Ok(is_there.then_some(Tags::These(versions)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn versions(name: HeaderName, value: &'static str) -> Option<Vec<i64>> {
        let mut headers = HeaderMap::new();
        headers.insert(name.clone(), HeaderValue::from_static(value));
        match tags(&headers, &name).ok()?? {
            Tags::Any => Some(vec![-1]),
            Tags::These(versions) => Some(versions),
        }
    }

    #[test]
    fn tags_are_read_as_the_standard_writes_them() {
        let if_match = |value| versions(header::IF_MATCH, value);
        assert_eq!(if_match("*"), Some(vec![-1]));
        assert_eq!(if_match("\"3\""), Some(vec![3]));
        assert_eq!(if_match("\"3\", \"4\" ,W/\"5\",\"x\""), Some(vec![3, 4]));
        assert_eq!(if_match("3"), None);
        assert_eq!(versions(header::IF_NONE_MATCH, "W/\"5\""), Some(vec![5]));
    }

    #[test]
    fn a_version_comes_back() {
        assert_eq!(etag(42), "\"42\"");
    }
}
