//! An event in words, with links to whom and what it is about.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use systemprompt_users_domain::{Actor, EventKind, RecordedEvent, Result, User, UserId, UserRef};

use super::text::{Moment, ban_end, counted, words};
use crate::Web;

/// An event as pages show it.
pub(super) struct EventRow {
    pub(super) position: i64,
    /// What happened.
    pub(super) what: String,
    /// The particulars, where there are any.
    pub(super) detail: String,
    /// Whom or what it is about.
    pub(super) about: Option<Link>,
    /// Who did it.
    pub(super) actor: Link,
    pub(super) at: Moment,
    /// Whether it tells of something refused.
    pub(super) is_refusal: bool,
}

/// A name, with the page about it where there is one.
pub(super) struct Link {
    pub(super) label: String,
    pub(super) href: Option<String>,
}

impl Link {
    fn plain(label: impl Into<String>) -> Self {
        Self { label: label.into(), href: None }
    }
}

/// The names of the users that a page of events mentions, each looked up once.
#[derive(Default)]
pub(super) struct Names(HashMap<UserId, Option<String>>);

impl Names {
    async fn link(&mut self, web: &Web, id: UserId) -> Result<Link> {
        let name = match self.0.get(&id) {
            Some(known) => known.clone(),
            None => {
                let found = web.users(Actor::System).find_by_reference(&UserRef::Id(id)).await?;
                let name = found.map(|user: User| user.name.to_string());
                self.0.insert(id, name.clone());
                name
            }
        };
        Ok(match name {
            Some(label) => Link { label, href: Some(format!("/admin/users/{id}")) },
            // A purged user has no page and no name any more.
            None => Link::plain(id.to_string()),
        })
    }
}

/// A page of events in words.
pub(super) async fn rows(web: &Web, events: &[RecordedEvent]) -> Result<Vec<EventRow>> {
    let mut names = Names::default();
    let now = web.now();
    let mut rows = Vec::with_capacity(events.len());
    for event in events {
        rows.push(row(web, event, now, &mut names).await?);
    }
    Ok(rows)
}

async fn row(
    web: &Web,
    recorded: &RecordedEvent,
    now: DateTime<Utc>,
    names: &mut Names,
) -> Result<EventRow> {
    let event = &recorded.event;
    let about = match (event.kind.user_id(), event.kind.target()) {
        (Some(id), _) => Some(names.link(web, id).await?),
        (None, Some(target)) => {
            let target = target.to_string();
            let query = url::form_urlencoded::Serializer::new(String::new())
                .append_pair("target", &target)
                .finish();
            Some(Link { label: target, href: Some(format!("/admin/bans/history?{query}")) })
        }
        (None, None) => None,
    };
    let actor = match &event.actor {
        Actor::User(id) => names.link(web, *id).await?,
        other => Link::plain(other.to_string()),
    };
    Ok(EventRow {
        position: recorded.position.0,
        what: words(event.kind.name()),
        detail: detail(&event.kind, now),
        about,
        actor,
        at: Moment::new(event.at, now),
        is_refusal: matches!(event.kind, EventKind::ChangeRefused { .. }),
    })
}

fn detail(kind: &EventKind, now: DateTime<Utc>) -> String {
    match kind {
        EventKind::UserCreated { roles, .. } => format!("as {roles}"),
        EventKind::UserUpdated { fields, .. } => {
            let names = fields.iter().filter_map(|field| serde_json::to_value(field).ok());
            let names = names.filter_map(|name| name.as_str().map(words));
            names.collect::<Vec<_>>().join(", ").to_lowercase()
        }
        EventKind::StatusChanged { from, to, .. } => format!("from {from} to {to}"),
        EventKind::RolesChanged { from, to, .. } => format!("from {from} to {to}"),
        EventKind::UserRestored { status, .. } => format!("as {status}"),
        EventKind::LegalHoldChanged { held: true, .. } => "placed".into(),
        EventKind::LegalHoldChanged { held: false, .. } => "lifted".into(),
        EventKind::UserMerged { into, sessions, bans, .. } => {
            let (sessions, bans) = (counted(*sessions, "session"), counted(*bans, "ban record"));
            format!("into {into}, with {sessions} and {bans}")
        }
        EventKind::SessionsEnded { session_ids, reason, .. } => {
            format!("{}, {reason}", counted(super::text::size(session_ids.len()), "session"))
        }
        EventKind::IpBanned { until, .. } => ban_end(*until, now),
        EventKind::ApiKeyCreated { key_id, scopes } => format!("{key_id}, for {scopes}"),
        EventKind::ApiKeyRotated { key_id, into } => format!("{key_id}, into {into}"),
        EventKind::ApiKeyRevoked { key_id } => key_id.to_string(),
        EventKind::RecordsCleaned { what, count } => {
            format!("{}: {count}", words(what).to_lowercase())
        }
        EventKind::ChangeRefused { operation, reason, .. } => {
            let operation = serde_json::to_value(operation).ok();
            let operation = operation.as_ref().and_then(|word| word.as_str()).map(words);
            format!("{}: {}", operation.unwrap_or_default(), words(reason).to_lowercase())
        }
        _ => String::new(),
    }
}
