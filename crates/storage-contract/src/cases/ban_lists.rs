//! Which bans are in force: over a target, in all, of one origin; and which are over.

use chrono::{DateTime, Utc};
use systemprompt_users_domain::{BanEnd, BanOrigin, BannedIp, Cursor, Offence};

use crate::Subject;
use crate::books::{Books, hour};
use crate::fixtures::{at, ban, fingerprint, offence, target, tick};
use crate::subject::{Walk, check_same, request};

async fn check_covering(subject: &Subject, books: &Books, text: &str, now: DateTime<Utc>) {
    let mut unit = subject.read().await;
    let found = unit.bans().find_covering(&target(text), now).await.unwrap();
    let texts: Vec<_> = found.iter().map(|ban| ban.target.to_string()).collect();
    let expected = books.covering(&target(text), now);
    let wanted: Vec<_> = expected.iter().map(|ban| ban.target.to_string()).collect();
    assert_eq!(texts, wanted, "{text} at {now}");
    check_same(&found, &expected);
}

pub(crate) async fn every_network_around_a_target_covers_it(subject: Subject) {
    let mut books = Books::default();
    let networks = [
        "10.0.0.0/8",
        "10.1.2.3",
        "0.0.0.0/0",
        "10.1.0.0/16",
        "10.1.2.0/24",
        "10.1.2.2/31",
        "10.1.2.2",
        "10.2.0.0/16",
        "11.0.0.0/8",
        "::/0",
        "2001:db8::/32",
        "2001:db8::1",
        "2001:db8:0:1::/64",
        "2001:db8::/127",
        "2001:db9::/32",
        "::a00:0/104",
        "128.0.0.0/1",
    ];
    for (n, network) in (1..).zip(networks) {
        books.ban(n, offence(network, BanEnd::Never), at(n.into()));
    }
    books.post(&subject).await;
    for text in [
        "10.1.2.3",
        "10.1.2.2",
        "10.1.2.255",
        "10.1.3.3",
        "10.3.0.0",
        "9.255.255.255",
        "11.0.0.0",
        "255.255.255.255",
        "0.0.0.0",
        "10.1.2.0/24",
        "10.1.2.0/25",
        "10.0.0.0/7",
        "0.0.0.0/0",
        "2001:db8::1",
        "2001:db8::",
        "2001:db8::2",
        "2001:db8:0:1::1",
        "2001:db8::/33",
        "2001:dba::",
        "::",
        "::1",
        "::a01:203",
        "::ffff:10.1.2.3",
        "::/0",
        "ffff::",
        "2001:db8::/31",
    ] {
        check_covering(&subject, &books, text, at(900)).await;
    }
}

pub(crate) async fn what_was_lifted_or_has_lapsed_covers_nothing(subject: Subject) {
    let mut books = Books::default();
    books.ban(1, offence("192.0.2.1", BanEnd::At(hour(1))), at(1));
    books.ban(2, offence("192.0.2.0/24", BanEnd::Never), at(1));
    books.ban(3, offence("192.0.0.0/16", BanEnd::Never), at(1));
    books.lift(3, at(2));
    books.ban(4, offence("192.0.0.0/8", BanEnd::At(hour(1) + tick())), at(1));
    books.ban(5, offence("0.0.0.0/0", BanEnd::At(hour(1))), at(1));
    books.lift(5, at(2));
    books.ban(5, offence("0.0.0.0/0", BanEnd::At(hour(2))), at(3));
    books.post(&subject).await;
    for now in [at(5), hour(1) - tick(), hour(1), hour(1) + tick(), hour(2), hour(3)] {
        check_covering(&subject, &books, "192.0.2.1", now).await;
    }
}

/// Ledgers that are banned again, lifted and left to lapse, by several sources and fingerprints, with ends
/// on, before and behind whole hours. The same each time.
fn tangle(ledgers: u32) -> Books {
    let mut books = Books::default();
    let mut state: u32 = 2_463_534_242;
    let mut draw = |below: u32| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state % below
    };
    for step in 0..ledgers * 4 {
        let n = 1 + draw(ledgers);
        let text = match n % 2 {
            0 => format!("10.0.{n}.0/24"),
            _ => format!("2001:db8:{n:x}::1"),
        };
        let time = at(i64::from(step / 3 * 120));
        if draw(6) == 0 && books.all().iter().any(|ledger| ledger.id == ban(n)) {
            books.lift(n, time);
            continue;
        }
        let end = hour(i64::from(1 + step / 90 + draw(5))) + tick() * (1 - draw(3).cast_signed());
        let until = if draw(5) == 0 { BanEnd::Never } else { BanEnd::At(end.max(time + tick())) };
        let mut offence = Offence { reason: Some(format!("step {step}")), ..offence(&text, until) };
        offence.source =
            ["list", "List", "detector"].get(draw(4) as usize).map(ToString::to_string);
        offence.fingerprint = ["hand", "hand2"].get(draw(4) as usize).map(|mark| fingerprint(mark));
        books.ban(n, offence, time);
    }
    books
}

fn moments() -> Vec<DateTime<Utc>> {
    let around = |hours| [hour(hours) - tick(), hour(hours), hour(hours) + tick()];
    [at(-9_999_999), at(1), at(1_801)]
        .into_iter()
        .chain((1..9).flat_map(around))
        .chain([at(99_999_999)])
        .collect()
}

async fn list_active(subject: &Subject, now: DateTime<Utc>, limit: u16) -> Vec<BannedIp> {
    let mut unit = subject.read().await;
    let mut walk = Walk::new(limit);
    while let Some(page) = walk.request() {
        let page = unit.bans().list_active(now, &page).await.unwrap();
        walk.take(page, BannedIp::cursor);
    }
    walk.items
}

pub(crate) async fn bans_in_force_are_listed_begun_last_first(subject: Subject) {
    let mut books = tangle(40);
    books.post(&subject).await;
    for now in moments() {
        check_same(&list_active(&subject, now, 1000).await, &books.active(now));
    }
    for limit in [1, 2, 7] {
        check_same(&list_active(&subject, hour(3), limit).await, &books.active(hour(3)));
    }
}

pub(crate) async fn bans_begun_at_once_are_listed_by_id(subject: Subject) {
    let mut books = Books::default();
    for n in [3, 1, 4, 2, 6, 5] {
        books.ban(n, offence(&format!("192.0.2.{n}"), BanEnd::Never), at(i64::from(n / 4)));
    }
    books.post(&subject).await;
    for limit in [1, 2, 3, 6, 7] {
        check_same(&list_active(&subject, at(9), limit).await, &books.active(at(9)));
    }
}

pub(crate) async fn bans_in_force_are_counted_to_the_microsecond(subject: Subject) {
    let mut books = tangle(40);
    books.post(&subject).await;
    check_counts(&subject, &books).await;
    for n in [1, 2, 3] {
        books.ban(n, offence(&books.ledger(n).target.to_string(), BanEnd::Never), hour(2));
        books.lift(n + 10, hour(2));
    }
    books.post(&subject).await;
    check_counts(&subject, &books).await;
    let dropped = books.drop_over(hour(3), 100);
    let mut unit = subject.write().await;
    assert_eq!(unit.bans().delete_over(hour(3), 100).await.unwrap(), dropped);
    unit.commit().await.unwrap();
    check_counts(&subject, &books).await;
}

async fn check_counts(subject: &Subject, books: &Books) {
    let mut unit = subject.read().await;
    for now in moments() {
        let counted = unit.bans().count_active(now).await.unwrap();
        assert_eq!(counted, books.active(now).len() as u64, "at {now}");
    }
}

pub(crate) async fn what_is_not_committed_is_not_counted(subject: Subject) {
    let mut books = tangle(20);
    books.post(&subject).await;
    let mut unit = subject.write().await;
    let more = crate::fixtures::banned(900, offence("192.0.2.9", BanEnd::Never), at(1));
    unit.bans().append(&[more]).await.unwrap();
    let expected = books.active(hour(1)).len() as u64;
    assert_eq!(unit.bans().count_active(hour(1)).await.unwrap(), expected + 1);
    drop(unit);
    check_counts(&subject, &books).await;
}

async fn check_origin(subject: &Subject, books: &Books, now: DateTime<Utc>, limit: u16) {
    let mut unit = subject.read().await;
    for origin in [
        BanOrigin::Source("list".into()),
        BanOrigin::Source("List".into()),
        BanOrigin::Source("detector".into()),
        BanOrigin::Source("lis%".into()),
        BanOrigin::Fingerprint(fingerprint("hand")),
        BanOrigin::Fingerprint(fingerprint("hand2")),
        BanOrigin::Fingerprint(fingerprint("list")),
    ] {
        let mut walk = Walk::new(limit);
        while let Some(page) = walk.request() {
            let page = unit.bans().list_by_origin(&origin, now, &page).await.unwrap();
            walk.take(page, |ban| Cursor::at_id(ban.id.as_uuid()));
        }
        let expected = books.of_origin(&origin, now);
        let ids = |bans: &[BannedIp]| bans.iter().map(|ban| ban.target).collect::<Vec<_>>();
        assert_eq!(ids(&walk.items), ids(&expected), "{origin:?} at {now}, by {limit}");
        check_same(&walk.items, &expected);
    }
}

pub(crate) async fn bans_of_an_origin_have_a_fact_of_it_in_force(subject: Subject) {
    let mut books = tangle(40);
    books.post(&subject).await;
    for now in moments() {
        check_origin(&subject, &books, now, 1000).await;
    }
}

pub(crate) async fn pages_of_an_origin_join_without_a_seam(subject: Subject) {
    let mut books = tangle(40);
    books.post(&subject).await;
    for limit in [1, 2, 5] {
        check_origin(&subject, &books, hour(2), limit).await;
    }
}

fn by(source: &str, until: BanEnd) -> Offence {
    Offence { source: Some(source.into()), ..offence("192.0.2.1", until) }
}

pub(crate) async fn an_origin_counts_behind_another_that_leads(subject: Subject) {
    let mut books = Books::default();
    books.ban(1, by("list", BanEnd::At(hour(2))), at(1));
    books.ban(1, by("detector", BanEnd::Never), at(2));
    books.ban(1, by("List", BanEnd::At(hour(1))), at(3));
    books.post(&subject).await;
    let listed = BanOrigin::Source("list".into());
    assert_eq!(books.of_origin(&listed, at(5)).len(), 1);
    assert_eq!(books.of_origin(&listed, hour(2)).len(), 0);
    for now in [at(5), hour(1) - tick(), hour(1), hour(2) - tick(), hour(2), hour(9)] {
        check_origin(&subject, &books, now, 10).await;
    }
}

pub(crate) async fn an_origin_from_before_a_lift_does_not_count(subject: Subject) {
    let mut books = Books::default();
    books.ban(1, by("list", BanEnd::Never), at(1));
    books.lift(1, at(2));
    books.post(&subject).await;
    check_origin(&subject, &books, at(5), 10).await;
    books.ban(1, by("detector", BanEnd::Never), at(3));
    books.post(&subject).await;
    check_origin(&subject, &books, at(5), 10).await;
    books.ban(1, by("list", BanEnd::At(hour(1))), at(4));
    books.ban(1, by("list", BanEnd::At(hour(2))), at(5));
    books.post(&subject).await;
    for now in [at(6), hour(1), hour(2)] {
        check_origin(&subject, &books, now, 10).await;
    }
}

/// Removes from both, and checks that the storage then holds what the books do.
async fn check_removal(subject: &Subject, books: &mut Books, before: DateTime<Utc>, limit: u16) {
    let targets: Vec<_> = books.all().iter().map(|ban| ban.target).collect();
    let expected = books.drop_over(before, limit);
    let mut unit = subject.write().await;
    assert_eq!(unit.bans().delete_over(before, limit).await.unwrap(), expected, "{before}");
    unit.commit().await.unwrap();
    let mut left = subject.read().await.bans().find_many(&targets).await.unwrap();
    left.sort_by_key(|ban| ban.id);
    check_same(&left, &books.all());
    check_origin(subject, books, hour(2), 1000).await;
    check_same(&list_active(subject, hour(2), 1000).await, &books.active(hour(2)));
}

pub(crate) async fn bans_over_longest_are_removed_first(subject: Subject) {
    let mut books = Books::default();
    for n in 1..=12 {
        let end = at(100 + i64::from(n * 5 % 12));
        books.ban(n, offence(&format!("192.0.2.{n}"), BanEnd::At(end)), at(1));
    }
    books.lift(5, at(20));
    books.lift(6, at(10));
    books.lift(7, at(999));
    books.post(&subject).await;
    for (second, limit) in
        [(10, 9), (50, 0), (50, 1), (105, 1), (105, 2), (105, 100), (111, 3), (2_000, 100)]
    {
        check_removal(&subject, &mut books, at(second), limit).await;
    }
    assert_eq!(books.all(), []);
}

pub(crate) async fn a_removal_leaves_the_others(subject: Subject) {
    let mut books = tangle(40);
    books.post(&subject).await;
    for now in [hour(1), hour(2), hour(5), at(99_999_999)] {
        check_removal(&subject, &mut books, now, 1000).await;
    }
    assert!(books.all().iter().all(|ban| ban.over_at().is_none()), "permanent ones stay");
    assert_ne!(books.all(), []);
}

pub(crate) async fn a_ban_is_over_when_it_is_lifted_or_ends(subject: Subject) {
    let mut books = Books::default();
    books.ban(1, offence("192.0.2.1", BanEnd::At(at(100))), at(1));
    books.ban(2, offence("192.0.2.2", BanEnd::At(at(100) - tick())), at(1));
    books.ban(3, offence("192.0.2.3", BanEnd::Never), at(1));
    books.ban(4, offence("192.0.2.4", BanEnd::Never), at(1));
    books.lift(4, at(50));
    books.ban(5, offence("192.0.2.5", BanEnd::At(at(20))), at(1));
    books.lift(5, at(200));
    books.post(&subject).await;
    let mut unit = subject.write().await;
    assert_eq!(unit.bans().delete_over(at(100), 100).await.unwrap(), 2);
    unit.commit().await.unwrap();
    assert_eq!(books.drop_over(at(100), 100), 2);
    let targets = ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.2.5"].map(target);
    let mut unit = subject.read().await;
    let mut left = unit.bans().find_many(&targets).await.unwrap();
    left.sort_by_key(|ban| ban.id);
    check_same(&left, &books.all());
    for gone in [2, 4] {
        let history = unit.bans().history(ban(gone), &request(10, None)).await.unwrap();
        assert_eq!(history.items, []);
    }
}

pub(crate) async fn a_target_can_be_banned_anew_after_its_removal(subject: Subject) {
    let mut books = Books::default();
    books.ban(1, offence("192.0.2.1", BanEnd::At(at(5))), at(1));
    books.post(&subject).await;
    let mut unit = subject.write().await;
    assert_eq!(unit.bans().delete_over(at(100), 100).await.unwrap(), 1);
    unit.commit().await.unwrap();
    let mut anew = Books::default();
    anew.ban(2, offence("192.0.2.1", BanEnd::Never), at(200));
    anew.post(&subject).await;
    check_covering(&subject, &anew, "192.0.2.1", at(300)).await;
}
