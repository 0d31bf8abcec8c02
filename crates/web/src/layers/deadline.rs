//! How long a request may take.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::{Problem, Web};

/// As an argument of a handler: this request may take as long as it takes, since it reads or writes a stream.
#[derive(Debug, Clone, Copy)]
pub struct LongRunning;

#[derive(Debug, Clone, Default)]
struct Deadline {
    lifted: Arc<AtomicBool>,
}

impl<S: Send + Sync> FromRequestParts<S> for LongRunning {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        if let Some(deadline) = parts.extensions.get::<Deadline>() {
            deadline.lifted.store(true, Ordering::Relaxed);
        }
        Ok(Self)
    }
}

/// A middleware: answers 503 when the rest takes longer than the options allow. What was begun is dropped, and so
/// rolled back.
pub async fn deadline(State(web): State<Web>, request: Request, next: Next) -> Response {
    within(web.options().request_timeout, request, next).await
}

async fn within(limit: Duration, mut request: Request, next: Next) -> Response {
    let deadline = Deadline::default();
    request.extensions_mut().insert(deadline.clone());
    let mut answer = std::pin::pin!(next.run(request));
    tokio::select! {
        answer = &mut answer => answer,
        () = tokio::time::sleep(limit) => {
            if deadline.lifted.load(Ordering::Relaxed) {
                return answer.await;
            }
            tracing::warn!("the request took too long");
            let title = "The request took too long";
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "timeout", title)
                .detail("it was not finished within the time that this host allows")
                .retry_after(1)
                .into_response()
        }
    }
}
