//! The admin behind a request: a session of this very system, asked for anew each time.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::HeaderValue;
use axum::http::request::Parts;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::Duration;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use systemprompt_users_application::AuthenticatedSession;
use systemprompt_users_domain::{Actor, Result, Token, UserId};

use super::error::PageError;
use super::flash::Flash;
use crate::{Problem, Web};

/// A session is noted as used at most this often, so that looking at pages is mostly no write.
const ACTIVITY_GRAIN: Duration = Duration::minutes(1);

/// Who is signed in. As an argument of a handler it is there only when the guard let the request through.
#[derive(Debug, Clone)]
pub(super) struct Admin {
    pub(super) session: Arc<AuthenticatedSession>,
    /// What the session was found by.
    pub(super) token: Token,
    pub(super) csrf: Arc<str>,
    pub(super) flash_key: [u8; 32],
    pub(super) flash: Option<Flash>,
}

impl Admin {
    /// The session behind a token, whoever's it is.
    pub(super) async fn find(web: &Web, token: &str) -> Result<Option<Self>> {
        let found = web.sessions(Actor::System).validate(token).await?;
        let Some((session, sent)) = found.zip(token.parse::<Token>().ok()) else {
            return Ok(None);
        };
        Ok(Some(Self {
            session: Arc::new(session),
            token: sent,
            csrf: URL_SAFE_NO_PAD.encode(derive(b"systemprompt-users admin csrf\0", token)).into(),
            flash_key: derive(b"systemprompt-users admin flash\0", token),
            flash: None,
        }))
    }

    pub(super) fn id(&self) -> UserId {
        self.session.user.id
    }

    /// Whom the events of this request name.
    pub(super) fn actor(&self) -> Actor {
        Actor::User(self.id())
    }

    pub(super) fn accepts_csrf(&self, sent: &str) -> bool {
        sent.as_bytes().ct_eq(self.csrf.as_bytes()).into()
    }

    /// Notes that the session is in use, so that it does not end by idleness.
    pub(super) async fn note_activity(&self, web: &Web) {
        let session = &self.session.session;
        if web.now() - session.last_activity_at < ACTIVITY_GRAIN {
            return;
        }
        if let Err(error) = web.sessions(Actor::System).touch(session.id).await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "the activity of an admin's session was not noted");
        }
    }
}

impl FromRequestParts<Web> for Admin {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, _web: &Web) -> Result<Self, PageError> {
        let admin = parts.extensions.get::<Self>().cloned();
        admin.ok_or_else(|| Problem::internal().into())
    }
}

/// Something that only the holder of the token can know, and that does not give the token away.
fn derive(purpose: &[u8], token: &str) -> [u8; 32] {
    Sha256::new().chain_update(purpose).chain_update(token).finalize().into()
}

/// The name of the cookie. Browsers take one that begins with `__Secure-` over TLS only; `__Host-` would need
/// the path `/`, and send the cookie to all that the host serves besides these pages.
pub(super) fn cookie_name(web: &Web) -> &'static str {
    if web.options().secure_cookies { "__Secure-users_admin" } else { "users_admin" }
}

/// A cookie of these pages. An age of zero removes it; none leaves it until the browser is closed.
pub(super) fn set_cookie(
    web: &Web,
    name: &str,
    value: &str,
    age: Option<u32>,
) -> Option<HeaderValue> {
    let secure = if web.options().secure_cookies { "; Secure" } else { "" };
    let age = age.map(|seconds| format!("; Max-Age={seconds}")).unwrap_or_default();
    let text = format!("{name}={value}; Path=/admin; HttpOnly; SameSite=Strict{secure}{age}");
    HeaderValue::from_str(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_derived_differs_by_purpose_and_token() {
        assert_ne!(derive(b"a", "token"), derive(b"b", "token"));
        assert_ne!(derive(b"a", "token"), derive(b"a", "other"));
    }
}
