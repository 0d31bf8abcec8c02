//! Lists: keyset pages that lose nobody and repeat nobody.

use chrono::Duration;
use futures_util::TryStreamExt;
use systemprompt_users::{
    AnonymousScope, Cursor, Page, PageRequest, User, UserFilter, UserId, UserOrder, UserRole,
    UserStatus,
};
use systemprompt_users_tests::{Host, field, on_every_backend};

on_every_backend! {
    pages_hold_everybody_once_in_each_order,
    users_of_one_moment_are_told_apart_by_id,
    who_is_recently_active_comes_first,
    names_are_ordered_by_their_canonical_form,
    a_user_that_stays_is_seen_once_whatever_changes,
    a_limit_is_one_to_a_thousand,
    a_cursor_of_another_list_is_refused,
    the_stream_holds_everybody,
    deleted_users_are_listed_where_asked_for,
    an_empty_list_has_one_page,
}

const ORDERS: [UserOrder; 4] =
    [UserOrder::Newest, UserOrder::Oldest, UserOrder::RecentlyActive, UserOrder::Name];

/// All pages of a list.
async fn walk(host: &Host, filter: &UserFilter, order: UserOrder, limit: i64) -> Vec<User> {
    let mut request = PageRequest::new(limit).unwrap();
    let mut users = Vec::new();
    loop {
        let Page { items, next } = host.users.list(filter, order, &request).await.unwrap();
        assert!(i64::try_from(items.len()).unwrap() <= limit);
        users.extend(items);
        match next {
            // As a client sends it back.
            Some(next) => request = request.after(Some(next.to_string().parse().unwrap())),
            None => return users,
        }
    }
}

fn ids(users: &[User]) -> Vec<UserId> {
    users.iter().map(|user| user.id).collect()
}

async fn pages_hold_everybody_once_in_each_order(host: &Host) {
    for n in 0..23 {
        host.user(&format!("user{}", (n * 7) % 23)).await;
    }
    for order in ORDERS {
        let whole = walk(host, &UserFilter::default(), order, 1000).await;
        assert_eq!(whole.len(), 23);
        for limit in [1, 2, 5, 22, 23, 24] {
            let pages = walk(host, &UserFilter::default(), order, limit).await;
            assert_eq!(pages, whole, "{order:?} by {limit}");
        }
        let sorted = match order {
            UserOrder::Newest => whole.is_sorted_by_key(|user| std::cmp::Reverse(user.created_at)),
            UserOrder::Oldest => whole.is_sorted_by_key(|user| user.created_at),
            UserOrder::RecentlyActive => {
                whole.is_sorted_by_key(|user| std::cmp::Reverse(user.last_active_at))
            }
            UserOrder::Name => whole.is_sorted_by_key(|user| user.name.canonical().to_owned()),
        };
        assert!(sorted, "{order:?}");
    }
}

async fn users_of_one_moment_are_told_apart_by_id(host: &Host) {
    let rows: Vec<_> = (0..30)
        .map(|n| {
            systemprompt_users::CreateUserParams::new(format!("u{n}"), format!("u{n}@example.com"))
        })
        .collect();
    host.users.bulk_create(&rows, Default::default()).await.unwrap();
    let oldest = ids(&walk(host, &UserFilter::default(), UserOrder::Oldest, 7).await);
    assert!(oldest.is_sorted() && oldest.len() == 30);
    for order in [UserOrder::Newest, UserOrder::RecentlyActive] {
        let mut newest = ids(&walk(host, &UserFilter::default(), order, 7).await);
        newest.reverse();
        assert_eq!(newest, oldest, "{order:?}");
    }
}

async fn who_is_recently_active_comes_first(host: &Host) {
    let [ada, bob, eve] =
        [host.user("ada").await.id, host.user("bob").await.id, host.user("eve").await.id];
    let session = host.session(bob).await.session.id;
    host.session(ada).await;
    host.clock.advance(Duration::minutes(1));
    host.sessions.touch(session).await.unwrap();
    let listed = walk(host, &UserFilter::default(), UserOrder::RecentlyActive, 2).await;
    assert_eq!(ids(&listed), [bob, ada, eve]);
}

async fn names_are_ordered_by_their_canonical_form(host: &Host) {
    for name in ["Zoe", "adam", "Bob", "ÉMILE", "eve", "_x", "10"] {
        host.user(name).await;
    }
    let listed = walk(host, &UserFilter::default(), UserOrder::Name, 2).await;
    let names: Vec<_> = listed.iter().map(|user| user.name.as_str()).collect();
    assert_eq!(
        names,
        ["10", "_x", "adam", "Bob", "eve", "Zoe", "ÉMILE"],
        "by bytes, small letters"
    );
}

async fn a_user_that_stays_is_seen_once_whatever_changes(host: &Host) {
    let mut stay = Vec::new();
    for n in 0..12 {
        let user = host.user(&format!("user{n:02}")).await.id;
        if n % 3 == 0 {
            stay.push(user);
        }
    }
    for order in [UserOrder::Newest, UserOrder::Oldest, UserOrder::Name] {
        let mut request = PageRequest::new(3).unwrap();
        let mut seen = Vec::new();
        let mut round = 0;
        loop {
            let page = host.users.list(&UserFilter::default(), order, &request).await.unwrap();
            seen.extend(ids(&page.items));
            let Some(next) = page.next else { break };
            request = request.after(Some(next));
            // Between two pages the last user seen goes away, and others come.
            let last = page.items.last().unwrap().id;
            if !stay.contains(&last) {
                host.users.delete(last).await.unwrap();
            }
            for place in ["a", "z"] {
                host.user(&format!("{place}-{order:?}-{round}")).await;
            }
            round += 1;
            if round > 20 {
                break;
            }
        }
        for id in &stay {
            assert_eq!(seen.iter().filter(|seen| *seen == id).count(), 1, "{order:?}");
        }
    }
}

async fn a_limit_is_one_to_a_thousand(host: &Host) {
    host.user("ada").await;
    for wrong in [0, -1, 1001, 1_000_000, i64::MIN, i64::MAX] {
        assert_eq!(field(PageRequest::new(wrong)), "limit");
        assert_eq!(field(host.users.list_by_filter(&UserFilter::default(), wrong).await), "limit");
    }
    for right in [1, 1000] {
        let page = host.users.list_by_filter(&UserFilter::default(), right).await.unwrap();
        assert_eq!((page.items.len(), page.next), (1, None));
    }
}

async fn a_cursor_of_another_list_is_refused(host: &Host) {
    for name in ["ada", "bob"] {
        host.user(name).await;
    }
    let one = PageRequest::new(1).unwrap();
    let next = |order| {
        let one = &one;
        async move { host.users.list(&UserFilter::default(), order, one).await.unwrap().next }
    };
    let (by_time, by_name) = (next(UserOrder::Newest).await, next(UserOrder::Name).await);
    assert!(by_time.is_some() && by_name.is_some());
    for (order, foreign) in [
        (UserOrder::Name, &by_time),
        (UserOrder::Newest, &by_name),
        (UserOrder::Oldest, &by_name),
        (UserOrder::RecentlyActive, &by_name),
        (UserOrder::Newest, &Some(Cursor::at_id(uuid::Uuid::nil()))),
    ] {
        let request = one.clone().after(foreign.clone());
        assert_eq!(field(host.users.list(&UserFilter::default(), order, &request).await), "after");
    }
    let request = one.clone().after(by_time);
    assert_eq!(field(host.users.search("a", &UserFilter::default(), &request).await), "after");
    for garbage in ["", "x", "AAAA", "🦀", &"A".repeat(10_000)] {
        assert_eq!(field(garbage.parse::<Cursor>()), "after");
    }
}

async fn the_stream_holds_everybody(host: &Host) {
    let rows: Vec<_> = (0..2500)
        .map(|n| {
            systemprompt_users::CreateUserParams::new(format!("u{n}"), format!("u{n}@example.com"))
        })
        .collect();
    host.users.bulk_create(&rows, Default::default()).await.unwrap();
    let gone = host.users.find_by_name("u7").await.unwrap().unwrap().id;
    host.users.delete(gone).await.unwrap();
    let all: Vec<User> =
        host.users.list_all(UserFilter::default(), UserOrder::Oldest).try_collect().await.unwrap();
    let mut distinct = ids(&all);
    distinct.dedup();
    assert_eq!((all.len(), distinct.len()), (2499, 2499));
    let few: Vec<User> = {
        use futures_util::StreamExt;
        let stream = host.users.list_all(UserFilter::default(), UserOrder::Name).take(3);
        stream.try_collect().await.unwrap()
    };
    assert_eq!(few.len(), 3, "a stream may be left early");
}

async fn deleted_users_are_listed_where_asked_for(host: &Host) {
    let ada = host.user("ada").await.id;
    let gone = host.user("gone").await.id;
    host.users.delete(gone).await.unwrap();
    let visitor = host.visitor("browser").await.user.id;
    let suspended = host.user("suspended").await.id;
    host.users.update_status(suspended, UserStatus::Suspended).await.unwrap();
    let listed =
        |filter: UserFilter| async move { ids(&walk(host, &filter, UserOrder::Oldest, 10).await) };
    assert_eq!(listed(UserFilter::default()).await, [ada, suspended]);
    assert_eq!(listed(UserFilter::by_status(UserStatus::Deleted)).await, [gone]);
    assert_eq!(listed(UserFilter::by_status(UserStatus::Suspended)).await, [suspended]);
    assert_eq!(listed(UserFilter::by_role(UserRole::Anonymous)).await, [visitor]);
    let all = UserFilter {
        scope: systemprompt_users::UserScope::All,
        anonymous: AnonymousScope::Include,
        ..UserFilter::default()
    };
    assert_eq!(listed(all).await, [ada, gone, visitor, suspended]);
    let nobody = UserFilter { statuses: vec![UserStatus::Deleted], ..UserFilter::default() };
    assert!(listed(nobody).await.is_empty(), "no live user is deleted");
}

async fn an_empty_list_has_one_page(host: &Host) {
    for order in ORDERS {
        let page = host.users.list(&UserFilter::default(), order, &Default::default()).await;
        assert_eq!(page.unwrap(), Page { items: Vec::new(), next: None });
    }
}
