//! The log of events, whose order readers decide on.
//!
//! A number given out at insertion would not do: a unit may commit late, behind a reader who has gone on. So
//! an event is inserted without a position. A reader first gives positions to what is committed, as a
//! statement of its own that is committed at once, while it holds a lock that lets one reader do so at a
//! time. What commits later gets a later position, whenever it was inserted, and a unit that stays open
//! for hours, here or elsewhere in the database, holds up nobody.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::types::Json;
use sqlx::types::ipnet::IpNet;
use sqlx::{Connection, Executor, Postgres, QueryBuilder};
use systemprompt_users_domain::{
    Event, EventFilter, EventId, EventLog, EventPosition, RecordedEvent, StorageError,
    StorageResult, UserId,
};
use uuid::Uuid;

use crate::copy::{CopyRows, MANY};
use crate::error::{corrupt, storage_error};
use crate::time::bound;
use crate::unit::Unit;

/// How many events get their positions with one call, which is one statement. However many wait, as after an import
/// of a million users, a caller's deadline bounds this batch, and what it did stays.
const BATCH: i64 = 1_000;

/// How many batches of these one call of a clean-up makes at most.
const MAX_BATCHES: u32 = 100;

#[async_trait]
impl EventLog for Unit {
    async fn append(&mut self, events: &[Event]) -> StorageResult<()> {
        if events.iter().any(|event| event.kind.changes_decisions()) {
            self.ring_on_commit();
        }
        append(self, events).await
    }

    async fn read(
        &mut self,
        after: EventPosition,
        limit: u16,
    ) -> StorageResult<Vec<RecordedEvent>> {
        // As many as this page can hold are enough; the next page orders the next ones.
        give_positions(self, i64::from(limit).max(BATCH)).await?;
        let rows = sqlx::query_as!(
            EventRow,
            r#"SELECT position AS "position!", id, at, actor, kind FROM events
            WHERE position > $1 ORDER BY position LIMIT $2"#,
            after.0,
            i64::from(limit),
        )
        .fetch_all(self.reader()?)
        .await;
        into_events(self.done(rows)?)
    }

    async fn list(
        &mut self,
        filter: &EventFilter,
        before: Option<EventPosition>,
        limit: u16,
    ) -> StorageResult<Vec<RecordedEvent>> {
        give_positions(self, BATCH).await?;
        let mut query = list_statement(filter, before, limit);
        let rows = query.build_query_as::<EventRow>().fetch_all(self.reader()?).await;
        into_events(self.done(rows)?)
    }

    async fn count_of_user(&mut self, user: UserId) -> StorageResult<u64> {
        let count = sqlx::query_scalar!(
            r#"SELECT count(*) AS "count!" FROM events WHERE user_id = $1"#,
            user.as_uuid(),
        )
        .fetch_one(self.reader()?)
        .await;
        u64::try_from(self.done(count)?).map_err(corrupt)
    }

    async fn last_position(&mut self) -> StorageResult<EventPosition> {
        give_positions(self, BATCH).await?;
        let last =
            sqlx::query_scalar!("SELECT max(position) FROM events").fetch_one(self.reader()?).await;
        Ok(self.done(last)?.map_or(EventPosition::START, EventPosition))
    }

    async fn delete_before(&mut self, before: DateTime<Utc>, limit: u16) -> StorageResult<u64> {
        give_positions_aside(self, bound(before), limit).await?;
        // Only what readers can find. Passes over what a reader is just giving a position to, rather than wait.
        let result = sqlx::query!(
            "WITH old AS MATERIALIZED (
                SELECT id FROM events WHERE at < $1
                ORDER BY at, appended LIMIT $2 FOR UPDATE SKIP LOCKED
            )
            DELETE FROM events WHERE id = ANY (ARRAY(SELECT id FROM old)) AND position IS NOT NULL",
            bound(before),
            i64::from(limit),
        )
        .execute(self.writer()?)
        .await;
        Ok(self.done(result)?.rows_affected())
    }
}

async fn append(unit: &mut Unit, events: &[Event]) -> StorageResult<()> {
    if events.len() >= MANY {
        return copy(unit, events).await;
    }
    let mut ids: Vec<Uuid> = Vec::with_capacity(events.len());
    let mut times: Vec<DateTime<Utc>> = Vec::with_capacity(events.len());
    let mut users: Vec<Option<Uuid>> = Vec::with_capacity(events.len());
    let mut targets: Vec<Option<IpNet>> = Vec::with_capacity(events.len());
    let mut actors: Vec<Value> = Vec::with_capacity(events.len());
    let mut kinds: Vec<Value> = Vec::with_capacity(events.len());
    for event in events {
        ids.push(event.id.as_uuid());
        times.push(event.at);
        users.push(event.kind.user_id().map(|id| id.as_uuid()));
        targets.push(event.kind.target().map(|target| target.network()));
        actors.push(serde_json::to_value(&event.actor).map_err(not_json)?);
        kinds.push(serde_json::to_value(&event.kind).map_err(not_json)?);
    }
    let result = sqlx::query!(
        "INSERT INTO events (id, at, user_id, target, actor, kind)
        SELECT e.id, e.at, e.user_id, e.target, e.actor, e.kind
        FROM unnest($1::uuid[], $2::timestamptz[], $3::uuid[], $4::cidr[], $5::jsonb[], $6::jsonb[])
            WITH ORDINALITY AS e (id, at, user_id, target, actor, kind, place)
        ORDER BY e.place",
        &ids,
        &times,
        &users as _,
        &targets as _,
        &actors,
        &kinds,
    )
    .execute(unit.writer()?)
    .await;
    unit.done(result).map(|_| ())
}

async fn copy(unit: &mut Unit, events: &[Event]) -> StorageResult<()> {
    let mut rows = CopyRows::new(6);
    for event in events {
        rows.row();
        rows.field(event.id.as_uuid())?;
        rows.field(event.at)?;
        rows.field(event.kind.user_id().map(|id| id.as_uuid()))?;
        rows.field(event.kind.target().map(|target| target.network()))?;
        rows.field(Json(&event.actor))?;
        rows.field(Json(&event.kind))?;
    }
    unit.copy(
        "COPY events (id, at, user_id, target, actor, kind) FROM STDIN WITH (FORMAT binary)",
        rows,
    )
    .await
}

fn not_json(error: serde_json::Error) -> StorageError {
    StorageError::Other(Box::new(error))
}

/// Gives positions to up to `limit` events, in the order in which they were appended, and returns how many.
///
/// Those that wait are walked one by one. As one sorted list with a limit, the planner may sort all of them for each
/// batch: it believes that few wait, whatever was imported since.
///
/// A replica shows those that have one: it is given where there is one writer of them all.
async fn give_positions(unit: &mut Unit, limit: i64) -> StorageResult<u64> {
    if unit.lags() {
        Ok(0)
    } else if unit.writes() {
        give_positions_in_unit(unit, limit).await
    } else {
        let result = give_positions_at_once(unit.reader()?, limit).await;
        unit.done(result)
    }
}

/// The way of readers: a statement that is its own transaction. One of them at a time, by the first lock,
/// which is held to the commit, so that the next one begins when these positions can be seen. Where a unit
/// that writes holds the second lock, it is left to that unit.
///
/// Given twice it goes on with those that have none yet.
async fn give_positions_at_once(
    connection: impl Executor<'_, Database = Postgres>,
    limit: i64,
) -> sqlx::Result<u64> {
    let result = sqlx::query!(
        "WITH RECURSIVE waiting AS MATERIALIZED (
            SELECT 1 FROM events WHERE position IS NULL ORDER BY appended LIMIT 1
        ), turn AS MATERIALIZED (
            SELECT pg_advisory_xact_lock(hashtextextended('systemprompt-users:readers', 0))
            FROM waiting
        ), free AS MATERIALIZED (
            SELECT pg_try_advisory_xact_lock(hashtextextended('systemprompt-users:events', 0)) AS free
            FROM turn
        ), walk AS (
            (SELECT e.id, e.appended FROM events e
            WHERE e.position IS NULL AND EXISTS (SELECT 1 FROM free WHERE free.free)
            ORDER BY e.appended LIMIT 1)
            UNION ALL
            SELECT e.id, e.appended FROM walk CROSS JOIN LATERAL (
                SELECT e.id, e.appended FROM events e
                WHERE e.position IS NULL AND e.appended > walk.appended
                ORDER BY e.appended LIMIT 1
            ) e
        ), next AS MATERIALIZED (
            SELECT e.id FROM walk CROSS JOIN LATERAL (
                SELECT e.id FROM events e WHERE e.id = walk.id AND e.position IS NULL
                FOR UPDATE SKIP LOCKED
            ) e LIMIT $1
        ), placed AS MATERIALIZED (
            SELECT id, nextval('event_positions') AS position FROM next
        )
        UPDATE events e SET position = placed.position FROM placed WHERE e.id = placed.id",
        limit,
    )
    .execute(connection)
    .await?;
    Ok(result.rows_affected())
}

/// The way of a unit that writes, and reads the log in between, its own events included. It holds the second
/// lock until it ends, so its positions are seen by all before there are later ones. Readers do not wait
/// for it; they see the log as it was, which is why a host better reads in a unit for reading.
async fn give_positions_in_unit(unit: &mut Unit, limit: i64) -> StorageResult<u64> {
    let result = sqlx::query!(
        "WITH RECURSIVE waiting AS MATERIALIZED (
            SELECT 1 FROM events WHERE position IS NULL ORDER BY appended LIMIT 1
        ), turn AS MATERIALIZED (
            SELECT pg_advisory_xact_lock(hashtextextended('systemprompt-users:events', 0))
            FROM waiting
        ), walk AS (
            (SELECT e.id, e.appended FROM events e
            WHERE e.position IS NULL AND EXISTS (SELECT 1 FROM turn)
            ORDER BY e.appended LIMIT 1)
            UNION ALL
            SELECT e.id, e.appended FROM walk CROSS JOIN LATERAL (
                SELECT e.id, e.appended FROM events e
                WHERE e.position IS NULL AND e.appended > walk.appended
                ORDER BY e.appended LIMIT 1
            ) e
        ), next AS MATERIALIZED (
            SELECT e.id FROM walk CROSS JOIN LATERAL (
                SELECT e.id FROM events e WHERE e.id = walk.id AND e.position IS NULL
                FOR UPDATE SKIP LOCKED
            ) e LIMIT $1
        ), placed AS MATERIALIZED (
            SELECT id, nextval('event_positions') AS position FROM next
        )
        UPDATE events e SET position = placed.position FROM placed WHERE e.id = placed.id",
        limit,
    )
    .execute(unit.writer()?)
    .await;
    unit.done(result).map(|result| result.rows_affected())
}

/// Before events are removed that nobody has read yet, gives them their positions where everybody sees it:
/// while the unit that removes them is open, readers must find them, and could not change a row that
/// it holds. Only until there are some to remove: the next call goes on.
async fn give_positions_aside(
    unit: &mut Unit,
    before: DateTime<Utc>,
    limit: u16,
) -> StorageResult<()> {
    let oldest = look_at_oldest(unit.writer()?, before, limit).await;
    if unit.done(oldest)?.waiting == 0 {
        return Ok(());
    }
    let mut aside = unit.connect_aside().await?;
    for _ in 0..MAX_BATCHES {
        let placed = give_positions_at_once(&mut aside, BATCH).await.map_err(storage_error)?;
        let oldest = look_at_oldest(&mut aside, before, limit).await.map_err(storage_error)?;
        if placed == 0 || oldest.placed > 0 {
            break;
        }
    }
    aside.close().await.map_err(storage_error)
}

/// How many of the events that a clean-up is about to remove have a position, and how many do not.
struct Oldest {
    placed: i64,
    waiting: i64,
}

async fn look_at_oldest(
    connection: impl Executor<'_, Database = Postgres>,
    before: DateTime<Utc>,
    limit: u16,
) -> sqlx::Result<Oldest> {
    sqlx::query_as!(
        Oldest,
        r#"SELECT count(position) AS "placed!", count(*) - count(position) AS "waiting!" FROM (
            SELECT position FROM events WHERE at < $1 ORDER BY at, appended LIMIT $2
        ) AS oldest"#,
        before,
        i64::from(limit),
    )
    .fetch_one(connection)
    .await
}

fn list_statement(
    filter: &EventFilter,
    before: Option<EventPosition>,
    limit: u16,
) -> QueryBuilder<Postgres> {
    let mut query = QueryBuilder::new(
        "SELECT position, id, at, actor, kind FROM events WHERE position IS NOT NULL",
    );
    if let Some(user) = filter.user_id {
        query.push(" AND user_id = ").push_bind(user.as_uuid());
    }
    if let Some(target) = filter.target {
        query.push(" AND target = ").push_bind(target.network());
    }
    if let Some(before) = before {
        query.push(" AND position < ").push_bind(before.0);
    }
    query.push(" ORDER BY position DESC LIMIT ").push_bind(i64::from(limit));
    query
}

/// A row of `events` that has its position.
#[derive(sqlx::FromRow)]
struct EventRow {
    position: i64,
    id: Uuid,
    at: DateTime<Utc>,
    actor: Value,
    kind: Value,
}

fn into_events(rows: Vec<EventRow>) -> StorageResult<Vec<RecordedEvent>> {
    let events = rows.into_iter().map(|row| {
        Ok(RecordedEvent {
            position: EventPosition(row.position),
            event: Event {
                id: EventId::from_uuid(row.id),
                at: row.at,
                actor: serde_json::from_value(row.actor).map_err(corrupt)?,
                kind: serde_json::from_value(row.kind).map_err(corrupt)?,
            },
        })
    });
    events.collect()
}
