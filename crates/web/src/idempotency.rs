//! `Idempotency-Key`: a request that is sent again is answered again, not done again.

mod answer;
mod seal;

use axum::body::{Body, Bytes};
use axum::extract::{OriginalUri, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use systemprompt_users_domain::{BeginOutcome, IdempotencyKey};

use self::answer::Answer;
use self::seal::Seal;
use crate::auth::{Credential, Principal};
use crate::{Problem, Web};

/// The header of the request.
pub(crate) const KEY: &str = "idempotency-key";

/// The header of an answer that was given before.
const REPLAYED: &str = "idempotency-replayed";

/// The longest body of a request that is remembered, in bytes.
const MAX_BODY: usize = 1024 * 1024;

/// A middleware behind [`crate::auth::authenticate`]: a POST with an `Idempotency-Key` is done once, and answered
/// alike each time it is sent.
///
/// Answers hold secrets, such as a new API key, of which only hashes may lie in the storage. So an answer is kept
/// encrypted under a key made of the caller's own credential, which the storage does not know either.
pub async fn remember(State(web): State<Web>, request: Request, next: Next) -> Response {
    if request.method() != Method::POST || !request.headers().contains_key(KEY) {
        return next.run(request).await;
    }
    match once(web, request, next).await {
        Ok(response) => response,
        Err(problem) => problem.into_response(),
    }
}

async fn once(web: Web, request: Request, next: Next) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let sent = key_of(&parts.headers)?;
    refuse_streams(&parts.headers)?;
    let principal = parts.extensions.get::<Principal>().map(Principal::id);
    let principal = principal.ok_or_else(Problem::internal)?;
    let key = IdempotencyKey::new(&principal.to_string(), &sent)?;
    let body = read(&web, body).await?;
    let request_hash = hash_of(&parts, &body);
    let secret = Credential::of(&parts.headers).ok_or_else(Problem::internal)?.secret();
    let seal = Seal::new(secret, &sent, request_hash).ok_or_else(Problem::internal)?;
    match web.idempotency().begin(&key, request_hash).await? {
        BeginOutcome::Started => {
            let request = Request::from_parts(parts, Body::from(body));
            // A client that hangs up must not stop the work half-way: it will ask again what came of it.
            let work = tokio::spawn(answer_once(web, key, seal, request, next));
            work.await.map_err(|error| {
                tracing::error!(error = &error as &dyn std::error::Error, "a handler panicked");
                Problem::internal()
            })
        }
        BeginOutcome::Answered(sealed) => {
            let answer = seal.open(sealed).and_then(|plain| Answer::decode(&plain));
            let mut response = answer.map(Answer::into_response).ok_or_else(unreadable)?;
            response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
            Ok(response)
        }
        BeginOutcome::InProgress { locked_until } => Err(in_progress(locked_until, web.now())),
        BeginOutcome::OtherRequest => Err(other_request()),
    }
}

async fn answer_once(
    web: Web,
    key: IdempotencyKey,
    seal: Seal,
    request: Request,
    next: Next,
) -> Response {
    let response = next.run(request).await;
    let service = web.idempotency();
    if response.status().is_server_error() {
        note_failure(service.forget(&key).await);
        return response;
    }
    match Answer::take(response).await {
        Ok((answer, response)) => {
            match answer.encode().and_then(|plain| seal.close(plain)) {
                Some(sealed) => note_failure(service.finish(&key, &sealed).await),
                None => note_failure(service.forget(&key).await),
            }
            response
        }
        Err(response) => {
            tracing::warn!("the answer is too long to be remembered, or a stream");
            note_failure(service.forget(&key).await);
            response
        }
    }
}

/// The work is done and its answer stands; only a repetition will not find it.
fn note_failure(result: systemprompt_users_domain::Result<()>) {
    if let Err(error) = result {
        let error = &error as &dyn std::error::Error;
        tracing::warn!(error, "the answer of a request could not be remembered");
    }
}

fn key_of(headers: &HeaderMap) -> Result<String, Problem> {
    let mut values = headers.get_all(KEY).into_iter();
    let value = values.next().and_then(|value| value.to_str().ok());
    match (value, values.next()) {
        (Some(value), None) => Ok(value.to_owned()),
        _ => Err(Problem::bad_request("send one Idempotency-Key of visible ASCII characters")),
    }
}

/// What is no JSON is a stream of rows, and too long to be kept.
fn refuse_streams(headers: &HeaderMap) -> Result<(), Problem> {
    let Some(content_type) = headers.get(header::CONTENT_TYPE) else { return Ok(()) };
    let content_type = content_type.to_str().unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    Err(not_here("streams of rows are not remembered: send them without this header"))
}

async fn read(web: &Web, body: Body) -> Result<Bytes, Problem> {
    let limit = web.options().max_body.min(MAX_BODY);
    axum::body::to_bytes(body, limit).await.map_err(|_| {
        not_here(&format!(
            "bodies over {limit} bytes are not remembered: send none with this header"
        ))
    })
}

/// What a request asks for: under one key there may be one only.
fn hash_of(parts: &Parts, body: &[u8]) -> [u8; 32] {
    let uri = parts.extensions.get::<OriginalUri>().map_or(&parts.uri, |OriginalUri(uri)| uri);
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    let mut hash = Sha256::new();
    // No target holds a space, so nothing moves from one part into the other.
    hash.update(target);
    hash.update(b" ");
    for name in [header::CONTENT_TYPE, header::IF_MATCH] {
        let value = parts.headers.get(name).map(HeaderValue::as_bytes).unwrap_or_default();
        hash.update(value.len().to_be_bytes());
        hash.update(value);
    }
    hash.update(body);
    hash.finalize().into()
}

fn not_here(detail: &str) -> Problem {
    let title = "This request can't be remembered";
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency_not_possible", title)
        .detail(detail)
        .field(KEY)
}

fn other_request() -> Problem {
    let title = "This Idempotency-Key was used for another request";
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused", title)
        .detail("use a new key for each request, and the same one only to send the same again")
        .field(KEY)
}

fn unreadable() -> Problem {
    let title = "This Idempotency-Key was used with another secret";
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused", title)
        .detail("the request was done, and its answer can be read with the secret it was sent with")
        .field(KEY)
}

fn in_progress(locked_until: DateTime<Utc>, now: DateTime<Utc>) -> Problem {
    let seconds = (locked_until - now).num_seconds().clamp(1, 60);
    let title = "The same request is being worked on";
    Problem::new(StatusCode::CONFLICT, "idempotency_in_progress", title)
        .detail("send it again a little later to get its answer")
        .retry_after(u32::try_from(seconds).unwrap_or(1))
}
