//! Every method of every port, on a large installation.

use chrono::{DateTime, Duration, NaiveDate, Utc};
use systemprompt_users_contract::fixtures::{
    allowed, anonymous, at, ban, banned, changed, email, event, fingerprint, job_run, name,
    offence, session, session_id, target, token_hash, user, user_id, uuid,
};
use systemprompt_users_domain::{
    AnonymousScope, BanDuration, BanEnd, BanOrigin, Cursor, EndReason, EventFilter, EventKind,
    EventPosition, JobOutcome, JobRunFilter, LockKey, PageRequest, SearchText, SessionFilter,
    SessionOrder, Storage, TimeRange, UserFilter, UserOrder, UserRole, UserScope, UserStatus,
};
use systemprompt_users_postgres::PostgresStorage;

use super::explain::Plans;

/// When everything of `large.sql` has happened.
fn now() -> DateTime<Utc> {
    minutes(700_000)
}

fn minutes(minutes: i64) -> DateTime<Utc> {
    at(minutes * 60)
}

fn page(after: Option<Cursor>) -> PageRequest {
    PageRequest::new(20).unwrap().after(after)
}

/// A filter for each property that few users have, and for what most have.
fn filters() -> Vec<(&'static str, UserFilter)> {
    let none = UserFilter::default;
    vec![
        ("everybody", none()),
        ("suspended", UserFilter::by_status(UserStatus::Suspended)),
        ("deleted", UserFilter { scope: UserScope::Deleted, ..none() }),
        ("all", UserFilter { scope: UserScope::All, anonymous: AnonymousScope::Include, ..none() }),
        ("admins", UserFilter::by_role(UserRole::Admin)),
        ("anonymous", UserFilter { anonymous: AnonymousScope::Only, ..none() }),
        ("bots", UserFilter { is_bot: Some(true), ..none() }),
        ("verified", UserFilter { email_verified: Some(true), ..none() }),
        ("unverified", UserFilter { email_verified: Some(false), ..none() }),
        (
            "nobody",
            UserFilter { email_verified: Some(true), ..UserFilter::by_role(UserRole::Anonymous) },
        ),
    ]
}

/// The calls whose statements are kept prepared.
pub(super) async fn prepared(storage: &PostgresStorage, plans: &Plans) {
    users_by_key(storage, plans).await;
    user_lists(storage, plans).await;
    user_counts(storage, plans).await;
    user_changes(storage, plans).await;
    sessions(storage, plans).await;
    session_changes(storage, plans).await;
    bans(storage, plans).await;
    ban_changes(storage, plans).await;
    events(storage, plans).await;
    jobs(storage, plans).await;
    super::access::all(storage, plans).await;
}

async fn users_by_key(storage: &PostgresStorage, plans: &Plans) {
    plans.during("finding users");
    let mut unit = storage.read().await.unwrap();
    let users = unit.users();
    assert_eq!(users.find_many(&[7, 70, 700].map(user_id)).await.unwrap().len(), 3);
    assert_eq!(users.find_many(&[user_id(7)]).await.unwrap().len(), 1);
    assert_eq!(users.find_by_names(&[name("PERSON7")]).await.unwrap().len(), 1);
    assert_eq!(users.find_by_names(&["PERSON7", "nobody"].map(name)).await.unwrap().len(), 1);
    assert_eq!(users.find_by_emails(&[email("person7@example.com")]).await.unwrap().len(), 1);
    let emails = ["person7@example.com", "nobody@example.com"].map(email);
    assert_eq!(users.find_by_emails(&emails).await.unwrap().len(), 1);
    assert!(users.find_deleted_by_name(&name("person2")).await.unwrap().is_some());
    assert!(users.find_deleted_by_email(&email("person2@example.com")).await.unwrap().is_some());
    assert!(users.find_by_token(&token_hash(1)).await.unwrap().is_none());
    let browser = fingerprint("browser50001");
    assert!(users.find_anonymous_by_fingerprint(&browser).await.unwrap().is_some());
    let admins: Vec<_> = (0..19).map(|n| user_id(n * 2500 + 3)).collect();
    assert!(users.has_other_active_admin(&admins).await.unwrap());
    assert!(
        !users.has_other_active_admin(&[admins, vec![user_id(47_503)]].concat()).await.unwrap()
    );
    assert_eq!(users.preview_purge(&[user_id(1)]).await.unwrap().merged_references, 20);
    let idle = users.list_idle_anonymous(minutes(500_200), now(), None, 10).await.unwrap();
    assert_eq!(idle.len(), 10);
    let after = Some(UserOrder::Oldest.cursor(&idle[9]));
    assert!(
        !users.list_idle_anonymous(minutes(500_200), now(), after, 10).await.unwrap().is_empty()
    );
    assert_eq!(users.list_purgeable(now(), 10).await.unwrap().len(), 10);
}

async fn user_lists(storage: &PostgresStorage, plans: &Plans) {
    let orders = [UserOrder::Newest, UserOrder::Oldest, UserOrder::RecentlyActive, UserOrder::Name];
    let mut unit = storage.read().await.unwrap();
    for (what, filter) in filters() {
        for order in orders {
            plans.during(&format!("listing {what} by {order:?}"));
            let first = unit.users().list(&filter, order, &page(None)).await.unwrap();
            assert!(what == "nobody" || !first.items.is_empty());
            let deep = unit.users().find_many(&[user_id(25_000)]).await.unwrap();
            let deep = page(Some(order.cursor(&deep[0])));
            unit.users().list(&filter, order, &deep).await.unwrap();
        }
    }
    plans.during("listing a range of the order's time");
    let few = TimeRange { from: Some(minutes(250_000)), until: Some(minutes(250_100)) };
    let created = UserFilter { created: few, ..UserFilter::default() };
    let seen = UserFilter { last_active: few, ..UserFilter::default() };
    for order in [UserOrder::Newest, UserOrder::Oldest] {
        assert!(!unit.users().list(&created, order, &page(None)).await.unwrap().items.is_empty());
    }
    let listed = unit.users().list(&seen, UserOrder::RecentlyActive, &page(None)).await.unwrap();
    assert!(!listed.items.is_empty());
}

async fn user_counts(storage: &PostgresStorage, plans: &Plans) {
    let mut unit = storage.read().await.unwrap();
    for (what, filter) in filters() {
        plans.during(&format!("counting {what}"));
        unit.users().count(&filter).await.unwrap();
    }
    plans.during("counting a range");
    let ranges = [
        TimeRange::since(minutes(499_000)),
        TimeRange::before(minutes(5_003)),
        TimeRange { from: Some(minutes(100_003)), until: Some(minutes(143_207)) },
    ];
    for created in ranges {
        assert!(!unit.users().tally(&created).await.unwrap().is_empty());
    }
    let few = TimeRange { from: Some(minutes(250_000)), until: Some(minutes(250_100)) };
    let seen = UserFilter { last_active: few, ..UserFilter::default() };
    assert_eq!(unit.users().count(&seen).await.unwrap(), 10);
    let day = |day| NaiveDate::from_ymd_opt(2024, 6, day).unwrap();
    assert_eq!(unit.users().signups_per_day(day(1), day(30)).await.unwrap().len(), 30);
}

async fn user_changes(storage: &PostgresStorage, plans: &Plans) {
    plans.during("changing users");
    let mut unit = storage.write().await.unwrap();
    unit.lock(LockKey::Admins).await.unwrap();
    let users = unit.users();
    let new = [user(1_000_001), anonymous(1_000_002), user(1_000_001)];
    users.insert_many(&new).await.unwrap();
    let locked = users.lock_many(&[10, 20, 30].map(user_id)).await.unwrap();
    let bots: Vec<_> =
        locked.into_iter().map(|user| changed(user, |user| user.is_bot = true)).collect();
    users.update_many(&bots).await.unwrap();
    let taken = changed(bots[0].clone(), |user| user.name = name("person7"));
    assert!(users.update_many(&[taken]).await.is_err());
    let mut swapped = bots.clone();
    swapped[0].name = bots[1].name.clone();
    swapped[1].name = bots[0].name.clone();
    let swapped: Vec<_> = swapped.into_iter().map(|user| changed(user, |_| ())).collect();
    users.update_many(&swapped).await.unwrap();
    let one = users.lock_many(&[user_id(60)]).await.unwrap().remove(0);
    users.update_many(&[changed(one, |user| user.is_bot = !user.is_bot)]).await.unwrap();
    users.touch_many(&[(user_id(40), now()), (user_id(50), now())]).await.unwrap();
    users.purge_many(&[user_id(1), user_id(5000)]).await.unwrap();
}

async fn sessions(storage: &PostgresStorage, plans: &Plans) {
    plans.during("finding sessions");
    let mut unit = storage.read().await.unwrap();
    let sessions = unit.sessions();
    assert_eq!(sessions.find_many(&[1, 2].map(session_id)).await.unwrap().len(), 2);
    assert!(sessions.find_by_token(&token_hash(1)).await.unwrap().is_none());
    assert_eq!(sessions.activity(user_id(11), now()).await.unwrap().total, 2);
    sessions.list_surplus(user_id(11), 1, minutes(100)).await.unwrap();
    for order in [SessionOrder::Newest, SessionOrder::RecentlyActive] {
        for user_id in [None, Some(user_id(11))] {
            for live_at in [None, Some(minutes(690_000))] {
                plans.during(&format!("listing sessions by {order:?}, {user_id:?}, {live_at:?}"));
                let filter = SessionFilter { user_id, live_at };
                let first = sessions.list(&filter, order, &page(None)).await.unwrap();
                let after = first.items.last().map(|session| order.cursor(session));
                sessions.list(&filter, order, &page(after)).await.unwrap();
            }
        }
    }
}

async fn session_changes(storage: &PostgresStorage, plans: &Plans) {
    plans.during("changing sessions");
    let mut unit = storage.write().await.unwrap();
    let sessions = unit.sessions();
    sessions.insert(&session(1_000_001, user_id(11))).await.unwrap();
    assert!(sessions.insert(&session(1_000_001, user_id(11))).await.is_err());
    sessions
        .touch_many(&[(session_id(10), minutes(101)), (session_id(20), minutes(201))])
        .await
        .unwrap();
    sessions.end_many(&[10, 20].map(session_id), EndReason::Logout, now()).await.unwrap();
    let users = [9, 19, 29].map(user_id);
    sessions.end_all(&users, Some(session_id(30)), EndReason::Revoked, now()).await.unwrap();
    sessions.end_all(&[user_id(49)], None, EndReason::Revoked, now()).await.unwrap();
    assert_eq!(sessions.move_all(user_id(39), user_id(40)).await.unwrap(), 2);
    assert_eq!(sessions.end_expired(minutes(500_000), 20).await.unwrap(), 20);
    assert_eq!(sessions.delete_ended(minutes(500_000), 20).await.unwrap(), 20);
}

async fn bans(storage: &PostgresStorage, plans: &Plans) {
    plans.during("finding bans");
    let mut unit = storage.read().await.unwrap();
    let bans = unit.bans();
    assert_eq!(bans.find_many(&["10.0.0.5", "10.0.0.6"].map(target)).await.unwrap().len(), 2);
    assert_eq!(bans.find_covering(&target("10.0.0.5"), now()).await.unwrap().len(), 1);
    assert!(bans.find_covering(&target("2001:db8::1"), now()).await.unwrap().is_empty());
    let first = bans.list_active(now(), &page(None)).await.unwrap();
    assert_eq!(first.items.len(), 20);
    bans.list_active(now(), &page(first.next)).await.unwrap();
    let deep = Cursor::at_time(minutes(100_000), uuid(0));
    bans.list_active(now(), &page(Some(deep))).await.unwrap();
    bans.count_active(minutes(499_990)).await.unwrap();
    assert_eq!(bans.history(ban(5), &page(None)).await.unwrap().items.len(), 1);
    assert_eq!(bans.list_allowed(&page(None)).await.unwrap().items.len(), 20);
    let after = Cursor::at_text("11.0.50.0".into(), uuid::Uuid::nil());
    bans.list_allowed(&page(Some(after))).await.unwrap();
    assert_eq!(bans.find_allowed(&target("11.0.0.5")).await.unwrap().len(), 1);
}

async fn ban_changes(storage: &PostgresStorage, plans: &Plans) {
    plans.during("changing bans");
    let mut unit = storage.write().await.unwrap();
    let bans = unit.bans();
    let fresh = banned(1_000_001, offence("192.0.2.1", BanEnd::Never), now());
    let known = bans.find_many(&[target("10.0.0.5")]).await.unwrap().remove(0);
    let again = known.ban_again(
        offence("10.0.0.5", BanDuration::Days(1).end(now()).unwrap()),
        &systemprompt_users_domain::Actor::System,
        now(),
    );
    bans.append(&[fresh, again]).await.unwrap();
    let rival = banned(1_000_002, offence("10.0.0.6", BanEnd::Never), now());
    assert!(bans.append(&[rival]).await.is_err());
    bans.reassign_user(user_id(10_000), user_id(11)).await.unwrap();
    assert_eq!(bans.delete_over(now(), 20).await.unwrap(), 20);
    assert!(bans.allow(&allowed("192.0.2.1")).await.unwrap());
    assert!(bans.disallow(&target("192.0.2.1")).await.unwrap());
}

async fn events(storage: &PostgresStorage, plans: &Plans) {
    plans.during("reading events");
    let mut unit = storage.write().await.unwrap();
    let kind = EventKind::UserDeleted { user_id: user_id(11) };
    unit.events().append(&[event(1_000_001, kind.clone()), event(1_000_002, kind)]).await.unwrap();
    unit.events().read(EventPosition::START, 10).await.unwrap();
    drop(unit);
    let mut unit = storage.read().await.unwrap();
    let events = unit.events();
    assert_eq!(events.read(EventPosition(25_000), 20).await.unwrap().len(), 20);
    assert!(events.last_position().await.unwrap() > EventPosition(50_000));
    events.count_of_user(user_id(11)).await.unwrap();
    for user_id in [None, Some(user_id(11))] {
        for at in [None, Some(target("10.0.0.10"))] {
            for before in [None, Some(EventPosition(25_000))] {
                plans.during(&format!("listing events, {user_id:?}, {at:?}, {before:?}"));
                events.list(&EventFilter { user_id, target: at }, before, 20).await.unwrap();
            }
        }
    }
    drop(unit);
    plans.during("removing events");
    let mut unit = storage.write().await.unwrap();
    assert_eq!(unit.events().delete_before(minutes(100_000), 20).await.unwrap(), 20);
}

async fn jobs(storage: &PostgresStorage, plans: &Plans) {
    plans.during("listing runs");
    let mut unit = storage.read().await.unwrap();
    for job in [None, Some("job7".to_owned())] {
        for outcome in [None, Some(JobOutcome::Failed)] {
            let filter = JobRunFilter { job: job.clone(), outcome };
            unit.jobs().list(&filter, &page(None)).await.unwrap();
            let deep = Cursor::at_time(minutes(100_000), uuid(0));
            unit.jobs().list(&filter, &page(Some(deep))).await.unwrap();
        }
    }
    assert!(unit.jobs().last_scheduled("job7").await.unwrap().is_some());
    drop(unit);
    plans.during("changing runs");
    let mut unit = storage.write().await.unwrap();
    let jobs = unit.jobs();
    let run = job_run(1_000_001, "job7");
    assert!(jobs.start(&run).await.unwrap());
    let taken = jobs.take_over("job7", "other", now(), now() + Duration::hours(1)).await.unwrap();
    let mut taken = taken.unwrap();
    assert!(
        jobs.renew(taken.id, "other", taken.attempts, now() + Duration::hours(2)).await.unwrap()
    );
    taken.ended_at = Some(now());
    taken.outcome = Some(JobOutcome::Succeeded);
    assert!(jobs.finish(&taken).await.unwrap());
    assert_eq!(jobs.delete_ended(now(), 20).await.unwrap(), 20);
}

/// The calls whose statements are planned anew each time, for the values at hand.
pub(super) async fn unprepared(storage: &PostgresStorage, plans: &Plans) {
    let mut unit = storage.read().await.unwrap();
    let few = TimeRange { from: Some(minutes(250_000)), until: Some(minutes(250_100)) };
    let most = TimeRange::since(minutes(1_000));
    for range in [few, most] {
        plans.during(&format!("listing a range of another time, {range:?}"));
        let created = UserFilter { created: range, ..UserFilter::default() };
        let seen = UserFilter { last_active: range, ..UserFilter::default() };
        for (filter, order) in [
            (&created, UserOrder::RecentlyActive),
            (&created, UserOrder::Name),
            (&seen, UserOrder::Newest),
            (&seen, UserOrder::Name),
        ] {
            let listed = unit.users().list(filter, order, &page(None)).await.unwrap();
            assert!(!listed.items.is_empty());
        }
    }
    for (what, filter) in filters() {
        for text in
            ["person", "person1234", "on123", "xylo", "100%", "%", "e", "王伟", "qx", "given"]
        {
            plans.during(&format!("searching {what} for {text}"));
            let text = SearchText::parse(text).unwrap();
            let first = unit.users().search(&text, &filter, &page(None)).await.unwrap();
            if first.next.is_some() {
                unit.users().search(&text, &filter, &page(first.next)).await.unwrap();
            }
        }
    }
    for source in ["list", "stale", "none"] {
        plans.during(&format!("listing bans of the source {source}"));
        let origin = BanOrigin::Source(source.to_owned());
        let first =
            unit.bans().list_by_origin(&origin, minutes(499_000), &page(None)).await.unwrap();
        assert_eq!(first.items.is_empty(), source == "none");
        unit.bans().list_by_origin(&origin, minutes(499_000), &page(first.next)).await.unwrap();
    }
    plans.during("listing bans of a fingerprint");
    let origin = BanOrigin::Fingerprint(fingerprint("offender"));
    assert_eq!(
        unit.bans().list_by_origin(&origin, now(), &page(None)).await.unwrap().items.len(),
        10
    );
}
