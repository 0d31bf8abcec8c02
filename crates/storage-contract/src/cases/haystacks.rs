//! A few that are wanted among thousands that are not: no page is short, and none is missed.

use chrono::{DateTime, Duration, Utc};
use systemprompt_users_domain::{
    AnonymousScope, BanEnd, BanOrigin, BannedIp, Cursor, EndReason, Offence, SearchText,
    SessionFilter, SessionOrder, TimeRange, User, UserFilter, UserOrder, UserScope, UserSession,
    UserStatus,
};

use crate::Subject;
use crate::books::{Books, hour};
use crate::fixtures::{
    admin, anonymous, at, deleted, ended, fingerprint, offence, session, suspended, tick, user,
    user_id,
};
use crate::population::{expected_list, expected_search, search_cursor};
use crate::subject::{Walk, check_same};

const HAYSTACK: u32 = 5_000;

/// Of which of five kinds those are that are wanted: 30 at either end, so that pages end on both sides of
/// the many between them.
fn kind(n: u32) -> Option<u32> {
    (n <= 30 || n > HAYSTACK - 30).then_some(n % 5)
}

async fn list_active(subject: &Subject, now: DateTime<Utc>, limit: u16) -> Vec<BannedIp> {
    let mut unit = subject.read().await;
    let mut walk = Walk::new(limit);
    while let Some(page) = walk.request() {
        let page = unit.bans().list_active(now, &page).await.unwrap();
        walk.take(page, BannedIp::cursor);
    }
    walk.items
}

async fn of_origin(subject: &Subject, origin: &BanOrigin, now: DateTime<Utc>) -> Vec<BannedIp> {
    let mut unit = subject.read().await;
    let mut walk = Walk::new(5);
    while let Some(page) = walk.request() {
        let page = unit.bans().list_by_origin(origin, now, &page).await.unwrap();
        walk.take(page, |ban| Cursor::at_id(ban.id.as_uuid()));
    }
    walk.items
}

pub(crate) async fn few_bans_in_force_among_many_over(subject: Subject) {
    let mut books = Books::default();
    for n in 1..=HAYSTACK {
        let until = match kind(n) {
            Some(0 | 1) => BanEnd::Never,
            Some(2) => BanEnd::At(hour(3)),
            _ => BanEnd::At(hour(1) + tick()),
        };
        let text = format!("10.{}.{}.{}", n >> 16, n >> 8 & 255, n & 255);
        let listed = Offence { source: Some("list".into()), ..offence(&text, until) };
        let listed = Offence { fingerprint: Some(fingerprint("hand")), ..listed };
        books.ban(n, listed, at(i64::from(n / 2)));
    }
    books.post(&subject).await;
    let origins = [BanOrigin::Source("list".into()), BanOrigin::Fingerprint(fingerprint("hand"))];
    for now in [hour(1), hour(2), hour(4)] {
        check_same(&list_active(&subject, now, 1000).await, &books.active(now));
        let counted = subject.read().await.bans().count_active(now).await.unwrap();
        assert_eq!(counted, books.active(now).len() as u64);
    }
    for now in [hour(2), hour(4)] {
        for limit in [1, 5, 7] {
            check_same(&list_active(&subject, now, limit).await, &books.active(now));
        }
        for origin in &origins {
            check_same(&of_origin(&subject, origin, now).await, &books.of_origin(origin, now));
        }
    }
}

/// Users, and among them a few of each rare kind.
fn crowd() -> Vec<User> {
    let member = |n: u32| {
        let member = match kind(n) {
            Some(0) => suspended(user(n)),
            Some(1) => admin(n),
            Some(2) => deleted(user(n), at(90_000)),
            Some(3) => anonymous(n),
            Some(_) => User { is_bot: true, ..user(n) },
            None => user(n),
        };
        let created_at = at(i64::from(n / 2));
        // Some of the first are the last here, and the last among the first.
        let seat = match n {
            1..=30 if n.is_multiple_of(2) => HAYSTACK + n,
            n if n > HAYSTACK - 15 => n + 15 - HAYSTACK,
            n => n,
        };
        let last_active_at = at(10_000 + i64::from(seat));
        User { created_at, updated_at: created_at, last_active_at, ..member }
    };
    (1..=HAYSTACK).map(member).collect()
}

fn rare_filters() -> Vec<UserFilter> {
    let everybody = UserFilter { scope: UserScope::All, ..UserFilter::default() };
    vec![
        UserFilter::by_status(UserStatus::Suspended),
        UserFilter { scope: UserScope::Deleted, ..everybody.clone() },
        UserFilter { anonymous: AnonymousScope::Only, ..everybody.clone() },
        UserFilter { is_bot: Some(true), ..everybody.clone() },
        UserFilter::by_role(systemprompt_users_domain::UserRole::Admin),
        UserFilter { email_verified: Some(true), ..everybody },
        UserFilter { created: TimeRange::before(at(15)), ..UserFilter::default() },
        UserFilter { last_active: TimeRange::before(at(10_016)), ..UserFilter::default() },
    ]
}

pub(crate) async fn few_users_of_a_kind_among_many(subject: Subject) {
    let users = crowd();
    subject.store(&users).await;
    let orders = [UserOrder::Newest, UserOrder::Oldest, UserOrder::RecentlyActive, UserOrder::Name];
    for filter in rare_filters() {
        for order in orders {
            let expected = expected_list(&users, &filter, order);
            for limit in [1, 5, 1000] {
                check_same(&subject.list_users(&filter, order, limit).await, &expected);
            }
        }
        let counted = subject.read().await.users().count(&filter).await.unwrap();
        assert_eq!(counted, expected_list(&users, &filter, UserOrder::Newest).len() as u64);
    }
}

pub(crate) async fn few_users_of_a_kind_among_many_that_match(subject: Subject) {
    let users = crowd();
    subject.store(&users).await;
    let mut unit = subject.read().await;
    for query in ["user", "ser", "e", "99", "user12", "example.com"] {
        let text = SearchText::parse(query).unwrap();
        for filter in rare_filters() {
            let mut walk = Walk::new(5);
            while let Some(page) = walk.request() {
                let page = unit.users().search(&text, &filter, &page).await.unwrap();
                walk.take(page, |user| search_cursor(&text, user));
            }
            assert_eq!(walk.items, expected_search(&users, &text, &filter), "{query}, {filter:?}");
        }
    }
}

pub(crate) async fn few_live_sessions_among_many_over(subject: Subject) {
    subject.store(&[user(1), suspended(user(2)), user(3)]).await;
    let now = at(100_000);
    let sessions: Vec<_> = (1..=HAYSTACK)
        .map(|n| {
            let session = session(n, user_id(1 + n % 3));
            match kind(n) {
                Some(0..3) => session,
                Some(_) => UserSession { expires_at: now + tick(), ..session },
                None if n % 10 == 0 => ended(session, EndReason::Logout, at(60_000)),
                _ => UserSession { expires_at: now - Duration::hours(i64::from(n % 9)), ..session },
            }
        })
        .collect();
    subject.store_sessions(&sessions).await;
    for user in [None, Some(1), Some(2), Some(3)] {
        for order in [SessionOrder::Newest, SessionOrder::RecentlyActive] {
            let filter = SessionFilter { user_id: user.map(user_id), live_at: Some(now) };
            let mut unit = subject.read().await;
            let mut walk = Walk::new(4);
            while let Some(page) = walk.request() {
                let page = unit.sessions().list(&filter, order, &page).await.unwrap();
                walk.take(page, |session| order.cursor(session));
            }
            let live = |session: &&UserSession| {
                session.is_open(now)
                    && session.user_id != user_id(2)
                    && user.is_none_or(|user| session.user_id == user_id(user))
            };
            // They began, and were last used, in the order of their numbers.
            let expected: Vec<_> = sessions.iter().rev().filter(live).cloned().collect();
            check_same(&walk.items, &expected);
        }
    }
}

/// Those that are held by a session come first, and fill no batch.
pub(crate) async fn few_idle_visitors_behind_many_that_are_held(subject: Subject) {
    let visitors: Vec<_> = (1..=600).map(anonymous).collect();
    subject.store(&visitors).await;
    let held: Vec<_> = (1..=590).map(|n| session(n, user_id(n))).collect();
    subject.store_sessions(&held).await;
    let mut unit = subject.read().await;
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let idle = unit.users().list_idle_anonymous(at(9_000), at(9_000), after, 4).await.unwrap();
        let Some(last) = idle.last() else { break };
        after = Some(Cursor::at_time(last.last_active_at, last.id.as_uuid()));
        seen.extend(idle);
        assert!(seen.len() <= 10);
    }
    check_same(&seen, &visitors[590..].to_vec());
}
