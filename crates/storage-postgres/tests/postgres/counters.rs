//! The counters say what a count of the rows would say, whatever overlaps.

use chrono::{Duration, TimeZone, Utc};
use sqlx::{Connection, PgConnection};
use systemprompt_test_postgres::TestDatabase;
use systemprompt_users_contract::fixtures::{at, changed, user, user_id};
use systemprompt_users_domain::{
    Roles, Storage, StorageResult, TimeRange, User, UserFilter, UserRole, UserStatus,
};
use systemprompt_users_postgres::PostgresStorage;

use crate::database::{migrated, migrated_with};

/// Which counters differ from the rows, in a snapshot of both.
const DIFFERENCES: &str = "
    WITH counted AS (
        SELECT series, starts, cell, sum(n)::bigint AS n FROM tallies GROUP BY 1, 2, 3
    ), real AS (
        SELECT p.series, p.starts, u.cell, count(*) AS n
        FROM users u CROSS JOIN LATERAL user_periods(u.created_at) p GROUP BY 1, 2, 3
        UNION ALL
        SELECT p.series, p.starts, 0, count(*)
        FROM bans b CROSS JOIN LATERAL ban_periods(b.until) p WHERE b.lifted_at IS NULL GROUP BY 1, 2
    )
    SELECT count(*) FROM counted FULL JOIN real USING (series, starts, cell)
    WHERE COALESCE(counted.n, 0) <> COALESCE(real.n, 0)";

async fn check_exact(database: &TestDatabase) {
    let mut connection = PgConnection::connect(database.url()).await.unwrap();
    let differences: i64 =
        sqlx::query_scalar(DIFFERENCES).fetch_one(&mut connection).await.unwrap();
    assert_eq!(differences, 0, "counters differ from the rows");
    let below_zero = "SELECT count(*) FROM (
        SELECT FROM tallies GROUP BY series, starts, cell HAVING sum(n) < 0) below";
    let below_zero: i64 = sqlx::query_scalar(below_zero).fetch_one(&mut connection).await.unwrap();
    assert_eq!(below_zero, 0);
    connection.close().await.unwrap();
}

/// One round of a writer, all of whose users fall into the same few hours as everybody's.
async fn write_round(storage: &PostgresStorage, writer: u32, round: u32) -> StorageResult<()> {
    let first = (writer * 100 + round) * 10;
    let mut unit = storage.write().await?;
    let users: Vec<_> = (first..first + 10)
        .map(|n| User { created_at: at(i64::from(n % 7) * 1_800), ..user(n) })
        .collect();
    unit.users().insert_many(&users).await?;
    tokio::task::yield_now().await;
    let suspend = |user: &User| changed(user.clone(), |user| user.status = UserStatus::Suspended);
    let promote = |user: &User| {
        changed(user.clone(), |user| user.roles = Roles::new([UserRole::Admin]).unwrap())
    };
    let [one, two, rest @ ..] = users.as_slice() else { unreachable!() };
    unit.users().update_many(&[suspend(one), promote(two)]).await?;
    tokio::task::yield_now().await;
    let gone: Vec<_> = rest.iter().take(round as usize % 5).map(|user| user.id).collect();
    unit.users().purge_many(&gone).await?;
    // Every third one is dropped: what it counted is gone with it.
    if round % 3 == 2 { Ok(()) } else { unit.commit().await }
}

/// Writes all rounds, each again where it clashed with another; a counter never makes two clash.
async fn write_all(storage: PostgresStorage, writer: u32) {
    for round in 0..12 {
        match write_round(&storage, writer, round).await {
            Ok(()) => {}
            Err(error) => panic!("writer {writer}: {error:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn counters_are_exact_under_concurrent_writers() {
    let (storage, database) = migrated_with(10).await;
    let writers: Vec<_> =
        (0..8).map(|writer| tokio::spawn(write_all(storage.clone(), writer))).collect();
    for writer in writers {
        writer.await.unwrap();
    }
    check_exact(&database).await;
    let everybody = UserFilter { statuses: UserStatus::ALL.to_vec(), ..UserFilter::default() };
    let counted = storage.read().await.unwrap().users().count(&everybody).await.unwrap();
    let kept: u64 = (0..12).filter(|round| round % 3 != 2).map(|round| 10 - round % 5).sum();
    assert_eq!(counted, 8 * kept);
    storage.close().await;
}

/// A unit that has counted and stays open makes nobody wait.
#[tokio::test]
async fn a_unit_that_stays_open_holds_no_counter() {
    let (storage, database) = migrated().await;
    let mut open = storage.write().await.unwrap();
    open.users().insert_many(&[user(1)]).await.unwrap();
    for n in 2..5 {
        let mut unit = storage.write().await.unwrap();
        unit.users().insert_many(&[User { created_at: at(1), ..user(n) }]).await.unwrap();
        unit.commit().await.unwrap();
    }
    let count = storage.read().await.unwrap().users().count(&UserFilter::default()).await.unwrap();
    assert_eq!(count, 3);
    open.commit().await.unwrap();
    check_exact(&database).await;
    storage.close().await;
}

/// Rows that are changed by hand count too.
#[tokio::test]
async fn changes_by_hand_are_counted() {
    let (storage, database) = migrated().await;
    let mut unit = storage.write().await.unwrap();
    let users: Vec<_> = (1..=20).map(user).collect();
    unit.users().insert_many(&users).await.unwrap();
    unit.commit().await.unwrap();
    let mut connection = PgConnection::connect(database.url()).await.unwrap();
    for sql in [
        "UPDATE users SET is_bot = true, created_at = created_at + interval '3 days' WHERE name < 'user15'",
        "DELETE FROM users WHERE name > 'user5'",
    ] {
        sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
        check_exact(&database).await;
    }
    sqlx::raw_sql("TRUNCATE users CASCADE").execute(&mut connection).await.unwrap();
    check_exact(&database).await;
    let count = storage.read().await.unwrap().users().count(&UserFilter::default()).await.unwrap();
    assert_eq!(count, 0);
    storage.close().await;
}

/// Ranges that begin and end anywhere, against a count of the rows.
#[tokio::test]
async fn every_range_is_exact() {
    let (storage, database) = migrated().await;
    let start = Utc.with_ymd_and_hms(2024, 2, 28, 22, 0, 0).unwrap();
    let users: Vec<_> = (0..400)
        .map(|n| User { created_at: start + Duration::minutes(17 * i64::from(n)), ..user(n) })
        .collect();
    let mut unit = storage.write().await.unwrap();
    unit.users().insert_many(&users).await.unwrap();
    unit.commit().await.unwrap();
    let mut unit = storage.read().await.unwrap();
    let ends: Vec<_> = [0, 1, 59, 60, 61, 120, 137, 1_440, 2_400, 2_880, 2_881, 5_000, 9_000]
        .map(|minutes| Some(start + Duration::minutes(minutes)))
        .into_iter()
        .chain([None])
        .collect();
    for from in &ends {
        for until in &ends {
            let created = TimeRange { from: *from, until: *until };
            let expected = users.iter().filter(|user| created.contains(user.created_at)).count();
            let tallied = unit.users().tally(&created).await.unwrap();
            let counted: u64 = tallied.iter().map(|tally| tally.count).sum();
            assert_eq!(counted, expected as u64, "{created:?}");
        }
    }
    assert_eq!(unit.users().find_many(&[user_id(0)]).await.unwrap().len(), 1);
    drop(unit);
    check_exact(&database).await;
    storage.close().await;
}
