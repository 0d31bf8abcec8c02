//! What a request brings along to show who is asking.

use axum::http::{HeaderMap, HeaderName, header};
use systemprompt_users_domain::Token;

use super::cookies::cookies;
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

/// How many cookies of the name of a session's are looked at, of those that can be a token.
const MAX_COOKIES: usize = 8;

/// What may be the token of a session in a request: the bearer token, or else each cookie of the name. What can't be a
/// token is nobody's and does not hide the others.
pub(crate) fn session_tokens<'a>(
    headers: &'a HeaderMap,
    options: &WebOptions,
) -> impl Iterator<Item = &'a str> {
    let bearer = bearer(headers).filter(is_token);
    let cookies = bearer.is_none().then(|| token_cookies(headers, &options.session_cookie));
    bearer.into_iter().chain(cookies.into_iter().flatten())
}

/// The cookies of that name that can be a token, up to as many as are looked at.
pub(crate) fn token_cookies<'a>(
    headers: &'a HeaderMap,
    name: &str,
) -> impl Iterator<Item = &'a str> {
    cookies(headers, name).filter(is_token).take(MAX_COOKIES)
}

fn is_token(text: &&str) -> bool {
    text.parse::<Token>().is_ok()
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
}
