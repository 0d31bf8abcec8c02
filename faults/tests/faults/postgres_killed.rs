//! Postgres is killed, again and again: every acknowledged write is there, and nothing is half done.

use std::sync::Arc;

use systemprompt_users::{
    MergeOptions, NewSession, OnExisting, SessionService, Storage, User, UserId, UserName,
    UserService, UserStatus,
};

use crate::support::{
    Place, Program, State, Watch, assert_clean, bounded, count_events, go_through, import_file,
    kill_at, live_emails, user_rows, usersctl,
};

/// The users of these ids, whatever became of them, and how many sessions of theirs are open.
async fn look(
    pool: &impl Storage,
    ids: &[UserId],
) -> systemprompt_users::Result<(Vec<User>, usize)> {
    let mut unit = pool.read().await?;
    let users = unit.users().find_many(ids).await?;
    drop(unit);
    let mut open = 0;
    for id in ids {
        let mut unit = pool.read().await?;
        let page = systemprompt_users::PageRequest::new(10)?;
        let filter = systemprompt_users::SessionFilter { user_id: Some(*id), ..Default::default() };
        let order = systemprompt_users::SessionOrder::Newest;
        let sessions = unit.sessions().list(&filter, order, &page).await?;
        open += sessions.items.iter().filter(|session| session.ended_at.is_none()).count();
    }
    Ok((users, open))
}

async fn created(users: &UserService, count: usize) -> Vec<UserId> {
    let report = users.bulk_create(&user_rows(0..count), OnExisting::Keep).await.unwrap();
    report.items.iter().map(|item| item.outcome.user_id().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_in_batches_goes_on() {
    const BATCH: usize = 200;
    const BATCHES: usize = 40;
    bounded();
    let mut place = Place::postgres().await;
    let pool = place.connect().await;
    let users = UserService::new(&pool).unwrap();
    let watch = Arc::new(Watch::default());
    let killer = kill_at(place.take_cluster(), &watch, &[3, 11, 12, 25, 38]);
    let rows = |batch: usize| user_rows(batch * BATCH..(batch + 1) * BATCH);
    let import = async |batch| {
        let report = users.bulk_create(&rows(batch), OnExisting::Keep).await?;
        assert!(report.items.iter().all(|item| item.outcome.user_id().is_some()), "{report:?}");
        Ok(())
    };
    let state = async |batch| {
        let names: Vec<_> =
            rows(batch).iter().map(|row| UserName::parse(&row.name).unwrap()).collect();
        let found = pool.read().await?.users().find_by_names(&names).await?;
        Ok(State::of(found.len(), BATCH))
    };
    go_through(&watch, BATCHES, import, state).await;
    place.put_back(killer.join().unwrap());
    assert_eq!(live_emails(&pool).await.len(), BATCH * BATCHES);
    assert_eq!(count_events(&pool).await["user_created"], BATCH * BATCHES + 1);
    assert_clean(&pool).await;
    pool.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bulk_changes_go_on() {
    const CHUNK: usize = 20;
    const CHUNKS: usize = 12;
    bounded();
    let mut place = Place::postgres().await;
    let pool = place.connect().await;
    let (users, sessions) = (UserService::new(&pool).unwrap(), SessionService::new(&pool).unwrap());
    let ids = created(&users, CHUNK * CHUNKS).await;
    for id in &ids {
        sessions.create(*id, &NewSession::default()).await.unwrap();
    }
    let watch = Arc::new(Watch::default());
    let killer = kill_at(place.take_cluster(), &watch, &[2, 9, 20, 33]);
    // First all are suspended, then all are active again, and then all are deleted.
    let chunk = |number: usize| &ids[number % CHUNKS * CHUNK..][..CHUNK];
    let change = async |number| {
        let ids = chunk(number);
        let report = match number / CHUNKS {
            0 => users.bulk_update_status(ids, UserStatus::Suspended).await?,
            1 => users.bulk_update_status(ids, UserStatus::Active).await?,
            _ => users.bulk_delete(ids).await?,
        };
        // Unchanged is one whose answer was lost.
        assert_eq!(report.refused(), 0, "{report:?}");
        Ok(())
    };
    let state = async |number| {
        let (users, open) = look(&pool, chunk(number)).await?;
        let status = [UserStatus::Suspended, UserStatus::Active, UserStatus::Deleted];
        let done = users.iter().filter(|user| user.status == status[number / CHUNKS]).count();
        let state = State::of(done, CHUNK);
        let ended = number / CHUNKS > 0 || state == State::All;
        assert_eq!(open, if ended { 0 } else { CHUNK }, "sessions end with their users");
        Ok(state)
    };
    go_through(&watch, 3 * CHUNKS, change, state).await;
    place.put_back(killer.join().unwrap());
    let (left, open) = look(&pool, &ids).await.unwrap();
    assert!(left.iter().all(|user| user.status == UserStatus::Deleted) && open == 0);
    let events = count_events(&pool).await;
    for (kind, times) in [("status_changed", 2), ("user_deleted", 1), ("sessions_ended", 1)] {
        assert_eq!(events.get(kind), Some(&(times * ids.len())), "{kind}: {events:?}");
    }
    assert_clean(&pool).await;
    pool.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn merges_go_on() {
    const PAIRS: usize = 60;
    bounded();
    let mut place = Place::postgres().await;
    let pool = place.connect().await;
    let (users, sessions) = (UserService::new(&pool).unwrap(), SessionService::new(&pool).unwrap());
    let ids = created(&users, 2 * PAIRS).await;
    let (sources, targets) = ids.split_at(PAIRS);
    for source in sources {
        sessions.create(*source, &NewSession::default()).await.unwrap();
    }
    let watch = Arc::new(Watch::default());
    let killer = kill_at(place.take_cluster(), &watch, &[2, 21, 22, 50]);
    let state = async |pair: usize| {
        let (found, open) = look(&pool, &[sources[pair]]).await?;
        let source = &found[0];
        let merged = (source.status, source.merged_into, open)
            == (UserStatus::Deleted, Some(targets[pair]), 0);
        let whole = (source.status, source.merged_into, open) == (UserStatus::Active, None, 1);
        Ok(match (merged, whole) {
            (true, _) => State::All,
            (_, true) => State::Nothing,
            _ => State::Half,
        })
    };
    let merge = async |pair: usize| {
        // Whose answer was lost is not merged once more.
        if state(pair).await? == State::All {
            return Ok(());
        }
        let options = MergeOptions::default();
        users.merge_users(sources[pair], targets[pair], options).await.map(drop)
    };
    go_through(&watch, PAIRS, merge, state).await;
    place.put_back(killer.join().unwrap());
    for (source, target) in sources.iter().zip(targets) {
        assert_eq!(users.resolve(*source).await.unwrap().unwrap().id, *target);
    }
    let events = count_events(&pool).await;
    assert_eq!((events["user_merged"], events["sessions_ended"]), (PAIRS, PAIRS));
    assert_eq!(live_emails(&pool).await.len(), PAIRS);
    assert_clean(&pool).await;
    pool.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn usersctl_says_how_far_its_import_got_and_goes_on() {
    const ROWS: usize = 30_000;
    bounded();
    let mut place = Place::postgres().await;
    let file = place.path().join("users.csv");
    import_file(&file, ROWS);
    let import = ["users", "import", file.to_str().unwrap(), "-o", "json"];
    let importing = Program::start(usersctl(&place.url, &import));
    let pool = place.connect().await;
    while UserService::new(&pool).unwrap().get_stats().await.unwrap().total < 4_000 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let mut cluster = place.take_cluster();
    cluster.kill().unwrap();
    let (status, errors) = importing.wait();
    assert_eq!(status.code(), Some(1), "{errors}");
    let told = errors.split_once("everything up to line ").expect(&errors).1;
    let line: usize = told.split(' ').next().unwrap().parse().expect(&errors);
    cluster.start_again().unwrap();
    place.put_back(cluster);

    let pool = place.connect().await;
    let there = live_emails(&pool).await;
    assert!(there.len() >= line - 1, "{} of {errors}", there.len());
    for row in user_rows(0..line - 1) {
        assert!(there.contains(&row.email), "{} is missing: {errors}", row.email);
    }
    assert_eq!(there.len() % 1_000, 0, "no batch is half done");
    let (code, out, errors) = Program::run(usersctl(&place.url, &import));
    assert_eq!(code, 0, "{errors}");
    let summary: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(summary["existing"], there.len());
    assert_eq!(summary["created"], ROWS - there.len());
    assert_eq!(live_emails(&pool).await.len(), ROWS);
    assert_clean(&pool).await;
    pool.close().await.unwrap();
}
