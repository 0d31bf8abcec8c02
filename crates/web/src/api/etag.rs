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

/// The tags of all lines of a header, which are one list. Empty elements of a list say nothing.
fn tags(headers: &HeaderMap, name: &HeaderName) -> Result<Option<Tags>, Problem> {
    let is_strong = *name == header::IF_MATCH;
    let field = if is_strong { "If-Match" } else { "If-None-Match" };
    let expected =
        "expected `*` alone, or entity tags in quotes with commas between them, such as `\"1\"`";
    let wrong = || Problem::bad_request(expected).field(field);
    let mut versions = Vec::new();
    let (mut is_there, mut is_any, mut count) = (false, false, 0);
    for line in headers.get_all(name) {
        is_there = true;
        let mut rest = line.as_bytes();
        loop {
            rest = rest.trim_ascii_start();
            if let Some(behind) = rest.strip_prefix(b",") {
                rest = behind;
                continue;
            }
            if rest.is_empty() {
                break;
            }
            let (element, behind) = Element::first(rest).ok_or_else(wrong)?;
            count += 1;
            match element {
                Element::Any => is_any = true,
                // A weak tag never matches strongly.
                Element::Tag { is_weak, opaque } => {
                    versions.extend(version(opaque).filter(|_| !(is_weak && is_strong)));
                }
            }
            rest = behind.trim_ascii_start();
            if !rest.is_empty() && !rest.starts_with(b",") {
                return Err(wrong());
            }
        }
    }
    match (is_there, count, is_any) {
        (false, ..) => Ok(None),
        (_, 1, true) => Ok(Some(Tags::Any)),
        (_, 0, _) | (_, _, true) => Err(wrong()),
        _ => Ok(Some(Tags::These(versions))),
    }
}

/// One element of a list of tags.
enum Element<'a> {
    Any,
    Tag { is_weak: bool, opaque: &'a [u8] },
}

impl<'a> Element<'a> {
    /// The element that a text begins with, and what stands behind it. A comma inside of the quotes is part of a tag.
    fn first(text: &'a [u8]) -> Option<(Self, &'a [u8])> {
        if let Some(behind) = text.strip_prefix(b"*") {
            return Some((Self::Any, behind));
        }
        let strong = text.strip_prefix(b"W/");
        let quoted = strong.unwrap_or(text).strip_prefix(b"\"")?;
        let end = quoted.iter().position(|byte| *byte == b'"')?;
        let (opaque, behind) = quoted.split_at_checked(end)?;
        let is_allowed = |byte: &u8| *byte > b' ' && *byte != 0x7f;
        let element = Self::Tag { is_weak: strong.is_some(), opaque };
        opaque.iter().all(is_allowed).then_some((element, behind.get(1..)?))
    }
}

/// The version that a tag of ours stands for. Any other tag, `"+4"` and `"05"` too, was never given out.
fn version(opaque: &[u8]) -> Option<i64> {
    let text = str::from_utf8(opaque).ok()?;
    text.parse().ok().filter(|version: &i64| version.to_string() == text)
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
        assert_eq!(if_match(",, \"3\",\t,\"4\","), Some(vec![3, 4]));
        assert_eq!(if_match("\"3,4\", \"5\""), Some(vec![5]));
        assert_eq!(if_match("\"+4\",\"05\",\"-1\",\"\",\"4 \""), None);
        assert_eq!(if_match("\"+4\",\"05\",\"\""), Some(vec![]));
        assert_eq!(versions(header::IF_NONE_MATCH, "W/\"5\""), Some(vec![5]));
        for wrong in [
            "3",
            "",
            " ",
            ",",
            "*, \"3\"",
            "\"3\", *",
            "*, *",
            "**",
            "\"3",
            "3\"",
            "\"3\" \"4\"",
            "\"3\"\"4\"",
            "\"3\";x",
            "w/\"3\"",
            "W/ \"3\"",
            "W/3",
            "'3'",
        ] {
            assert_eq!(if_match(wrong), None, "{wrong}");
            assert_eq!(versions(header::IF_NONE_MATCH, wrong), None, "{wrong}");
        }
    }

    #[test]
    fn several_lines_are_one_list() {
        let read = |lines: [&'static str; 2]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(header::IF_MATCH, HeaderValue::from_static(line));
            }
            match tags(&headers, &header::IF_MATCH).ok()?? {
                Tags::Any => None,
                Tags::These(versions) => Some(versions),
            }
        };
        assert_eq!(read(["\"3\"", "\"4\""]), Some(vec![3, 4]));
        assert_eq!(read(["\"3\",", ""]), Some(vec![3]));
        assert_eq!(read(["*", "\"4\""]), None);
        assert_eq!(read(["\"3", "4\""]), None);
    }

    #[test]
    fn a_version_comes_back() {
        assert_eq!(etag(42), "\"42\"");
    }
}
