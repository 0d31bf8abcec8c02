//! The anonymous visitor: the token is the identity, the fingerprint a hint.

use chrono::Duration;
use systemprompt_users::{
    AnonymousPromotion, AnonymousScope, EndReason, Policy, Roles, UserFilter, UserId, UserRole,
    UserStatus,
};
use systemprompt_users_tests::{Host, at_once, code, field, on_every_backend};

on_every_backend! {
    the_token_is_given_once_and_is_the_identity,
    each_creation_makes_another_visitor,
    a_fingerprint_finds_its_visitor_again,
    a_suspended_visitors_fingerprint_makes_a_new_one,
    a_deleted_or_registered_visitors_fingerprint_makes_a_new_one,
    of_several_visitors_the_newest_is_found,
    first_visits_of_one_fingerprint_at_once_create_one,
    a_visitor_who_comes_back_is_noted,
    a_visitor_registers_in_place,
    a_taken_name_or_email_is_not_promoted_to,
    only_active_visitors_register,
    a_visitor_registers_once_whoever_asks_at_once,
    visitors_who_register_with_one_email_at_once_are_one,
    visitors_are_left_out_unless_asked_for,
    clean_up_goes_by_activity_not_by_creation,
    a_live_session_keeps_its_visitor,
    an_expired_session_keeps_nobody,
    an_idle_or_ended_session_keeps_nobody,
    clean_up_lifts_no_suspension_and_no_hold,
    clean_up_works_in_batches_and_shows_what_it_takes,
    a_bad_fingerprint_is_refused,
}

const MONTH: Duration = Duration::days(30);

fn promotion(name: &str) -> AnonymousPromotion {
    AnonymousPromotion { name: name.into(), email: format!("{name}@example.com"), full_name: None }
}

async fn the_token_is_given_once_and_is_the_identity(host: &Host) {
    let created = host.users.create_anonymous(None).await.unwrap();
    let token = created.token.unwrap();
    let user = created.user;
    assert_eq!((user.roles, user.email.clone()), (Roles::ANONYMOUS, None));
    assert_eq!(token.reveal().len(), 43, "256 bits");
    assert!(!format!("{token:?}").contains(&token.reveal()));
    let json = serde_json::to_string(&user).unwrap();
    assert!(!json.contains("token"), "neither the token nor its hash: {json}");
    let found = host.users.find_by_anonymous_token(&token.reveal()).await.unwrap();
    assert_eq!(found, Some(user.clone()));
    assert_eq!(user.token_hash, Some(token.hash()), "only its hash is kept");

    let other = host.users.create_anonymous(None).await.unwrap();
    assert_ne!(other.token.unwrap().reveal(), token.reveal());
    let changed = token.reveal().replace(|c: char| c.is_ascii_lowercase(), "A");
    for wrong in ["", "x", "🦀", &changed, &"A".repeat(43), &"A".repeat(10_000)] {
        assert_eq!(host.users.find_by_anonymous_token(wrong).await.unwrap(), None, "{wrong:?}");
    }
    host.users.update_status(user.id, UserStatus::Suspended).await.unwrap();
    assert_eq!(host.users.find_by_anonymous_token(&token.reveal()).await.unwrap(), None);
}

async fn each_creation_makes_another_visitor(host: &Host) {
    let one = host.visitor("browser").await.user;
    let two = host.visitor("browser").await.user;
    assert_ne!(one.id, two.id);
    assert_ne!(one.name, two.name);
    assert_eq!(host.users.count_by_role(UserRole::Anonymous).await.unwrap(), 2);
}

async fn a_fingerprint_finds_its_visitor_again(host: &Host) {
    let start = host.position().await;
    let first = host.users.find_or_create_anonymous(" browser ").await.unwrap();
    assert!(first.token.is_some());
    let again = host.users.find_or_create_anonymous("browser").await.unwrap();
    assert_eq!(again.user, first.user);
    assert!(again.token.is_none(), "it was given out before");
    let other = host.users.find_or_create_anonymous("Browser").await.unwrap();
    assert_ne!(other.user.id, first.user.id, "a hint is compared as it is");
    assert_eq!(host.kinds_since(start).await, ["user_created", "user_created"]);
}

async fn a_suspended_visitors_fingerprint_makes_a_new_one(host: &Host) {
    let first = host.visitor("browser").await.user.id;
    host.users.update_status(first, UserStatus::Suspended).await.unwrap();
    host.clock.advance(Duration::minutes(1));
    let second = host.users.find_or_create_anonymous("browser").await.unwrap();
    assert!(second.token.is_some());
    assert_ne!(second.user.id, first);
    assert_eq!(host.get(first).await.status, UserStatus::Suspended);
    let third = host.users.find_or_create_anonymous("browser").await.unwrap();
    assert_eq!(third.user.id, second.user.id);
}

async fn a_deleted_or_registered_visitors_fingerprint_makes_a_new_one(host: &Host) {
    let deleted = host.visitor("browser").await.user.id;
    host.users.delete(deleted).await.unwrap();
    let registered = host.users.find_or_create_anonymous("browser").await.unwrap().user.id;
    assert_ne!(registered, deleted);
    host.users.promote_anonymous(registered, &promotion("ada")).await.unwrap();
    let fresh = host.users.find_or_create_anonymous("browser").await.unwrap();
    assert!(fresh.token.is_some() && fresh.user.is_anonymous());
    assert!(![deleted, registered].contains(&fresh.user.id));

    let merged = fresh.user.id;
    host.users.merge_users(merged, registered, Default::default()).await.unwrap();
    let next = host.users.find_or_create_anonymous("browser").await.unwrap().user;
    assert!(next.is_anonymous() && next.id != merged);
}

async fn of_several_visitors_the_newest_is_found(host: &Host) {
    let old = host.visitor("browser").await.user.id;
    let new = host.visitor("browser").await.user.id;
    let find = || async { host.users.find_or_create_anonymous("browser").await.unwrap().user.id };
    assert_eq!(find().await, new);
    host.users.delete(new).await.unwrap();
    assert_eq!(find().await, old);
}

async fn first_visits_of_one_fingerprint_at_once_create_one(host: &Host) {
    for round in 0..10 {
        let answers = at_once((0..8).map(|_| {
            let (users, fingerprint) = (host.users.clone(), format!("browser{round}"));
            async move { users.find_or_create_anonymous(&fingerprint).await.unwrap() }
        }))
        .await;
        assert!(answers.iter().all(|found| found.user.id == answers[0].user.id), "{answers:?}");
        assert_eq!(answers.iter().filter(|found| found.token.is_some()).count(), 1);
    }
    assert_eq!(host.users.count_by_role(UserRole::Anonymous).await.unwrap(), 10);
}

async fn a_visitor_who_comes_back_is_noted(host: &Host) {
    let id = host.users.find_or_create_anonymous("browser").await.unwrap().user.id;
    let created = host.now();
    host.clock.advance(Duration::minutes(59));
    host.users.find_or_create_anonymous("browser").await.unwrap();
    assert_eq!(host.get(id).await.last_active_at, created, "at most once an hour");
    let later = host.clock.advance(Duration::minutes(1));
    host.users.find_or_create_anonymous("browser").await.unwrap();
    let seen = host.get(id).await;
    assert_eq!((seen.last_active_at, seen.version), (later, 1), "being seen is no change");
}

async fn a_visitor_registers_in_place(host: &Host) {
    let visitor = host.visitor("browser").await;
    let token = visitor.token.unwrap();
    let session = host.session(visitor.user.id).await;
    let start = host.position().await;
    let params = AnonymousPromotion { full_name: Some("Ada Lovelace".into()), ..promotion("Ada") };
    let ada = host.users.promote_anonymous(visitor.user.id, &params).await.unwrap();
    assert_eq!((ada.id, ada.roles, ada.version), (visitor.user.id, Roles::USER, 2));
    assert_eq!(ada.name.as_str(), "Ada");
    assert_eq!(ada.email.as_ref().unwrap().as_str(), "ada@example.com");
    assert_eq!(ada.full_name.as_ref().unwrap().as_str(), "Ada Lovelace");
    assert!(!ada.email_verified);
    assert_eq!(host.kinds_since(start).await, ["anonymous_promoted", "user_updated"]);
    let live = host.sessions.validate(&session.token.reveal()).await.unwrap().unwrap();
    assert_eq!(live.user, ada, "its sessions go on");
    assert_eq!(host.users.find_by_anonymous_token(&token.reveal()).await.unwrap(), None);
    assert_eq!(host.users.find_by_email("ADA@example.com").await.unwrap(), Some(ada));
    assert_eq!(host.users.count_by_role(UserRole::Anonymous).await.unwrap(), 0);
}

async fn a_taken_name_or_email_is_not_promoted_to(host: &Host) {
    host.user("ada").await;
    let visitor = host.visitor("browser").await.user;
    let start = host.position().await;
    let email = AnonymousPromotion { email: "ADA@example.com".into(), ..promotion("free") };
    assert_eq!(
        code(host.users.promote_anonymous(visitor.id, &email).await),
        "email_already_exists"
    );
    let name = AnonymousPromotion { name: "ADA".into(), ..promotion("free") };
    assert_eq!(code(host.users.promote_anonymous(visitor.id, &name).await), "name_already_exists");
    for (bad, expected) in [
        (AnonymousPromotion { name: "two words".into(), ..promotion("x") }, "name"),
        (AnonymousPromotion { email: "x".into(), ..promotion("x") }, "email"),
        (AnonymousPromotion { full_name: Some("a\u{0}".into()), ..promotion("x") }, "full_name"),
    ] {
        assert_eq!(field(host.users.promote_anonymous(visitor.id, &bad).await), expected);
    }
    assert_eq!(host.get(visitor.id).await, visitor);
    assert!(host.kinds_since(start).await.is_empty());
}

async fn only_active_visitors_register(host: &Host) {
    let registered = host.user("ada").await.id;
    let suspended = host.visitor("one").await.user.id;
    host.users.update_status(suspended, UserStatus::Suspended).await.unwrap();
    let deleted = host.visitor("two").await.user.id;
    host.users.delete(deleted).await.unwrap();
    let unknown = UserId::from_uuid(uuid::Uuid::nil());
    for (id, expected) in [
        (registered, "not_allowed"),
        (suspended, "not_allowed"),
        (deleted, "not_found"),
        (unknown, "not_found"),
    ] {
        assert_eq!(code(host.users.promote_anonymous(id, &promotion("x")).await), expected);
    }
}

async fn a_visitor_registers_once_whoever_asks_at_once(host: &Host) {
    let id = host.visitor("browser").await.user.id;
    let answers = at_once((0..6).map(|n| {
        let users = host.users.clone();
        async move { users.promote_anonymous(id, &promotion(&format!("ada{n}"))).await }
    }))
    .await;
    let (done, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    assert_eq!(done.len(), 1);
    assert!(refused.into_iter().all(|refused| code(refused) == "not_allowed"));
    assert_eq!(host.get(id).await, done.into_iter().next().unwrap().unwrap());
}

async fn visitors_who_register_with_one_email_at_once_are_one(host: &Host) {
    let mut ids = Vec::new();
    for n in 0..6 {
        ids.push(host.visitor(&format!("browser{n}")).await.user.id);
    }
    let answers = at_once(ids.into_iter().enumerate().map(|(n, id)| {
        let users = host.users.clone();
        let params =
            AnonymousPromotion { email: "ada@example.com".into(), ..promotion(&format!("ada{n}")) };
        async move { users.promote_anonymous(id, &params).await }
    }))
    .await;
    let (done, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    assert_eq!(done.len(), 1);
    assert!(refused.into_iter().all(|refused| code(refused) == "email_already_exists"));
    assert_eq!(host.users.count_by_role(UserRole::Anonymous).await.unwrap(), 5);
}

async fn visitors_are_left_out_unless_asked_for(host: &Host) {
    host.user("ada").await;
    let visitor = host.visitor("browser").await.user;
    let count = |filter: UserFilter| async move { host.users.count(&filter).await.unwrap() };
    let scoped = |anonymous| UserFilter { anonymous, ..UserFilter::default() };
    assert_eq!(count(UserFilter::default()).await, 1);
    assert_eq!(count(scoped(AnonymousScope::Include)).await, 2);
    assert_eq!(count(scoped(AnonymousScope::Only)).await, 1);
    assert_eq!(count(UserFilter::by_role(UserRole::Anonymous)).await, 1);
    assert_eq!(count(UserFilter::by_status(UserStatus::Active)).await, 1);
    let page = Default::default();
    let search = |filter: UserFilter| {
        let page = &page;
        async move { host.users.search("a", &filter, page).await.unwrap().items.len() }
    };
    assert_eq!(search(UserFilter::default()).await, 1);
    assert_eq!(search(scoped(AnonymousScope::Include)).await, 2);
    let only = host.users.list_by_filter(&scoped(AnonymousScope::Only), 10).await.unwrap().items;
    assert_eq!(only, [visitor]);
}

async fn clean_up_goes_by_activity_not_by_creation(host: &Host) {
    let silent = host.visitor("silent").await.user.id;
    let busy = host.visitor("busy").await.user.id;
    host.clock.advance(Duration::days(29));
    host.users.find_or_create_anonymous("busy").await.unwrap();
    let last_seen = host.get(silent).await.last_active_at;
    host.clock.set(last_seen + MONTH);
    assert_eq!(host.users.cleanup_anonymous(MONTH).await.unwrap(), 0, "not longer than a month");
    host.clock.advance(Duration::seconds(1));
    let start = host.position().await;
    assert_eq!(host.users.cleanup_anonymous(MONTH).await.unwrap(), 1);
    assert_eq!(host.get(silent).await.status, UserStatus::Deleted);
    assert!(host.get(busy).await.is_live());
    assert_eq!(host.kinds_since(start).await, ["user_deleted"]);
    assert_eq!(host.users.cleanup_anonymous(MONTH).await.unwrap(), 0);
    host.clock.advance(MONTH);
    assert_eq!(host.users.cleanup_anonymous(MONTH).await.unwrap(), 1, "then the busy one too");
}

async fn a_live_session_keeps_its_visitor(host: &Host) {
    let policy = Policy {
        session_lifetime: Duration::days(365),
        session_idle_timeout: None,
        ..Policy::default()
    };
    let host = host.with_policy(policy);
    let visitor = host.visitor("browser").await.user.id;
    let session = host.session(visitor).await.session;
    host.clock.advance(Duration::days(100));
    assert!(host.users.list_idle_anonymous(MONTH, None).await.unwrap().is_empty());
    assert_eq!(host.users.cleanup_anonymous(MONTH).await.unwrap(), 0);
    host.sessions.end(session.id, EndReason::Logout).await.unwrap();
    assert_eq!(host.users.cleanup_anonymous(MONTH).await.unwrap(), 1);
}

async fn an_expired_session_keeps_nobody(host: &Host) {
    let policy = Policy {
        session_lifetime: Duration::days(40),
        session_idle_timeout: None,
        ..Policy::default()
    };
    let host = host.with_policy(policy);
    let visitor = host.visitor("browser").await.user.id;
    let session = host.session(visitor).await.session;
    host.clock.set(session.expires_at - Duration::microseconds(1));
    assert_eq!(host.users.cleanup_anonymous(MONTH).await.unwrap(), 0, "live to the last");
    host.clock.set(session.expires_at);
    // Nobody has ended it, and no clean-up of sessions has run.
    assert_eq!(host.all_sessions(visitor).await[0].ended_at, None);
    assert_eq!(host.users.cleanup_anonymous(MONTH).await.unwrap(), 1);
    assert_eq!(host.get(visitor).await.status, UserStatus::Deleted);
}

async fn an_idle_or_ended_session_keeps_nobody(host: &Host) {
    let policy = Policy {
        session_lifetime: Duration::days(365),
        session_idle_timeout: Some(Duration::days(7)),
        ..Policy::default()
    };
    let host = host.with_policy(policy);
    let idle = host.visitor("idle").await.user.id;
    host.session(idle).await;
    let ended = host.visitor("ended").await.user.id;
    let session = host.session(ended).await.session;
    host.sessions.end(session.id, EndReason::Logout).await.unwrap();
    host.clock.advance(Duration::days(31));
    assert_eq!(host.users.cleanup_anonymous(MONTH).await.unwrap(), 2);
}

async fn clean_up_lifts_no_suspension_and_no_hold(host: &Host) {
    let suspended = host.visitor("suspended").await.user.id;
    host.users.update_status(suspended, UserStatus::Suspended).await.unwrap();
    let held = host.visitor("held").await.user.id;
    host.users.set_legal_hold(held, true).await.unwrap();
    let registered = host.visitor("registered").await.user.id;
    host.users.promote_anonymous(registered, &promotion("ada")).await.unwrap();
    host.clock.advance(Duration::days(400));
    assert_eq!(host.users.cleanup_anonymous(MONTH).await.unwrap(), 0);
    assert_eq!(host.get(suspended).await.status, UserStatus::Suspended);
    assert!(host.get(held).await.is_live() && host.get(registered).await.is_live());
}

async fn clean_up_works_in_batches_and_shows_what_it_takes(host: &Host) {
    let host = host.with_policy(Policy { cleanup_batch: 3, ..Policy::default() });
    let mut visitors = Vec::new();
    for n in 0..7 {
        visitors.push(host.visitor(&format!("browser{n}")).await.user.id);
    }
    host.clock.advance(Duration::days(31));
    let mut shown = Vec::new();
    let mut after = None;
    loop {
        let batch = host.users.list_idle_anonymous(MONTH, after).await.unwrap();
        let Some(last) = batch.last() else { break };
        assert!(batch.len() <= 3);
        after = Some(systemprompt_users::UserOrder::RecentlyActive.cursor(last));
        shown.extend(batch.into_iter().map(|user| user.id));
    }
    assert_eq!(shown, visitors, "idle longest first");
    let mut batches = Vec::new();
    for _ in 0..4 {
        batches.push(host.users.cleanup_anonymous(MONTH).await.unwrap());
    }
    assert_eq!(batches, [3, 3, 1, 0]);
    assert_eq!(host.users.count_by_role(UserRole::Anonymous).await.unwrap(), 0);
}

async fn a_bad_fingerprint_is_refused(host: &Host) {
    for bad in ["", "  ", "a\u{0}b", "a\nb", &"x".repeat(10_000)] {
        assert_eq!(field(host.users.find_or_create_anonymous(bad).await), "fingerprint", "{bad:?}");
        assert_eq!(field(host.users.create_anonymous(Some(bad)).await), "fingerprint", "{bad:?}");
    }
    let odd = host.users.find_or_create_anonymous("%_' OR 1=1 --🦀").await.unwrap();
    let again = host.users.find_or_create_anonymous("%_' OR 1=1 --🦀").await.unwrap();
    assert_eq!(again.user.id, odd.user.id);
}
