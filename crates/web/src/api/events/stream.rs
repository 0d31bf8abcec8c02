//! The log of events as it grows: server-sent events.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::Deserialize;
use systemprompt_users_domain::{ApiScope, EventPosition, RecordedEvent, UserError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::Instant;
use utoipa::{IntoParams, ToSchema};

use super::dto::EventBody;
use super::list::position;
use crate::api::errors::AnyProblem;
use crate::auth::{self, Authorized, Read};
use crate::layers::LongRunning;
use crate::{Problem, QueryParams, Web};

/// How many streams one host serves at once.
const MAX_STREAMS: usize = 256;
/// How many events are held for a client that reads slowly.
const BUFFER: i64 = 100;
/// Reads of the end of the log are at least this far apart, so that a stream costs little when much happens.
const GAP: Duration = Duration::from_millis(100);
/// After how long the client has to be allowed to read still. The log is looked at then too, should nothing have been
/// heard of a change.
const RECHECK: Duration = Duration::from_secs(5);
/// After how long of silence a comment is sent, so that nobody in between takes the connection for dead.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// After how long a client should connect again.
const RETRY: Duration = Duration::from_secs(2);

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// How many more streams this host serves.
#[derive(Debug, Clone)]
pub(super) struct Streams(Arc<Semaphore>);

impl Default for Streams {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MAX_STREAMS)))
    }
}

/// One event of the stream, in the fields of the protocol.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it only tells the description of the API what a stream is made of")]
struct ServerSentEvent {
    /// The position of the event: what to send as `Last-Event-ID`.
    id: String,
    /// The kind of the event.
    event: String,
    /// The event as JSON, see the schema `Event`.
    data: String,
}

/// Where the stream begins.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct StreamParams {
    /// Behind this position; without it and `Last-Event-ID`, with what happens from now on.
    #[param(minimum = 0, maximum = 9_223_372_036_854_775_807_i64)]
    after: Option<u64>,
}

/// The log as it grows, as server-sent events: `id` is the position, `event` the kind, `data` the event as JSON.
///
/// A client that sends the last `id` it got as `Last-Event-ID`, as browsers do by themselves, goes on behind it and
/// misses nothing; the header goes before `after`. Comments keep a silent connection alive. The stream ends when the
/// host shuts down, the storage fails or the credentials are no longer valid.
#[utoipa::path(
    get,
    path = "/events/stream",
    tag = "events",
    params(
        StreamParams,
        ("Last-Event-ID" = Option<u64>, Header, description = "The `id` of the last event that was received", minimum = 0, maximum = 9_223_372_036_854_775_807_i64),
    ),
    responses(
        (status = 200, body = ServerSentEvent, content_type = "text/event-stream", description = "The stream"),
        AnyProblem,
    ),
)]
pub(super) async fn stream_events(
    _who: Authorized<Read>,
    _: LongRunning,
    State(web): State<Web>,
    QueryParams(params): QueryParams<StreamParams>,
    Extension(Streams(streams)): Extension<Streams>,
    parts: Parts,
) -> Result<Response, Problem> {
    let after = params.after.map(|after| position("after", after)).transpose()?;
    let after = match last_event_id(&parts.headers)?.or(after) {
        Some(after) => after,
        None => web.events().last_position().await?,
    };
    let heard = web.enforcer().heard();
    let permit = streams.try_acquire_owned().map_err(|_| {
        let title = "Too many streams are open";
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too_many_streams", title).retry_after(5)
    })?;
    let follower = Follower {
        web,
        parts,
        after,
        ready: VecDeque::new(),
        heard,
        earliest: Instant::now(),
        checked: Instant::now(),
        _permit: permit,
    };
    // The first words tell where the stream begins, so that a client that gets no more can go on from there.
    let hello = Event::default().id(after.to_string()).retry(RETRY).comment("open");
    let first = stream::iter([Ok(hello)]);
    let events = stream::unfold(follower, |mut follower| async {
        let event = follower.next().await?;
        Some((Ok::<_, Infallible>(event), follower))
    });
    let events = futures_util::StreamExt::chain(first, events);
    // Proxies would hold events back otherwise.
    let unbuffered = (HeaderName::from_static("x-accel-buffering"), "no");
    let events = Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE));
    Ok(([unbuffered], events).into_response())
}

fn last_event_id(headers: &HeaderMap) -> Result<Option<EventPosition>, UserError> {
    let Some(value) = headers.get(LAST_EVENT_ID) else { return Ok(None) };
    let id = value.to_str().ok().and_then(|text| text.trim().parse::<u64>().ok());
    // What is no number is no place either.
    position("Last-Event-ID", id.unwrap_or(u64::MAX)).map(Some)
}

/// One client that follows the log.
struct Follower {
    web: Web,
    parts: Parts,
    after: EventPosition,
    ready: VecDeque<RecordedEvent>,
    /// Changes when there may be something to read: all streams sleep on the one alarm of this host.
    heard: watch::Receiver<EventPosition>,
    /// When the log may be read again.
    earliest: Instant,
    checked: Instant,
    _permit: OwnedSemaphorePermit,
}

impl Follower {
    /// The next event, when there is one. `None` ends the stream.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if !self.is_allowed().await {
                return None;
            }
            if let Some(event) = self.ready.pop_front() {
                self.after = event.position;
                return Some(sse(event));
            }
            tokio::time::sleep_until(self.earliest).await;
            // What comes after this moment wakes the stream, what came before it is read.
            self.heard.mark_unchanged();
            match self.web.events().read(self.after, BUFFER).await {
                Ok(events) if events.is_empty() => {
                    self.earliest = Instant::now() + GAP;
                    tokio::select! {
                        () = self.web.closing() => return None,
                        _ = self.heard.changed() => {}
                        () = tokio::time::sleep(RECHECK) => {}
                    }
                }
                Ok(events) => self.ready.extend(events),
                Err(error) => {
                    tracing::warn!(%error, "a stream of events ends, the storage does not answer");
                    return None;
                }
            }
        }
    }

    /// Whether the client may read still: looked up again from time to time.
    async fn is_allowed(&mut self) -> bool {
        if self.checked.elapsed() < RECHECK {
            return true;
        }
        self.checked = Instant::now();
        let principal = auth::find_principal(&self.web, &mut self.parts).await;
        principal.is_ok_and(|principal| principal.allows(ApiScope::Read))
    }
}

fn sse(recorded: RecordedEvent) -> Event {
    let event = EventBody::from(recorded);
    // Plain data is always JSON, and JSON has no line breaks.
    let data = serde_json::to_string(&event).unwrap_or_default();
    Event::default().id(event.position.to_string()).event(event.kind).data(data)
}
