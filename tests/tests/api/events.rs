//! The log of events: every change is in it, in order, and no reader misses one.

use chrono::Duration;
use serde_json::json;
use systemprompt_users::{
    Actor, AnonymousPromotion, BanDuration, BanIpParams, CreateUserParams, EndReason, EventFilter,
    EventKind, EventPosition, MergeOptions, OnExisting, Patch, Policy, UpdateUserParams, UserRole,
    UserStatus,
};
use systemprompt_users_tests::{Host, at_once, code, field, on_every_backend};

on_every_backend! {
    every_mutation_appends_its_event,
    what_is_refused_for_its_input_appends_nothing,
    an_event_names_who_when_and_on_whom,
    an_event_holds_no_personal_data,
    readers_go_on_where_they_left_off,
    readers_miss_nothing_while_writers_write,
    an_event_that_commits_late_comes_late,
    the_history_of_a_user_or_a_target_is_newest_first,
    old_events_are_removed_in_batches,
    a_page_of_events_has_a_limit,
}

async fn every_mutation_appends_its_event(host: &Host) {
    let root = host.admin("root").await.id;
    let visitor = host.visitor("browser").await.user.id;
    let mut position = host.position().await;
    macro_rules! check {
        ($change:expr => $($kind:literal),*) => {
            $change.await.unwrap();
            assert_eq!(host.kinds_since(position).await, [$($kind),*], stringify!($change));
            position = host.position().await;
        };
    }
    let row = |name: &str| CreateUserParams::new(name, format!("{name}@example.com"));
    check!(host.users.create(&row("ada")) => "user_created");
    let ada = host.users.find_by_name("ada").await.unwrap().unwrap().id;
    check!(host.users.create_anonymous(None) => "user_created");
    check!(host.users.find_or_create_anonymous("other") => "user_created");
    check!(host.users.ensure(&row("eve")) => "user_created");
    let eve = host.users.find_by_name("eve").await.unwrap().unwrap().id;
    let named = CreateUserParams { full_name: Some("Eve".into()), ..row("eve") };
    check!(host.users.ensure(&named) => "user_updated");
    check!(host.users.bulk_create(&[row("u1"), row("u2")], OnExisting::Keep)
        => "user_created", "user_created");
    let [u1, u2] = ["u1", "u2"].map(|name| host.users.find_by_name(name));
    let [u1, u2] = [u1.await.unwrap().unwrap().id, u2.await.unwrap().unwrap().id];
    check!(host.users.update_email(ada, "ada@home.example") => "user_updated");
    check!(host.users.update_email_verified(ada, "ada@home.example", true) => "user_updated");
    check!(host.users.update_full_name(ada, Some("Ada")) => "user_updated");
    check!(host.users.update_display_name(ada, Some("Ada")) => "user_updated");
    check!(host.users.update_avatar(ada, Some("https://example.com/a.png")) => "user_updated");
    let many = UpdateUserParams {
        name: Some("lovelace".into()),
        full_name: Patch::Clear,
        is_bot: Some(true),
        ..Default::default()
    };
    check!(host.users.update(ada, &many) => "user_updated");
    check!(host.users.assign_role(ada, UserRole::Admin) => "roles_changed");
    check!(host.users.revoke_role(ada, UserRole::User) => "roles_changed");
    check!(host.users.assign_roles(ada, &[UserRole::User]) => "roles_changed");
    check!(host.admins.promote("lovelace") => "roles_changed");
    check!(host.admins.demote("lovelace") => "roles_changed");
    check!(host.users.bulk_assign_role(&[u1, u2], UserRole::Admin)
        => "roles_changed", "roles_changed");
    let client = Default::default();
    check!(host.sessions.create(ada, &client) => "session_started");
    check!(host.users.update_status(ada, UserStatus::Suspended)
        => "status_changed", "sessions_ended");
    check!(host.users.update_status(ada, UserStatus::Active) => "status_changed");
    check!(host.users.set_legal_hold(ada, true) => "legal_hold_changed");
    check!(host.users.set_legal_hold(ada, false) => "legal_hold_changed");
    check!(host.users.delete(ada) => "user_deleted");
    check!(host.users.restore(ada) => "user_restored");
    let promotion =
        AnonymousPromotion { name: "vi".into(), email: "vi@example.com".into(), full_name: None };
    check!(host.users.promote_anonymous(visitor, &promotion) => "anonymous_promoted");
    check!(host.users.bulk_update_status(&[u1, u2], UserStatus::Suspended)
        => "status_changed", "status_changed");
    check!(host.users.bulk_delete(&[u1, u2]) => "user_deleted", "user_deleted");
    check!(host.users.merge_users(eve, ada, MergeOptions::default()) => "user_merged", "user_updated");
    check!(host.users.purge(u1) => "user_purged");
    host.clock.advance(Duration::days(31));
    check!(host.users.purge_deleted(Duration::days(30)) => "user_purged", "user_purged");
    check!(host.users.cleanup_anonymous(Duration::days(30)) => "user_deleted", "user_deleted");

    check!(host.sessions.create(root, &client) => "session_started");
    check!(host.sessions.create(root, &client) => "session_started");
    check!(host.sessions.create(root, &client) => "session_started");
    check!(host.sessions.limit_per_user(root, 2) => "sessions_ended");
    let session = host.live_sessions(root).await[0].id;
    check!(host.sessions.end(session, EndReason::Logout) => "sessions_ended");
    check!(host.sessions.end_all(root, EndReason::Revoked) => "sessions_ended");

    let ban = BanIpParams::new("192.0.2.1", BanDuration::Hours(1));
    check!(host.bans.ban_ip(&ban) => "ip_banned");
    check!(host.bans.ban_ip(&ban) => "ip_banned");
    check!(host.bans.unban_ip("192.0.2.1", None) => "ip_unbanned");
    check!(host.bans.bulk_ban(&[ban.clone().into()]) => "ip_banned");
    check!(host.bans.allow("10.0.0.0/8", None) => "network_allowed");
    check!(host.bans.disallow("10.0.0.0/8") => "network_disallowed");
    host.clock.advance(Duration::days(100));
    check!(host.sessions.cleanup() => "records_cleaned");
    check!(host.bans.cleanup_expired() => "records_cleaned");
    let _ = position;
}

async fn what_is_refused_for_its_input_appends_nothing(host: &Host) {
    let ada = host.user("ada").await.id;
    let start = host.position().await;
    let bad = CreateUserParams::new("a b", "x");
    code(host.users.create(&bad).await);
    code(host.users.create(&CreateUserParams::new("ada", "x@example.com")).await);
    code(host.users.update_email(ada, "x").await);
    code(host.users.revoke_role(ada, UserRole::User).await);
    code(host.users.update_status(ada, UserStatus::Deleted).await);
    code(host.users.restore(ada).await);
    code(host.users.purge(ada).await);
    code(host.users.merge_users(ada, ada, MergeOptions::default()).await);
    code(host.bans.unban_ip("192.0.2.1", None).await);
    code(host.bans.disallow("192.0.2.1").await);
    host.users.bulk_create(&[bad], OnExisting::Keep).await.unwrap();
    assert!(host.kinds_since(start).await.is_empty());
}

async fn an_event_names_who_when_and_on_whom(host: &Host) {
    let ada = host.user("ada").await.id;
    let actors = [
        Actor::System,
        Actor::User(ada),
        Actor::Operator("Jürgen \"root\" O'Neil".into()),
        Actor::Job("a_job".into()),
        Actor::Service("a service".into()),
    ];
    let start = host.position().await;
    let mut times = Vec::new();
    for (n, actor) in actors.iter().enumerate() {
        times.push(host.clock.advance(Duration::microseconds(1_000_001)));
        let host = host.as_actor(actor.clone());
        host.users.update_display_name(ada, Some(&format!("Ada {n}"))).await.unwrap();
    }
    let events = host.events.read(start, 10).await.unwrap();
    assert!(events.iter().map(|recorded| &recorded.event.actor).eq(&actors));
    assert!(events.iter().map(|recorded| recorded.event.at).eq(times));
    assert!(events.iter().all(|recorded| recorded.event.kind.user_id() == Some(ada)));
    assert!(events.is_sorted_by(|a, b| a.position < b.position));
}

async fn an_event_holds_no_personal_data(host: &Host) {
    let ada = host.user("secretname").await.id;
    host.users.update_email(ada, "secretmail@example.com").await.unwrap();
    host.users.update_full_name(ada, Some("Secretfull")).await.unwrap();
    host.users.update_avatar(ada, Some("https://example.com/secretavatar")).await.unwrap();
    let visitor = host.visitor("secretprint").await.user.id;
    let promotion = AnonymousPromotion {
        name: "secretvisitor".into(),
        email: "secretvisitor@example.com".into(),
        full_name: Some("Secretfull".into()),
    };
    host.users.promote_anonymous(visitor, &promotion).await.unwrap();
    let client = systemprompt_users::NewSession {
        user_agent: Some("secretagent".into()),
        fingerprint: Some("secretprint".into()),
        ..Default::default()
    };
    let token = host.sessions.create(ada, &client).await.unwrap().token.reveal();
    let events = host.events.read(EventPosition::START, 1000).await.unwrap();
    let json = serde_json::to_value(&events).unwrap();
    assert_eq!(json[0]["kind"], "user_created");
    assert_eq!(json[0]["actor"], json!({"type": "system"}));
    let text = json.to_string().to_lowercase();
    assert!(!text.contains("secret") && !text.contains(&token.to_lowercase()), "{text}");
}

async fn readers_go_on_where_they_left_off(host: &Host) {
    assert_eq!(host.position().await, EventPosition::START);
    assert!(host.events.read(EventPosition::START, 10).await.unwrap().is_empty());
    for n in 0..25 {
        host.user(&format!("user{n}")).await;
    }
    let mut seen = Vec::new();
    let mut position = EventPosition::START;
    loop {
        let events = host.events.read(position, 7).await.unwrap();
        let Some(last) = events.last() else { break };
        position = last.position;
        seen.extend(events);
    }
    assert_eq!(seen, host.events.read(EventPosition::START, 1000).await.unwrap());
    assert_eq!(seen.len(), 25);
    assert_eq!(position, host.position().await);
    host.user("late").await;
    assert_eq!(host.events.read(position, 7).await.unwrap().len(), 1);
}

/// Reads on until `total` events are there, as a reader in another process would.
async fn follow(host: Host, total: usize, limit: i64) -> Vec<systemprompt_users::RecordedEvent> {
    let mut seen = Vec::new();
    let mut position = EventPosition::START;
    while seen.len() < total {
        let events = host.events.read(position, limit).await.unwrap();
        match events.last() {
            Some(last) => position = last.position,
            None => tokio::task::yield_now().await,
        }
        seen.extend(events);
    }
    assert!(host.events.read(position, limit).await.unwrap().is_empty(), "none is left");
    seen
}

async fn readers_miss_nothing_while_writers_write(host: &Host) {
    const WRITERS: usize = 6;
    const EACH: usize = 15;
    let mut users = Vec::new();
    for n in 0..WRITERS {
        users.push(host.user(&format!("user{n}")).await.id);
    }
    let total = WRITERS + WRITERS * EACH * 2;
    let tasks = (0..WRITERS + 3).map(|n| {
        let (host, users) = (host.clone(), users.clone());
        async move {
            if n >= WRITERS {
                let limit = [1000, 10, 3][n - WRITERS];
                return follow(host, total, limit).await;
            }
            for round in 0..EACH {
                let name = format!("name {round}");
                host.users.update_display_name(users[n], Some(&name)).await.unwrap();
                // Two writers at a time on one ledger, and all on one log.
                let ip = format!("192.0.2.{}", n / 2);
                host.bans.ban_ip(&BanIpParams::new(ip, BanDuration::Hours(1))).await.unwrap();
            }
            Vec::new()
        }
    });
    let seen = at_once(tasks).await.split_off(WRITERS);
    let log = host.events.read(EventPosition::START, 1000).await.unwrap();
    assert_eq!(log.len(), total);
    for reader in seen {
        assert_eq!(reader, log, "every reader has seen all, once, in the order of the log");
    }
    let mut ids: Vec<_> = log.iter().map(|recorded| recorded.event.id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), total);
}

async fn an_event_that_commits_late_comes_late(host: &Host) {
    let ada = host.user("ada").await;
    let start = host.position().await;
    // A unit that has appended and not committed, while another one tries to go ahead.
    let mut unit = host.storage.write().await.unwrap();
    let event = host.events.read(EventPosition::START, 1).await.unwrap().remove(0).event;
    let id = systemprompt_users::EventId::from_uuid(uuid::Uuid::from_u128(7));
    let kind = EventKind::LegalHoldChanged { user_id: ada.id, held: true };
    unit.events().append(&[systemprompt_users::Event { id, kind, ..event }]).await.unwrap();
    let other = {
        let host = host.clone();
        tokio::spawn(async move { host.users.update_full_name(ada.id, Some("Ada")).await })
    };
    let reader = {
        let host = host.clone();
        tokio::spawn(async move {
            let mut position = start;
            let mut seen = Vec::new();
            while seen.len() < 2 {
                for recorded in host.events.read(position, 10).await.unwrap() {
                    position = recorded.position;
                    seen.push(recorded.event.kind.name());
                }
                tokio::task::yield_now().await;
            }
            seen
        })
    };
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    unit.commit().await.unwrap();
    other.await.unwrap().unwrap();
    let mut seen = reader.await.unwrap();
    seen.sort_unstable();
    assert_eq!(seen, ["legal_hold_changed", "user_updated"], "each once, whoever was first");
}

async fn the_history_of_a_user_or_a_target_is_newest_first(host: &Host) {
    let ada = host.user("ada").await.id;
    let bob = host.user("bob").await.id;
    host.users.update_full_name(ada, Some("Ada")).await.unwrap();
    host.users.update_full_name(bob, Some("Bob")).await.unwrap();
    host.users.delete(ada).await.unwrap();
    host.ban("::ffff:192.0.2.1", BanDuration::Permanent).await;
    host.bans.unban_ip("192.0.2.1", None).await.unwrap();
    host.ban("192.0.2.0/24", BanDuration::Permanent).await;
    let kinds = |filter: EventFilter, before, limit| async move {
        let events = host.events.list(&filter, before, limit).await.unwrap();
        events.iter().map(|recorded| recorded.event.kind.name()).collect::<Vec<_>>()
    };
    let of_ada = EventFilter { user_id: Some(ada), target: None };
    assert_eq!(kinds(of_ada, None, 10).await, ["user_deleted", "user_updated", "user_created"]);
    assert_eq!(kinds(of_ada, None, 2).await, ["user_deleted", "user_updated"]);
    let newest = host.events.list(&of_ada, None, 1).await.unwrap()[0].position;
    assert_eq!(kinds(of_ada, Some(newest), 1).await, ["user_updated"]);
    let target = EventFilter { user_id: None, target: Some("192.0.2.1".parse().unwrap()) };
    assert_eq!(kinds(target, None, 10).await, ["ip_unbanned", "ip_banned"]);
    assert_eq!(kinds(EventFilter::default(), None, 1000).await.len(), 8);
    let both = EventFilter { user_id: Some(ada), target: target.target };
    assert!(kinds(both, None, 10).await.is_empty());
}

async fn old_events_are_removed_in_batches(host: &Host) {
    let policy =
        Policy { cleanup_batch: 4, event_retention: Duration::days(30), ..Policy::default() };
    let host = host.with_policy(policy);
    for n in 0..10 {
        host.user(&format!("user{n}")).await;
    }
    let before = host.events.read(EventPosition::START, 1000).await.unwrap();
    host.clock.advance(Duration::days(29));
    let young = host.user("young").await.id;
    assert_eq!(host.events.cleanup().await.unwrap(), 0);
    host.clock.advance(Duration::days(2));
    let mut removed = Vec::new();
    for _ in 0..4 {
        removed.push(host.events.cleanup().await.unwrap());
    }
    assert_eq!(removed, [4, 4, 2, 0]);
    let left = host.events.read(EventPosition::START, 1000).await.unwrap();
    assert_eq!(left[0].event.kind.user_id(), Some(young));
    let cleaned = |count| EventKind::RecordsCleaned { what: "events".into(), count };
    let kinds: Vec<_> = left[1..].iter().map(|recorded| recorded.event.kind.clone()).collect();
    assert_eq!(kinds, [cleaned(4), cleaned(4), cleaned(2)]);
    assert!(left[0].position > before[9].position, "positions are never given again");
}

async fn a_page_of_events_has_a_limit(host: &Host) {
    host.user("ada").await;
    for wrong in [0, -1, 1001, 1_000_000, i64::MIN, i64::MAX] {
        assert_eq!(field(host.events.read(EventPosition::START, wrong).await), "limit");
        assert_eq!(field(host.events.list(&EventFilter::default(), None, wrong).await), "limit");
        let ada = host.users.find_by_name("ada").await.unwrap().unwrap().id;
        assert_eq!(field(host.users.recent_events(ada, wrong).await), "limit");
    }
    assert_eq!(host.events.read(EventPosition(-5), 1000).await.unwrap().len(), 1);
    assert!(host.events.read(EventPosition(i64::MAX), 1).await.unwrap().is_empty());
}
