//! Bans: a ledger of facts, and the state that follows.

use chrono::Duration;
use systemprompt_users::{
    BanDuration, BanEnd, BanFactKind, BanIpParams, BanIpWithMetadataParams, BulkBanItem,
    BulkBanOutcome, BulkReport, EndReason, IpTarget, NewSession, PageRequest, UserStatus,
};
use systemprompt_users_tests::{Host, at_once, code, field, on_every_backend};

on_every_backend! {
    every_spelling_of_an_address_is_banned,
    a_network_ban_covers_its_addresses,
    a_permanent_ban_outlives_a_temporary_one,
    a_short_ban_never_shortens_a_long_one,
    a_ban_ends_at_its_moment,
    a_lifted_ban_keeps_its_history,
    lifting_one_target_says_what_still_covers_it,
    what_is_not_banned_can_not_be_lifted,
    a_duration_that_is_not_positive_is_refused,
    what_is_no_address_is_refused,
    offences_at_once_are_all_in_the_ledger,
    lifting_and_banning_at_once_leave_a_whole_ledger,
    the_ban_that_lasts_longest_is_answered,
    what_a_ban_would_hit_is_told_before,
    rows_that_hit_what_is_hardly_meant_are_refused_where_that_is_asked_for,
}

fn page() -> PageRequest {
    PageRequest::default()
}

async fn every_spelling_of_an_address_is_banned(host: &Host) {
    for (banned, spellings) in [
        (
            "2001:DB8::1",
            ["2001:db8::1", "2001:db8:0:0:0:0:0:1", "2001:0DB8::0001", "2001:db8::1/128"],
        ),
        ("::ffff:1.2.3.4", ["1.2.3.4", " 1.2.3.4 ", "1.2.3.4/32", "::FFFF:102:304"]),
        ("192.0.2.9/32", ["192.0.2.9", "::ffff:192.0.2.9", "192.0.2.9\n", "::ffff:192.0.2.9/128"]),
    ] {
        host.ban(banned, BanDuration::Permanent).await;
        for spelling in spellings {
            assert!(host.bans.is_banned(spelling).await.unwrap(), "{banned} as {spelling:?}");
            let ban = host.bans.get_ban(spelling).await.unwrap().unwrap();
            assert_eq!(ban.target, banned.parse::<IpTarget>().unwrap());
        }
        let address: std::net::IpAddr = spellings[0].parse().unwrap();
        assert!(host.bans.is_banned(address).await.unwrap());
    }
    assert_eq!(host.bans.count_active_bans().await.unwrap(), 3);
    host.ban("::ffff:1.2.3.4/128", BanDuration::Permanent).await;
    assert_eq!(host.bans.get_ban("1.2.3.4").await.unwrap().unwrap().ban_count, 2);
    for other in ["1.2.3.5", "2001:db8::2", "::1.2.3.4"] {
        assert!(!host.bans.is_banned(other).await.unwrap(), "{other}");
    }
}

async fn a_network_ban_covers_its_addresses(host: &Host) {
    let ban = host.ban("10.1.2.3/8", BanDuration::Permanent).await;
    assert_eq!(ban.target.to_string(), "10.0.0.0/8");
    host.ban("2001:db8::/32", BanDuration::Permanent).await;
    for inside in [
        "10.0.0.0",
        "10.255.255.255",
        "10.9.0.0/16",
        "10.0.0.0/8",
        "::ffff:10.1.1.1",
        "2001:db8:ffff::1",
    ] {
        assert!(host.bans.is_banned(inside).await.unwrap(), "{inside}");
    }
    for outside in ["9.255.255.255", "11.0.0.0", "8.0.0.0/6", "2001:db9::1", "::1.2.3.4"] {
        assert!(!host.bans.is_banned(outside).await.unwrap(), "{outside}");
    }
    assert_eq!(host.bans.get_ban("10.1.1.1").await.unwrap(), None, "no ledger of its own");
    let found = host.bans.find_ban("10.1.1.1").await.unwrap().unwrap();
    assert_eq!(found.target, ban.target);
    host.ban("0.0.0.0/0", BanDuration::Hours(1)).await;
    assert!(host.bans.is_banned("11.0.0.0").await.unwrap());
    assert!(!host.bans.is_banned("2001:db9::1").await.unwrap());
}

async fn a_permanent_ban_outlives_a_temporary_one(host: &Host) {
    host.ban("192.0.2.1", BanDuration::Permanent).await;
    let ban = host.ban("192.0.2.1", BanDuration::Hours(1)).await;
    assert_eq!((ban.until, ban.ban_count), (BanEnd::Never, 2));
    host.ban("192.0.2.2", BanDuration::Hours(1)).await;
    let ban = host.ban("192.0.2.2", BanDuration::Permanent).await;
    assert_eq!((ban.until, ban.ban_count), (BanEnd::Never, 2));
    host.clock.advance(Duration::days(3650));
    assert!(host.bans.is_banned("192.0.2.1").await.unwrap());
    assert!(host.bans.is_banned("192.0.2.2").await.unwrap());
    assert_eq!(host.bans.count_active_bans().await.unwrap(), 2);
}

async fn a_short_ban_never_shortens_a_long_one(host: &Host) {
    let long = BanIpParams::new("192.0.2.1", BanDuration::Days(7)).reason("long");
    let until = host.bans.ban_ip(&long).await.unwrap().until;
    let short = BanIpParams::new("192.0.2.1", BanDuration::Hours(1)).reason("short");
    let ban = host.bans.ban_ip(&short).await.unwrap();
    assert_eq!((ban.until, ban.reason.as_deref(), ban.ban_count), (until, Some("long"), 2));
    host.clock.advance(Duration::days(6));
    assert!(host.bans.is_banned("192.0.2.1").await.unwrap());
    let longer = host.bans.ban_ip(&short).await.unwrap();
    assert_eq!(longer.until, until);
    host.clock.advance(Duration::hours(23) + Duration::minutes(30));
    let extended = host.bans.ban_ip(&short).await.unwrap();
    assert_eq!(extended.until, BanEnd::At(host.now() + Duration::hours(1)));
    assert_eq!(extended.reason.as_deref(), Some("short"), "the one that counts now");
    assert_eq!(extended.banned_at, ban.banned_at, "banned without a break");
}

async fn a_ban_ends_at_its_moment(host: &Host) {
    let length = Duration::hours(2) + Duration::microseconds(5);
    let ban = host.ban("192.0.2.1", BanDuration::For(length)).await;
    let end = ban.until.time().unwrap();
    assert_eq!(end, host.now() + length);
    host.clock.set(end - Duration::microseconds(1));
    assert!(host.bans.is_banned("192.0.2.1").await.unwrap());
    assert_eq!(host.bans.count_active_bans().await.unwrap(), 1);
    host.clock.set(end);
    assert!(!host.bans.is_banned("192.0.2.1").await.unwrap());
    assert_eq!(host.bans.count_active_bans().await.unwrap(), 0);
    assert!(host.bans.list_active_bans(&page()).await.unwrap().items.is_empty());
    assert_eq!(host.bans.find_ban("192.0.2.1").await.unwrap(), None);
    assert!(host.bans.get_ban("192.0.2.1").await.unwrap().is_some(), "still on record");
    let again = host.ban("192.0.2.1", BanDuration::Hours(1)).await;
    assert_eq!((again.banned_at, again.ban_count), (host.now(), 2));
}

async fn a_lifted_ban_keeps_its_history(host: &Host) {
    host.ban("192.0.2.1", BanDuration::Permanent).await;
    let start = host.position().await;
    let lifted = host.bans.unban_ip("192.0.2.1", Some("a mistake")).await.unwrap();
    assert_eq!(lifted.ban.lifted_at, Some(host.now()));
    assert!(lifted.still_covered_by.is_empty());
    assert!(!host.bans.is_banned("192.0.2.1").await.unwrap());
    assert_eq!(host.kinds_since(start).await, ["ip_unbanned"]);
    let again = host.ban("192.0.2.1", BanDuration::Hours(1)).await;
    assert_eq!(
        again.until,
        BanEnd::At(host.now() + Duration::hours(1)),
        "the permanent one is over"
    );
    assert_eq!((again.ban_count, again.lifted_at), (2, None));
    let facts = host.ban_history("192.0.2.1").await;
    assert_eq!(facts[1].reason.as_deref(), Some("a mistake"));
    let kinds: Vec<BanFactKind> = facts.iter().map(|fact| fact.kind).collect();
    assert_eq!(
        kinds,
        [
            BanFactKind::Banned { until: again.until },
            BanFactKind::Lifted,
            BanFactKind::Banned { until: BanEnd::Never },
        ]
    );
    let one = PageRequest::new(1).unwrap();
    let mut seen = Vec::new();
    let mut next = None;
    loop {
        let found = host.bans.ban_history("192.0.2.1", &one.clone().after(next)).await.unwrap();
        seen.extend(found.items);
        next = found.next;
        if next.is_none() {
            break;
        }
    }
    assert_eq!(seen, facts);
}

async fn lifting_one_target_says_what_still_covers_it(host: &Host) {
    for target in ["10.0.0.0/8", "10.1.0.0/16", "10.1.1.1"] {
        host.ban(target, BanDuration::Permanent).await;
    }
    let lifted = host.bans.unban_ip("10.1.1.1", None).await.unwrap();
    let covering: Vec<_> = lifted.still_covered_by.iter().map(ToString::to_string).collect();
    assert_eq!(covering, ["10.1.0.0/16", "10.0.0.0/8"], "the narrowest first");
    assert!(host.bans.is_banned("10.1.1.1").await.unwrap());
    host.bans.unban_ip("10.0.0.0/8", None).await.unwrap();
    assert!(host.bans.is_banned("10.1.1.1").await.unwrap());
    assert!(!host.bans.is_banned("10.2.1.1").await.unwrap());
    host.bans.unban_ip("10.1.0.0/16", None).await.unwrap();
    assert!(!host.bans.is_banned("10.1.1.1").await.unwrap());
}

async fn what_is_not_banned_can_not_be_lifted(host: &Host) {
    host.ban("10.0.0.0/8", BanDuration::Permanent).await;
    host.ban("192.0.2.1", BanDuration::Hours(1)).await;
    host.ban("192.0.2.2", BanDuration::Permanent).await;
    host.bans.unban_ip("192.0.2.2", None).await.unwrap();
    host.clock.advance(Duration::hours(1));
    let start = host.position().await;
    for target in ["10.1.1.1", "192.0.2.1", "192.0.2.2", "198.51.100.1", "10.0.0.0/9"] {
        assert_eq!(code(host.bans.unban_ip(target, None).await), "not_found", "{target}");
    }
    assert!(host.kinds_since(start).await.is_empty());
    assert!(host.ban_history("198.51.100.1").await.is_empty());
}

async fn a_duration_that_is_not_positive_is_refused(host: &Host) {
    for wrong in [
        BanDuration::Hours(0),
        BanDuration::Hours(-1),
        BanDuration::Days(0),
        BanDuration::Days(i64::MIN),
        BanDuration::Days(i64::MAX),
        BanDuration::Hours(i64::MAX),
        BanDuration::Days(10_000_000),
        BanDuration::For(Duration::zero()),
        BanDuration::For(Duration::nanoseconds(999)),
        BanDuration::For(Duration::MAX),
        BanDuration::For(Duration::MIN),
    ] {
        let params = BanIpParams::new("192.0.2.1", wrong);
        assert_eq!(field(host.bans.ban_ip(&params).await), "duration", "{wrong:?}");
    }
    assert_eq!(host.bans.get_ban("192.0.2.1").await.unwrap(), None);
}

async fn what_is_no_address_is_refused(host: &Host) {
    let long = "1".repeat(10_000);
    for wrong in [
        "",
        " ",
        "localhost",
        "1.2.3",
        "1.2.3.256",
        "1.2.3.4.5",
        "01.2.3.4",
        "1.2.3.4/33",
        "1.2.3.4/",
        "1.2.3.4/-1",
        "1.2.3.4/+8",
        "1.2.3.4/8/8",
        "::g",
        "::1/129",
        "[::1]",
        "1.2.3.4:80",
        "%",
        &long,
    ] {
        let params = BanIpParams::new(wrong, BanDuration::Permanent);
        assert_eq!(code(host.bans.ban_ip(&params).await), "invalid_ip", "{wrong:?}");
        assert_eq!(code(host.bans.is_banned(wrong).await), "invalid_ip", "{wrong:?}");
        assert_eq!(code(host.bans.unban_ip(wrong, None).await), "invalid_ip", "{wrong:?}");
        assert_eq!(code(host.bans.get_ban(wrong).await), "invalid_ip", "{wrong:?}");
        assert_eq!(code(host.bans.ban_history(wrong, &page()).await), "invalid_ip", "{wrong:?}");
        assert_eq!(code(host.bans.allow(wrong, None).await), "invalid_ip", "{wrong:?}");
        assert_eq!(code(host.bans.disallow(wrong).await), "invalid_ip", "{wrong:?}");
    }
    assert_eq!(host.bans.count_active_bans().await.unwrap(), 0);
}

async fn offences_at_once_are_all_in_the_ledger(host: &Host) {
    let start = host.position().await;
    let answers = at_once((0..16).map(|n| {
        let bans = host.bans.clone();
        let spelling = if n % 2 == 0 { "192.0.2.1" } else { "::ffff:192.0.2.1/128" };
        let params = BanIpParams::new(spelling, BanDuration::Hours(n + 1));
        async move { bans.ban_ip(&params).await.unwrap() }
    }))
    .await;
    let mut counts: Vec<u32> = answers.iter().map(|ban| ban.ban_count).collect();
    counts.sort_unstable();
    assert!(counts.into_iter().eq(1..=16), "each has seen those before it");
    let ban = host.bans.get_ban("192.0.2.1").await.unwrap().unwrap();
    assert_eq!((ban.ban_count, ban.until), (16, BanEnd::At(host.now() + Duration::hours(16))));
    assert_eq!(host.ban_history("192.0.2.1").await.len(), 16);
    assert_eq!(host.kinds_since(start).await, ["ip_banned"; 16]);
    assert_eq!(host.bans.count_active_bans().await.unwrap(), 1);
}

async fn lifting_and_banning_at_once_leave_a_whole_ledger(host: &Host) {
    host.ban("192.0.2.1", BanDuration::Permanent).await;
    let answers = at_once((0..12).map(|n| {
        let bans = host.bans.clone();
        async move {
            if n % 3 == 0 {
                bans.unban_ip("192.0.2.1", None).await.map(drop)
            } else {
                let params = BanIpParams::new("192.0.2.1", BanDuration::Hours(1));
                bans.ban_ip(&params).await.map(drop)
            }
        }
    }))
    .await;
    let done = answers.iter().filter(|answer| answer.is_ok()).count();
    assert!(answers.into_iter().filter(Result::is_err).all(|answer| code(answer) == "not_found"));
    let facts = host.ban_history("192.0.2.1").await;
    assert_eq!(facts.len(), done + 1);
    let banned = facts[0].kind != BanFactKind::Lifted;
    assert_eq!(host.bans.is_banned("192.0.2.1").await.unwrap(), banned);
}

async fn the_ban_that_lasts_longest_is_answered(host: &Host) {
    host.ban("10.1.1.1", BanDuration::Hours(1)).await;
    host.ban("10.1.0.0/16", BanDuration::Days(2)).await;
    host.ban("10.0.0.0/8", BanDuration::Days(1)).await;
    let find =
        || async { host.bans.find_ban("10.1.1.1").await.unwrap().unwrap().target.to_string() };
    assert_eq!(find().await, "10.1.0.0/16");
    host.ban("10.0.0.0/8", BanDuration::Permanent).await;
    assert_eq!(find().await, "10.0.0.0/8");
    host.ban("10.1.1.1", BanDuration::Permanent).await;
    assert_eq!(find().await, "10.1.1.1", "of those that last as long the narrowest");
}

async fn what_a_ban_would_hit_is_told_before(host: &Host) {
    let start = async |name: &str, address: &str| {
        let user = if name == "eve" { host.user(name).await } else { host.admin(name).await };
        let client = NewSession { ip: address.parse().ok(), ..NewSession::default() };
        (user.id, host.sessions.create(user.id, &client).await.unwrap().session.id)
    };
    let (ada, _) = start("ada", "192.0.2.1").await;
    let (bob, _) = start("bob", "2001:db8::1").await;
    let (_, over) = start("cyd", "192.0.2.1").await;
    start("eve", "192.0.2.1").await;
    host.sessions.end(over, EndReason::Logout).await.unwrap();
    let own: Option<std::net::IpAddr> = "::ffff:198.51.100.7".parse().ok();
    let hit = async |target: &str| {
        let impact = host.bans.ban_impact(target.parse().unwrap(), own).await.unwrap();
        (impact.own_address.is_some(), impact.admin_sessions, impact.is_wide)
    };
    for (target, expected) in [
        ("192.0.2.1", (false, 1, false)),
        ("::ffff:192.0.2.1", (false, 1, false)),
        ("192.0.0.0/16", (false, 1, false)),
        ("192.0.2.2", (false, 0, false)),
        ("2001:db8::/32", (false, 1, false)),
        ("2001:db8::2", (false, 0, false)),
        ("198.51.100.7", (true, 0, false)),
        ("198.51.100.0/24", (true, 0, false)),
        ("0.0.0.0/0", (true, 1, true)),
        ("::/0", (false, 1, true)),
        ("10.0.0.0/8", (false, 0, false)),
        ("10.0.0.0/7", (false, 0, true)),
        ("2002::/16", (false, 0, false)),
        ("2002::/15", (false, 0, true)),
        ("127.0.0.1", (false, 0, false)),
    ] {
        assert_eq!(hit(target).await, expected, "{target}");
    }
    assert_eq!(host.bans.count_active_bans().await.unwrap(), 0, "it only asks");
    // An allow-list may be changed tomorrow.
    host.bans.allow("0.0.0.0/0", None).await.unwrap();
    assert_eq!(hit("0.0.0.0/0").await, (true, 1, true));
    // Not hit is who is not an admin any more, or can't sign in.
    host.admins.demote(&ada.to_string()).await.unwrap();
    host.users.update_status(bob, UserStatus::Suspended).await.unwrap();
    assert_eq!(hit("2001:db8::/32").await, (false, 0, false));
    // Whoever calls the library decides.
    host.ban("0.0.0.0/0", BanDuration::Hours(1)).await;
}

async fn rows_that_hit_what_is_hardly_meant_are_refused_where_that_is_asked_for(host: &Host) {
    let own = "198.51.100.7".parse().ok();
    let rows: Vec<BanIpWithMetadataParams> = ["192.0.2.1", "nonsense", "198.51.0.0/16", "::/0"]
        .map(|target| BanIpParams::new(target, BanDuration::Permanent).into())
        .into();
    let words = |report: BulkReport<BulkBanItem>| {
        let items = report.items.into_iter();
        items
            .map(|item| match item.outcome {
                BulkBanOutcome::Refused(error) => error.code(),
                other => other.as_str(),
            })
            .collect::<Vec<_>>()
    };
    let report = host.bans.bulk_ban_unconfirmed(&rows, own).await.unwrap();
    assert_eq!(words(report), ["banned", "invalid_ip", "unconfirmed", "unconfirmed"]);
    let report = host.bans.bulk_ban_unconfirmed(&rows, None).await.unwrap();
    assert_eq!(words(report), ["existing", "invalid_ip", "banned", "unconfirmed"]);
    let report = host.bans.bulk_ban(&rows).await.unwrap();
    assert_eq!(words(report), ["existing", "invalid_ip", "existing", "banned"]);
}
