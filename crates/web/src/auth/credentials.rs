//! What a request brings along to show who is asking.

use axum::http::{HeaderMap, HeaderName, header};
use systemprompt_users_domain::Token;

use crate::WebOptions;

/// The header for an API key, beside `Authorization: Bearer`.
pub(crate) const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// What an API key begins with, and a session's token never does.
const KEY_MARK: &str = "spu_";

/// What the API is asked with.
#[derive(Clone, Copy)]
pub(crate) enum Credential<'a> {
    Key(&'a str),
    Session(&'a str),
}

impl<'a> Credential<'a> {
    /// An API key in its own header, or else what the bearer is.
    pub(crate) fn of(headers: &'a HeaderMap) -> Option<Self> {
        if let Some(key) = api_key(headers) {
            return Some(Self::Key(key));
        }
        let token = bearer(headers)?;
        Some(if token.starts_with(KEY_MARK) { Self::Key(token) } else { Self::Session(token) })
    }

    /// The text itself.
    pub(crate) const fn secret(self) -> &'a str {
        match self {
            Self::Key(secret) | Self::Session(secret) => secret,
        }
    }
}

/// The content of `X-Api-Key`.
pub(crate) fn api_key(headers: &HeaderMap) -> Option<&str> {
    // What is not even text is an invalid key, not none.
    headers.get(API_KEY).map(|value| value.to_str().unwrap_or_default().trim())
}

/// The bearer token of a request.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// The token of a session in a request: the bearer token, or else the cookie. What can't be a token is nobody's
/// and does not hide the other.
pub(crate) fn session_token<'a>(headers: &'a HeaderMap, options: &WebOptions) -> Option<&'a str> {
    let is_token = |text: &&str| text.parse::<Token>().is_ok();
    let cookie = || cookie(headers, &options.session_cookie).filter(is_token);
    bearer(headers).filter(is_token).or_else(cookie)
}

/// The cookie of that name.
pub(crate) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(header::COOKIE).into_iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(';')).find_map(|pair| {
        let (found, value) = pair.trim().split_once('=')?;
        (found == name).then_some(value)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(lines: &[(&'static str, &'static str)]) -> Option<(bool, String)> {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().unwrap());
        }
        let found = Credential::of(&headers)?;
        Some((matches!(found, Credential::Key(_)), found.secret().to_owned()))
    }

    #[test]
    fn a_key_and_a_session_are_told_apart() {
        assert_eq!(of(&[("authorization", "bearer  spu_a ")]), Some((true, "spu_a".into())));
        assert_eq!(of(&[("authorization", "Bearer abc")]), Some((false, "abc".into())));
        let both = [("authorization", "Bearer abc"), ("x-api-key", "other")];
        assert_eq!(of(&both), Some((true, "other".into())));
        for none in ["abc", "Basic abc", "Bearer"] {
            assert_eq!(of(&[("authorization", none)]), None, "{none}");
        }
    }

    #[test]
    fn a_cookie_has_exactly_that_name() {
        let mut headers = HeaderMap::new();
        headers.append("cookie", "xsession=1; session2=2".parse().unwrap());
        headers.append("cookie", "a=b; session=3=".parse().unwrap());
        assert_eq!(cookie(&headers, "session"), Some("3="));
        assert_eq!(cookie(&headers, "sess"), None);
    }
}
