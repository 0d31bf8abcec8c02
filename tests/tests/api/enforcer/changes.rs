//! What is done on host A is decided by on host B.

use systemprompt_users::{
    BanDuration, DenyReason, EndReason, MergeOptions, Policy, Requirement, UserRole, UserStatus,
};
use systemprompt_users_tests::{Host, on_every_backend};

use super::{Pair, decide, of_address, reason, remember};

on_every_backend! {
    a_ban_and_its_end,
    a_banned_network_and_an_allowed_one,
    what_was_there_before_it_started,
    a_session_that_is_ended,
    all_sessions_but_one,
    a_user_who_is_suspended_and_activated,
    a_user_who_is_deleted_and_restored,
    a_merged_user,
    a_merge_that_keeps_the_sessions,
    a_role_lost_and_gained,
    a_changed_profile,
    many_at_once,
}

const BANNED: Option<DenyReason> = Some(DenyReason::Banned);
const INVALID: Option<DenyReason> = Some(DenyReason::InvalidSession);

async fn a_ban_and_its_end(host: &Host) {
    let pair = Pair::on(host).await;
    for address in ["192.0.2.1", "2001:db8::1"] {
        assert_eq!(of_address(&pair.b, address).await, None);
        pair.a.ban(address, BanDuration::Permanent).await;
        pair.caught_up().await;
        assert_eq!(of_address(&pair.b, address).await, BANNED);
        assert_eq!(of_address(&pair.b, "192.0.2.2").await, None);
        pair.a.bans.unban_ip(address, None).await.unwrap();
        pair.caught_up().await;
        assert_eq!(of_address(&pair.b, address).await, None);
    }
    pair.a.ban("192.0.2.1", BanDuration::Permanent).await;
    pair.caught_up().await;
    assert_eq!(of_address(&pair.b, "::ffff:192.0.2.1").await, BANNED, "another spelling");
    assert_eq!(pair.b.stats().bans, 1);
    pair.b.shutdown().await;
}

async fn a_banned_network_and_an_allowed_one(host: &Host) {
    let pair = Pair::on(host).await;
    pair.a.ban("198.51.100.0/24", BanDuration::Permanent).await;
    pair.a.ban("198.51.100.7", BanDuration::Hours(1)).await;
    pair.a.ban("2001:db8::/32", BanDuration::Permanent).await;
    pair.caught_up().await;
    for banned in ["198.51.100.0", "198.51.100.7", "198.51.100.255", "2001:db8:ffff::1"] {
        assert_eq!(of_address(&pair.b, banned).await, BANNED, "{banned}");
    }
    assert_eq!(of_address(&pair.b, "198.51.101.0").await, None);
    pair.a.bans.allow("198.51.100.0/28", None).await.unwrap();
    pair.caught_up().await;
    for (address, expected) in [
        ("198.51.100.0", None),
        ("198.51.100.7", None),
        ("198.51.100.15", None),
        ("198.51.100.16", BANNED),
    ] {
        assert_eq!(of_address(&pair.b, address).await, expected, "{address}");
    }
    assert_eq!(pair.b.stats().networks_allowed, 1);
    pair.a.bans.disallow("198.51.100.0/28").await.unwrap();
    pair.a.bans.unban_ip("198.51.100.0/24", None).await.unwrap();
    pair.caught_up().await;
    assert_eq!(of_address(&pair.b, "198.51.100.7").await, BANNED, "by its own ban");
    assert_eq!(of_address(&pair.b, "198.51.100.8").await, None);
    pair.b.shutdown().await;
}

async fn what_was_there_before_it_started(host: &Host) {
    host.ban("192.0.2.0/25", BanDuration::Permanent).await;
    host.ban("192.0.2.200", BanDuration::Permanent).await;
    host.ban("127.0.0.1", BanDuration::Permanent).await;
    host.bans.unban_ip("192.0.2.200", None).await.unwrap();
    host.bans.allow("192.0.2.5", None).await.unwrap();
    let pair = Pair::on(host).await;
    for (address, expected) in [
        ("192.0.2.4", BANNED),
        ("192.0.2.5", None),
        ("192.0.2.200", None),
        ("127.0.0.1", None),
        ("::ffff:127.0.0.1", None),
    ] {
        assert_eq!(of_address(&pair.b, address).await, expected, "{address}");
    }
    pair.b.shutdown().await;
    let strict = host.with_policy(Policy { allow_loopback: false, ..Policy::default() });
    let strict = super::enforcer(&strict).await;
    assert_eq!(of_address(&strict, "127.0.0.1").await, BANNED);
    strict.shutdown().await;
}

async fn a_session_that_is_ended(host: &Host) {
    let pair = Pair::on(host).await;
    let (user, kept) = pair.signed_in("ada").await;
    let gone = pair.a.session(user).await;
    remember(&pair.b, &gone.token).await;
    pair.a.sessions.end(gone.session.id, EndReason::Logout).await.unwrap();
    pair.caught_up().await;
    assert_eq!(pair.session(&gone.token).await, INVALID);
    assert_eq!(pair.session(&kept).await, None);
    let open = decide(&pair.b, super::PEER, Some(&gone.token), Requirement::Address).await;
    assert!(open.is_allowed() && open.session().is_none(), "nobody has to be signed in");
    let none = decide(&pair.b, super::PEER, None, Requirement::Session).await;
    assert_eq!(reason(none), Some(DenyReason::NoToken));
    let peer = super::PEER.parse().unwrap();
    let nonsense = pair.b.decide(peer, Some("no token"), Requirement::Session).await;
    assert_eq!(reason(nonsense), INVALID);
    pair.b.shutdown().await;
}

async fn all_sessions_but_one(host: &Host) {
    let pair = Pair::on(host).await;
    let (user, first) = pair.signed_in("ada").await;
    let second = pair.a.session(user).await;
    remember(&pair.b, &second.token).await;
    let keep = Some(second.session.id);
    pair.a.sessions.end_all_except(user, keep, EndReason::Revoked).await.unwrap();
    pair.caught_up().await;
    assert_eq!(pair.session(&first).await, INVALID);
    assert_eq!(pair.session(&second.token).await, None);
    pair.b.shutdown().await;
}

async fn a_user_who_is_suspended_and_activated(host: &Host) {
    let pair = Pair::on(host).await;
    let (user, token) = pair.signed_in("ada").await;
    pair.a.users.update_status(user, UserStatus::Suspended).await.unwrap();
    pair.caught_up().await;
    assert_eq!(pair.session(&token).await, INVALID);
    pair.a.users.update_status(user, UserStatus::Active).await.unwrap();
    pair.caught_up().await;
    assert_eq!(pair.session(&token).await, INVALID, "the session stays ended");
    let again = pair.a.session(user).await.token;
    assert_eq!(pair.session(&again).await, None);
    pair.b.shutdown().await;
}

async fn a_user_who_is_deleted_and_restored(host: &Host) {
    let pair = Pair::on(host).await;
    let (user, token) = pair.signed_in("ada").await;
    pair.a.users.delete(user).await.unwrap();
    pair.caught_up().await;
    assert_eq!(pair.session(&token).await, INVALID);
    pair.a.users.restore(user).await.unwrap();
    let again = pair.a.session(user).await.token;
    remember(&pair.b, &again).await;
    pair.a.users.delete(user).await.unwrap();
    pair.a.users.purge(user).await.unwrap();
    pair.caught_up().await;
    assert_eq!(pair.session(&again).await, INVALID);
    pair.b.shutdown().await;
}

async fn a_merged_user(host: &Host) {
    let pair = Pair::on(host).await;
    let (source, of_source) = pair.signed_in("ada").await;
    let (target, of_target) = pair.signed_in("bob").await;
    pair.a.users.merge_users(source, target, MergeOptions::default()).await.unwrap();
    pair.caught_up().await;
    assert_eq!(pair.session(&of_source).await, INVALID);
    assert_eq!(pair.session(&of_target).await, None);
    pair.b.shutdown().await;
}

async fn a_merge_that_keeps_the_sessions(host: &Host) {
    let pair = Pair::on(host).await;
    let (source, token) = pair.signed_in("ada").await;
    let (target, _) = pair.signed_in("bob").await;
    let options = MergeOptions { keep_sessions: true, ..MergeOptions::default() };
    pair.a.users.merge_users(source, target, options).await.unwrap();
    pair.caught_up().await;
    let decision = decide(&pair.b, super::PEER, Some(&token), Requirement::Session).await;
    assert_eq!(decision.session().unwrap().user.id, target);
    pair.b.shutdown().await;
}

async fn a_role_lost_and_gained(host: &Host) {
    host.admin("root").await;
    let pair = Pair::on(host).await;
    let (user, token) = pair.signed_in("ada").await;
    let admin = Requirement::Role(UserRole::Admin);
    let missing = Some(DenyReason::MissingRole);
    assert_eq!(reason(decide(&pair.b, super::PEER, Some(&token), admin).await), missing);
    pair.a.users.assign_role(user, UserRole::Admin).await.unwrap();
    pair.caught_up().await;
    let decision = decide(&pair.b, super::PEER, Some(&token), admin).await;
    assert!(decision.session().unwrap().user.roles.contains(UserRole::Admin), "{decision:?}");
    remember(&pair.b, &token).await;
    pair.a.users.revoke_role(user, UserRole::Admin).await.unwrap();
    pair.caught_up().await;
    assert_eq!(reason(decide(&pair.b, super::PEER, Some(&token), admin).await), missing);
    assert_eq!(pair.session(&token).await, None);
    pair.b.shutdown().await;
}

async fn a_changed_profile(host: &Host) {
    let pair = Pair::on(host).await;
    let (user, token) = pair.signed_in("ada").await;
    pair.a.users.update_full_name(user, Some("Ada Lovelace")).await.unwrap();
    pair.caught_up().await;
    let decision = decide(&pair.b, super::PEER, Some(&token), Requirement::Session).await;
    let name = decision.session().unwrap().user.full_name.clone().unwrap();
    assert_eq!(name.as_str(), "Ada Lovelace");
    pair.b.shutdown().await;
}

async fn many_at_once(host: &Host) {
    let pair = Pair::on(host).await;
    let mut people = Vec::new();
    for n in 0..20 {
        people.push(pair.signed_in(&format!("user{n}")).await);
    }
    let ids: Vec<_> = people.iter().map(|(user, _)| *user).collect();
    pair.a.users.bulk_update_status(&ids[..15], UserStatus::Suspended).await.unwrap();
    for n in 0..50 {
        pair.a.ban(&format!("10.{n}.0.0/16"), BanDuration::Permanent).await;
    }
    pair.caught_up().await;
    for (place, (_, token)) in people.iter().enumerate() {
        let expected = if place < 15 { INVALID } else { None };
        assert_eq!(pair.session(token).await, expected, "{place}");
    }
    for n in 0..50 {
        assert_eq!(of_address(&pair.b, &format!("10.{n}.1.2")).await, BANNED);
    }
    assert_eq!(of_address(&pair.b, "10.50.1.2").await, None);
    pair.b.shutdown().await;
}
