//! Lists, searches and counts of more users than are looked at one by one, against the domain's own rules.

use chrono::Duration;
use systemprompt_users_contract::fixtures::at;
use systemprompt_users_domain::{
    AnonymousScope, Cursor, Page, PageLimit, PageRequest, SearchMatch, SearchText, Storage,
    TimeRange, UnitOfWork, User, UserFilter, UserId, UserOrder, UserRole, UserScope, UserStatus,
};

use crate::fresh::fresh;
use crate::population::store;

/// More than twice as many as the adapter would rather sort.
const USERS: u32 = 2_500;

fn filters() -> Vec<UserFilter> {
    let everybody = UserFilter {
        scope: UserScope::All,
        anonymous: AnonymousScope::Include,
        ..UserFilter::default()
    };
    let most = TimeRange::since(at(-1_900_000));
    let few = TimeRange { from: Some(at(-50_000)), until: Some(at(50_000)) };
    vec![
        UserFilter::default(),
        everybody.clone(),
        UserFilter { anonymous: AnonymousScope::Only, ..everybody.clone() },
        UserFilter { scope: UserScope::Deleted, ..everybody.clone() },
        UserFilter { statuses: vec![UserStatus::Suspended], ..everybody.clone() },
        UserFilter { roles: vec![UserRole::Admin], ..UserFilter::default() },
        UserFilter { email_verified: Some(true), is_bot: Some(false), ..everybody.clone() },
        UserFilter { created: most, ..everybody.clone() },
        UserFilter { created: few, ..everybody.clone() },
        UserFilter { last_active: most, ..everybody.clone() },
        UserFilter { last_active: few, ..everybody.clone() },
        UserFilter { created: most, last_active: few, ..everybody.clone() },
        UserFilter { created: most, last_active: most, is_bot: Some(false), ..everybody },
    ]
}

/// Filters that leave many users, which are searched in order, and one that leaves few.
fn searched() -> Vec<UserFilter> {
    let everybody = UserFilter {
        scope: UserScope::All,
        anonymous: AnonymousScope::Include,
        ..UserFilter::default()
    };
    let most = TimeRange::since(at(-1_500_000));
    vec![
        UserFilter::default(),
        UserFilter { created: most, last_active: most, ..everybody.clone() },
        UserFilter { anonymous: AnonymousScope::Only, ..everybody.clone() },
        everybody,
    ]
}

/// Reads all pages of `limit`.
macro_rules! walk {
    ($limit:expr, $cursor:expr, |$page:ident| $read:expr) => {{
        let mut items = Vec::new();
        let mut after: Option<Cursor> = None;
        loop {
            let $page = PageRequest { after, limit: PageLimit::new($limit).unwrap() };
            let page: Page<User> = $read.await.unwrap();
            items.extend(page.items);
            if let (Some(next), Some(last)) = (&page.next, items.last()) {
                assert_eq!(*next, $cursor(last));
            }
            match page.next {
                Some(next) => after = Some(next),
                None => break items,
            }
        }
    }};
}

#[track_caller]
fn check_same(got: &[User], expected: &[&User], what: &str) {
    let ids = |users: &[&User]| users.iter().map(|user| user.id).collect::<Vec<UserId>>();
    assert_eq!(ids(&got.iter().collect::<Vec<_>>()), ids(expected), "{what}");
}

async fn check_lists(unit: &mut dyn UnitOfWork, users: &[User]) {
    for filter in filters() {
        for order in
            [UserOrder::Newest, UserOrder::Oldest, UserOrder::RecentlyActive, UserOrder::Name]
        {
            let mut expected: Vec<&User> =
                users.iter().filter(|user| filter.matches(user)).collect();
            expected.sort_by(|a, b| match order {
                UserOrder::Newest => (b.created_at, b.id).cmp(&(a.created_at, a.id)),
                UserOrder::Oldest => (a.created_at, a.id).cmp(&(b.created_at, b.id)),
                UserOrder::RecentlyActive => {
                    (b.last_active_at, b.id).cmp(&(a.last_active_at, a.id))
                }
                UserOrder::Name => (a.name.canonical(), a.id).cmp(&(b.name.canonical(), b.id)),
            });
            let got = walk!(700, |user| order.cursor(user), |page| unit
                .users()
                .list(&filter, order, &page));
            check_same(&got, &expected, &format!("{order:?} of {filter:?}"));
        }
        let counted = unit.users().count(&filter).await.unwrap();
        assert_eq!(counted, users.iter().filter(|user| filter.matches(user)).count() as u64);
    }
}

async fn check_searches(unit: &mut dyn UnitOfWork, users: &[User], texts: &[&str]) {
    for text in texts {
        let text = SearchText::parse(text).unwrap();
        let mut hits: Vec<(SearchMatch, &User)> =
            users.iter().filter_map(|user| Some((text.rank(user)?, user))).collect();
        hits.sort_by(|a, b| (&a.0, a.1.id).cmp(&(&b.0, b.1.id)));
        for filter in searched() {
            let expected: Vec<&User> =
                hits.iter().map(|(_, user)| *user).filter(|user| filter.matches(user)).collect();
            let cursor = |user: &User| match text.rank(user) {
                Some(SearchMatch::Prefix(field)) => Cursor::at_text(field, user.id.as_uuid()),
                _ => Cursor::at_id(user.id.as_uuid()),
            };
            let limit = if expected.len() > 300 { 300 } else { 17 };
            let got = walk!(limit, cursor, |page| unit.users().search(&text, &filter, &page));
            check_same(&got, &expected, &format!("{text:?} in {filter:?}"));
        }
    }
}

#[tokio::test]
async fn lists_and_counts_are_what_the_filter_says() {
    let (storage, _folder) = fresh().await;
    let users = store(&storage, 0..USERS).await;
    check_lists(&mut *storage.read().await.unwrap(), &users).await;
}

#[tokio::test]
async fn searches_are_what_the_rank_says() {
    let (storage, _folder) = fresh().await;
    let users = store(&storage, 0..USERS).await;
    let texts = [
        "a",
        "an",
        "anna",
        "_",
        "%",
        "\"",
        "'",
        "0%",
        "王",
        "伟",
        "é",
        "user1",
        "12@ex",
        ".com",
        "nymous",
        "o'b",
        "n\"d",
        "müllerj",
        "nobody at all",
        "zoë_ an",
        "ola\u{10FFFF}",
    ];
    check_searches(&mut *storage.read().await.unwrap(), &users, &texts).await;
}

#[tokio::test]
async fn changes_and_purges_are_followed() {
    let (storage, _folder) = fresh().await;
    let mut users = store(&storage, 0..USERS).await;
    let mut unit = storage.write().await.unwrap();
    for (n, user) in users.iter_mut().enumerate() {
        match n % 5 {
            0 => user.full_name = None,
            1 => user.status = UserStatus::Suspended,
            2 => {
                user.display_name = user.full_name.as_ref().map(|name| {
                    systemprompt_users_domain::DisplayName::parse(&format!("The {name}")).unwrap()
                })
            }
            3 => user.is_bot = !user.is_bot,
            _ => user.created_at += Duration::days(40),
        }
        user.version += 1;
    }
    unit.users().update_many(&users).await.unwrap();
    let gone: Vec<User> = users.drain(..400).collect();
    let gone: Vec<UserId> = gone.iter().map(|user| user.id).collect();
    assert_eq!(unit.users().purge_many(&gone).await.unwrap().users, 400);
    unit.commit().await.unwrap();
    let mut unit = storage.read().await.unwrap();
    check_lists(&mut *unit, &users).await;
    check_searches(&mut *unit, &users, &["the", "he j", "an", "12"]).await;
}
