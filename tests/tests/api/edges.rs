//! What is at the edge of what can be stored: all backends answer alike, and nothing is stored that another one
//! could not.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use chrono::{DateTime, Duration, NaiveDate, Utc};
use systemprompt_users::{
    Actor, ApiKeyService, BanDuration, Clock, Context, Cursor, JobOutcome, JobRunFilter,
    PageRequest, Policy, SignupDay, TimeRange, UserFilter, UserOrder,
};
use systemprompt_users_tests::{Host, TestClock, code, field, on_every_backend};
use uuid::Uuid;

use crate::hourly::{Work, at, history, options, runner};

on_every_backend! {
    whatever_a_job_says_its_end_is_stored,
    a_run_that_never_ends_is_given_up,
    names_of_hosts_and_jobs_can_be_stored,
    whatever_an_actor_is_called_a_change_goes_through,
    a_cursor_of_another_list_is_refused,
    a_text_that_nothing_holds_is_no_place,
    a_range_finer_than_a_microsecond_is_the_same_everywhere,
    touches_at_any_time_go_through,
    the_last_day_of_the_calendar_is_a_day,
    a_clock_before_the_year_1_stands_at_its_start,
    a_policy_is_in_whole_seconds,
}

async fn whatever_a_job_says_its_end_is_stored(host: &Host) {
    let count = Arc::default();
    for (n, work) in
        [Work::FailWith("out: \0\u{1}\nx"), Work::Report("a\0b")].into_iter().enumerate()
    {
        let runner = runner(host, "one", work, &count);
        let run = runner.run_due().await.unwrap().remove(0);
        assert_eq!(history(&runner).await[0], run, "as it is stored");
        match n {
            0 => assert_eq!(run.error.as_deref(), Some("out: \u{FFFD}\u{FFFD} x")),
            _ => assert_eq!(run.report.counts["a\u{FFFD}b"], 1),
        }
        host.clock.advance(Duration::minutes(12));
        assert!(runner.run_due().await.unwrap().is_empty(), "it is not run again");
        host.clock.advance(Duration::minutes(48));
    }
    assert_eq!(count.load(Ordering::SeqCst), 2);
}

async fn a_run_that_never_ends_is_given_up(host: &Host) {
    let count = Arc::default();
    let run = runner(host, "one", Work::Count, &count).run_due().await.unwrap().remove(0);
    let mut unit = host.storage.write().await.unwrap();
    let open = systemprompt_users::JobRun {
        id: systemprompt_users::JobRunId::from_uuid(Uuid::from_u128(9)),
        scheduled_at: at("00:30:00"),
        attempts: 10,
        ended_at: None,
        outcome: None,
        ..run
    };
    assert!(unit.jobs().start(&open).await.unwrap());
    unit.commit().await.unwrap();
    host.clock.advance(Duration::minutes(2));
    let heir = runner(host, "heir", Work::Count, &count);
    assert!(heir.run_due().await.unwrap().is_empty());
    let left = history(&heir).await;
    let given_up = left.iter().find(|run| run.id == open.id).unwrap();
    assert_eq!(given_up.outcome, Some(JobOutcome::Failed));
    assert!(given_up.error.as_ref().unwrap().contains("10 times"), "{given_up:?}");
    assert_eq!(count.load(Ordering::SeqCst), 1, "it was not begun once more");
}

async fn names_of_hosts_and_jobs_can_be_stored(host: &Host) {
    let count = Arc::default();
    let runner = runner(host, "one", Work::Count, &count);
    for bad in ["h\0", "a\nb", "", &"x".repeat(256)] {
        assert_eq!(field(runner.clone().with_options(options(bad))), "host", "{bad:?}");
        let filter = JobRunFilter { job: Some(bad.into()), outcome: None };
        assert_eq!(field(runner.history(&filter, &PageRequest::default()).await), "job", "{bad:?}");
    }
}

async fn whatever_an_actor_is_called_a_change_goes_through(host: &Host) {
    let ada = host.user("ada").await.id;
    let long = "x".repeat(1_000_000);
    for text in ["a\0b", "\u{202E}", "", long.as_str()] {
        for (n, actor) in
            [Actor::Operator(text.into()), Actor::Service(text.into()), Actor::Job(text.into())]
                .into_iter()
                .enumerate()
        {
            let start = host.position().await;
            let other = host.as_actor(actor.clone());
            let name = format!("Ada {n}");
            other.users.update_display_name(ada, Some(&name)).await.unwrap();
            other.ban("192.0.2.1", BanDuration::Hours(1)).await;
            let events = host.events.read(start, 10).await.unwrap();
            assert_eq!(events.len(), 2);
            assert!(events.iter().all(|recorded| recorded.event.actor == actor), "{n}");
            let stored = serde_json::to_string(&events).unwrap();
            assert!(stored.len() < 3_000 && !stored.contains("\\u0000"), "{n}");
        }
    }
}

async fn a_cursor_of_another_list_is_refused(host: &Host) {
    for n in 0..3 {
        let user = host.user(&format!("user{n}")).await.id;
        host.session(user).await;
        host.ban("192.0.2.1", BanDuration::Hours(1)).await;
    }
    let keys = ApiKeyService::from(host.context.clone());
    let one = |after: Option<Cursor>| PageRequest::new(1).unwrap().after(after);
    let filter = UserFilter::default();
    let cursors = [
        host.users.list(&filter, UserOrder::Newest, &one(None)).await.unwrap().next.unwrap(),
        host.users.list(&filter, UserOrder::Oldest, &one(None)).await.unwrap().next.unwrap(),
        host.users.list(&filter, UserOrder::Name, &one(None)).await.unwrap().next.unwrap(),
        host.users.search("user", &filter, &one(None)).await.unwrap().next.unwrap(),
        host.sessions.list_recent(&one(None)).await.unwrap().next.unwrap(),
        host.sessions.list_all_active(&one(None)).await.unwrap().next.unwrap(),
        host.bans.ban_history("192.0.2.1", &one(None)).await.unwrap().next.unwrap(),
    ];
    for (own, cursor) in cursors.iter().enumerate() {
        // As a client hands it back.
        let sent: Cursor = cursor.to_string().parse().unwrap();
        let page = one(Some(sent));
        let answers = [
            host.users.list(&filter, UserOrder::Newest, &page).await.err(),
            host.users.list(&filter, UserOrder::Oldest, &page).await.err(),
            host.users.list(&filter, UserOrder::Name, &page).await.err(),
            host.users.search("user", &filter, &page).await.err(),
            host.sessions.list_recent(&page).await.err(),
            host.sessions.list_all_active(&page).await.err(),
            host.bans.ban_history("192.0.2.1", &page).await.err(),
            host.bans.list_active_bans(&page).await.err(),
            host.bans.list_bans_by_source("x", &page).await.err(),
            host.bans.list_allowed(&page).await.err(),
            keys.list(&page).await.err(),
        ];
        for (list, refused) in answers.iter().enumerate() {
            let field = refused.as_ref().map(|refused| refused.field());
            assert_eq!(field, (list != own).then_some(Some("after")), "{own} {list}");
        }
    }
}

async fn a_text_that_nothing_holds_is_no_place(host: &Host) {
    host.user("ada").await;
    host.ban("192.0.2.1", BanDuration::Hours(1)).await;
    let at_text =
        |text: &str| PageRequest::default().after(Some(Cursor::at_text(text.into(), Uuid::nil())));
    for text in ["a\0b", "\0"] {
        let (page, filter) = (at_text(text), UserFilter::default());
        assert_eq!(field(host.users.list(&filter, UserOrder::Name, &page).await), "after");
        assert_eq!(field(host.users.search("ada", &filter, &page).await), "after");
        assert_eq!(field(host.bans.list_allowed(&page).await), "after");
    }
    for text in ["abc", "", "\0", " 2", "99999999999999999999", "1"] {
        let refused = host.bans.ban_history("192.0.2.1", &at_text(text)).await;
        assert_eq!(field(refused), "after", "{text:?}");
    }
    let first = host.bans.ban_history("192.0.2.1", &at_text("0000000002")).await.unwrap();
    assert_eq!(first.items.len(), 1);
}

async fn a_range_finer_than_a_microsecond_is_the_same_everywhere(host: &Host) {
    let created = host.user("ada").await.created_at;
    let fine = Duration::nanoseconds(1);
    for (created, expected) in [
        (TimeRange::since(created + fine), 0),
        (TimeRange::since(created - fine), 1),
        (TimeRange::before(created + fine), 1),
        (TimeRange::before(created - fine), 0),
        (TimeRange { from: Some(created + fine), until: None }, 0),
        (TimeRange { from: Some(created), until: Some(created + fine) }, 1),
        (TimeRange { from: Some(created + fine), until: Some(created) }, 0),
        (
            TimeRange {
                from: Some(DateTime::<Utc>::MIN_UTC),
                until: Some(DateTime::<Utc>::MAX_UTC),
            },
            1,
        ),
        (TimeRange::before(DateTime::<Utc>::MIN_UTC), 0),
    ] {
        for filter in [
            UserFilter { created, ..UserFilter::default() },
            UserFilter { last_active: created, ..UserFilter::default() },
        ] {
            let page = PageRequest::default();
            let found = host.users.search("ada", &filter, &page).await.unwrap().items.len();
            let listed =
                host.users.list(&filter, UserOrder::Newest, &page).await.unwrap().items.len();
            let counted = host.users.count(&filter).await.unwrap();
            assert_eq!(
                (found, listed, counted),
                (expected, expected, expected as u64),
                "{created:?}"
            );
        }
    }
    let visitor = host.visitor("browser").await.user;
    host.clock.set(visitor.last_active_at + Duration::days(1));
    let cleaned = host.users.cleanup_anonymous(Duration::days(1) - fine).await.unwrap();
    assert_eq!(cleaned, 1, "it was idle a nanosecond longer");
}

async fn touches_at_any_time_go_through(host: &Host) {
    let ada = host.user("ada").await.id;
    let session = host.session(ada).await.session;
    let keys = ApiKeyService::from(host.context.clone());
    let new = systemprompt_users::NewApiKey {
        name: "key".into(),
        scopes: systemprompt_users::ApiScopes::new([systemprompt_users::ApiScope::Read]).unwrap(),
        expires_in: None,
    };
    let key = keys.create(&new).await.unwrap().key;
    host.sessions.touch_many(&[(session.id, DateTime::<Utc>::MIN_UTC)]).await.unwrap();
    assert_eq!(host.all_sessions(ada).await, [session]);
    let fine = host.now() + Duration::nanoseconds(1999);
    for at in [DateTime::<Utc>::MIN_UTC, fine] {
        keys.touch_many(&[(key.id, at)]).await.unwrap();
    }
    let used = keys.find_by_id(key.id).await.unwrap().unwrap().last_used_at;
    assert_eq!(used, Some(host.now() + Duration::microseconds(1)));
}

async fn the_last_day_of_the_calendar_is_a_day(host: &Host) {
    for day in [NaiveDate::MAX, NaiveDate::MIN] {
        let days = host.users.signups_per_day(day, day).await.unwrap();
        assert_eq!(days, [SignupDay { day, count: 0 }]);
    }
    let before = NaiveDate::MAX.pred_opt().unwrap();
    assert_eq!(host.users.signups_per_day(before, NaiveDate::MAX).await.unwrap().len(), 2);
    assert_eq!(field(host.users.signups_per_day(NaiveDate::MAX, before).await), "last");
}

/// Tells one time.
struct Stopped(DateTime<Utc>);

impl Clock for Stopped {
    fn now(&self) -> DateTime<Utc> {
        self.0
    }
}

async fn a_clock_before_the_year_1_stands_at_its_start(host: &Host) {
    let first: DateTime<Utc> = "0001-01-01T00:00:00Z".parse().unwrap();
    for time in [DateTime::<Utc>::MIN_UTC, first - Duration::days(365 * 5000), first] {
        let context: Context = host.context.clone().with_clock(Arc::new(Stopped(time)));
        let users = systemprompt_users::UserService::from(context);
        let name = format!("user{}", time.timestamp());
        let params =
            systemprompt_users::CreateUserParams::new(&name, format!("{name}@example.com"));
        let user = users.create(&params).await.unwrap();
        assert_eq!(user.created_at, first);
        assert_eq!(host.get(user.id).await, user);
        users.get_stats().await.unwrap();
        assert_eq!(users.cleanup_anonymous(Duration::days(1)).await.unwrap(), 0);
    }
    host.clock.set(TestClock::START);
}

async fn a_policy_is_in_whole_seconds(host: &Host) {
    for length in [Duration::milliseconds(1500), Duration::nanoseconds(1)] {
        let policy = Policy { session_idle_timeout: Some(length), ..Policy::default() };
        assert_eq!(field(host.context.clone().with_policy(policy)), "session_idle_timeout");
        let policy = Policy { session_lifetime: length, ..Policy::default() };
        assert_eq!(code(host.context.clone().with_policy(policy)), "validation");
    }
}
