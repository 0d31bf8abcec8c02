//! What a unit of work keeps to itself, and when others see it.

use std::time::Duration;

use systemprompt_users_domain::{
    BanEnd, BannedIpRepository, EndReason, Event, EventFilter, EventPosition, JobRunFilter,
    LockKey, SessionFilter, StorageError, StorageResult, TimeRange, UnitOfWork, User, UserFilter,
};
use tokio::time::timeout;

use crate::Subject;
use crate::fixtures::{
    allowed, anonymous, api_key, at, banned, changed, changed_key, email, event, every_kind,
    fingerprint, job_run, name, offence, remembered, session, session_id, sign_in_link, target,
    token_hash, user, user_id,
};
use crate::overlap::{Beside, persist};
use crate::subject::request;

/// Puts one of each into the storage.
pub(super) async fn fill(unit: &mut dyn UnitOfWork) {
    unit.lock(LockKey::Bans).await.unwrap();
    unit.users().insert_many(&[user(1), anonymous(2)]).await.unwrap();
    unit.sessions().insert(&session(1, user_id(1))).await.unwrap();
    let ban = banned(1, offence("192.0.2.1", BanEnd::Never), at(1));
    unit.bans().append(&[ban]).await.unwrap();
    unit.bans().allow(&allowed("10.0.0.0/8")).await.unwrap();
    unit.events().append(&one_event()).await.unwrap();
    unit.jobs().start(&job_run(1, "cleanup")).await.unwrap();
}

fn one_event() -> [Event; 1] {
    [event(1, every_kind().remove(0).kind)]
}

/// How many there are of each, asked in every way that there is.
pub(super) async fn census(unit: &mut dyn UnitOfWork) -> Vec<usize> {
    let ten = request(10, None);
    let users = unit.users();
    let mut seen = vec![
        users.find_many(&[1, 2].map(user_id)).await.unwrap().len(),
        users.find_by_emails(&[email("user1@example.com")]).await.unwrap().len(),
        users.find_by_names(&[name("user1")]).await.unwrap().len(),
        users.find_by_token(&token_hash(2)).await.unwrap().iter().count(),
        users.list(&UserFilter::default(), Default::default(), &ten).await.unwrap().items.len(),
        users.count(&UserFilter::default()).await.unwrap() as usize,
        users.tally(&TimeRange::default()).await.unwrap().len(),
    ];
    let visitor = users.find_anonymous_by_fingerprint(&fingerprint("browser2")).await.unwrap();
    seen.push(visitor.iter().count());
    let sessions = unit.sessions();
    seen.push(sessions.find_many(&[session_id(1)]).await.unwrap().len());
    seen.push(sessions.activity(user_id(1), at(9)).await.unwrap().total as usize);
    let all = SessionFilter::default();
    seen.push(sessions.list(&all, Default::default(), &ten).await.unwrap().items.len());
    let bans = unit.bans();
    seen.push(bans.find_many(&[target("192.0.2.1")]).await.unwrap().len());
    seen.push(bans.find_covering(&target("192.0.2.1"), at(9)).await.unwrap().len());
    seen.push(bans.count_active(at(9)).await.unwrap() as usize);
    seen.push(bans.list_active(at(9), &ten).await.unwrap().items.len());
    seen.push(bans.list_allowed(&ten).await.unwrap().items.len());
    let events = unit.events();
    seen.push(events.read(EventPosition::START, 10).await.unwrap().len());
    seen.push(events.list(&EventFilter::default(), None, 10).await.unwrap().len());
    let jobs = unit.jobs();
    seen.push(jobs.list(&JobRunFilter::default(), &ten).await.unwrap().items.len());
    seen.push(jobs.last_scheduled("cleanup").await.unwrap().iter().count());
    seen
}

/// The census of an empty storage, and of one that was filled.
fn none_and_all() -> (Vec<usize>, Vec<usize>) {
    let mut all = vec![1; 20];
    all[0] = 2;
    all[6] = 2;
    (vec![0; 20], all)
}

pub(crate) async fn a_dropped_unit_leaves_nothing(subject: Subject) {
    let mut unit = subject.write().await;
    fill(&mut *unit).await;
    drop(unit);
    assert_eq!(census(&mut *subject.read().await).await, none_and_all().0);
    let mut unit = subject.write().await;
    assert_eq!(census(&mut *unit).await, none_and_all().0);
    fill(&mut *unit).await;
    unit.commit().await.unwrap();
    assert_eq!(census(&mut *subject.read().await).await, none_and_all().1);
}

pub(crate) async fn a_unit_sees_its_own_changes(subject: Subject) {
    let mut unit = subject.write().await;
    fill(&mut *unit).await;
    assert_eq!(census(&mut *unit).await, none_and_all().1);
}

/// Nobody sees a part of it before the commit, nobody waits for it, and then everybody sees all of it.
pub(crate) async fn a_commit_shows_everything_at_once(subject: Subject) {
    let mut unit = subject.write().await;
    fill(&mut *unit).await;
    let read = async { census(&mut *subject.read().await).await };
    let seen = timeout(Duration::from_secs(30), read).await.expect("a reader waits for a writer");
    assert_eq!(seen, none_and_all().0);
    unit.commit().await.unwrap();
    assert_eq!(census(&mut *subject.read().await).await, none_and_all().1);
    assert_eq!(census(&mut *subject.write().await).await, none_and_all().1);
}

/// Also not for rows that it has changed, or keys and users that it holds.
pub(crate) async fn a_reader_waits_for_no_lock(subject: Subject) {
    let mut unit = subject.write().await;
    fill(&mut *unit).await;
    unit.commit().await.unwrap();
    let mut unit = subject.write().await;
    for key in [LockKey::Admins, LockKey::Bans, LockKey::Fingerprint(fingerprint("browser2"))] {
        unit.lock(key).await.unwrap();
    }
    unit.users().lock_many(&[1, 2].map(user_id)).await.unwrap();
    unit.users().purge_many(&[1, 2].map(user_id)).await.unwrap();
    unit.bans().delete_over(at(99), 10).await.unwrap();
    unit.bans().disallow(&target("10.0.0.0/8")).await.unwrap();
    unit.events().delete_before(at(99), 10).await.unwrap();
    let read = async { census(&mut *subject.read().await).await };
    let seen = timeout(Duration::from_secs(30), read).await.expect("a reader waits for a writer");
    assert_eq!(seen, none_and_all().1);
    drop(unit);
    assert_eq!(census(&mut *subject.read().await).await, none_and_all().1);
}

pub(crate) async fn each_commit_is_visible_at_once(subject: Subject) {
    for n in 1..=50 {
        subject.store(&[user(n)]).await;
        assert_eq!(subject.users(&[user_id(n)]).await, [user(n)]);
    }
}

pub(crate) async fn units_for_reading_do_not_shut_each_other_out(subject: Subject) {
    subject.store(&[user(1)]).await;
    let mut one = subject.read().await;
    let mut two = subject.read().await;
    assert_eq!(one.users().find_many(&[user_id(1)]).await.unwrap(), [user(1)]);
    assert_eq!(two.users().find_many(&[user_id(1)]).await.unwrap(), [user(1)]);
    subject.store(&[user(2)]).await;
    assert_eq!(one.users().find_many(&[user_id(1)]).await.unwrap(), [user(1)]);
}

pub(crate) async fn units_may_be_dropped_again_and_again(subject: Subject) {
    for _ in 0..100 {
        let mut unit = subject.write().await;
        unit.lock(LockKey::Admins).await.unwrap();
        unit.users().insert_many(&[user(1)]).await.unwrap();
        let mut reading = subject.read().await;
        assert_eq!(reading.users().find_many(&[user_id(1)]).await.unwrap(), []);
    }
    subject.store(&[user(1)]).await;
    assert_eq!(subject.users(&[user_id(1)]).await, [user(1)]);
}

async fn store_one(subject: Subject, n: u32) -> StorageResult<()> {
    let mut unit = subject.try_write().await?;
    unit.users().insert_many(&[user(n)]).await?;
    unit.commit().await
}

pub(crate) async fn of_many_units_at_once_each_gets_its_turn(subject: Subject) {
    let start = |n| {
        let subject = subject.clone();
        Beside::start(persist(move || store_one(subject.clone(), n)))
    };
    let tasks: Vec<_> = (1..=40).map(start).collect();
    for task in tasks {
        task.end().await;
    }
    let ids: Vec<_> = (1..=40).map(user_id).collect();
    assert_eq!(subject.users(&ids).await.len(), 40);
}

/// Checks that a change is refused by a unit that was opened for reading.
macro_rules! refused {
    ($subject:ident, $($part:ident.$method:ident($($arg:expr),*);)*) => {
        $({
            let mut unit = $subject.read().await;
            let refused = unit.$part().$method($($arg),*).await.map(drop);
            let name = concat!(stringify!($part), ".", stringify!($method));
            assert!(refused.is_err(), "a unit for reading did {name}");
            let conflict = matches!(
                refused,
                Err(StorageError::Conflict { .. } | StorageError::Unavailable(_))
            );
            assert!(!conflict, "{name}: {refused:?}");
        })*
    };
}

pub(crate) async fn a_unit_for_reading_refuses_changes_of_users(subject: Subject) {
    subject.store(&[user(1), anonymous(2)]).await;
    let bot = changed(user(1), |user| user.is_bot = true);
    refused! { subject,
        users.insert_many(&[user(3)]);
        users.update_many(std::slice::from_ref(&bot));
        users.touch_many(&[(user_id(1), at(500))]);
        users.purge_many(&[user_id(1)]);
    }
    let stored: Vec<User> = subject.users(&[1, 2, 3].map(user_id)).await;
    assert_eq!(stored, [user(1), anonymous(2)]);
}

pub(crate) async fn a_unit_for_reading_refuses_changes_of_sessions(subject: Subject) {
    subject.store(&[user(1), user(2)]).await;
    let over = crate::fixtures::ended(session(2, user_id(1)), EndReason::Logout, at(5));
    let sessions = [session(1, user_id(1)), over];
    subject.store_sessions(&sessions).await;
    let one = [session_id(1)];
    refused! { subject,
        sessions.insert(&session(3, user_id(1)));
        sessions.touch_many(&[(session_id(1), at(500))]);
        sessions.end_many(&one, EndReason::Logout, at(9));
        sessions.end_all(&[user_id(1)], None, EndReason::Logout, at(9));
        sessions.move_all(user_id(1), user_id(2));
        sessions.end_expired(at(99_999_999), 10);
        sessions.delete_ended(at(99_999_999), 10);
    }
    assert_eq!(subject.sessions(&[1, 2, 3].map(session_id)).await, sessions);
}

pub(crate) async fn a_unit_for_reading_refuses_every_other_change(subject: Subject) {
    let mut unit = subject.write().await;
    fill(&mut *unit).await;
    let over = banned(2, offence("192.0.2.2", BanEnd::At(at(5))), at(1));
    unit.bans().append(&[over]).await.unwrap();
    unit.commit().await.unwrap();
    let run = job_run(1, "cleanup");
    let more = [banned(3, offence("192.0.2.3", BanEnd::Never), at(1))];
    refused! { subject,
        bans.append(&more);
        bans.delete_over(at(99), 10);
        bans.allow(&allowed("::1"));
        bans.disallow(&target("10.0.0.0/8"));
        events.append(&one_event());
        events.delete_before(at(99), 10);
        jobs.start(&job_run(2, "cleanup"));
        jobs.take_over("cleanup", "host2", at(9_999), at(99_999));
        jobs.renew(run.id, &run.host, run.attempts, at(99_999));
        jobs.finish(&crate::fixtures::job_run(1, "cleanup"));
    }
    refused! { subject,
        api_keys.insert(&api_key(1));
        api_keys.update(&changed_key(api_key(1), |_| {}));
        api_keys.touch_many(&[(api_key(1).id, at(9))]);
        sign_in_links.insert(&sign_in_link(1, user_id(1)));
        sign_in_links.take(&token_hash(1), at(1));
        sign_in_links.delete_expired(at(9_999), 10);
        idempotency.begin(&remembered(1), at(1));
        idempotency.finish(&remembered(1).key, b"answer");
        idempotency.forget(&remembered(1).key);
        idempotency.delete_before(at(9_999), 10);
    }
    assert_eq!(census(&mut *subject.read().await).await, none_and_all().1);
    let mut unit = subject.read().await;
    let runs = unit.jobs().list(&JobRunFilter::default(), &request(10, None)).await.unwrap();
    assert_eq!(runs.items, [run]);
    assert_eq!(left_over(unit.bans()).await, 1);
}

async fn left_over(bans: &mut dyn BannedIpRepository) -> usize {
    bans.find_many(&[target("192.0.2.2"), target("192.0.2.3")]).await.unwrap().len()
}
