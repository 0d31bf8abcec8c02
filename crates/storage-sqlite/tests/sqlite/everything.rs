//! Calls every method of every port, with every shape of question that makes another statement.

use chrono::{Duration, NaiveDate};
use sqlx::types::Uuid;
use systemprompt_users_contract::fixtures::{
    allowed, api_key, api_key_id, at, ban, banned, changed_key, email, event, every_kind,
    fingerprint, job_run, name, offence, remembered, session, session_id, sign_in_link, target,
    token_hash,
};
use systemprompt_users_domain::{
    Actor, AnonymousScope, BanEnd, BanOrigin, Cursor, EndReason, EventFilter, EventPosition,
    JobOutcome, JobRunFilter, PageRequest, SearchText, SessionFilter, SessionOrder, Storage,
    TimeRange, UnitOfWork, UserFilter, UserId, UserOrder, UserRole, UserScope, UserStatus,
};
use systemprompt_users_sqlite::SqliteStorage;

use crate::population;

/// Calls them all, those that write first.
pub(crate) async fn call_every_method(storage: &SqliteStorage) {
    let mut unit = storage.write().await.unwrap();
    write_users(&mut *unit).await;
    write_sessions(&mut *unit).await;
    write_bans(&mut *unit).await;
    write_events_and_jobs(&mut *unit).await;
    write_access(&mut *unit).await;
    read_users(&mut *unit).await;
    read_the_rest(&mut *unit).await;
    unit.commit().await.unwrap();
}

fn ids(numbers: std::ops::Range<u32>) -> Vec<UserId> {
    numbers.map(|n| UserId::from_uuid(population::id(n))).collect()
}

async fn write_users(unit: &mut dyn UnitOfWork) {
    let users = unit.users();
    let newcomers: Vec<_> = (50_000..50_010).map(population::user).collect();
    users.insert_many(&newcomers).await.unwrap();
    users.insert_many(&newcomers).await.unwrap();
    let mut changed = users.lock_many(&ids(0..20)).await.unwrap();
    for (n, user) in changed.iter_mut().enumerate() {
        user.version += 1;
        user.name = name(&format!("changed{n}"));
    }
    users.update_many(&changed).await.unwrap();
    users.touch_many(&[(ids(0..1)[0], at(5_000_000))]).await.unwrap();
    users.preview_purge(&ids(30..40)).await.unwrap();
    users.purge_many(&ids(30..40)).await.unwrap();
    users.find_many(&ids(1..2)).await.unwrap();
}

async fn write_sessions(unit: &mut dyn UnitOfWork) {
    let owners = ids(0..20);
    for (n, owner) in (0..).zip(&owners) {
        for round in 0..5 {
            unit.sessions().insert(&session(n * 10 + round, *owner)).await.unwrap();
        }
    }
    let sessions = unit.sessions();
    sessions.touch_many(&[(session_id(1), at(50)), (session_id(1), at(60))]).await.unwrap();
    sessions.end_many(&[session_id(2)], EndReason::Logout, at(70)).await.unwrap();
    let two = &owners[2..4];
    sessions.end_all(two, Some(session_id(21)), EndReason::Revoked, at(70)).await.unwrap();
    sessions.move_all(owners[5], owners[6]).await.unwrap();
    sessions.end_expired(at(0) + Duration::days(40), 10).await.unwrap();
    sessions.delete_ended(at(80), 2).await.unwrap();
}

async fn write_bans(unit: &mut dyn UnitOfWork) {
    let bans = unit.bans();
    for n in 0..50 {
        let until = if n % 3 == 0 { BanEnd::Never } else { BanEnd::At(at(i64::from(n) * 1000)) };
        let mut offence = offence(&format!("10.0.{n}.0/24"), until);
        offence.source = Some("list".into());
        offence.fingerprint = Some(fingerprint("browser"));
        bans.append(&[banned(n, offence, at(0))]).await.unwrap();
    }
    let first = bans.find_many(&[target("10.0.1.0/24")]).await.unwrap().remove(0);
    bans.append(&[first.lift(&Actor::System, None, at(1))]).await.unwrap();
    bans.reassign_user(ids(7..8)[0], ids(8..9)[0]).await.unwrap();
    bans.delete_over(at(100), 5).await.unwrap();
    bans.allow(&allowed("10.0.0.0/8")).await.unwrap();
    bans.disallow(&target("10.9.0.0/16")).await.unwrap();
}

async fn write_events_and_jobs(unit: &mut dyn UnitOfWork) {
    let kind = every_kind().remove(0).kind;
    let events: Vec<_> = (0..3000).map(|n| event(n, kind.clone())).chain(every_kind()).collect();
    unit.events().append(&events).await.unwrap();
    unit.events().delete_before(at(3), 2).await.unwrap();
    let jobs = unit.jobs();
    for n in 0..20 {
        jobs.start(&job_run(n, "job")).await.unwrap();
    }
    let mut run = jobs.take_over("job", "host2", at(1000), at(2000)).await.unwrap().unwrap();
    jobs.renew(run.id, "host2", run.attempts, at(3000)).await.unwrap();
    (run.ended_at, run.outcome) = (Some(at(2000)), Some(JobOutcome::Succeeded));
    jobs.finish(&run).await.unwrap();
    jobs.delete_ended(at(2500), 1).await.unwrap();
}

async fn write_access(unit: &mut dyn UnitOfWork) {
    let keys = unit.api_keys();
    for n in 0..50 {
        keys.insert(&api_key(n)).await.unwrap();
    }
    keys.update(&changed_key(api_key(7), |key| key.revoked_at = Some(at(9)))).await.unwrap();
    keys.touch_many(&[(api_key_id(8), at(70)), (api_key_id(9), at(70))]).await.unwrap();
    let links = unit.sign_in_links();
    for n in 0..50 {
        links.insert(&sign_in_link(n, ids(0..1)[0])).await.unwrap();
    }
    assert!(links.take(&token_hash(9), at(9)).await.unwrap().is_some());
    assert_eq!(links.delete_expired(at(80), 5).await.unwrap(), 5);
    let requests = unit.idempotency();
    for n in 0..50 {
        requests.begin(&remembered(n), at(0)).await.unwrap();
    }
    requests.finish(&remembered(7).key, b"answer").await.unwrap();
    requests.forget(&remembered(8).key).await.unwrap();
    assert_eq!(requests.delete_before(at(80), 5).await.unwrap(), 5);
}

/// Filters of every shape: cells only, each range, both.
fn filters() -> Vec<UserFilter> {
    let everybody = UserFilter {
        scope: UserScope::All,
        anonymous: AnonymousScope::Include,
        ..UserFilter::default()
    };
    let (many, few) = (TimeRange::since(at(-1_900_000)), TimeRange::since(at(1_990_000)));
    let between = TimeRange { from: Some(at(0)), until: Some(at(1000)) };
    vec![
        UserFilter::default(),
        everybody.clone(),
        UserFilter::by_role(UserRole::Admin),
        UserFilter::by_status(UserStatus::Deleted),
        UserFilter { email_verified: Some(true), is_bot: Some(true), ..UserFilter::default() },
        UserFilter { created: many, ..everybody.clone() },
        UserFilter { created: few, ..everybody.clone() },
        UserFilter { created: between, ..everybody.clone() },
        UserFilter { last_active: many, ..everybody.clone() },
        UserFilter { last_active: between, ..everybody.clone() },
        UserFilter { created: many, last_active: many, ..everybody.clone() },
        UserFilter { created: many, last_active: between, ..everybody },
    ]
}

async fn read_users(unit: &mut dyn UnitOfWork) {
    let users = unit.users();
    let (someone, nobody) = (population::user(60), Uuid::nil());
    let first = PageRequest::new(50).unwrap();
    for filter in filters() {
        for order in
            [UserOrder::Newest, UserOrder::Oldest, UserOrder::RecentlyActive, UserOrder::Name]
        {
            users.list(&filter, order, &first).await.unwrap();
            let next = first.clone().after(Some(order.cursor(&someone)));
            users.list(&filter, order, &next).await.unwrap();
        }
        for text in ["a", "an", "user12", "王伟", "\u{10FFFF}"] {
            let text = SearchText::parse(text).unwrap();
            users.search(&text, &filter, &first).await.unwrap();
            for cursor in [Cursor::at_text("user5".into(), nobody), Cursor::at_id(nobody)] {
                users.search(&text, &filter, &first.clone().after(Some(cursor))).await.unwrap();
            }
        }
        users.count(&filter).await.unwrap();
    }
    let between = TimeRange { from: Some(at(1)), until: Some(at(900_000)) };
    users.tally(&between).await.unwrap();
    let day = |day| NaiveDate::from_ymd_opt(2024, 5, day).unwrap();
    users.signups_per_day(day(1), day(20)).await.unwrap();
    users.find_many(&ids(1..20)).await.unwrap();
    users.find_by_emails(&[email("user61@example.com")]).await.unwrap();
    users.find_by_names(&[name("user61")]).await.unwrap();
    users.find_deleted_by_email(&email("user61@example.com")).await.unwrap();
    users.find_deleted_by_name(&name("user61")).await.unwrap();
    users.find_by_token(&token_hash(61)).await.unwrap();
    users.find_anonymous_by_fingerprint(&fingerprint("browser61")).await.unwrap();
    users.has_other_active_admin(&ids(0..3)).await.unwrap();
    let after = Some(Cursor::at_time(at(0), nobody));
    users.list_idle_anonymous(at(900_000), at(900_000), None, 50).await.unwrap();
    users.list_idle_anonymous(at(900_000), at(900_000), after, 50).await.unwrap();
    users.list_purgeable(at(900_000), 50).await.unwrap();
}

async fn read_the_rest(unit: &mut dyn UnitOfWork) {
    let first = PageRequest::new(50).unwrap();
    let next = first.clone().after(Some(Cursor::at_time(at(9), Uuid::nil())));
    let owner = ids(0..1)[0];
    for user_id in [None, Some(owner)] {
        for live_at in [None, Some(at(30))] {
            for order in [SessionOrder::Newest, SessionOrder::RecentlyActive] {
                let filter = SessionFilter { user_id, live_at };
                unit.sessions().list(&filter, order, &first).await.unwrap();
                unit.sessions().list(&filter, order, &next).await.unwrap();
            }
        }
    }
    unit.sessions().find_many(&[session_id(1), session_id(2)]).await.unwrap();
    unit.sessions().find_by_token(&token_hash(1)).await.unwrap();
    unit.sessions().list_surplus(owner, 1, at(30)).await.unwrap();
    unit.sessions().activity(owner, at(30)).await.unwrap();

    let bans = unit.bans();
    bans.find_covering(&target("10.0.4.7"), at(0)).await.unwrap();
    bans.find_allowed(&target("10.0.4.7")).await.unwrap();
    bans.list_allowed(&first).await.unwrap();
    bans.history(ban(4), &first).await.unwrap();
    bans.count_active(at(7)).await.unwrap();
    bans.list_active(at(7), &first).await.unwrap();
    bans.list_active(at(7), &next).await.unwrap();
    let by_id = first.clone().after(Some(Cursor::at_id(Uuid::nil())));
    for origin in [BanOrigin::Source("list".into()), BanOrigin::Fingerprint(fingerprint("browser"))]
    {
        bans.list_by_origin(&origin, at(7), &first).await.unwrap();
        bans.list_by_origin(&origin, at(7), &by_id).await.unwrap();
    }

    for user_id in [None, Some(owner)] {
        for target in [None, Some(target("::1"))] {
            let filter = EventFilter { user_id, target };
            unit.events().list(&filter, None, 50).await.unwrap();
            unit.events().list(&filter, Some(EventPosition(9)), 50).await.unwrap();
        }
    }
    unit.events().read(EventPosition::START, 50).await.unwrap();
    unit.events().count_of_user(owner).await.unwrap();
    unit.events().last_position().await.unwrap();

    for job in [None, Some("job".to_owned())] {
        for outcome in [None, Some(JobOutcome::Succeeded)] {
            let filter = JobRunFilter { job: job.clone(), outcome };
            unit.jobs().list(&filter, &first).await.unwrap();
            unit.jobs().list(&filter, &next).await.unwrap();
        }
    }
    unit.jobs().last_scheduled("job").await.unwrap();

    unit.api_keys().find_many(&[api_key_id(1), api_key_id(2)]).await.unwrap();
    assert!(unit.api_keys().find_by_prefix(&api_key(7).prefix).await.unwrap().is_some());
    unit.api_keys().list(&first).await.unwrap();
    unit.api_keys().list(&next).await.unwrap();
}
