//! Figures: exact, whatever happens at once.

use chrono::{Duration, NaiveDate};
use systemprompt_users::{
    AnonymousScope, CreateUserParams, SignupDay, TimeRange, UserFilter, UserRole, UserScope,
    UserStatus,
};
use systemprompt_users_tests::{Host, TestClock, at_once, field, on_every_backend};

on_every_backend! {
    an_empty_storage_counts_nothing,
    counts_by_status_and_role_are_exact,
    the_overview_is_exact,
    the_windows_of_the_overview_end_at_their_moment,
    a_count_by_filter_is_what_the_list_holds,
    signups_are_counted_by_utc_day,
    a_span_of_signups_is_bounded,
    counts_stay_exact_when_much_happens_at_once,
}

async fn an_empty_storage_counts_nothing(host: &Host) {
    let stats = host.users.get_stats().await.unwrap();
    assert_eq!(stats, Default::default());
    let breakdown = host.users.count_with_breakdown().await.unwrap();
    assert_eq!(breakdown.total, 0);
    assert!(
        breakdown.by_status.values().chain(breakdown.by_role.values()).all(|count| *count == 0)
    );
    assert_eq!((breakdown.by_status.len(), breakdown.by_role.len()), (3, 3), "each is named");
}

/// Two admins (one suspended), three users (one deleted), a bot, two visitors (one deleted).
async fn populate(host: &Host) {
    host.admin("root").await;
    let other = host.admin("other").await.id;
    host.users.update_status(other, UserStatus::Suspended).await.unwrap();
    for name in ["ada", "bob"] {
        host.user(name).await;
    }
    let gone = host.user("gone").await.id;
    host.users.delete(gone).await.unwrap();
    let bot = CreateUserParams { is_bot: true, ..CreateUserParams::new("bot", "bot@example.com") };
    host.clock.advance(Duration::seconds(1));
    host.users.create(&bot).await.unwrap();
    host.visitor("one").await;
    let visitor = host.visitor("two").await.user.id;
    host.users.delete(visitor).await.unwrap();
}

async fn counts_by_status_and_role_are_exact(host: &Host) {
    populate(host).await;
    use UserRole::{Admin, Anonymous, User};
    use UserStatus::{Active, Deleted, Suspended};
    let by_status = [(Active, 4), (Suspended, 1), (Deleted, 1)];
    let by_role = [(Admin, 2), (User, 5), (Anonymous, 1)];
    for (status, count) in by_status {
        assert_eq!(host.users.count_by_status(status).await.unwrap(), count, "{status}");
    }
    for (role, count) in by_role {
        assert_eq!(host.users.count_by_role(role).await.unwrap(), count, "{role}");
    }
    let breakdown = host.users.count_with_breakdown().await.unwrap();
    assert_eq!(breakdown.total, 5);
    assert_eq!(breakdown.by_status, by_status.into());
    assert_eq!(breakdown.by_role, by_role.into());
}

async fn the_overview_is_exact(host: &Host) {
    populate(host).await;
    let stats = host.users.get_stats().await.unwrap();
    assert_eq!((stats.total, stats.active, stats.suspended), (5, 4, 1));
    assert_eq!((stats.admins, stats.anonymous, stats.bots), (2, 1, 1));
    assert_eq!((stats.created_24h, stats.created_7d, stats.created_30d), (5, 5, 5));
    let root = host.users.find_by_name("root").await.unwrap().unwrap();
    let bot = host.users.find_by_name("bot").await.unwrap().unwrap();
    assert_eq!((stats.oldest, stats.newest), (Some(root.created_at), Some(bot.created_at)));
}

async fn the_windows_of_the_overview_end_at_their_moment(host: &Host) {
    let created = host.user("ada").await.created_at;
    let at = |time| {
        host.clock.set(time);
        async move {
            let stats = host.users.get_stats().await.unwrap();
            (stats.created_24h, stats.created_7d, stats.created_30d, stats.total)
        }
    };
    let tick = Duration::microseconds(1);
    assert_eq!(at(created + Duration::days(1)).await, (1, 1, 1, 1));
    assert_eq!(at(created + Duration::days(1) + tick).await, (0, 1, 1, 1));
    assert_eq!(at(created + Duration::days(7)).await, (0, 1, 1, 1));
    assert_eq!(at(created + Duration::days(7) + tick).await, (0, 0, 1, 1));
    assert_eq!(at(created + Duration::days(30)).await, (0, 0, 1, 1));
    assert_eq!(at(created + Duration::days(30) + tick).await, (0, 0, 0, 1));
}

/// One filter of each kind, and some together.
fn filters() -> Vec<UserFilter> {
    let plain = UserFilter::default;
    let middle = TestClock::START + Duration::seconds(4);
    vec![
        plain(),
        UserFilter { scope: UserScope::All, anonymous: AnonymousScope::Include, ..plain() },
        UserFilter { scope: UserScope::Deleted, ..plain() },
        UserFilter { anonymous: AnonymousScope::Only, ..plain() },
        UserFilter::by_role(UserRole::Admin),
        UserFilter { roles: vec![UserRole::Admin, UserRole::Anonymous], ..plain() },
        UserFilter::by_status(UserStatus::Suspended),
        UserFilter { statuses: vec![UserStatus::Deleted], ..plain() },
        UserFilter { is_bot: Some(true), ..plain() },
        UserFilter { is_bot: Some(false), email_verified: Some(false), ..plain() },
        UserFilter { email_verified: Some(true), ..plain() },
        UserFilter { created: TimeRange::since(middle), ..plain() },
        UserFilter { created: TimeRange::before(middle), ..plain() },
        UserFilter { last_active: TimeRange::since(middle), ..plain() },
        UserFilter {
            created: TimeRange { from: Some(TestClock::START), until: Some(middle) },
            roles: vec![UserRole::Admin],
            statuses: vec![UserStatus::Active, UserStatus::Suspended],
            ..plain()
        },
    ]
}

async fn a_count_by_filter_is_what_the_list_holds(host: &Host) {
    populate(host).await;
    let everybody = UserFilter {
        scope: UserScope::All,
        anonymous: AnonymousScope::Include,
        ..UserFilter::default()
    };
    let all = host.users.list_by_filter(&everybody, 1000).await.unwrap().items;
    assert_eq!(all.len(), 8);
    for filter in filters() {
        let listed = host.users.list_by_filter(&filter, 1000).await.unwrap().items;
        let expected: Vec<_> = all.iter().filter(|user| filter.matches(user)).cloned().collect();
        assert_eq!(listed, expected, "{filter:?}");
        let count = host.users.count(&filter).await.unwrap();
        assert_eq!(count, u64::try_from(expected.len()).unwrap(), "{filter:?}");
    }
}

async fn signups_are_counted_by_utc_day(host: &Host) {
    let day = |day| NaiveDate::from_ymd_opt(2026, 3, day).unwrap();
    let midnight = TestClock::START + Duration::hours(14);
    for (name, before) in [("a", 2), ("b", 1), ("c", 0), ("d", -5)] {
        // The clock goes on for a second when a user is made.
        host.clock.set(midnight - Duration::seconds(before + 1));
        host.user(name).await;
    }
    host.clock.set(midnight + Duration::days(2));
    host.user("e").await;
    let gone = host.user("gone").await.id;
    host.users.delete(gone).await.unwrap();
    host.visitor("browser").await;
    let days = host.users.signups_per_day(day(1), day(5)).await.unwrap();
    let expected =
        [(1, 2), (2, 2), (3, 0), (4, 1), (5, 0)].map(|(n, count)| SignupDay { day: day(n), count });
    assert_eq!(days, expected);
    host.users.restore(gone).await.unwrap();
    assert_eq!(host.users.signups_per_day(day(4), day(4)).await.unwrap()[0].count, 2);
}

async fn a_span_of_signups_is_bounded(host: &Host) {
    let day = |year, day| NaiveDate::from_ymd_opt(year, 3, day).unwrap();
    assert_eq!(field(host.users.signups_per_day(day(2026, 2), day(2026, 1)).await), "last");
    assert_eq!(field(host.users.signups_per_day(day(1026, 2), day(2026, 1)).await), "last");
    let max = host.users.signups_per_day(NaiveDate::MIN, NaiveDate::MAX).await;
    assert_eq!(field(max), "last");
    let ten_years = host.users.signups_per_day(day(2017, 1), day(2027, 1)).await.unwrap();
    assert_eq!(ten_years.len(), 3653);
}

async fn counts_stay_exact_when_much_happens_at_once(host: &Host) {
    host.admin("root").await;
    at_once((0..6).map(|n| {
        let host = host.clone();
        async move {
            for round in 0..8 {
                let name = format!("user{n}-{round}");
                let params = CreateUserParams::new(&name, format!("{name}@example.com"));
                let user = host.users.create(&params).await.unwrap().id;
                match round % 4 {
                    0 => drop(host.users.update_status(user, UserStatus::Suspended).await.unwrap()),
                    1 => drop(host.users.delete(user).await.unwrap()),
                    2 => drop(host.users.assign_role(user, UserRole::Admin).await.unwrap()),
                    _ => drop(host.users.create_anonymous(None).await.unwrap()),
                }
            }
        }
    }))
    .await;
    let stats = host.users.get_stats().await.unwrap();
    assert_eq!((stats.total, stats.active, stats.suspended), (37, 25, 12));
    assert_eq!((stats.admins, stats.anonymous, stats.created_24h), (13, 12, 37));
    assert_eq!(host.users.count_by_status(UserStatus::Deleted).await.unwrap(), 12);
}
