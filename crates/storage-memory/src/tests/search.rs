//! Search within fields: whatever happens to users, they are found by what they hold now, and where few
//! hold a text, few are looked at.

use systemprompt_users_contract::fixtures::{
    anonymous, changed, deleted, email, name, suspended, user, user_id,
};
use systemprompt_users_domain::{
    AnonymousScope, Cursor, DisplayName, FullName, Page, PageLimit, PageRequest, Roles,
    SearchMatch, SearchText, Storage, TimeRange, User, UserFilter, UserStatus,
};

use super::all_pages;
use crate::MemoryStorage;
use crate::users::LOOKED_AT;

async fn store(storage: &MemoryStorage, users: &[User]) {
    let mut unit = storage.write().await.unwrap();
    unit.users().insert_many(users).await.unwrap();
    unit.commit().await.unwrap();
}

async fn update(storage: &MemoryStorage, users: &[User]) {
    let mut unit = storage.write().await.unwrap();
    unit.users().update_many(users).await.unwrap();
    unit.commit().await.unwrap();
}

async fn search(storage: &MemoryStorage, text: &str, page: &PageRequest) -> Page<User> {
    let text = SearchText::parse(text).unwrap();
    let mut unit = storage.read().await.unwrap();
    unit.users().search(&text, &UserFilter::default(), page).await.unwrap()
}

/// The numbers of those who are found.
async fn found(storage: &MemoryStorage, text: &str) -> Vec<u32> {
    let page = PageRequest { limit: PageLimit::new(1000).unwrap(), ..PageRequest::default() };
    let number = |user: &User| (0..100_000).find(|n| user_id(*n) == user.id).unwrap();
    let mut found: Vec<_> = search(storage, text, &page).await.items.iter().map(number).collect();
    found.sort_unstable();
    found
}

fn looked_at() -> usize {
    LOOKED_AT.with(std::cell::Cell::take)
}

/// Enough others that those before them are in a segment.
async fn crowd(storage: &MemoryStorage, numbers: std::ops::Range<u32>) {
    store(storage, &numbers.map(user).collect::<Vec<_>>()).await;
}

fn called(n: u32, text: &str) -> User {
    User { name: name(text), email: None, ..user(n) }
}

#[tokio::test]
async fn who_is_renamed_is_found_by_the_new_name_and_not_by_the_old() {
    let storage = MemoryStorage::new();
    let mut odd = called(1, "old-zebra");
    store(&storage, std::slice::from_ref(&odd)).await;
    crowd(&storage, 100..140).await;
    for (round, (gone, new)) in
        [("zebra", "new-gnu"), ("gnu", "old-zebra"), ("zebra", "an-okapi")].iter().enumerate()
    {
        assert_eq!(found(&storage, gone).await, [1], "round {round}");
        odd = changed(odd, |user| user.name = name(new));
        update(&storage, std::slice::from_ref(&odd)).await;
        assert_eq!(found(&storage, gone).await, [0; 0], "round {round}");
        assert_eq!(found(&storage, &new[3..]).await, [1], "round {round}");
        crowd(&storage, 200 + 40 * round as u32..240 + 40 * round as u32).await;
        assert_eq!(found(&storage, gone).await, [0; 0], "round {round}, in a segment");
        assert_eq!(found(&storage, &new[3..]).await, [1], "round {round}, in a segment");
    }
}

#[tokio::test]
async fn two_who_swap_names_are_each_found_by_the_other_one() {
    let storage = MemoryStorage::new();
    let (a, b) = (called(1, "a-zebra"), called(2, "an-okapi"));
    store(&storage, &[a.clone(), b.clone()]).await;
    crowd(&storage, 100..140).await;
    let swapped = [
        changed(a.clone(), |user| user.name = b.name.clone()),
        changed(b.clone(), |user| user.name = a.name),
    ];
    update(&storage, &swapped).await;
    assert_eq!(
        (found(&storage, "zebra").await, found(&storage, "okapi").await),
        (vec![2], vec![1])
    );
}

#[tokio::test]
async fn who_is_suspended_deleted_restored_or_purged_is_found_as_long_as_the_filter_wants() {
    let storage = MemoryStorage::new();
    let odd = called(1, "old-zebra");
    store(&storage, std::slice::from_ref(&odd)).await;
    crowd(&storage, 100..140).await;
    let odd = changed(odd, |user| user.status = UserStatus::Suspended);
    update(&storage, std::slice::from_ref(&odd)).await;
    assert_eq!(found(&storage, "zebra").await, [1]);
    let gone = changed(odd.clone(), |user| *user = deleted(user.clone(), user.created_at));
    update(&storage, std::slice::from_ref(&gone)).await;
    assert_eq!(found(&storage, "zebra").await, [0; 0]);
    let back = User { version: gone.version + 1, ..odd };
    update(&storage, std::slice::from_ref(&back)).await;
    assert_eq!(found(&storage, "zebra").await, [1]);
    let mut unit = storage.write().await.unwrap();
    unit.users().purge_many(&[user_id(1)]).await.unwrap();
    unit.commit().await.unwrap();
    assert_eq!(found(&storage, "zebra").await, [0; 0]);
    store(&storage, &[called(1, "an-okapi")]).await;
    crowd(&storage, 200..240).await;
    assert_eq!(found(&storage, "zebra").await, [0; 0]);
    assert_eq!(found(&storage, "okapi").await, [1]);
}

#[tokio::test]
async fn a_visitor_who_registers_is_found_among_the_registered() {
    let storage = MemoryStorage::new();
    let visitor = User { name: name("old-zebra"), ..anonymous(1) };
    store(&storage, std::slice::from_ref(&visitor)).await;
    // Who has the same runs in the name, in the index that the visitor comes into.
    crowd(&storage, 100..140).await;
    let others: Vec<User> =
        (200..300).map(|n| User { name: name(&format!("a-zebra-{n}")), ..anonymous(n) }).collect();
    store(&storage, &others).await;
    looked_at();
    assert_eq!(found(&storage, "zebra").await, [0; 0]);
    assert_eq!(looked_at(), 0, "visitors are not looked at where nobody asks for them");
    let promoted = changed(visitor, |user| user.roles = Roles::USER);
    update(&storage, &[promoted]).await;
    assert_eq!(found(&storage, "zebra").await, [1]);
    crowd(&storage, 300..340).await;
    let mut unit = storage.write().await.unwrap();
    unit.users().purge_many(&(200..290).map(user_id).collect::<Vec<_>>()).await.unwrap();
    unit.commit().await.unwrap();
    assert_eq!(found(&storage, "zebra").await, [1]);
    let only = UserFilter { anonymous: AnonymousScope::Only, ..UserFilter::default() };
    let both = UserFilter { anonymous: AnonymousScope::Include, ..UserFilter::default() };
    let text = SearchText::parse("zebra").unwrap();
    let mut unit = storage.read().await.unwrap();
    for (filter, count) in [(only, 10), (both, 11)] {
        let page = PageRequest::default();
        let found = unit.users().search(&text, &filter, &page).await.unwrap();
        assert_eq!(found.items.len(), count);
    }
}

#[tokio::test]
async fn a_dropped_unit_and_a_failed_update_leave_the_index_as_it_was() {
    let storage = MemoryStorage::new();
    store(&storage, &[called(1, "old-zebra"), called(2, "an-okapi")]).await;
    crowd(&storage, 100..140).await;
    let mut unit = storage.write().await.unwrap();
    let renamed = changed(called(1, "old-zebra"), |user| user.name = name("new-gnu"));
    unit.users().update_many(std::slice::from_ref(&renamed)).await.unwrap();
    unit.users().insert_many(&(200..300).map(user).collect::<Vec<_>>()).await.unwrap();
    unit.users().purge_many(&[user_id(2)]).await.unwrap();
    drop(unit);
    let taken = changed(called(1, "old-zebra"), |user| user.name = name("an-okapi"));
    let mut unit = storage.write().await.unwrap();
    unit.users().update_many(std::slice::from_ref(&taken)).await.unwrap_err();
    unit.commit().await.unwrap();
    crowd(&storage, 300..400).await;
    assert_eq!(found(&storage, "zebra").await, [1]);
    assert_eq!(found(&storage, "okapi").await, [2]);
    assert_eq!(found(&storage, "gnu").await, [0; 0]);
    assert_eq!(found(&storage, "ser250").await, [0; 0]);
    assert_eq!(found(&storage, "ser350").await, [350]);
}

#[tokio::test]
async fn short_texts_are_found_at_either_end_of_a_field_and_never_across_two() {
    let storage = MemoryStorage::new();
    let odd = User {
        name: name("qzxk"),
        email: Some(email("jjq@example.com")),
        full_name: Some(FullName::parse("王芳 Ǆ").unwrap()),
        display_name: Some(DisplayName::parse("E\u{301}Ẅ").unwrap()),
        ..user(1)
    };
    store(&storage, &[odd]).await;
    crowd(&storage, 100..140).await;
    let held = [
        "q", "z", "k", "qz", "xk", "qzx", "zxk", "qzxk", "j", "jj", "jq", "王", "芳", "王芳",
        "芳 ǆ", "ǆ", "Ǆ", "é", "É", "e\u{301}", "ẅ", "W\u{308}", "éẅ",
    ];
    for text in held {
        assert_eq!(found(&storage, text).await, [1], "{text}");
    }
    for text in ["kj", "xkj", "m王", "kjj", "ǆé", "zk", "kx", "qx", "芳王", "e\u{301}w"] {
        assert_eq!(found(&storage, text).await, [0; 0], "{text}");
    }
    assert_eq!(found(&storage, "r100").await, [100]);
    assert_eq!(found(&storage, "m").await.len(), 41);
}

/// Who is looked for among so many, by texts that few hold; how many were looked at for each.
async fn looked_at_among(crowd: u32) -> Vec<(String, usize)> {
    let storage = MemoryStorage::new();
    // All runs of `abcd` are common, and `abcd` is not.
    let member = |n: u32| match n {
        700 => called(n, "x-abcd-x"),
        _ if n.is_multiple_of(200) => called(n, &format!("x-abc-bcd-{n}")),
        _ if n % 2 == 1 => called(n, &format!("x-abc-{n}")),
        _ => called(n, &format!("x-bcd-{n}")),
    };
    let mut users: Vec<User> = (1..=1000).map(member).collect();
    users.extend((1001..=crowd).map(|n| called(n, &format!("x-abc-{n}"))));
    for part in users.chunks(97) {
        store(&storage, part).await;
    }
    let mut all = Vec::new();
    looked_at();
    for (text, expected) in [
        ("nobody", &[][..]),
        ("ǆ", &[][..]),
        ("abcd", &[700][..]),
        ("bc-bcd", &[200, 400, 600, 800, 1000][..]),
        ("bcd-90", &[90, 900, 902, 904, 906, 908][..]),
    ] {
        assert_eq!(found(&storage, text).await, expected, "{text}");
        all.push((text.to_owned(), looked_at()));
    }
    let first = PageRequest { limit: PageLimit::new(1000).unwrap(), ..PageRequest::default() };
    for (text, count) in [("x-bcd", 494), ("-bcd", 499)] {
        let mut page = search(&storage, text, &first).await;
        assert_eq!(page.items.len(), count);
        let last = page.items.pop().unwrap();
        let after = match SearchText::parse(text).unwrap().rank(&last) {
            Some(SearchMatch::Prefix(field)) => Cursor::at_text(field, last.id.as_uuid()),
            _ => Cursor::at_id(last.id.as_uuid()),
        };
        looked_at();
        let behind = PageRequest { after: Some(after), ..first.clone() };
        assert_eq!(search(&storage, text, &behind).await.items, []);
        all.push((format!("behind the last of {text}"), looked_at()));
    }
    all
}

#[tokio::test]
async fn what_few_hold_costs_the_same_among_many() {
    let (few, many) = (looked_at_among(1000).await, looked_at_among(4000).await);
    assert_eq!(few, many);
    assert!(few.iter().all(|(_, looked_at)| *looked_at <= 30), "{few:?}");
}

#[test]
fn pages_of_a_search_among_rare_filters_are_whole() {
    let wait = super::runtime();
    let storage = MemoryStorage::new();
    let member = |n: u32| match n % 40 {
        0 => suspended(user(n)),
        1 => called(n, &format!("x-zebra-{n}")),
        2 => called(n, &format!("zebra-{n}")),
        _ => user(n),
    };
    let users: Vec<User> = (1..=600).map(member).collect();
    wait.block_on(store(&storage, &users));
    let filters = [
        UserFilter::default(),
        UserFilter::by_status(UserStatus::Suspended),
        UserFilter { created: TimeRange::since(user(400).created_at), ..UserFilter::default() },
    ];
    for filter in filters {
        for text in ["zebra", "ser5", "ser", "r599", "example", "00@", "user1"] {
            let text = SearchText::parse(text).unwrap();
            let wanted = users.iter().filter(|user| filter.matches(user));
            let mut ranked: Vec<_> =
                wanted.filter_map(|user| Some((text.rank(user)?, user.id))).collect();
            ranked.sort();
            let mut unit = wait.block_on(storage.read()).unwrap();
            let found =
                all_pages(7, |page| wait.block_on(unit.users().search(&text, &filter, &page)));
            let found: Vec<_> = found.iter().map(|user| user.id).collect();
            let expected: Vec<_> = ranked.into_iter().map(|(_, id)| id).collect();
            assert_eq!(found, expected, "{text:?} {filter:?}");
        }
    }
}
