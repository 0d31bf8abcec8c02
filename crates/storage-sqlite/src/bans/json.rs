//! Ledgers and facts as they are handed over: all rows of a statement in one JSON text, read by `json_each`.

use serde_json::{Value, json};
use systemprompt_users_domain::{
    Actor, BanEnd, BanFact, BanFactKind, BannedIp, SessionId, StorageResult,
};

use super::row::end_micros;
use crate::codec::{hex, micros};
use crate::error::other;

/// Ledgers by the columns of `ban_ledgers`; `None` when there are none.
pub(crate) fn ledgers_json(bans: &[&BannedIp]) -> StorageResult<Option<String>> {
    if bans.is_empty() {
        return Ok(None);
    }
    let rows = bans.iter().map(|ban| ledger_json(ban)).collect::<StorageResult<_>>()?;
    Ok(Some(Value::Array(rows).to_string()))
}

fn ledger_json(ban: &BannedIp) -> StorageResult<Value> {
    Ok(json!([
        hex(ban.id.as_uuid()),
        ban.target.to_string(),
        micros(ban.banned_at),
        end_micros(ban.until),
        ban.lifted_at.map(micros),
        ban.reason,
        ban.source,
        ban.fingerprint.as_ref().map(|fingerprint| fingerprint.as_str()),
        ban.offence_path,
        ban.user_agent,
        sessions_json(&ban.session_ids)?,
        ban.user_id.map(|id| hex(id.as_uuid())),
        ban.ban_count,
        ban.fact_count,
        ban.lifted_through,
    ]))
}

/// A fact by the columns of `ban_facts`.
pub(crate) fn fact_json(fact: &BanFact) -> StorageResult<Value> {
    let (kind, until): (&str, Option<BanEnd>) = match fact.kind {
        BanFactKind::Banned { until } => ("banned", Some(until)),
        BanFactKind::Lifted => ("lifted", None),
    };
    Ok(json!([
        hex(fact.ban_id.as_uuid()),
        fact.sequence,
        fact.target.to_string(),
        kind,
        until.map(end_micros),
        micros(fact.at),
        actor_json(&fact.actor)?,
        fact.reason,
        fact.source,
        fact.fingerprint.as_ref().map(|fingerprint| fingerprint.as_str()),
        fact.offence_path,
        fact.user_agent,
        sessions_json(&fact.session_ids)?,
        fact.user_id.map(|id| hex(id.as_uuid())),
    ]))
}

/// How an actor is stored.
pub(crate) fn actor_json(actor: &Actor) -> StorageResult<String> {
    serde_json::to_string(actor).map_err(other)
}

/// How a list of sessions is stored.
fn sessions_json(ids: &[SessionId]) -> StorageResult<String> {
    serde_json::to_string(ids).map_err(other)
}
