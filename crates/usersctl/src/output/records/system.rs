//! Records about events, jobs, the doctor, the schema, and plain counts.

use systemprompt_users::{EventKind, Finding, JobInfo, JobOutcome, JobRun, RecordedEvent};

use crate::output::{Column, Record, Tone, Value};

/// An event at its place in the log.
pub(crate) struct EventRow<'a>(pub(crate) &'a RecordedEvent);

impl Record for EventRow<'_> {
    const COLUMNS: &'static [Column] = &[
        Column::always("position"),
        Column::always("at"),
        Column::always("actor"),
        Column::always("kind"),
        Column::always("about"),
        Column::wide("details"),
        Column::data("user_id"),
        Column::data("target"),
        Column::data("id"),
    ];

    fn values(&self) -> Vec<Value> {
        let event = &self.0.event;
        let user = event.kind.user_id().map(|id| id.to_string());
        let target = event.kind.target().map(|target| target.to_string());
        vec![
            Value::Number(self.0.position.0),
            Value::Time(event.at),
            Value::text(&event.actor),
            Value::Word(event.kind.name().into(), tone(&event.kind)),
            Value::optional(user.as_ref().or(target.as_ref())),
            Value::Json(details(&event.kind)),
            Value::optional(user),
            Value::optional(target),
            Value::text(event.id),
        ]
    }
}

fn tone(kind: &EventKind) -> Tone {
    match kind {
        EventKind::UserCreated { .. } | EventKind::UserRestored { .. } => Tone::Good,
        EventKind::UserDeleted { .. } | EventKind::UserPurged { .. } => Tone::Bad,
        EventKind::ChangeRefused { .. } | EventKind::IpBanned { .. } => Tone::Warning,
        _ => Tone::Plain,
    }
}

/// What an event says beyond its kind and whom it is about.
fn details(kind: &EventKind) -> serde_json::Value {
    let mut details = serde_json::to_value(kind).unwrap_or_default();
    if let Some(members) = details.as_object_mut() {
        for known in ["kind", "user_id", "target"] {
            members.remove(known);
        }
    }
    details
}

/// A job and how it went last.
pub(crate) struct JobRow<'a>(pub(crate) &'a JobInfo);

impl Record for JobRow<'_> {
    const COLUMNS: &'static [Column] = &[
        Column::always("name"),
        Column::always("schedule"),
        Column::always("next"),
        Column::wide("last_started_at"),
        Column::always("last_outcome"),
        Column::wide("description"),
    ];

    fn values(&self) -> Vec<Value> {
        let last = self.0.last_run.as_ref();
        vec![
            Value::text(self.0.name),
            Value::text(self.0.schedule),
            Value::time(self.0.next),
            Value::time(last.map(|run| run.started_at)),
            last.map_or(Value::Empty, outcome),
            Value::text(self.0.description),
        ]
    }
}

/// A run of a job.
pub(crate) struct RunRow<'a>(pub(crate) &'a JobRun);

impl Record for RunRow<'_> {
    const COLUMNS: &'static [Column] = &[
        Column::data("id"),
        Column::always("job"),
        Column::always("trigger"),
        Column::data("scheduled_at"),
        Column::always("started_at"),
        Column::wide("ended_at"),
        Column::always("outcome"),
        Column::always("report"),
        Column::always("error"),
        Column::wide("attempts"),
        Column::data("host"),
    ];

    fn values(&self) -> Vec<Value> {
        let run = self.0;
        vec![
            Value::text(run.id),
            Value::text(&run.job),
            Value::text(run.trigger),
            Value::Time(run.scheduled_at),
            Value::Time(run.started_at),
            Value::time(run.ended_at),
            outcome(run),
            Value::Json(serde_json::to_value(&run.report).unwrap_or_default()),
            Value::optional(run.error.as_ref()),
            Value::count(run.attempts),
            Value::text(&run.host),
        ]
    }
}

fn outcome(run: &JobRun) -> Value {
    match run.outcome {
        Some(JobOutcome::Succeeded) => Value::Word("succeeded".into(), Tone::Good),
        Some(JobOutcome::Failed) => Value::Word("failed".into(), Tone::Bad),
        None => Value::Word("running".into(), Tone::Warning),
    }
}

/// Whether an invariant holds.
pub(crate) struct FindingRow<'a>(pub(crate) &'a Finding);

impl Record for FindingRow<'_> {
    const COLUMNS: &'static [Column] = &[
        Column::data("invariant"),
        Column::always("promise"),
        Column::always("state"),
        Column::always("broken"),
        Column::always("examples"),
    ];

    fn values(&self) -> Vec<Value> {
        let finding = self.0;
        let name = serde_json::to_value(finding.invariant).unwrap_or_default();
        let state = if finding.broken == 0 {
            Value::Word("ok".into(), Tone::Good)
        } else {
            Value::Word("broken".into(), Tone::Bad)
        };
        vec![
            Value::optional(name.as_str()),
            Value::text(finding.invariant.describe()),
            state,
            Value::count(finding.broken),
            Value::List(finding.examples.clone()),
        ]
    }
}

/// How far a schema is.
pub(crate) struct SchemaRow {
    pub(crate) backend: &'static str,
    pub(crate) before: i64,
    pub(crate) after: i64,
    pub(crate) latest: i64,
}

impl Record for SchemaRow {
    const COLUMNS: &'static [Column] = &[
        Column::always("backend"),
        Column::always("before"),
        Column::always("after"),
        Column::always("latest"),
    ];

    fn values(&self) -> Vec<Value> {
        vec![
            Value::text(self.backend),
            Value::Number(self.before),
            Value::Number(self.after),
            Value::Number(self.latest),
        ]
    }
}

/// One figure of an overview.
pub(crate) struct StatRow {
    pub(crate) group: &'static str,
    pub(crate) name: String,
    pub(crate) value: Value,
}

impl Record for StatRow {
    const COLUMNS: &'static [Column] =
        &[Column::always("group"), Column::always("name"), Column::always("value")];

    fn values(&self) -> Vec<Value> {
        vec![Value::text(self.group), Value::text(&self.name), self.value.clone()]
    }
}

/// How many there are.
pub(crate) struct CountRow(pub(crate) u64);

impl Record for CountRow {
    const COLUMNS: &'static [Column] = &[Column::always("count")];

    fn values(&self) -> Vec<Value> {
        vec![Value::count(self.0)]
    }
}

/// What was done, and to how many.
pub(crate) struct NamedCount {
    pub(crate) what: &'static str,
    pub(crate) count: u64,
}

impl Record for NamedCount {
    const COLUMNS: &'static [Column] = &[Column::always("what"), Column::always("count")];

    fn values(&self) -> Vec<Value> {
        vec![Value::text(self.what), Value::count(self.count)]
    }
}
