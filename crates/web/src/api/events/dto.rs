//! Events as clients see them.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Map, Value};
use systemprompt_users_domain::{Actor, RecordedEvent};
use utoipa::ToSchema;
use uuid::Uuid;

/// Something that happened. Events hold ids, names of fields, statuses and roles, never an email or a name.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Event)]
pub(in crate::api) struct EventBody {
    /// Where it stands in the log; later events stand higher.
    pub(super) position: i64,
    /// The identity.
    id: Uuid,
    /// When.
    at: DateTime<Utc>,
    /// Who did it.
    actor: ActorBody,
    /// What happened, such as `user_created`, `sessions_ended`, `ip_banned`. New words may come.
    #[schema(example = "status_changed")]
    pub(super) kind: &'static str,
    /// The user it is about.
    #[schema(required = true)]
    user_id: Option<Uuid>,
    /// The address or network it is about.
    #[schema(required = true)]
    target: Option<String>,
    /// What else belongs to an event of this kind, such as `from` and `to` of a change.
    #[schema(value_type = Object, example = json!({"from": "active", "to": "suspended"}))]
    details: Map<String, Value>,
}

impl From<RecordedEvent> for EventBody {
    fn from(recorded: RecordedEvent) -> Self {
        let event = recorded.event;
        let details = match serde_json::to_value(&event.kind) {
            Ok(Value::Object(mut details)) => {
                details.retain(|name, _| !["kind", "user_id", "target"].contains(&name.as_str()));
                details
            }
            _ => Map::new(),
        };
        Self {
            position: recorded.position.0,
            id: event.id.as_uuid(),
            at: event.at,
            actor: event.actor.into(),
            kind: event.kind.name(),
            user_id: event.kind.user_id().map(|id| id.as_uuid()),
            target: event.kind.target().map(|target| target.to_string()),
            details,
        }
    }
}

/// Who did something.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Actor)]
pub(in crate::api) struct ActorBody {
    /// What it is.
    #[serde(rename = "type")]
    kind: ActorKind,
    /// Which one: the id of a user, of an API key, the name of an operator, job or service; null for the system.
    #[schema(required = true)]
    id: Option<String>,
}

/// What does something.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum ActorKind {
    /// The host itself.
    System,
    /// A user who is signed in.
    User,
    /// An operator at a command line.
    Operator,
    /// A scheduled job.
    Job,
    /// Another service.
    Service,
    /// A program with an API key.
    ApiKey,
    /// Something that this version of the API has no word for.
    Other,
}

impl From<Actor> for ActorBody {
    fn from(actor: Actor) -> Self {
        let (kind, id) = match actor {
            Actor::System => (ActorKind::System, None),
            Actor::User(id) => (ActorKind::User, Some(id.to_string())),
            Actor::Operator(name) => (ActorKind::Operator, Some(name.into())),
            Actor::Job(name) => (ActorKind::Job, Some(name.into())),
            Actor::Service(name) => (ActorKind::Service, Some(name.into())),
            Actor::ApiKey(id) => (ActorKind::ApiKey, Some(id.to_string())),
            other => (ActorKind::Other, Some(other.to_string())),
        };
        Self { kind, id }
    }
}

/// A stretch of the log.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct EventLogPage {
    /// The events, oldest first. Fewer than `limit`, or none, may come although more follow, where many have to be left
    /// out; the end is where `next` is what was asked with.
    pub(super) items: Vec<EventBody>,
    /// What to ask with as `after` the next time, now or later: no event is missed and none comes twice.
    pub(super) next: i64,
}

/// The newest events.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct LatestEvents {
    /// The events, newest first; fewer than `limit` where many have to be left out.
    pub(super) items: Vec<EventBody>,
    /// What to ask with as `before` for those that happened before; null on the last page.
    #[schema(required = true)]
    pub(super) next: Option<i64>,
}
