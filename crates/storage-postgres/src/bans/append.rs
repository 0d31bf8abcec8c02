//! Adding facts to ledgers.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::types::ipnet::IpNet;
use systemprompt_users_domain::{
    BanFact, BanFactKind, BanId, BannedIp, StorageError, StorageResult,
};
use uuid::Uuid;

use super::row::length_class;
use crate::unit::Unit;

pub(super) async fn append(unit: &mut Unit, changes: &[(BannedIp, BanFact)]) -> StorageResult<()> {
    let ledgers = in_sequence(changes)?;
    let stored = lock(unit, &ledgers).await?;
    // Everything is checked before anything is changed.
    for ledger in &ledgers {
        if stored.get(&ledger.last.id.as_uuid()).copied().unwrap_or(0) != ledger.facts_before {
            return Err(StorageError::Stale);
        }
    }
    let (new, known): (Vec<_>, Vec<_>) =
        ledgers.into_iter().partition(|ledger| ledger.facts_before == 0);
    if !begin(unit, &new).await? {
        return Err(StorageError::Stale);
    }
    update(unit, &known).await?;
    insert_facts(unit, changes).await
}

/// What a batch does to one ledger.
struct Ledger<'a> {
    last: &'a BannedIp,
    facts_before: i64,
}

/// The last state of each ledger, if the batch leads up to it fact by fact.
fn in_sequence(changes: &[(BannedIp, BanFact)]) -> StorageResult<Vec<Ledger<'_>>> {
    let mut places: HashMap<BanId, usize> = HashMap::with_capacity(changes.len());
    let mut ledgers: Vec<Ledger<'_>> = Vec::with_capacity(changes.len());
    for (state, fact) in changes {
        if fact.ban_id != state.id || fact.sequence != state.fact_count {
            return Err(StorageError::Stale);
        }
        let place = *places.entry(state.id).or_insert(ledgers.len());
        match ledgers.get_mut(place) {
            Some(ledger) if ledger.last.fact_count.checked_add(1) == Some(state.fact_count) => {
                ledger.last = state;
            }
            Some(_) => return Err(StorageError::Stale),
            None => {
                let facts_before = i64::from(state.fact_count) - 1;
                ledgers.push(Ledger { last: state, facts_before });
            }
        }
    }
    Ok(ledgers)
}

/// How many facts each stored ledger holds.
async fn lock(unit: &mut Unit, ledgers: &[Ledger<'_>]) -> StorageResult<HashMap<Uuid, i64>> {
    let ids: Vec<Uuid> = ledgers.iter().map(|ledger| ledger.last.id.as_uuid()).collect();
    let rows = sqlx::query!(
        "SELECT id, fact_count FROM bans WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE",
        &ids,
    )
    .fetch_all(unit.writer()?)
    .await;
    Ok(unit.done(rows)?.into_iter().map(|row| (row.id, row.fact_count)).collect())
}

/// States of ledgers as one array for each column.
#[derive(Default)]
struct BanColumns<'a> {
    ids: Vec<Uuid>,
    targets: Vec<IpNet>,
    banned_at: Vec<DateTime<Utc>>,
    until: Vec<Option<DateTime<Utc>>>,
    lifted_at: Vec<Option<DateTime<Utc>>>,
    reasons: Vec<Option<&'a str>>,
    sources: Vec<Option<&'a str>>,
    fingerprints: Vec<Option<&'a str>>,
    offence_paths: Vec<Option<&'a str>>,
    user_agents: Vec<Option<&'a str>>,
    /// An array of arrays would have to be rectangular, so these are joined by commas.
    session_ids: Vec<String>,
    user_ids: Vec<Option<Uuid>>,
    ban_counts: Vec<i64>,
    fact_counts: Vec<i64>,
    lifted_through: Vec<i64>,
    length_classes: Vec<i16>,
}

impl<'a> BanColumns<'a> {
    fn of(ledgers: &[Ledger<'a>]) -> Self {
        let mut columns = Self::default();
        for ban in ledgers.iter().map(|ledger| ledger.last) {
            columns.ids.push(ban.id.as_uuid());
            columns.targets.push(ban.target.network());
            columns.banned_at.push(ban.banned_at);
            columns.until.push(ban.until.time());
            columns.lifted_at.push(ban.lifted_at);
            columns.reasons.push(ban.reason.as_deref());
            columns.sources.push(ban.source.as_deref());
            columns.fingerprints.push(ban.fingerprint.as_ref().map(|it| it.as_str()));
            columns.offence_paths.push(ban.offence_path.as_deref());
            columns.user_agents.push(ban.user_agent.as_deref());
            columns.session_ids.push(joined(&ban.session_ids));
            columns.user_ids.push(ban.user_id.map(|id| id.as_uuid()));
            columns.ban_counts.push(ban.ban_count.into());
            columns.fact_counts.push(ban.fact_count.into());
            columns.lifted_through.push(ban.lifted_through.into());
            columns.length_classes.push(length_class(ban.banned_at, ban.until));
        }
        columns
    }
}

fn joined(ids: &[systemprompt_users_domain::SessionId]) -> String {
    let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    format!("{{{}}}", ids.join(","))
}

/// Stores new ledgers. Answers `false`, and stores none, when a target has another one already.
async fn begin(unit: &mut Unit, ledgers: &[Ledger<'_>]) -> StorageResult<bool> {
    let columns = BanColumns::of(ledgers);
    let ids = sqlx::query_scalar!(
        r#"INSERT INTO bans (
            id, target, banned_at, until, lifted_at, reason, source, fingerprint, offence_path,
            user_agent, session_ids, user_id, ban_count, fact_count, lifted_through, length_class
        )
        SELECT n.id, n.target, n.banned_at, n.until, n.lifted_at, n.reason, n.source, n.fingerprint,
            n.offence_path, n.user_agent, n.session_ids::uuid[], n.user_id, n.ban_count,
            n.fact_count, n.lifted_through, n.length_class
        FROM unnest(
            $1::uuid[], $2::cidr[], $3::timestamptz[], $4::timestamptz[], $5::timestamptz[],
            $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::uuid[],
            $13::bigint[], $14::bigint[], $15::bigint[], $16::smallint[]
        ) AS n (
            id, target, banned_at, until, lifted_at, reason, source, fingerprint, offence_path,
            user_agent, session_ids, user_id, ban_count, fact_count, lifted_through, length_class
        )
        ON CONFLICT DO NOTHING RETURNING id"#,
        &columns.ids,
        &columns.targets as _,
        &columns.banned_at,
        &columns.until as _,
        &columns.lifted_at as _,
        &columns.reasons as _,
        &columns.sources as _,
        &columns.fingerprints as _,
        &columns.offence_paths as _,
        &columns.user_agents as _,
        &columns.session_ids,
        &columns.user_ids as _,
        &columns.ban_counts,
        &columns.fact_counts,
        &columns.lifted_through,
        &columns.length_classes,
    )
    .fetch_all(unit.writer()?)
    .await;
    let begun = unit.done(ids)?;
    if begun.len() == ledgers.len() {
        return Ok(true);
    }
    let undone =
        sqlx::query!("DELETE FROM bans WHERE id = ANY($1)", &begun).execute(unit.writer()?).await;
    unit.done(undone)?;
    Ok(false)
}

async fn update(unit: &mut Unit, ledgers: &[Ledger<'_>]) -> StorageResult<()> {
    if ledgers.is_empty() {
        return Ok(());
    }
    let columns = BanColumns::of(ledgers);
    let result = sqlx::query!(
        "UPDATE bans b SET
            banned_at = n.banned_at, until = n.until, lifted_at = n.lifted_at, reason = n.reason,
            source = n.source, fingerprint = n.fingerprint, offence_path = n.offence_path,
            user_agent = n.user_agent, session_ids = n.session_ids::uuid[], user_id = n.user_id,
            ban_count = n.ban_count, fact_count = n.fact_count, lifted_through = n.lifted_through,
            length_class = n.length_class
        FROM unnest(
            $1::uuid[], $2::timestamptz[], $3::timestamptz[], $4::timestamptz[], $5::text[],
            $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::uuid[], $12::bigint[],
            $13::bigint[], $14::bigint[], $15::smallint[]
        ) AS n (
            id, banned_at, until, lifted_at, reason, source, fingerprint, offence_path, user_agent,
            session_ids, user_id, ban_count, fact_count, lifted_through, length_class
        )
        WHERE b.id = n.id",
        &columns.ids,
        &columns.banned_at,
        &columns.until as _,
        &columns.lifted_at as _,
        &columns.reasons as _,
        &columns.sources as _,
        &columns.fingerprints as _,
        &columns.offence_paths as _,
        &columns.user_agents as _,
        &columns.session_ids,
        &columns.user_ids as _,
        &columns.ban_counts,
        &columns.fact_counts,
        &columns.lifted_through,
        &columns.length_classes,
    )
    .execute(unit.writer()?)
    .await;
    unit.done(result).map(|_| ())
}

async fn insert_facts(unit: &mut Unit, changes: &[(BannedIp, BanFact)]) -> StorageResult<()> {
    let facts = || changes.iter().map(|(_, fact)| fact);
    let actors = facts().map(|fact| serde_json::to_value(&fact.actor));
    let actors: Vec<Value> =
        actors.collect::<Result<_, _>>().map_err(|error| StorageError::Other(Box::new(error)))?;
    let until = facts().map(|fact| match fact.kind {
        BanFactKind::Banned { until } => until.time(),
        BanFactKind::Lifted => None,
    });
    let kinds = facts().map(|fact| match fact.kind {
        BanFactKind::Banned { .. } => "banned",
        BanFactKind::Lifted => "lifted",
    });
    let result = sqlx::query!(
        "INSERT INTO ban_facts (
            ban_id, sequence, kind, until, at, actor, reason, source, fingerprint, offence_path,
            user_agent, session_ids, user_id
        )
        SELECT n.ban_id, n.sequence, n.kind, n.until, n.at, n.actor, n.reason, n.source,
            n.fingerprint, n.offence_path, n.user_agent, n.session_ids::uuid[], n.user_id
        FROM unnest(
            $1::uuid[], $2::bigint[], $3::text[], $4::timestamptz[], $5::timestamptz[], $6::jsonb[],
            $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::uuid[]
        ) AS n (
            ban_id, sequence, kind, until, at, actor, reason, source, fingerprint, offence_path,
            user_agent, session_ids, user_id
        )",
        &facts().map(|fact| fact.ban_id.as_uuid()).collect::<Vec<_>>(),
        &facts().map(|fact| i64::from(fact.sequence)).collect::<Vec<_>>(),
        &kinds.collect::<Vec<_>>() as _,
        &until.collect::<Vec<_>>() as _,
        &facts().map(|fact| fact.at).collect::<Vec<_>>(),
        &actors,
        &facts().map(|fact| fact.reason.as_deref()).collect::<Vec<_>>() as _,
        &facts().map(|fact| fact.source.as_deref()).collect::<Vec<_>>() as _,
        &facts().map(|fact| fact.fingerprint.as_ref().map(|it| it.as_str())).collect::<Vec<_>>()
            as _,
        &facts().map(|fact| fact.offence_path.as_deref()).collect::<Vec<_>>() as _,
        &facts().map(|fact| fact.user_agent.as_deref()).collect::<Vec<_>>() as _,
        &facts().map(|fact| joined(&fact.session_ids)).collect::<Vec<_>>(),
        &facts().map(|fact| fact.user_id.map(|id| id.as_uuid())).collect::<Vec<_>>() as _,
    )
    .execute(unit.writer()?)
    .await;
    unit.done(result).map(|_| ())
}
