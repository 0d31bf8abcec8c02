//! The log of events.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use sqlx::types::Uuid;
use systemprompt_users_domain::{
    Actor, Event, EventFilter, EventId, EventKind, EventLog, EventPosition, RecordedEvent,
    StorageError, StorageResult, UserId,
};

use crate::codec::{hex, micros, time, unsigned};
use crate::error::{other, storage_error};
use crate::sql::Sql;
use crate::unit::Unit;

#[async_trait]
impl EventLog for Unit {
    async fn append(&mut self, events: &[Event]) -> StorageResult<()> {
        let rows: Vec<NewRow<'_>> = events.iter().map(NewRow::of).collect();
        let rows = serde_json::to_string(&rows).map_err(other)?;
        sqlx::query!(
            "INSERT INTO events (id, at, actor, details, user_id, target)
             SELECT unhex(value ->> 'id'), value ->> 'at', value ->> 'actor', value ->> 'details',
                    unhex(value ->> 'user'), value ->> 'target'
             FROM jsonb_each(?1) AS row ORDER BY row.rowid",
            rows
        )
        .execute(self.connection()?)
        .await
        .map_err(storage_error)?;
        Ok(())
    }

    async fn read(
        &mut self,
        after: EventPosition,
        limit: u16,
    ) -> StorageResult<Vec<RecordedEvent>> {
        let limit = i64::from(limit);
        let rows = sqlx::query_as!(
            EventRow,
            "SELECT position, id, at, actor, details FROM events
             WHERE position > ?1 ORDER BY position LIMIT ?2",
            after.0,
            limit
        )
        .fetch_all(self.connection()?)
        .await
        .map_err(storage_error)?;
        rows.into_iter().map(RecordedEvent::try_from).collect()
    }

    async fn list(
        &mut self,
        filter: &EventFilter,
        before: Option<EventPosition>,
        limit: u16,
    ) -> StorageResult<Vec<RecordedEvent>> {
        let rows: Vec<EventRow> = list_sql(filter, before, limit)?
            .rows()
            .fetch_all(self.connection()?)
            .await
            .map_err(storage_error)?;
        rows.into_iter().map(RecordedEvent::try_from).collect()
    }

    async fn count_of_user(&mut self, user: UserId) -> StorageResult<u64> {
        let user = user.as_uuid();
        let count = sqlx::query_scalar!("SELECT count(*) FROM events WHERE user_id = ?1", user)
            .fetch_one(self.connection()?)
            .await
            .map_err(storage_error)?;
        unsigned(count)
    }

    async fn last_position(&mut self) -> StorageResult<EventPosition> {
        let last =
            sqlx::query_scalar!("SELECT position FROM events ORDER BY position DESC LIMIT 1")
                .fetch_optional(self.connection()?)
                .await
                .map_err(storage_error)?;
        Ok(last.map_or(EventPosition::START, EventPosition))
    }

    async fn delete_before(&mut self, before: DateTime<Utc>, limit: u16) -> StorageResult<u64> {
        let (before, limit) = (micros(before), i64::from(limit));
        let done = sqlx::query!(
            "DELETE FROM events WHERE position IN (
                 SELECT position FROM events INDEXED BY events_at
                 WHERE at < ?1 ORDER BY at, position LIMIT ?2
             )",
            before,
            limit
        )
        .execute(self.connection()?)
        .await
        .map_err(storage_error)?;
        Ok(done.rows_affected())
    }
}

fn list_sql(filter: &EventFilter, before: Option<EventPosition>, limit: u16) -> StorageResult<Sql> {
    let mut sql = Sql::default();
    sql.push("SELECT position, id, at, actor, details FROM events WHERE true");
    if let Some(user_id) = filter.user_id {
        let user_id = sql.bind(user_id.as_uuid())?;
        sql.push(&format!(" AND user_id = {user_id}"));
    }
    if let Some(target) = filter.target {
        let target = sql.bind(target.to_string())?;
        sql.push(&format!(" AND target = {target}"));
    }
    if let Some(before) = before {
        let before = sql.bind(before.0)?;
        sql.push(&format!(" AND position < {before}"));
    }
    let limit = sql.bind(i64::from(limit))?;
    sql.push(&format!(" ORDER BY position DESC LIMIT {limit}"));
    Ok(sql)
}

/// An event as the statement reads it.
#[derive(Serialize)]
struct NewRow<'e> {
    id: Value,
    at: i64,
    actor: &'e Actor,
    details: &'e EventKind,
    user: Option<Value>,
    target: Option<String>,
}

impl<'e> NewRow<'e> {
    fn of(event: &'e Event) -> Self {
        Self {
            id: hex(event.id.as_uuid()),
            at: micros(event.at),
            actor: &event.actor,
            details: &event.kind,
            user: event.kind.user_id().map(|id| hex(id.as_uuid())),
            target: event.kind.target().map(|target| target.to_string()),
        }
    }
}

#[derive(sqlx::FromRow)]
struct EventRow {
    position: i64,
    id: Uuid,
    at: i64,
    actor: String,
    details: String,
}

impl TryFrom<EventRow> for RecordedEvent {
    type Error = StorageError;

    fn try_from(row: EventRow) -> StorageResult<Self> {
        let event = Event {
            id: EventId::from_uuid(row.id),
            at: time(row.at)?,
            actor: serde_json::from_str(&row.actor).map_err(other)?,
            kind: serde_json::from_str(&row.details).map_err(other)?,
        };
        Ok(Self { position: EventPosition(row.position), event })
    }
}
