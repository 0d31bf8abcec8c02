//! Counts, tallies and sign-ups: what a scan of all users would say, after whatever happened.

use chrono::{DateTime, Duration, NaiveDate, NaiveTime, Utc};
use systemprompt_users_domain::{
    SignupDay, TimeRange, User, UserFilter, UserScope, UserStatus, UserTally,
};

use crate::Subject;
use crate::fixtures::{
    anonymous, at, changed, deleted, email, name, suspended, tick, user, user_id,
};
use crate::population::{expected_tally, filters, population, ranges};
use crate::subject::by_id;

async fn tally(subject: &Subject, created: &TimeRange) -> Vec<UserTally> {
    let mut tallies = subject.read().await.users().tally(created).await.unwrap();
    tallies.sort();
    tallies
}

/// Compares every tally, and some counts, with a scan of `users`.
async fn check_tallies(subject: &Subject, users: &[User]) {
    for created in ranges().iter().chain([&TimeRange::default()]) {
        let expected = expected_tally(users, created);
        assert_eq!(tally(subject, created).await, expected, "{created:?}");
        for scope in [UserScope::Live, UserScope::Deleted, UserScope::All] {
            let filter = UserFilter { scope, created: *created, ..UserFilter::default() };
            check_count(subject, users, &filter).await;
        }
    }
}

async fn check_count(subject: &Subject, users: &[User], filter: &UserFilter) {
    let expected = users.iter().filter(|user| filter.matches(user)).count() as u64;
    let counted = subject.read().await.users().count(filter).await.unwrap();
    assert_eq!(counted, expected, "{filter:?}");
}

pub(crate) async fn an_empty_storage_counts_nobody(subject: Subject) {
    check_tallies(&subject, &[]).await;
}

pub(crate) async fn every_filter_is_counted_as_it_matches(subject: Subject) {
    let users = population(48);
    subject.store(&users).await;
    for filter in filters() {
        check_count(&subject, &users, &filter).await;
    }
}

/// A bound made of a clock is finer than what is stored.
pub(crate) async fn an_end_finer_than_what_is_stored_is_the_next_whole_one(subject: Subject) {
    let users = [User { last_active_at: at(9), ..user(1) }];
    subject.store(&users).await;
    let fine = Duration::nanoseconds(1);
    let ranges = [
        (TimeRange::since as fn(DateTime<Utc>) -> TimeRange, [1, 0, 1]),
        (TimeRange::before, [0, 1, 0]),
    ];
    for (range, stored) in ranges {
        for (shift, expected) in [Duration::zero(), fine, -fine].into_iter().zip(stored) {
            let created = UserFilter { created: range(at(1) + shift), ..UserFilter::default() };
            let active = UserFilter { last_active: range(at(9) + shift), ..UserFilter::default() };
            for filter in [created, active] {
                assert_eq!(subject.read().await.users().count(&filter).await.unwrap(), expected);
                let listed = subject.list_users(&filter, Default::default(), 10).await;
                assert_eq!(listed.len() as u64, expected, "{filter:?}");
                check_count(&subject, &users, &filter).await;
            }
        }
    }
}

pub(crate) async fn a_tally_names_what_users_share(subject: Subject) {
    let users = population(48);
    subject.store(&users).await;
    check_tallies(&subject, &users).await;
}

/// Does to each user what its number says, in one batch, and answers with the users as they are now.
async fn change_all(subject: &Subject, users: Vec<User>) -> Vec<User> {
    let (untouched, touched): (Vec<_>, Vec<_>) =
        users.into_iter().enumerate().partition(|(place, _)| place % 3 == 2);
    let touched: Vec<_> = touched
        .into_iter()
        .map(|(place, user)| {
            changed(user, |user| match (user.status, place % 4) {
                (UserStatus::Deleted, _) => {
                    user.name = name(&format!("restored{place}"));
                    user.restore().unwrap();
                }
                (UserStatus::Active, 0) => user.status = UserStatus::Suspended,
                (UserStatus::Suspended, _) => user.status = UserStatus::Active,
                (_, 1) => user.delete(at(30_000)).unwrap(),
                (_, 2) if !user.is_anonymous() => user.email_verified = !user.email_verified,
                (_, 2) => user
                    .promote(user.name.clone(), email(&format!("promoted{place}@example.com")))
                    .unwrap(),
                _ => user.is_bot = !user.is_bot,
            })
        })
        .collect();
    subject.update(&touched).await;
    untouched.into_iter().map(|(_, user)| user).chain(touched).collect()
}

pub(crate) async fn counts_follow_every_change(subject: Subject) {
    let mut users = population(48);
    subject.store(&users).await;
    for _ in 0..3 {
        users = change_all(&subject, by_id(users)).await;
        check_tallies(&subject, &users).await;
    }
    let gone: Vec<_> = users.drain(..20).map(|user| user.id).collect();
    subject.purge(&gone).await;
    check_tallies(&subject, &users).await;
    let rest: Vec<_> = users.iter().map(|user| user.id).collect();
    subject.purge(&rest).await;
    check_tallies(&subject, &[]).await;
}

pub(crate) async fn what_is_refused_or_dropped_counts_nowhere(subject: Subject) {
    let users = population(12);
    subject.store(&users).await;
    let mut unit = subject.write().await;
    unit.users().insert_many(&population(24)[12..]).await.unwrap();
    unit.users().purge_many(&[user_id(1), user_id(2)]).await.unwrap();
    drop(unit);
    let mut unit = subject.write().await;
    let twins = [User { id: user_id(900), ..users[0].clone() }, users[1].clone()];
    unit.users().insert_many(&twins).await.unwrap();
    let bot = changed(users[2].clone(), |user| user.is_bot = !user.is_bot);
    let stale = User { version: 9, ..users[3].clone() };
    unit.users().update_many(&[bot, stale]).await.unwrap_err();
    unit.users().touch_many(&[(user_id(1), at(90_000))]).await.unwrap();
    unit.commit().await.unwrap();
    check_tallies(&subject, &users).await;
}

pub(crate) async fn a_unit_counts_its_own_changes(subject: Subject) {
    let users = population(24);
    subject.store(&users[..12]).await;
    let mut unit = subject.write().await;
    unit.users().insert_many(&users[12..]).await.unwrap();
    let everything = TimeRange::default();
    let mut tallies = unit.users().tally(&everything).await.unwrap();
    tallies.sort();
    assert_eq!(tallies, expected_tally(&users, &everything));
    let filter = UserFilter::default();
    let expected = users.iter().filter(|user| filter.matches(user)).count() as u64;
    assert_eq!(unit.users().count(&filter).await.unwrap(), expected);
    drop(unit);
    check_tallies(&subject, &users[..12]).await;
}

pub(crate) async fn hours_begin_and_end_to_the_microsecond(subject: Subject) {
    // Before 1970, too, an hour begins at its beginning.
    let epoch = -at(0).timestamp();
    let moments: Vec<_> = [
        epoch - 5_400,
        epoch - 3_600,
        epoch,
        -7_200,
        -3_600,
        0,
        1_800,
        3_600,
        7_200,
        86_400,
        31_536_000,
    ]
    .into_iter()
    .flat_map(|second| [at(second) - tick(), at(second), at(second) + tick()])
    .collect();
    let users: Vec<_> =
        moments.iter().zip(1..).map(|(time, n)| User { created_at: *time, ..user(n) }).collect();
    subject.store(&users).await;
    for from in &moments {
        for until in moments.iter().step_by(2) {
            let created = TimeRange { from: Some(*from), until: Some(*until) };
            assert_eq!(tally(&subject, &created).await, expected_tally(&users, &created));
            check_count(&subject, &users, &UserFilter { created, ..UserFilter::default() }).await;
        }
    }
}

fn day(day: i64) -> NaiveDate {
    (at(0) + Duration::days(day)).date_naive()
}

async fn check_signups(subject: &Subject, users: &[User], first: i64, last: i64) {
    let filter = UserFilter::default();
    let expected: Vec<_> = (first..=last)
        .map(|offset| {
            let created_then = |user: &&User| user.created_at.date_naive() == day(offset);
            let count = users.iter().filter(|user| filter.matches(user)).filter(created_then);
            SignupDay { day: day(offset), count: count.count() as u64 }
        })
        .filter(|day| day.count > 0)
        .collect();
    let mut unit = subject.read().await;
    let signups = unit.users().signups_per_day(day(first), day(last)).await.unwrap();
    assert_eq!(signups, expected, "{first} to {last}");
}

pub(crate) async fn sign_ups_are_by_day_of_live_registered_users(subject: Subject) {
    let midnight = day(1).and_time(NaiveTime::MIN).and_utc();
    let made = |created_at, user: User| User { created_at, ..user };
    let mut users = vec![
        made(midnight - tick(), user(1)),
        made(midnight, user(2)),
        made(midnight + tick(), suspended(user(3))),
        made(midnight + Duration::hours(12), deleted(user(4), at(900_000))),
        made(midnight, anonymous(5)),
        made(midnight + Duration::days(1) - tick(), user(6)),
        made(midnight + Duration::days(1), user(7)),
        made(midnight + Duration::days(5), user(8)),
        made(midnight - Duration::days(40), user(9)),
        made(midnight + Duration::days(3), anonymous(10)),
    ];
    subject.store(&users).await;
    for (first, last) in [(-60, 60), (0, 0), (1, 1), (1, 2), (0, 6), (3, 5), (-39, -39), (20, 30)] {
        check_signups(&subject, &users, first, last).await;
    }
    users[1] = changed(users[1].clone(), |user| user.delete(at(900_000)).unwrap());
    users[4] = changed(users[4].clone(), |user| {
        user.promote(name("registered"), email("r@example.com")).unwrap();
    });
    subject.update(&[users[1].clone(), users[4].clone()]).await;
    check_signups(&subject, &users, -60, 60).await;
    subject.purge(&[users.remove(7).id]).await;
    check_signups(&subject, &users, -60, 60).await;
}

pub(crate) async fn days_that_end_before_they_begin_are_none(subject: Subject) {
    subject.store(&[user(1)]).await;
    let mut unit = subject.read().await;
    assert_eq!(unit.users().signups_per_day(day(1), day(-1)).await.unwrap(), []);
}
