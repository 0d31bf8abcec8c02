//! What the page after a redirect says of what was done.

use axum::http::{HeaderMap, header};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::session::{Admin, set_cookie};
use crate::Web;
use crate::auth::cookies;

pub(super) const COOKIE: &str = "users_admin_flash";

/// How many cookies of that name are looked at.
const MAX_COOKIES: usize = 8;

/// Longer messages are cut: a cookie holds about four thousand bytes.
const MAX_CHARS: usize = 600;
const SECONDS: u32 = 60;

/// A message for the next page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Flash {
    pub(super) is_error: bool,
    pub(super) text: String,
}

impl Flash {
    pub(super) fn done(text: impl Into<String>) -> Self {
        Self { is_error: false, text: text.into() }
    }

    pub(super) fn failed(text: impl Into<String>) -> Self {
        Self { is_error: true, text: text.into() }
    }

    /// Reads the first cookie that this session wrote; others say nothing.
    pub(super) fn read(headers: &HeaderMap, key: &[u8; 32]) -> Option<Self> {
        cookies(headers, COOKIE).take(MAX_COOKIES).find_map(|value| Self::parse(value, key))
    }

    fn parse(value: &str, key: &[u8; 32]) -> Option<Self> {
        let (tag, payload) = value.split_once('.')?;
        let tag = URL_SAFE_NO_PAD.decode(tag).ok()?;
        let payload = URL_SAFE_NO_PAD.decode(payload).ok()?;
        if !bool::from(tag.as_slice().ct_eq(&seal(key, &payload))) {
            return None;
        }
        let payload = String::from_utf8(payload).ok()?;
        let (kind, text) = payload.split_once(':')?;
        Some(Self { is_error: kind == "e", text: text.to_owned() })
    }

    /// A redirect to `path`, where this message is shown.
    pub(super) fn redirect(self, path: &str, admin: &Admin, web: &Web) -> Response {
        let mut response = super::see_other(path);
        let kind = if self.is_error { "e" } else { "d" };
        let text: String = self.text.chars().take(MAX_CHARS).collect();
        let payload = format!("{kind}:{text}");
        let tag = URL_SAFE_NO_PAD.encode(seal(&admin.flash_key, payload.as_bytes()));
        let value = format!("{tag}.{}", URL_SAFE_NO_PAD.encode(payload));
        if let Some(line) = set_cookie(web, COOKIE, &value, Some(SECONDS)) {
            response.headers_mut().append(header::SET_COOKIE, line);
        }
        response
    }
}

/// The key is as long as the hash's block of state and the tag is only ever compared: no length can be extended
/// without knowing it, since the payload's length is sealed first.
fn seal(key: &[u8; 32], payload: &[u8]) -> [u8; 32] {
    let length = u64::try_from(payload.len()).unwrap_or(u64::MAX).to_be_bytes();
    Sha256::new().chain_update(key).chain_update(length).chain_update(payload).finalize().into()
}
