//! The allow-list.

use sqlx::SqliteConnection;
use systemprompt_users_domain::{
    AllowedNetwork, Cursor, IpTarget, Page, PageRequest, StorageResult,
};

use super::json::actor_json;
use super::row::AllowedRow;
use crate::codec::{micros, text_list};
use crate::error::{other, storage_error};

/// See `BannedIpRepository::allow`.
pub(crate) async fn allow(
    connection: &mut SqliteConnection,
    network: &AllowedNetwork,
) -> StorageResult<bool> {
    let (target, added_at) = (network.target.to_string(), micros(network.added_at));
    let added_by = actor_json(&network.added_by)?;
    let done = sqlx::query!(
        "INSERT INTO allowed_networks (target, note, added_at, added_by) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT DO NOTHING",
        target,
        network.note,
        added_at,
        added_by
    )
    .execute(connection)
    .await
    .map_err(storage_error)?;
    Ok(done.rows_affected() == 1)
}

/// See `BannedIpRepository::disallow`.
pub(crate) async fn disallow(
    connection: &mut SqliteConnection,
    target: &IpTarget,
) -> StorageResult<bool> {
    let target = target.to_string();
    let done = sqlx::query!("DELETE FROM allowed_networks WHERE target = ?1", target)
        .execute(connection)
        .await
        .map_err(storage_error)?;
    Ok(done.rows_affected() == 1)
}

/// See `BannedIpRepository::list_allowed`.
pub(crate) async fn list(
    connection: &mut SqliteConnection,
    page: &PageRequest,
) -> StorageResult<Page<AllowedNetwork>> {
    // The empty text is before every target.
    let after = match &page.after {
        Some(cursor) => cursor.text().map_err(other)?,
        None => "",
    };
    let limit = i64::from(page.limit.get()) + 1;
    let rows = sqlx::query_as!(
        AllowedRow,
        "SELECT target, note, added_at, added_by FROM allowed_networks
         WHERE target > ?1 ORDER BY target LIMIT ?2",
        after,
        limit
    )
    .fetch_all(connection)
    .await
    .map_err(storage_error)?;
    let networks = rows.into_iter().map(AllowedNetwork::try_from).collect::<StorageResult<_>>()?;
    Ok(Page::from_rows(networks, page.limit, |network: &AllowedNetwork| {
        Cursor::at_text(network.target.to_string(), sqlx::types::Uuid::nil())
    }))
}

/// See `BannedIpRepository::find_allowed`.
pub(crate) async fn covering(
    connection: &mut SqliteConnection,
    target: &IpTarget,
) -> StorageResult<Vec<AllowedNetwork>> {
    let networks = text_list(target.covering().map(|network| network.to_string()));
    let rows = sqlx::query_as!(
        AllowedRow,
        "SELECT target, note, added_at, added_by FROM allowed_networks
         WHERE target IN (SELECT value FROM json_each(?1))",
        networks
    )
    .fetch_all(connection)
    .await
    .map_err(storage_error)?;
    let mut networks =
        rows.into_iter().map(AllowedNetwork::try_from).collect::<StorageResult<Vec<_>>>()?;
    networks.sort_by_key(|network| std::cmp::Reverse(network.target.network().prefix_len()));
    Ok(networks)
}
