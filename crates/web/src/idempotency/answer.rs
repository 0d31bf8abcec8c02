//! An answer as bytes, so that it can be given again.

use axum::body::{Body, Bytes};
use axum::http::{HeaderName, HeaderValue, Response as HttpResponse, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde::{Deserialize, Serialize};
use systemprompt_users_domain::MAX_ANSWER_BYTES;

use crate::Problem;

/// The longest body that still fits into what a storage keeps of an answer, as base64 with the headers.
const MAX_BODY: u64 = MAX_ANSWER_BYTES as u64 / 4 * 3 - 8 * 1024;

/// The headers that belong to an answer; all others belong to the request that brought it.
const KEPT: [HeaderName; 5] =
    [header::CONTENT_TYPE, header::ETAG, header::LOCATION, header::LINK, header::CACHE_CONTROL];

/// What is kept of an answer.
#[derive(Serialize, Deserialize)]
pub(super) struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

impl Answer {
    /// What is to be kept of a response, and the response. One that is too long, or a stream, comes back as it is.
    pub(super) async fn take(response: Response) -> Result<(Self, Response), Response> {
        let (parts, body) = response.into_parts();
        let length = http_body::Body::size_hint(&body).exact();
        if length.is_none_or(|length| length > MAX_BODY) {
            return Err(Response::from_parts(parts, body));
        }
        // It lies in memory already, since its length is known.
        let bytes = axum::body::to_bytes(body, usize::MAX).await.map_err(|_| failed())?;
        let kept = KEPT.iter().filter_map(|name| {
            let value = parts.headers.get(name)?.to_str().ok()?;
            Some((name.as_str().to_owned(), value.to_owned()))
        });
        let answer = Self {
            status: parts.status.as_u16(),
            headers: kept.collect(),
            body: STANDARD_NO_PAD.encode(&bytes),
        };
        Ok((answer, Response::from_parts(parts, Body::from(bytes))))
    }

    pub(super) fn encode(&self) -> Option<Vec<u8>> {
        serde_json::to_vec(self).ok()
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    /// The answer again.
    pub(super) fn into_response(self) -> Response {
        let again = || {
            let body = Bytes::from(STANDARD_NO_PAD.decode(&self.body).ok()?);
            let mut response = HttpResponse::new(Body::from(body));
            *response.status_mut() = StatusCode::from_u16(self.status).ok()?;
            for (name, value) in &self.headers {
                let name = HeaderName::try_from(name).ok()?;
                response.headers_mut().insert(name, HeaderValue::try_from(value).ok()?);
            }
            Some(response)
        };
        again().unwrap_or_else(failed)
    }
}

fn failed() -> Response {
    Problem::internal().into_response()
}
