//! Bans by lists: what is known of them, where they come from, and many in one go.

use chrono::Duration;
use systemprompt_users::{
    BanDuration, BanIpParams, BanIpWithMetadataParams, BulkBanOutcome, EventKind, PageRequest,
    Policy, SessionId,
};
use systemprompt_users_tests::{Host, field, on_every_backend};

on_every_backend! {
    metadata_is_kept,
    bans_are_listed_by_source_and_fingerprint,
    active_bans_are_listed_and_counted,
    spent_bans_are_dropped_past_their_retention,
    many_bans_in_one_go_say_what_happened,
    a_list_given_again_changes_nothing,
}

fn page() -> PageRequest {
    PageRequest::default()
}

fn words(
    report: &systemprompt_users::BulkReport<systemprompt_users::BulkBanItem>,
) -> Vec<&'static str> {
    report.items.iter().map(|item| item.outcome.as_str()).collect()
}

async fn metadata_is_kept(host: &Host) {
    let ada = host.user("ada").await.id;
    let session = host.session(ada).await.session.id;
    let params = BanIpWithMetadataParams {
        fingerprint: Some("browser".into()),
        offence_path: Some(format!("/wp-login.php?\r\n{}", "x".repeat(10_000))),
        user_agent: Some("curl/8\u{0}".into()),
        session_ids: vec![session],
        user_id: Some(ada),
        ..BanIpParams::new("192.0.2.1", BanDuration::Days(1))
            .reason(" scraping ")
            .source("waf")
            .into()
    };
    let ban = host.bans.ban_ip_with_metadata(&params).await.unwrap();
    assert_eq!(host.bans.get_ban("192.0.2.1").await.unwrap().as_ref(), Some(&ban));
    assert_eq!(ban.reason.as_deref(), Some("scraping"));
    assert_eq!(ban.source.as_deref(), Some("waf"));
    assert_eq!(ban.fingerprint.as_ref().unwrap().as_str(), "browser");
    assert_eq!(ban.user_agent.as_deref(), Some("curl/8"));
    assert_eq!((ban.session_ids.as_slice(), ban.user_id), (&[session][..], Some(ada)));
    let path = ban.offence_path.unwrap();
    assert!(path.starts_with("/wp-login.php?xxx") && path.chars().count() == 255);
    let fact = host.ban_history("192.0.2.1").await.remove(0);
    assert_eq!((fact.session_ids, fact.user_id), (vec![session], Some(ada)));

    let ban = BanIpParams::new("192.0.2.2", BanDuration::Days(1));
    let nil = SessionId::from_uuid(uuid::Uuid::nil());
    let long = "x".repeat(10_000);
    let of = |ban: BanIpParams| BanIpWithMetadataParams::from(ban);
    for (params, expected) in [
        (of(ban.clone().reason(&long)), "reason"),
        (of(ban.clone().reason("a\u{0}b")), "reason"),
        (of(ban.clone().source("a\nb")), "source"),
        (BanIpWithMetadataParams { fingerprint: Some(long), ..of(ban.clone()) }, "fingerprint"),
        (BanIpWithMetadataParams { session_ids: vec![nil; 101], ..of(ban) }, "session_ids"),
    ] {
        assert_eq!(field(host.bans.ban_ip_with_metadata(&params).await), expected);
    }
    assert_eq!(host.bans.get_ban("192.0.2.2").await.unwrap(), None);
}

async fn bans_are_listed_by_source_and_fingerprint(host: &Host) {
    let offence = |ip: &str, duration, source: &str, fingerprint: &str| BanIpWithMetadataParams {
        fingerprint: Some(fingerprint.into()),
        ..BanIpParams::new(ip, duration).source(source).into()
    };
    for params in [
        offence("192.0.2.1", BanDuration::Days(1), "waf", "f1"),
        offence("192.0.2.2", BanDuration::Days(1), "list", "f1"),
        offence("192.0.2.3", BanDuration::Hours(1), "waf", "f2"),
        offence("192.0.2.4", BanDuration::Days(1), "waf", "f1"),
        // Another source says the same of the first: both are true.
        offence("192.0.2.1", BanDuration::Hours(2), "list", "f2"),
    ] {
        host.clock.advance(Duration::seconds(1));
        host.bans.ban_ip_with_metadata(&params).await.unwrap();
    }
    host.bans.unban_ip("192.0.2.4", None).await.unwrap();
    let texts = |bans: Vec<systemprompt_users::BannedIp>| -> Vec<String> {
        bans.into_iter().map(|ban| ban.target.to_string()).collect()
    };
    let by_source = |source: &'static str| async move {
        texts(host.bans.list_bans_by_source(source, &page()).await.unwrap().items)
    };
    let by_fingerprint = |fingerprint: &'static str| async move {
        texts(host.bans.list_bans_by_fingerprint(fingerprint, &page()).await.unwrap().items)
    };
    assert_eq!(by_source("waf").await, ["192.0.2.1", "192.0.2.3"]);
    assert_eq!(by_source("list").await, ["192.0.2.1", "192.0.2.2"]);
    assert_eq!(by_fingerprint("f1").await, ["192.0.2.1", "192.0.2.2"]);
    assert_eq!(by_fingerprint("f2").await, ["192.0.2.1", "192.0.2.3"]);
    host.clock.advance(Duration::hours(3));
    assert_eq!(by_source("waf").await, ["192.0.2.1"]);
    assert_eq!(by_source("list").await, ["192.0.2.2"], "what it said of the first is over");
    assert!(by_fingerprint("f2").await.is_empty());
    assert!(by_source("w%f").await.is_empty() && by_source("WAF").await.is_empty());
    assert_eq!(field(host.bans.list_bans_by_source(" ", &page()).await), "source");
    assert_eq!(field(host.bans.list_bans_by_fingerprint("", &page()).await), "fingerprint");
}

async fn active_bans_are_listed_and_counted(host: &Host) {
    for n in 1..=7 {
        let duration = if n % 2 == 0 { BanDuration::Hours(n) } else { BanDuration::Permanent };
        host.ban(&format!("192.0.2.{n}"), duration).await;
    }
    host.bans.unban_ip("192.0.2.3", None).await.unwrap();
    host.clock.advance(Duration::hours(3));
    let mut seen = Vec::new();
    let mut request = PageRequest::new(2).unwrap();
    loop {
        let found = host.bans.list_active_bans(&request).await.unwrap();
        assert!(found.items.len() <= 2);
        seen.extend(found.items.iter().map(|ban| ban.target.to_string()));
        let Some(next) = found.next else { break };
        request = request.after(Some(next));
    }
    assert_eq!(
        seen,
        [7, 6, 5, 4, 1].map(|n| format!("192.0.2.{n}")),
        "those that began last first"
    );
    assert_eq!(host.bans.count_active_bans().await.unwrap(), 5);
    let foreign = PageRequest::default()
        .after(Some(systemprompt_users::Cursor::at_text("x".into(), uuid::Uuid::nil())));
    assert_eq!(field(host.bans.list_active_bans(&foreign).await), "after");
    assert_eq!(field(host.bans.list_bans_by_source("waf", &foreign).await), "after");
}

async fn spent_bans_are_dropped_past_their_retention(host: &Host) {
    let host = host.with_policy(Policy { cleanup_batch: 2, ..Policy::default() });
    for n in 1..=3 {
        host.ban(&format!("192.0.2.{n}"), BanDuration::Hours(1)).await;
    }
    host.ban("198.51.100.1", BanDuration::Permanent).await;
    host.ban("198.51.100.2", BanDuration::Permanent).await;
    host.bans.unban_ip("198.51.100.2", None).await.unwrap();
    host.ban("198.51.100.3", BanDuration::Days(300)).await;
    host.clock.advance(Duration::days(89));
    assert_eq!(host.bans.cleanup_expired().await.unwrap().deleted, 0);
    host.clock.advance(Duration::days(2));
    let start = host.position().await;
    let mut deleted = Vec::new();
    for _ in 0..3 {
        deleted.push(host.bans.cleanup_expired().await.unwrap().deleted);
    }
    assert_eq!(deleted, [2, 2, 0]);
    let cleaned = EventKind::RecordsCleaned { what: "bans".into(), count: 2 };
    assert_eq!(host.events_since(start).await, [cleaned.clone(), cleaned]);
    assert_eq!(host.bans.get_ban("192.0.2.1").await.unwrap(), None);
    assert_eq!(host.bans.get_ban("198.51.100.2").await.unwrap(), None);
    assert!(host.bans.is_banned("198.51.100.1").await.unwrap());
    assert!(host.bans.is_banned("198.51.100.3").await.unwrap());
    // A ledger that was dropped begins anew.
    assert_eq!(host.ban("192.0.2.1", BanDuration::Hours(1)).await.ban_count, 1);
}

async fn many_bans_in_one_go_say_what_happened(host: &Host) {
    host.ban("192.0.2.1", BanDuration::Hours(1)).await;
    host.ban("192.0.2.2", BanDuration::Permanent).await;
    host.ban("192.0.2.3", BanDuration::Permanent).await;
    host.bans.unban_ip("192.0.2.3", None).await.unwrap();
    let row = |ip: &str, duration| {
        BanIpWithMetadataParams::from(BanIpParams::new(ip, duration).source("list"))
    };
    let rows = [
        row("198.51.100.1", BanDuration::Permanent),
        row("192.0.2.1", BanDuration::Days(1)),
        row("192.0.2.2", BanDuration::Days(1)),
        row("192.0.2.3", BanDuration::Days(1)),
        row("not an address", BanDuration::Days(1)),
        row("198.51.100.2", BanDuration::Hours(0)),
        row("::ffff:198.51.100.1", BanDuration::Permanent),
        row("203.0.113.77/24", BanDuration::Permanent),
    ];
    let start = host.position().await;
    let report = host.bans.bulk_ban(&rows).await.unwrap();
    assert!(report.items.iter().map(|item| item.row).eq(0..rows.len()));
    let expected =
        ["banned", "extended", "existing", "banned", "refused", "refused", "existing", "banned"];
    assert_eq!(words(&report), expected);
    let BulkBanOutcome::Refused(error) = &report.items[5].outcome else { panic!() };
    assert_eq!(error.field(), Some("duration"));
    assert_eq!(host.kinds_since(start).await, ["ip_banned"; 4]);
    assert!(host.bans.is_banned("203.0.113.1").await.unwrap());
    assert_eq!(host.bans.count_active_bans().await.unwrap(), 5);
    let rows = vec![row("192.0.2.1", BanDuration::Permanent); 10_001];
    assert_eq!(field(host.bans.bulk_ban(&rows).await), "rows");
}

async fn a_list_given_again_changes_nothing(host: &Host) {
    let rows: Vec<BanIpWithMetadataParams> = (0..500)
        .map(|n| {
            let ip = format!("198.51.{}.{}", n / 250, n % 250);
            let duration = if n % 2 == 0 { BanDuration::Permanent } else { BanDuration::Days(30) };
            BanIpParams::new(ip, duration).source("list").reason("bad").into()
        })
        .collect();
    assert_eq!(words(&host.bans.bulk_ban(&rows).await.unwrap()), ["banned"; 500]);
    host.clock.advance(Duration::hours(5));
    let start = host.position().await;
    assert_eq!(words(&host.bans.bulk_ban(&rows).await.unwrap()), ["existing"; 500]);
    assert!(host.kinds_since(start).await.is_empty());
    assert_eq!(host.bans.count_active_bans().await.unwrap(), 500);
    assert_eq!(host.ban_history("198.51.0.1").await.len(), 1);
}
