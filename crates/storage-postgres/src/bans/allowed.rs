//! The allow-list.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::types::ipnet::IpNet;
use systemprompt_users_domain::{
    AllowedNetwork, Cursor, IpTarget, Page, PageRequest, SortKey, StorageError, StorageResult,
};
use uuid::Uuid;

use crate::error::corrupt;
use crate::unit::Unit;
use crate::users::list::foreign_cursor;

pub(super) async fn add(unit: &mut Unit, network: &AllowedNetwork) -> StorageResult<bool> {
    let added_by = serde_json::to_value(&network.added_by)
        .map_err(|error| StorageError::Other(Box::new(error)))?;
    let result = sqlx::query!(
        "INSERT INTO allowed_networks (target, target_text, note, added_at, added_by)
        VALUES ($1::cidr, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
        network.target.network() as _,
        network.target.to_string(),
        network.note,
        network.added_at,
        added_by,
    )
    .execute(unit.writer()?)
    .await;
    Ok(unit.done(result)?.rows_affected() > 0)
}

pub(super) async fn remove(unit: &mut Unit, target: &IpTarget) -> StorageResult<bool> {
    let result = sqlx::query!(
        "DELETE FROM allowed_networks WHERE target = $1::cidr",
        target.network() as _,
    )
    .execute(unit.writer()?)
    .await;
    Ok(unit.done(result)?.rows_affected() > 0)
}

pub(super) async fn list(
    unit: &mut Unit,
    page: &PageRequest,
) -> StorageResult<Page<AllowedNetwork>> {
    let after = match page.after.as_ref().map(|after| &after.key) {
        None => "",
        Some(SortKey::Text(text)) => text,
        Some(_) => return Err(foreign_cursor()),
    };
    let rows = sqlx::query_as!(
        AllowedRow,
        "SELECT target, note, added_at, added_by FROM allowed_networks
        WHERE target_text > $1 ORDER BY target_text LIMIT $2",
        after,
        i64::from(page.limit.get()) + 1,
    )
    .fetch_all(unit.reader()?)
    .await;
    let networks = into_networks(unit.done(rows)?)?;
    Ok(Page::from_rows(networks, page.limit, |network| {
        Cursor::at_text(network.target.to_string(), Uuid::nil())
    }))
}

pub(super) async fn find(unit: &mut Unit, target: &IpTarget) -> StorageResult<Vec<AllowedNetwork>> {
    let covering: Vec<IpNet> = target.covering().map(|wider| wider.network()).collect();
    let rows = sqlx::query_as!(
        AllowedRow,
        "SELECT target, note, added_at, added_by FROM allowed_networks
        WHERE target = ANY($1::cidr[]) ORDER BY masklen(target) DESC",
        &covering as _,
    )
    .fetch_all(unit.reader()?)
    .await;
    into_networks(unit.done(rows)?)
}

/// A row of `allowed_networks`.
struct AllowedRow {
    target: IpNet,
    note: Option<String>,
    added_at: DateTime<Utc>,
    added_by: Value,
}

fn into_networks(rows: Vec<AllowedRow>) -> StorageResult<Vec<AllowedNetwork>> {
    let networks = rows.into_iter().map(|row| {
        Ok(AllowedNetwork {
            target: IpTarget::new(row.target),
            note: row.note,
            added_at: row.added_at,
            added_by: serde_json::from_value(row.added_by).map_err(corrupt)?,
        })
    });
    networks.collect()
}
