//! Searching through more users than one statement looks at, for texts and filters of every distribution.

use systemprompt_users_contract::fixtures::{anonymous, at, user};
use systemprompt_users_domain::{
    AnonymousScope, FullName, PageLimit, PageRequest, SearchText, Storage, TimeRange, User,
    UserFilter,
};
use systemprompt_users_postgres::PostgresStorage;

use crate::database::migrated;

const USERS: u32 = 6_500;

/// A user who holds, inside of a field: `most`, unless it is one of the oldest; `new` or `old`, if it is one of these;
/// `spread`, one in a hundred; `lonely`, one of all.
fn made(n: u32) -> User {
    let mut words = vec!["x"];
    for (word, holds) in [
        ("most", n >= 2_000),
        ("new", n >= USERS - 65),
        ("old", n < 65),
        ("spread", n.is_multiple_of(100)),
        ("lonely", n == 4_321),
        ("åß", n.is_multiple_of(70)),
    ] {
        if holds {
            words.push(word);
        }
    }
    let full_name = Some(FullName::parse(&words.join(" -")).unwrap());
    let is_bot = n.is_multiple_of(130);
    User { full_name, is_bot, ..if n.is_multiple_of(9) { anonymous(n) } else { user(n) } }
}

async fn found(
    storage: &PostgresStorage,
    text: &SearchText,
    filter: &UserFilter,
    limit: i64,
) -> Vec<User> {
    let limit = PageLimit::new(limit).unwrap();
    let mut found = Vec::new();
    let mut next = Some(PageRequest { after: None, limit });
    let mut unit = storage.read().await.unwrap();
    while let Some(request) = next.take() {
        let page = unit.users().search(text, filter, &request).await.unwrap();
        found.extend(page.items);
        next = page.next.map(|after| PageRequest { after: Some(after), limit });
    }
    found
}

#[tokio::test]
async fn pages_are_whole_however_they_are_found() {
    let (storage, _database) = migrated().await;
    let users: Vec<User> = (0..USERS).map(made).collect();
    let mut unit = storage.write().await.unwrap();
    unit.users().insert_many(&users).await.unwrap();
    unit.commit().await.unwrap();
    let with_visitors = AnonymousScope::Include;
    let range = |from, until| TimeRange { from: Some(at(from)), until: Some(at(until)) };
    let filters = [
        UserFilter::default(),
        UserFilter { anonymous: with_visitors, ..UserFilter::default() },
        UserFilter { is_bot: Some(true), anonymous: with_visitors, ..UserFilter::default() },
        UserFilter { created: range(4_300, 4_400), ..UserFilter::default() },
        UserFilter {
            created: range(0, 6_000),
            last_active: range(1_900, 2_100),
            ..UserFilter::default()
        },
        UserFilter {
            created: range(100, 6_400),
            anonymous: with_visitors,
            ..UserFilter::default()
        },
    ];
    for text in ["most", "new", "old", "spread", "lonely", "nobody", "user", "åß", "%", "-s", "1"]
    {
        let text = SearchText::parse(text).unwrap();
        for filter in &filters {
            let mut expected: Vec<_> = users
                .iter()
                .filter(|user| filter.matches(user))
                .filter_map(|user| Some((text.rank(user)?, user.id)))
                .collect();
            expected.sort();
            let expected: Vec<_> = expected.into_iter().map(|(_, id)| id).collect();
            let found = found(&storage, &text, filter, 450).await;
            let found: Vec<_> = found.into_iter().map(|user| user.id).collect();
            assert!(
                found == expected,
                "{text:?} {filter:?}: {} of {}",
                found.len(),
                expected.len()
            );
        }
    }
    storage.close().await;
}
