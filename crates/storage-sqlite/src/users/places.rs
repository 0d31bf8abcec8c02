//! Places: numbers in the order of ids, with gaps, by which users are rows (column `place` of `users`).
//!
//! New ids mostly come last, where there is room for ever. An id between two others takes a place in the
//! gap; where the gap is full, the users right of it move on, as few as make enough room.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::SqliteConnection;
use sqlx::types::Uuid;
use systemprompt_users_domain::StorageResult;

use super::index::{self, Entry, Indexed};
use super::row::UserRow;
use crate::error::{other, storage_error};

/// How far from its neighbour a user is placed where there is room.
const GAP: i64 = 1 << 24;

/// How far the last users move on: an id from a clock that is ahead would be in the way again and again.
const FAR: i64 = 1 << 36;

/// How many users are looked at first when room is made.
const FIRST_LOOK: usize = 16;

/// Finds a place for each new id. Users are written after this and before it is asked again.
pub(crate) async fn assign(
    connection: &mut SqliteConnection,
    ids: impl IntoIterator<Item = Uuid>,
) -> StorageResult<BTreeMap<Uuid, i64>> {
    let sorted: Vec<Uuid> = ids.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
    let mut places = BTreeMap::new();
    let mut rest = sorted.as_slice();
    while let Some(first) = rest.first() {
        let gap = gap_around(&mut *connection, *first).await?;
        // All ids before the next user share the gap.
        let end = gap.next_id.map_or(rest.len(), |next| rest.partition_point(|id| *id < next));
        let (run, behind) = rest.split_at(end.max(1));
        let free = match spread(gap.before, gap.after, run.len()) {
            Some(free) => free,
            None => make_room(&mut *connection, &gap, run.len()).await?,
        };
        places.extend(run.iter().copied().zip(free));
        rest = behind;
    }
    Ok(places)
}

/// The neighbours of an id.
struct Gap {
    /// The place of the user with this id or the next lower one.
    before: Option<i64>,
    after: Option<i64>,
    next_id: Option<Uuid>,
}

async fn gap_around(connection: &mut SqliteConnection, id: Uuid) -> StorageResult<Gap> {
    sqlx::query_as!(
        Gap,
        r#"SELECT
            (SELECT place FROM users WHERE id <= ?1 ORDER BY id DESC LIMIT 1) AS "before: i64",
            (SELECT place FROM users WHERE id > ?1 ORDER BY id LIMIT 1) AS "after: i64",
            (SELECT id FROM users WHERE id > ?1 ORDER BY id LIMIT 1) AS "next_id: Uuid""#,
        id
    )
    .fetch_one(connection)
    .await
    .map_err(storage_error)
}

/// `count` places between two neighbours, nearer to the first, since most ids that follow come right behind;
/// `None` where there is no room.
fn spread(before: Option<i64>, after: Option<i64>, count: usize) -> Option<Vec<i64>> {
    let count = i64::try_from(count).ok()?;
    let (start, step) = match (before, after) {
        (None, None) => (0, GAP),
        (Some(before), None) => (before, GAP),
        (None, Some(after)) => (after.checked_sub(GAP.checked_mul(count + 1)?)?, GAP),
        (Some(before), Some(after)) => {
            let step = after.checked_sub(before).unwrap_or(i64::MAX) / (count + 1);
            (before, step.min(GAP))
        }
    };
    if step == 0 {
        return None;
    }
    (1..=count).map(|n| start.checked_add(step.checked_mul(n)?)).collect()
}

/// Moves users right of a full gap on, and gives `count` places in the gap.
async fn make_room(
    connection: &mut SqliteConnection,
    gap: &Gap,
    count: usize,
) -> StorageResult<Vec<i64>> {
    let full = || other("there is no place left in the order of users");
    let before = gap.before.ok_or_else(full)?;
    let mut look = FIRST_LOOK;
    let (movers, end) = loop {
        let limit = i64::try_from(look).map_err(other)?;
        let right = sqlx::query_scalar!(
            "SELECT place FROM users WHERE place > ?1 ORDER BY place LIMIT ?2",
            before,
            limit
        )
        .fetch_all(&mut *connection)
        .await
        .map_err(storage_error)?;
        // Few enough to be moved often, far enough that it is not often.
        let roomy = right.iter().enumerate().skip(1).find(|(moving, place)| {
            let all = (moving + count) as u128;
            place.abs_diff(before) as u128 >= all * all * 64
        });
        if let Some((moving, place)) = roomy {
            break (right.get(..moving).unwrap_or_default().to_vec(), Some(*place));
        }
        if right.len() < look {
            break (right, None);
        }
        look *= 2;
    };
    let (free, moved) = match end {
        Some(end) => {
            let mut free =
                spread(Some(before), Some(end), count + movers.len()).ok_or_else(full)?;
            let moved = free.split_off(count);
            (free, moved)
        }
        None => {
            let free = spread(Some(before), None, count).ok_or_else(full)?;
            let start = before.checked_add(FAR).ok_or_else(full)?;
            (free, spread(Some(start), None, movers.len()).ok_or_else(full)?)
        }
    };
    move_users(connection, &movers, &moved).await?;
    Ok(free)
}

/// Moves users to other places. All leave before any arrives, for some places are in both lists.
async fn move_users(
    connection: &mut SqliteConnection,
    from: &[i64],
    to: &[i64],
) -> StorageResult<()> {
    let mut entries = Vec::new();
    for (nth, place) in from.iter().enumerate() {
        let row = sqlx::query_as!(UserRow, "SELECT * FROM users WHERE place = ?1", place)
            .fetch_one(&mut *connection)
            .await
            .map_err(storage_error)?;
        entries.push(Entry::of(&row)?);
        set_place(&mut *connection, *place, waiting_place(nth)?).await?;
    }
    index::remove(&mut *connection, &entries).await?;
    for (nth, (entry, place)) in entries.iter_mut().zip(to).enumerate() {
        set_place(&mut *connection, waiting_place(nth)?, *place).await?;
        entry.place = *place;
    }
    let moved: Vec<Indexed> = entries.into_iter().map(Indexed::from).collect();
    index::add(connection, &moved).await
}

/// A place that no user has for longer than a move.
fn waiting_place(nth: usize) -> StorageResult<i64> {
    Ok(i64::MIN + i64::try_from(nth).map_err(other)?)
}

async fn set_place(connection: &mut SqliteConnection, from: i64, to: i64) -> StorageResult<()> {
    sqlx::query!("UPDATE users SET place = ?2 WHERE place = ?1", from, to)
        .execute(connection)
        .await
        .map_err(storage_error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_lie_between_the_neighbours_in_order() {
        for (before, after) in [
            (None, None),
            (Some(5), None),
            (None, Some(5)),
            (Some(5), Some(9)),
            (Some(i64::MIN), Some(0)),
        ] {
            let places = spread(before, after, 3).unwrap();
            assert!(places.is_sorted_by(|a, b| a < b), "{places:?}");
            assert!(before.is_none_or(|before| before < places[0]));
            assert!(after.is_none_or(|after| places[2] < after));
        }
        assert_eq!(spread(Some(5), Some(8), 3), None);
        assert_eq!(spread(Some(i64::MAX - 1), None, 3), None);
    }
}
