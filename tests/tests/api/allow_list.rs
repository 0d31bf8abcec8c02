//! The allow-list, which wins over every ban.

use systemprompt_users::{Actor, BanDuration, EventKind, PageRequest, Policy};
use systemprompt_users_tests::{Host, at_once, code, field, on_every_backend};

on_every_backend! {
    an_allowed_network_wins_over_bans,
    a_ban_is_back_when_its_exception_is_gone,
    loopback_is_allowed_unless_the_policy_says_otherwise,
    an_exception_is_added_once,
    the_list_has_one_spelling_and_comes_in_pages,
    only_what_is_listed_is_taken_off,
    one_exception_does_not_open_the_network_around_it,
}

fn page() -> PageRequest {
    PageRequest::default()
}

async fn an_allowed_network_wins_over_bans(host: &Host) {
    host.bans.allow("192.0.2.0/28", None).await.unwrap();
    host.ban("192.0.2.1", BanDuration::Permanent).await;
    host.ban("192.0.0.0/16", BanDuration::Permanent).await;
    for allowed in ["192.0.2.1", "192.0.2.15", "::ffff:192.0.2.1", "192.0.2.4/30", "192.0.2.0/28"] {
        assert!(!host.bans.is_banned(allowed).await.unwrap(), "{allowed}");
        assert_eq!(host.bans.find_ban(allowed).await.unwrap(), None, "{allowed}");
    }
    assert!(host.bans.is_banned("192.0.2.16").await.unwrap());
    assert!(host.bans.get_ban("192.0.2.1").await.unwrap().is_some(), "the ledger says what was");
}

async fn a_ban_is_back_when_its_exception_is_gone(host: &Host) {
    host.ban("192.0.2.1", BanDuration::Permanent).await;
    host.bans.allow("::ffff:192.0.2.1", Some("office")).await.unwrap();
    assert!(!host.bans.is_banned("192.0.2.1").await.unwrap());
    host.bans.disallow("192.0.2.1/32").await.unwrap();
    assert!(host.bans.is_banned("192.0.2.1").await.unwrap());
}

async fn loopback_is_allowed_unless_the_policy_says_otherwise(host: &Host) {
    for target in ["127.0.0.1", "::1", "127.0.0.0/8"] {
        host.ban(target, BanDuration::Permanent).await;
    }
    host.ban("0.0.0.0/0", BanDuration::Permanent).await;
    let strict = host.with_policy(Policy { allow_loopback: false, ..Policy::default() });
    for target in ["127.0.0.1", "::1", "127.255.0.1", "::ffff:127.0.0.1"] {
        assert!(!host.bans.is_banned(target).await.unwrap(), "{target}");
        assert!(strict.bans.is_banned(target).await.unwrap(), "{target}");
    }
    assert!(host.bans.is_banned("128.0.0.1").await.unwrap());
    assert!(host.bans.list_allowed(&page()).await.unwrap().items.is_empty());
}

async fn an_exception_is_added_once(host: &Host) {
    let start = host.position().await;
    let answers = at_once((0..8).map(|n| {
        let bans = host.bans.clone();
        let spelling = if n % 2 == 0 { "10.0.0.0/8" } else { "10.9.9.9/8" };
        async move { bans.allow(spelling, Some("office")).await.unwrap() }
    }))
    .await;
    assert_eq!(answers.iter().filter(|added| **added).count(), 1);
    let target = "10.0.0.0/8".parse().unwrap();
    assert_eq!(host.events_since(start).await, [EventKind::NetworkAllowed { target }]);
    assert!(!host.bans.allow("10.0.0.0/8", Some("another note")).await.unwrap());
    let listed = host.bans.list_allowed(&page()).await.unwrap().items;
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].note.as_deref(), Some("office"), "what was there stays");
}

async fn the_list_has_one_spelling_and_comes_in_pages(host: &Host) {
    let root = host.as_actor(Actor::Operator("root".into()));
    for target in ["2001:DB8::/32", "::ffff:1.2.3.4", "10.1.2.3/8", "9.9.9.9", "100.64.0.0/10"] {
        root.bans.allow(target, Some(" a note ")).await.unwrap();
    }
    let mut seen = Vec::new();
    let mut request = PageRequest::new(2).unwrap();
    loop {
        let found = host.bans.list_allowed(&request).await.unwrap();
        for network in &found.items {
            assert_eq!(network.note.as_deref(), Some("a note"));
            assert_eq!(network.added_at, host.now());
            assert_eq!(network.added_by, Actor::Operator("root".into()));
        }
        seen.extend(found.items.into_iter().map(|network| network.target.to_string()));
        let Some(next) = found.next else { break };
        request = request.after(Some(next));
    }
    assert_eq!(seen, ["1.2.3.4", "10.0.0.0/8", "100.64.0.0/10", "2001:db8::/32", "9.9.9.9"]);
    let foreign = page().after(Some(systemprompt_users::Cursor::at_id(uuid::Uuid::nil())));
    assert_eq!(field(host.bans.list_allowed(&foreign).await), "after");
    assert_eq!(field(host.bans.allow("8.8.8.8", Some("a\u{0}b")).await), "note");
    assert_eq!(field(host.bans.allow("8.8.8.8", Some(&"x".repeat(10_000))).await), "note");
}

async fn only_what_is_listed_is_taken_off(host: &Host) {
    host.bans.allow("10.0.0.0/8", None).await.unwrap();
    let start = host.position().await;
    for other in ["10.0.0.0/9", "10.0.0.1", "0.0.0.0/0", "::1"] {
        assert_eq!(code(host.bans.disallow(other).await), "not_found", "{other}");
    }
    host.bans.disallow("10.200.0.0/8").await.unwrap();
    assert_eq!(code(host.bans.disallow("10.0.0.0/8").await), "not_found");
    let target = "10.0.0.0/8".parse().unwrap();
    assert_eq!(host.events_since(start).await, [EventKind::NetworkDisallowed { target }]);
}

async fn one_exception_does_not_open_the_network_around_it(host: &Host) {
    host.ban("10.0.0.0/8", BanDuration::Permanent).await;
    host.bans.allow("10.1.1.1", None).await.unwrap();
    assert!(host.bans.is_banned("10.0.0.0/8").await.unwrap());
    assert!(host.bans.is_banned("10.1.1.0/24").await.unwrap());
    assert!(!host.bans.is_banned("10.1.1.1").await.unwrap());
}
