//! The order of the log, where units overlap and other transactions stay open.

use sqlx::{Connection, PgConnection};
use systemprompt_users_contract::fixtures::{at, event, user_id};
use systemprompt_users_domain::{Event, EventFilter, EventKind, EventPosition, Storage};
use systemprompt_users_postgres::PostgresStorage;

use crate::database::{migrated, migrated_with};

fn happened(n: u32) -> Event {
    event(n, EventKind::UserDeleted { user_id: user_id(1) })
}

async fn append(storage: &PostgresStorage, n: u32) {
    let mut unit = storage.write().await.unwrap();
    unit.events().append(&[happened(n)]).await.unwrap();
    unit.commit().await.unwrap();
}

/// The numbers of the events behind `after`, which moves on.
async fn follow(storage: &PostgresStorage, after: &mut EventPosition) -> Vec<u32> {
    let mut unit = storage.read().await.unwrap();
    let mut numbers = Vec::new();
    loop {
        let batch = unit.events().read(*after, 2).await.unwrap();
        let Some(last) = batch.last() else { return numbers };
        assert!(last.position > *after);
        *after = last.position;
        numbers.extend(
            batch.iter().map(|event| (event.event.id.as_uuid().as_u128() & 0xFFFF_FFFF) as u32),
        );
    }
}

/// However many events wait, one call orders a batch of them, and the next one goes on: callers have deadlines.
#[tokio::test]
async fn one_call_orders_one_batch() {
    let (storage, _database) = migrated().await;
    let events: Vec<Event> = (0..2_500).map(happened).collect();
    let mut unit = storage.write().await.unwrap();
    unit.events().append(&events).await.unwrap();
    unit.commit().await.unwrap();
    let mut unit = storage.read().await.unwrap();
    for last in [1_000, 2_000, 2_500, 2_500] {
        assert_eq!(unit.events().last_position().await.unwrap(), EventPosition(last));
    }
    append(&storage, 2_500).await;
    let newest = unit.events().list(&EventFilter::default(), None, 1).await.unwrap();
    assert_eq!(newest.first().unwrap().position, EventPosition(2_501));
    drop(unit);
    let all = follow(&storage, &mut EventPosition::START.clone()).await;
    assert_eq!(all, Vec::from_iter(0..2_501), "in the order in which they were appended");
    storage.close().await;
}

/// A clean-up of events that nobody has read goes on until they are gone, the oldest first.
#[tokio::test]
async fn a_backlog_that_is_too_old_is_removed() {
    let (storage, _database) = migrated().await;
    let events: Vec<Event> = (0..2_500).rev().map(happened).collect();
    let mut unit = storage.write().await.unwrap();
    unit.events().append(&events).await.unwrap();
    unit.commit().await.unwrap();
    let mut all = 0;
    loop {
        let mut unit = storage.write().await.unwrap();
        let removed = unit.events().delete_before(at(2_000), 700).await.unwrap();
        unit.commit().await.unwrap();
        if removed == 0 {
            break;
        }
        all += removed;
    }
    assert_eq!(all, 2_000);
    storage.close().await;
}

/// Three units append in one order and commit in another.
#[tokio::test]
async fn what_commits_late_comes_later() {
    let (storage, _database) = migrated().await;
    let mut after = EventPosition::START;
    let mut one = storage.write().await.unwrap();
    let mut two = storage.write().await.unwrap();
    one.events().append(&[happened(1)]).await.unwrap();
    two.events().append(&[happened(2)]).await.unwrap();
    append(&storage, 3).await;
    one.events().append(&[happened(4)]).await.unwrap();
    assert_eq!(follow(&storage, &mut after).await, [3]);
    two.commit().await.unwrap();
    append(&storage, 5).await;
    assert_eq!(follow(&storage, &mut after).await, [2, 5]);
    one.commit().await.unwrap();
    assert_eq!(follow(&storage, &mut after).await, [1, 4]);
    assert!(follow(&storage, &mut after).await.is_empty());
    storage.close().await;
}

/// A transaction that somebody keeps open elsewhere in the database does not hold the log up.
#[tokio::test]
async fn an_old_transaction_elsewhere_stalls_nobody() {
    let (storage, database) = migrated().await;
    let mut elsewhere = PgConnection::connect(database.url()).await.unwrap();
    let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ;
        CREATE TABLE something (n int); SELECT count(*) FROM events";
    sqlx::raw_sql(begin).execute(&mut elsewhere).await.unwrap();
    append(&storage, 1).await;
    let mut after = EventPosition::START;
    assert_eq!(follow(&storage, &mut after).await, [1]);
    append(&storage, 2).await;
    assert_eq!(follow(&storage, &mut after).await, [2]);
    elsewhere.close().await.unwrap();
    storage.close().await;
}

/// A unit that reads the log and then writes keeps the order, too, and holds up no reader.
#[tokio::test]
async fn a_unit_that_reads_and_writes_keeps_the_order() {
    let (storage, _database) = migrated().await;
    append(&storage, 1).await;
    let mut after = EventPosition::START;
    assert_eq!(follow(&storage, &mut after).await, [1]);
    let mut unit = storage.write().await.unwrap();
    unit.events().append(&[happened(2)]).await.unwrap();
    assert_eq!(unit.events().read(after, 10).await.unwrap().len(), 1);
    append(&storage, 3).await;
    let early = follow(&storage, &mut after).await;
    unit.events().append(&[happened(4)]).await.unwrap();
    unit.commit().await.unwrap();
    let late = follow(&storage, &mut after).await;
    let mut all = [early, late].concat();
    all.sort_unstable();
    assert_eq!(all, [2, 3, 4]);
    storage.close().await;
}

/// Many writers and many readers: every reader sees every event once, all in the same order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_readers_see_one_order() {
    const WRITERS: u32 = 4;
    const EVENTS: u32 = 30;
    let (storage, _database) = migrated_with(10).await;
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let storage = storage.clone();
            tokio::spawn(async move {
                for n in 0..EVENTS {
                    append(&storage, writer * 1_000 + n).await;
                }
            })
        })
        .collect();
    let readers: Vec<_> = (0..3)
        .map(|_| {
            let storage = storage.clone();
            tokio::spawn(async move {
                let mut after = EventPosition::START;
                let mut seen = Vec::new();
                while seen.len() < (WRITERS * EVENTS) as usize {
                    seen.extend(follow(&storage, &mut after).await);
                    tokio::task::yield_now().await;
                }
                seen
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    let mut orders = Vec::new();
    for reader in readers {
        orders.push(reader.await.unwrap());
    }
    assert!(orders.windows(2).all(|pair| pair[0] == pair[1]), "readers saw different orders");
    let mut sorted = orders[0].clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(sorted.len(), (WRITERS * EVENTS) as usize);
    storage.close().await;
}

/// Events that nobody has read can be removed, and until that is committed they can be read.
#[tokio::test]
async fn unread_events_are_removed_behind_no_reader() {
    let (storage, _database) = migrated().await;
    append(&storage, 1).await;
    append(&storage, 2).await;
    let mut unit = storage.write().await.unwrap();
    assert_eq!(unit.events().delete_before(at(2), 10).await.unwrap(), 1);
    let mut after = EventPosition::START;
    assert_eq!(follow(&storage, &mut after).await, [1, 2]);
    unit.commit().await.unwrap();
    let mut after = EventPosition::START;
    assert_eq!(follow(&storage, &mut after).await, [2]);
    storage.close().await;
}
