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
use crate::auth::{self, Authorized, Principal, Read};
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
/// host shuts down, the storage fails or the credentials are no longer valid: before it tells anything that happened
/// after that. Events about bans and the allow-list are left out for who lacks the scope `bans`, those about API keys and
/// one-time links for who lacks `admin`.
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
    _permit: OwnedSemaphorePermit,
}

impl Follower {
    /// The next event, when there is one. `None` ends the stream.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(sse(event));
            }
            tokio::time::sleep_until(self.earliest).await;
            // What comes after this moment wakes the stream, what came before it is read.
            self.heard.mark_unchanged();
            let events = match self.web.events().read(self.after, BUFFER).await {
                Ok(events) => events,
                Err(error) => {
                    tracing::warn!(%error, "a stream of events ends, the storage does not answer");
                    return None;
                }
            };
            match events.last().map(|last| last.position) {
                Some(last) => {
                    let principal = self.principal_at(last).await?;
                    self.after = last;
                    let seen = events.into_iter().filter(|event| principal.sees(&event.event.kind));
                    self.ready.extend(seen);
                }
                None => {
                    self.earliest = Instant::now() + GAP;
                    tokio::select! {
                        () = self.web.closing() => return None,
                        _ = self.heard.changed() => {}
                        () = tokio::time::sleep(RECHECK) => drop(self.principal().await?),
                    }
                }
            }
        }
    }

    /// Who is reading, by all that happened up to `position`: so nobody is told what came after the end of their own
    /// credentials. `None` when they may not read any more, or this host does not hear of changes in time.
    async fn principal_at(&mut self, position: EventPosition) -> Option<Principal> {
        // Another receiver: this one must not swallow what wakes the stream.
        let mut heard = self.heard.clone();
        let caught_up = heard.wait_for(|heard| *heard >= position);
        let patience = self.web.options().enforcer.lag_bound;
        match tokio::time::timeout(patience, caught_up).await {
            Ok(Ok(_)) => {}
            _ => {
                tracing::warn!("a stream of events ends, this host is behind");
                return None;
            }
        }
        self.principal().await
    }

    /// Who is reading, as of now; `None` when they may not any more.
    async fn principal(&mut self) -> Option<Principal> {
        let principal = auth::find_principal(&self.web, &mut self.parts).await.ok()?;
        principal.allows(ApiScope::Read).then_some(principal)
    }
}

fn sse(recorded: RecordedEvent) -> Event {
    let event = EventBody::from(recorded);
    // Plain data is always JSON, and JSON has no line breaks.
    let data = serde_json::to_string(&event).unwrap_or_default();
    Event::default().id(event.position.to_string()).event(event.kind).data(data)
}
