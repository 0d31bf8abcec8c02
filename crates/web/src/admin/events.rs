//! The log of events: by user or target, page by page, and live.

use std::convert::Infallible;
use std::time::Duration;

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, Stream, StreamExt};
use systemprompt_users_domain::{
    EventFilter, EventPosition, IpTarget, RecordedEvent, Result, UserError, UserRole,
};
use tokio::sync::watch;
use tokio::time::Instant;

use super::error::PageResult;
use super::event_row::{self, EventRow};
use super::form::{Fields, FormView};
use super::layout::{Layout, Section, page_of};
use super::session::Admin;
use crate::Web;

const PER_PAGE: i64 = 50;
/// So long a stream rests after it has looked at the log, at the least.
const GAP: Duration = Duration::from_millis(200);
/// So long it rests when nothing happens: then the admin's session is looked at.
const PACE: Duration = Duration::from_secs(5);
/// A stream ends after so long; the browser begins another one by itself.
const LIFE: Duration = Duration::from_secs(300);
/// At most so many new events go out at a look.
const BURST: i64 = 100;

#[derive(Template)]
#[template(path = "admin/events.html")]
struct EventsPage {
    layout: Layout,
    form: FormView,
    rows: Rows,
    stream: Option<String>,
    first: Option<String>,
    next: Option<String>,
}

/// Rows of the table, which a stream sends too.
#[derive(Template)]
#[template(path = "admin/events_rows.html")]
struct Rows {
    rows: Vec<EventRow>,
}

pub(super) async fn show(State(web): State<Web>, admin: Admin, uri: Uri) -> PageResult {
    let query = Fields::of_query(&uri);
    let filter = match filter(&web, &query).await {
        Ok(filter) => filter,
        Err(error) => {
            let names = [("user", "user"), ("ip", "target")];
            let (status, form) = FormView::refused(query, error, &names)?;
            let layout = Layout::new("Events", Section::Events, &admin);
            let rows = Rows { rows: Vec::new() };
            let page = EventsPage { layout, form, rows, stream: None, first: None, next: None };
            return page_of(status, &page);
        }
    };
    let before = query.get("before").parse().ok().map(EventPosition);
    // The position comes first: what is added in between is then sent by the stream, not lost.
    let position = web.events().last_position().await?;
    let events = web.events().list(&filter, before, PER_PAGE).await?;
    let kept = query.query(&["before"]);
    let is_full = i64::try_from(events.len()).is_ok_and(|count| count == PER_PAGE);
    let last = events.last().filter(|_| is_full).map(|event| event.position);
    let page = EventsPage {
        layout: Layout::new("Events", Section::Events, &admin),
        rows: Rows { rows: event_row::rows(&web, &events).await? },
        stream: before.is_none().then(|| format!("/admin/events/stream?{kept}&after={position}")),
        first: before.map(|_| format!("/admin/events?{kept}")),
        next: last.map(|last| format!("/admin/events?{kept}&before={last}")),
        form: FormView::new(query),
    };
    page_of(axum::http::StatusCode::OK, &page)
}

async fn filter(web: &Web, query: &Fields) -> Result<EventFilter> {
    let user_id = match query.filled("user") {
        Some(text) => {
            let found =
                web.admin(systemprompt_users_domain::Actor::System).find_any_status(text).await?;
            // The events of a purged user are found by its id alone.
            let id = found.map(|user| user.id).or_else(|| text.parse().ok());
            Some(id.ok_or_else(|| UserError::validation("user", "there is no such user"))?)
        }
        None => None,
    };
    let target = query.filled("target").map(str::parse::<IpTarget>).transpose()?;
    Ok(EventFilter { user_id, target })
}

/// New events as rows of the table, for as long as the session of who asks is good.
pub(super) async fn stream(
    State(web): State<Web>,
    admin: Admin,
    headers: HeaderMap,
    uri: Uri,
) -> PageResult {
    let query = Fields::of_query(&uri);
    let filter = filter(&web, &query).await?;
    let seen = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok());
    let after = match seen.or_else(|| query.get("after").parse().ok()) {
        Some(position) => EventPosition(position),
        None => web.events().last_position().await?,
    };
    let token = admin.token.reveal();
    let heard = web.enforcer().heard();
    Ok(sse(Tail { web, filter, token, after, heard, began: Instant::now(), has_looked: false }))
}

fn sse(tail: Tail) -> Response {
    let web = tail.web.clone();
    let batches = stream::unfold(tail, Tail::next);
    let events = batches.flat_map(stream::iter).map(Ok::<_, Infallible>);
    let events: std::pin::Pin<Box<dyn Stream<Item = _> + Send>> =
        Box::pin(events.take_until(async move { web.closing().await }));
    Sse::new(events).keep_alive(KeepAlive::default()).into_response()
}

/// Where a stream stands.
struct Tail {
    web: Web,
    filter: EventFilter,
    token: String,
    after: EventPosition,
    /// Changes when there may be something to read.
    heard: watch::Receiver<EventPosition>,
    began: Instant,
    has_looked: bool,
}

impl Tail {
    /// The next events; `None` ends the stream.
    async fn next(mut self) -> Option<(Vec<Event>, Self)> {
        if self.began.elapsed() >= LIFE {
            return None;
        }
        if std::mem::replace(&mut self.has_looked, true) {
            tokio::time::sleep(GAP).await;
            tokio::select! {
                _ = self.heard.changed() => {}
                () = tokio::time::sleep(PACE) => {}
            }
        }
        self.heard.mark_unchanged();
        // A session that ended, or a role that was taken away, ends the stream too.
        let admin = Admin::find(&self.web, &self.token).await.ok()??;
        if !admin.session.user.roles.contains(UserRole::Admin) {
            return None;
        }
        let new = self.web.events().read(self.after, BURST).await.ok()?;
        if let Some(last) = new.last() {
            self.after = last.position;
        }
        let wanted: Vec<RecordedEvent> =
            new.into_iter().filter(|event| self.wants(event)).collect();
        let rows = event_row::rows(&self.web, &wanted).await.ok()?;
        let mut events = Vec::with_capacity(rows.len());
        for row in rows {
            let position = row.position.to_string();
            let html = Rows { rows: vec![row] }.render().ok()?.replace(['\r', '\n'], " ");
            events.push(Event::default().event("row").id(position).data(html));
        }
        Some((events, self))
    }

    fn wants(&self, recorded: &RecordedEvent) -> bool {
        let kind = &recorded.event.kind;
        self.filter.user_id.is_none_or(|id| kind.user_id() == Some(id))
            && self.filter.target.is_none_or(|target| kind.target() == Some(target))
    }
}
