//! A mixed population of users, and what lists, searches and counts of it must say.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use chrono::Duration;
use systemprompt_users_domain::{
    AnonymousScope, Cursor, Roles, SearchMatch, SearchText, TimeRange, User, UserFilter, UserOrder,
    UserRole, UserScope, UserStatus, UserTally,
};

use crate::fixtures::{admin, anonymous, at, deleted, name, suspended, tick, user};

/// Users of all kinds. Times and names are not in the order of the ids, and many times are shared.
pub(crate) fn population(size: u32) -> Vec<User> {
    (1..=size).map(member).collect()
}

fn member(n: u32) -> User {
    let mut member = match n {
        n if n.is_multiple_of(8) => anonymous(n),
        n if n.is_multiple_of(10) => {
            User { roles: Roles::new([UserRole::Admin]).unwrap(), ..user(n) }
        }
        n if n.is_multiple_of(5) => admin(n),
        n => user(n),
    };
    // Deleted users share their names, two of them also with a live one.
    member.name = match n % 6 {
        5 => name(&format!("Zoé{}", n % 12)),
        0 if n < 18 => name(&format!("zoÉ{}", n - 1)),
        _ => name(&format!("{}{n}", ["alpha", "Ömer", "beta", "Ali", "王"][(n % 5) as usize])),
    };
    let shared = i64::from(n * 37 % 12);
    member.created_at = at(shared * 600) + tick() * i32::from(shared == 3);
    member.updated_at = member.created_at;
    member.last_active_at = at(10_000 + i64::from(n * 53 % 10) * 60);
    member.is_bot = n % 4 == 1;
    member.email_verified = n.is_multiple_of(3) && member.email.is_some();
    match n {
        n if n % 6 == 5 || n.is_multiple_of(16) => deleted(member, at(20_000 + i64::from(n))),
        n if n.is_multiple_of(7) || n.is_multiple_of(24) => suspended(member),
        _ => member,
    }
}

/// One condition of a filter.
pub(crate) type Condition = Box<dyn Fn(&mut UserFilter)>;

/// Every condition that a filter may hold, the time ranges around the population's times.
pub(crate) fn conditions() -> Vec<Condition> {
    let mut all: Vec<Condition> = Vec::new();
    for scope in [UserScope::Live, UserScope::Deleted, UserScope::All] {
        all.push(Box::new(move |filter| filter.scope = scope));
    }
    for anonymous in [AnonymousScope::Exclude, AnonymousScope::Include, AnonymousScope::Only] {
        all.push(Box::new(move |filter| filter.anonymous = anonymous));
    }
    let [active, suspended, deleted] = UserStatus::ALL;
    for statuses in [vec![active], vec![suspended], vec![deleted], vec![active, deleted, active]] {
        all.push(Box::new(move |filter| filter.statuses.clone_from(&statuses)));
    }
    let [admin, user, anonymous] = UserRole::ALL;
    for roles in [vec![admin], vec![user], vec![anonymous], vec![anonymous, admin]] {
        all.push(Box::new(move |filter| filter.roles.clone_from(&roles)));
    }
    for flag in [true, false] {
        all.push(Box::new(move |filter| filter.email_verified = Some(flag)));
        all.push(Box::new(move |filter| filter.is_bot = Some(flag)));
    }
    for range in ranges() {
        all.push(Box::new(move |filter| filter.created = range));
        let later = |time| time + Duration::seconds(6_400);
        let range = TimeRange { from: range.from.map(later), until: range.until.map(later) };
        all.push(Box::new(move |filter| filter.last_active = range));
    }
    all
}

/// Ranges of times: open at either end, of whole hours, with an end inside an hour, between two
/// microseconds, empty, backwards.
pub(crate) fn ranges() -> Vec<TimeRange> {
    let between = |from, until| TimeRange { from: Some(from), until: Some(until) };
    vec![
        TimeRange::since(at(3_600)),
        TimeRange::before(at(3_600)),
        between(at(1_800), at(1_800) + tick()),
        between(at(1_800) + tick(), at(4_200)),
        between(at(0), at(3_600)),
        between(at(3_600), at(3_600)),
        between(at(3_600), at(0)),
        TimeRange::since(at(3_600) + tick()),
        TimeRange::before(at(3_600) - tick()),
    ]
}

/// Filters of each condition alone, of each pair, and of a spread of larger combinations.
pub(crate) fn filters() -> Vec<UserFilter> {
    let conditions = conditions();
    let mut filters = vec![UserFilter::default()];
    for (place, one) in conditions.iter().enumerate() {
        for other in &conditions[place..] {
            let mut filter = UserFilter::default();
            one(&mut filter);
            other(&mut filter);
            filters.push(filter);
        }
    }
    for round in 0..120 {
        let mut filter = UserFilter::default();
        for (place, condition) in conditions.iter().enumerate() {
            if (round * 7 + place * 13 + round * place).is_multiple_of(4) {
                condition(&mut filter);
            }
        }
        filters.push(filter);
    }
    filters
}

/// What a list of `users` holds, in its order.
pub(crate) fn expected_list(users: &[User], filter: &UserFilter, order: UserOrder) -> Vec<User> {
    let mut wanted: Vec<_> = users.iter().filter(|user| filter.matches(user)).cloned().collect();
    match order {
        UserOrder::Newest => wanted.sort_by_key(|user| Reverse((user.created_at, user.id))),
        UserOrder::Oldest => wanted.sort_by_key(|user| (user.created_at, user.id)),
        UserOrder::RecentlyActive => {
            wanted.sort_by_key(|user| Reverse((user.last_active_at, user.id)));
        }
        UserOrder::Name => {
            wanted.sort_by_key(|user| (user.name.canonical().as_bytes().to_vec(), user.id));
        }
    }
    wanted
}

/// What a search among `users` finds, in its order.
pub(crate) fn expected_search(users: &[User], text: &SearchText, filter: &UserFilter) -> Vec<User> {
    let mut found: Vec<_> = users
        .iter()
        .filter(|user| filter.matches(user))
        .filter_map(|user| Some((text.rank(user)?, user.id, user.clone())))
        .collect();
    found.sort_by(|one, other| (&one.0, one.1).cmp(&(&other.0, other.1)));
    found.into_iter().map(|(_, _, user)| user).collect()
}

/// The place of a user that a search found.
pub(crate) fn search_cursor(text: &SearchText, user: &User) -> Cursor {
    match text.rank(user).unwrap() {
        SearchMatch::Prefix(field) => Cursor::at_text(field, user.id.as_uuid()),
        SearchMatch::Substring => Cursor::at_id(user.id.as_uuid()),
    }
}

/// What the tallies of `users` are, in the order of their properties.
pub(crate) fn expected_tally(users: &[User], created: &TimeRange) -> Vec<UserTally> {
    let mut counts = BTreeMap::new();
    for user in users.iter().filter(|user| created.contains(user.created_at)) {
        *counts.entry(UserTally::of(user)).or_default() += 1;
    }
    counts.into_iter().map(|(shared, count)| UserTally { count, ..shared }).collect()
}
