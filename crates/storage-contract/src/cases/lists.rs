//! Lists of users: every filter, every order, every page.

use std::collections::BTreeSet;

use systemprompt_users_domain::{AnonymousScope, User, UserFilter, UserOrder, UserScope};

use crate::Subject;
use crate::fixtures::{at, changed, email, name, tick, user, user_id};
use crate::population::{expected_list, filters, population};
use crate::subject::{Walk, check_same, request};

const ORDERS: [UserOrder; 4] =
    [UserOrder::Newest, UserOrder::Oldest, UserOrder::RecentlyActive, UserOrder::Name];

fn everybody() -> UserFilter {
    UserFilter {
        scope: UserScope::All,
        anonymous: AnonymousScope::Include,
        ..UserFilter::default()
    }
}

async fn check_list(subject: &Subject, users: &[User], filter: &UserFilter, limit: u16) {
    for order in ORDERS {
        let listed = subject.list_users(filter, order, limit).await;
        let expected = expected_list(users, filter, order);
        assert_eq!(numbers(&listed), numbers(&expected), "{order:?}, {limit}, {filter:?}");
        check_same(&listed, &expected);
    }
}

fn numbers(users: &[User]) -> Vec<u128> {
    users.iter().map(|user| user.id.as_uuid().as_u128() & 0xFFFF_FFFF).collect()
}

pub(crate) async fn an_empty_storage_lists_nobody(subject: Subject) {
    check_list(&subject, &[], &everybody(), 1).await;
}

pub(crate) async fn ordinarily_live_registered_users_are_listed(subject: Subject) {
    let users = population(48);
    subject.store(&users).await;
    let listed = subject.list_users(&UserFilter::default(), UserOrder::Newest, 1000).await;
    assert!(listed.iter().all(|user| user.is_live() && !user.is_anonymous()));
    check_list(&subject, &users, &UserFilter::default(), 1000).await;
}

pub(crate) async fn every_filter_means_what_it_matches(subject: Subject) {
    let users = population(48);
    subject.store(&users).await;
    let mut unit = subject.read().await;
    for (filter, order) in filters().iter().zip(ORDERS.into_iter().cycle()) {
        let page = request(1000, None);
        let page = unit.users().list(filter, order, &page).await.unwrap();
        let expected = expected_list(&users, filter, order);
        assert_eq!(numbers(&page.items), numbers(&expected), "{order:?}, {filter:?}");
        assert_eq!(page.next, None);
    }
}

pub(crate) async fn every_order_breaks_ties_by_id(subject: Subject) {
    let users = population(48);
    subject.store(&users).await;
    check_list(&subject, &users, &everybody(), 1000).await;
}

pub(crate) async fn pages_of_any_size_join_without_a_seam(subject: Subject) {
    let users = population(24);
    subject.store(&users).await;
    for limit in [1, 2, 3, 6, 12, 23, 24, 25] {
        check_list(&subject, &users, &everybody(), limit).await;
    }
}

pub(crate) async fn pages_of_a_filtered_list_join_without_a_seam(subject: Subject) {
    let users = population(48);
    subject.store(&users).await;
    for filter in filters().iter().step_by(23) {
        check_list(&subject, &users, filter, 2).await;
    }
}

pub(crate) async fn one_microsecond_is_enough_for_an_order(subject: Subject) {
    let at_tick = |n: u32| at(0) + tick() * i32::try_from(n).unwrap();
    let users: Vec<_> = [5, 3, 4, 1, 2, 0]
        .iter()
        .zip(1..)
        .map(|(place, n)| User {
            created_at: at_tick(*place),
            last_active_at: at_tick(5 - *place),
            ..user(n)
        })
        .collect();
    subject.store(&users).await;
    check_list(&subject, &users, &everybody(), 1).await;
}

/// By the bytes of the canonical name, not as a dictionary of some language would have it.
pub(crate) async fn names_are_in_the_order_of_their_bytes(subject: Subject) {
    let names = ["zebra", "Éa", "a-b", "a_b", "AB", "ab1", "äa", "王", "a.b", "z", "Ωmega"];
    let users: Vec<_> =
        names.iter().zip(1..).map(|(text, n)| User { name: name(text), ..user(n) }).collect();
    subject.store(&users).await;
    check_list(&subject, &users, &everybody(), 2).await;
}

/// Walks a list by threes while, between two pages, others come, go and move; whoever is not touched is
/// seen once.
async fn check_walk_amid_changes(subject: &Subject, order: UserOrder) {
    let settled = population(40);
    subject.store(&settled).await;
    let mut touched = BTreeSet::new();
    let mut walk = Walk::new(3);
    let mut round = 0;
    while let Some(page) = walk.request() {
        let mut unit = subject.read().await;
        let page = unit.users().list(&everybody(), order, &page).await.unwrap();
        drop(unit);
        walk.take(page, |user| order.cursor(user));
        round += 1;
        let last = walk.items.last().unwrap().clone();
        let newcomer = User {
            id: user_id(1000 + round),
            name: name(&format!("{}new{round}", ["0", "m", "王王"][(round % 3) as usize])),
            email: last.email.as_ref().map(|_| email(&format!("new{round}@example.com"))),
            token_hash: None,
            ..last.clone()
        };
        subject.store(&[newcomer]).await;
        touched.insert(last.id);
        match round % 3 {
            0 => subject.purge(&[last.id]).await,
            1 => {
                let moved = changed(last, |user| {
                    user.name = name(&format!("王moved{round}"));
                    user.last_active_at = at(30_000 + i64::from(round));
                });
                subject.update(&[moved]).await;
            }
            _ => {
                let mut unit = subject.write().await;
                unit.users().touch_many(&[(last.id, at(40_000))]).await.unwrap();
                unit.commit().await.unwrap();
            }
        }
    }
    for user in settled.iter().filter(|user| !touched.contains(&user.id)) {
        let seen = walk.items.iter().filter(|item| item.id == user.id).count();
        assert_eq!(seen, 1, "{order:?}: {user:?}");
    }
}

pub(crate) async fn a_walk_by_creation_loses_nobody(subject: Subject) {
    check_walk_amid_changes(&subject, UserOrder::Newest).await;
}

pub(crate) async fn a_walk_by_creation_upwards_loses_nobody(subject: Subject) {
    check_walk_amid_changes(&subject, UserOrder::Oldest).await;
}

pub(crate) async fn a_walk_by_activity_loses_nobody(subject: Subject) {
    check_walk_amid_changes(&subject, UserOrder::RecentlyActive).await;
}

pub(crate) async fn a_walk_by_name_loses_nobody(subject: Subject) {
    check_walk_amid_changes(&subject, UserOrder::Name).await;
}
