//! A name for each request, the same in the log, in the answer and at the proxy.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use systemprompt_users_application::SystemEntropy;
use systemprompt_users_domain::Entropy;

/// The header that carries it, in both directions.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The longest name that is taken from outside, in characters.
const MAX_CHARS: usize = 128;

/// The name of the request at hand; an extension of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(HeaderValue);

impl RequestId {
    /// The name that came with the request if it is fit for a log, or else a new UUID.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let sent = headers.get(REQUEST_ID).filter(|sent| is_sane(sent.as_bytes()));
        Self(sent.cloned().unwrap_or_else(Self::generate))
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }

    pub(super) fn into_header(self) -> HeaderValue {
        self.0
    }

    fn generate() -> HeaderValue {
        let mut random = [0; 16];
        SystemEntropy.fill(&mut random);
        let id = uuid::Builder::from_random_bytes(random).into_uuid().to_string();
        HeaderValue::try_from(id).unwrap_or_else(|_| HeaderValue::from_static("unknown"))
    }
}

fn is_sane(id: &[u8]) -> bool {
    let fits = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(byte);
    (1..=MAX_CHARS).contains(&id.len()) && id.iter().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(sent: &[u8]) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(REQUEST_ID, HeaderValue::from_bytes(sent).unwrap());
        RequestId::of(&headers).as_str().to_owned()
    }

    #[test]
    fn what_could_forge_a_line_of_the_log_is_replaced() {
        assert_eq!(of(b"req-1:a_b.c"), "req-1:a_b.c");
        for bad in [&b""[..], b"a b", b"a\"b", b"a=b", "ä".as_bytes(), &[b'x'; 129]] {
            let made = of(bad);
            assert_eq!(made.len(), 36, "{made}");
            assert_ne!(made, of(bad), "each is new");
        }
    }
}
