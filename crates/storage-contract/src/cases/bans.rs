//! Ledgers of bans: facts are added, never replaced.

use chrono::Duration;
use systemprompt_users_domain::{
    Actor, BanEnd, BanFact, BannedIp, Cursor, Offence, SessionId, StorageError,
};

use crate::Subject;
use crate::books::{Books, hour};
use crate::fixtures::{
    at, ban, banned, fingerprint, long_text, offence, session_id, target, tick, user, user_id,
};
use crate::subject::{Walk, check_same, request};

async fn find(subject: &Subject, targets: &[&str]) -> Vec<BannedIp> {
    let targets: Vec<_> = targets.iter().map(|text| target(text)).collect();
    let mut found = subject.read().await.bans().find_many(&targets).await.unwrap();
    found.sort_by_key(|ban| ban.id);
    found
}

pub(crate) async fn nothing_is_found_for_nothing(subject: Subject) {
    subject.append_bans(&[banned(1, offence("192.0.2.1", BanEnd::Never), at(1))]).await;
    subject.append_bans(&[]).await;
    assert_eq!(find(&subject, &[]).await, []);
    assert_eq!(find(&subject, &["192.0.2.2", "192.0.2.0/24", "::"]).await, []);
}

/// An offence with every field as long as it may be.
fn fullest(text: &str, until: BanEnd) -> Offence {
    let sessions: Vec<SessionId> = (1..=100).rev().map(session_id).collect();
    Offence {
        reason: Some(long_text('r')),
        source: Some(long_text('王')),
        fingerprint: Some(fingerprint(&long_text('f'))),
        offence_path: Some(format!("/%2e%2e/{}", long_text('?'))),
        user_agent: Some(long_text('🦀')),
        session_ids: sessions,
        user_id: Some(user_id(1)),
        ..offence(text, until)
    }
}

pub(crate) async fn every_field_comes_back(subject: Subject) {
    subject.store(&[user(1)]).await;
    let soon = BanEnd::At(at(9) + tick());
    let late = BanEnd::At(at(7_900 * 365 * 86_400) + Duration::microseconds(999_999));
    let targets = [
        ("192.0.2.1", BanEnd::Never),
        ("2001:db8:ffff:eeee:dddd:cccc:bbbb:aaaa", soon),
        ("0.0.0.0/0", late),
        ("::/0", BanEnd::Never),
        ("10.0.0.0/8", soon),
        ("fe80::/10", late),
        ("255.255.255.255", soon),
    ];
    let actors = [
        Actor::System,
        Actor::User(user_id(1)),
        Actor::Operator("Jürgen".into()),
        Actor::Job("import".into()),
        Actor::Service("王".into()),
    ];
    let mut changes = Vec::new();
    for ((n, (text, until)), actor) in (1..).zip(targets).zip(actors.iter().cycle()) {
        let offence = if n % 2 == 0 { offence(text, until) } else { fullest(text, until) };
        changes.push(BannedIp::first(ban(n), offence, actor, at(n.into()) + tick()));
    }
    subject.append_bans(&changes).await;
    let texts = targets.map(|(text, _)| text);
    let expected: Vec<_> = changes.iter().map(|(ban, _)| ban.clone()).collect();
    check_same(&find(&subject, &texts).await, &expected);
    let mut unit = subject.read().await;
    for (ban, fact) in &changes {
        let history = unit.bans().history(ban.id, &request(10, None)).await.unwrap();
        check_same(&history.items, &vec![fact.clone()]);
    }
}

pub(crate) async fn exactly_these_targets_are_found_in_force_or_over(subject: Subject) {
    let mut books = Books::default();
    books.ban(1, offence("10.0.0.0/8", BanEnd::Never), at(1));
    books.ban(2, offence("10.0.0.0/16", BanEnd::At(at(2))), at(1));
    books.ban(3, offence("10.0.0.0", BanEnd::Never), at(1));
    books.lift(3, at(2));
    books.ban(4, offence("::ffff:0:0/95", BanEnd::Never), at(1));
    books.post(&subject).await;
    check_same(&find(&subject, &["10.0.0.0/8", "10.0.0.0/9"]).await, &vec![books.ledger(1)]);
    let found = find(&subject, &["10.0.0.0", "10.0.0.0/16", "::fffe:0:0/95", "10.0.0.0"]).await;
    check_same(&found, &[2, 3, 4].map(|n| books.ledger(n)).to_vec());
}

pub(crate) async fn a_ledger_goes_on(subject: Subject) {
    subject.store(&[user(1)]).await;
    let mut books = Books::default();
    let text = "2001:db8::/32";
    books.ban(1, offence(text, BanEnd::At(hour(1))), at(1));
    books.post(&subject).await;
    check_same(&find(&subject, &[text]).await, &books.all());
    books.ban(1, fullest(text, BanEnd::At(hour(5))), at(2));
    books.post(&subject).await;
    books.ban(1, offence(text, BanEnd::At(hour(2))), at(3));
    books.post(&subject).await;
    check_same(&find(&subject, &[text]).await, &books.all());
    books.lift(1, at(4));
    books.post(&subject).await;
    check_same(&find(&subject, &[text]).await, &books.all());
    books.ban(1, offence(text, BanEnd::Never), at(5));
    books.post(&subject).await;
    check_same(&find(&subject, &[text]).await, &books.all());
    let mut unit = subject.read().await;
    let history = unit.bans().history(ban(1), &request(10, None)).await.unwrap();
    check_same(&history.items, &books.history(1));
}

async fn check_stale(subject: &Subject, changes: &[(BannedIp, BanFact)]) {
    let mut unit = subject.write().await;
    let refused = unit.bans().append(changes).await.unwrap_err();
    assert!(matches!(refused, StorageError::Stale), "{refused:?}");
}

/// The changes of a ledger that is banned over and over.
fn steps() -> Vec<(BannedIp, BanFact)> {
    let again = |n| offence("192.0.2.1", BanEnd::At(hour(n)));
    let mut steps = vec![banned(1, again(1), at(1))];
    for n in 2..=5 {
        let last = steps.last().unwrap().0.clone();
        steps.push(last.ban_again(again(n), &Actor::System, at(n)));
    }
    steps
}

pub(crate) async fn a_fact_that_does_not_follow_is_stale(subject: Subject) {
    let steps = steps();
    check_stale(&subject, &steps[1..2]).await;
    subject.append_bans(&steps[..1]).await;
    check_stale(&subject, &steps[..1]).await;
    check_stale(&subject, &steps[2..3]).await;
    subject.append_bans(&steps[1..2]).await;
    for wrong in [0, 1, 3, 4] {
        check_stale(&subject, &steps[wrong..=wrong]).await;
    }
    check_same(&find(&subject, &["192.0.2.1"]).await, &vec![steps[1].0.clone()]);
}

pub(crate) async fn one_stale_ledger_makes_the_batch_stale(subject: Subject) {
    let steps = steps();
    let other = banned(2, offence("192.0.2.2", BanEnd::Never), at(1));
    check_stale(&subject, &[other.clone(), steps[3].clone()]).await;
    check_stale(&subject, &[steps[3].clone(), other]).await;
    assert_eq!(find(&subject, &["192.0.2.1", "192.0.2.2"]).await, []);
}

pub(crate) async fn a_history_is_read_by_pages_newest_first(subject: Subject) {
    let mut books = Books::default();
    for n in 1..=12 {
        books.ban(1, offence("192.0.2.1", BanEnd::At(hour(n))), at(n));
        books.ban(2, offence("192.0.2.2", BanEnd::Never), at(n));
    }
    books.lift(1, at(20));
    books.post(&subject).await;
    let mut unit = subject.read().await;
    for limit in [1, 2, 5, 12, 13, 1000] {
        for n in [1, 2] {
            let mut walk = Walk::new(limit);
            while let Some(page) = walk.request() {
                let page = unit.bans().history(ban(n), &page).await.unwrap();
                walk.take(page, |fact: &BanFact| {
                    Cursor::at_text(format!("{:010}", fact.sequence), fact.ban_id.as_uuid())
                });
            }
            check_same(&walk.items, &books.history(n));
        }
    }
    let unknown = unit.bans().history(ban(99), &request(10, None)).await.unwrap();
    assert_eq!((unknown.items, unknown.next), (Vec::new(), None));
}

pub(crate) async fn a_large_import_is_one_batch(subject: Subject) {
    let address = |n: u32| format!("10.{}.{}.{}", n >> 16, n >> 8 & 255, n & 255);
    let changes: Vec<_> =
        (1..=3_000).map(|n| banned(n, offence(&address(n), BanEnd::Never), at(1))).collect();
    subject.append_bans(&changes).await;
    let texts: Vec<_> = (1..=3_000).map(address).collect();
    let texts: Vec<_> = texts.iter().map(String::as_str).collect();
    let expected: Vec<_> = changes.into_iter().map(|(ban, _)| ban).collect();
    check_same(&find(&subject, &texts).await, &expected);
    let many: Vec<_> = (1..=70_000).map(|n| target(&address(n))).collect();
    assert_eq!(subject.read().await.bans().find_many(&many).await.unwrap().len(), 3_000);
    assert_eq!(subject.read().await.bans().count_active(at(5)).await.unwrap(), 3_000);
}

pub(crate) async fn associations_move_to_another_user(subject: Subject) {
    subject.store(&[user(1), user(2), user(3)]).await;
    let by = |text: &str, user: Option<u32>, until: BanEnd| Offence {
        user_id: user.map(user_id),
        ..offence(text, until)
    };
    let mut books = Books::default();
    books.ban(1, by("192.0.2.1", Some(1), BanEnd::Never), at(1));
    books.ban(1, by("192.0.2.1", Some(3), BanEnd::At(at(9))), at(2));
    books.ban(1, by("192.0.2.1", Some(1), BanEnd::At(at(9))), at(3));
    books.lift(1, at(4));
    books.ban(2, by("::1", Some(1), BanEnd::At(at(9))), at(1));
    books.ban(2, by("::1", Some(2), BanEnd::Never), at(2));
    books.ban(3, by("192.0.2.3", None, BanEnd::Never), at(1));
    books.post(&subject).await;
    let mut unit = subject.write().await;
    assert_eq!(unit.bans().reassign_user(user_id(1), user_id(2)).await.unwrap(), 3);
    assert_eq!(unit.bans().reassign_user(user_id(1), user_id(2)).await.unwrap(), 0);
    assert_eq!(unit.bans().reassign_user(user_id(99), user_id(2)).await.unwrap(), 0);
    unit.commit().await.unwrap();
    let mut unit = subject.read().await;
    for n in [1, 2, 3] {
        let moved = |fact: BanFact| match fact.user_id == Some(user_id(1)) {
            true => BanFact { user_id: Some(user_id(2)), ..fact },
            false => fact,
        };
        let expected: Vec<_> = books.history(n).into_iter().map(moved).collect();
        let history = unit.bans().history(ban(n), &request(10, None)).await.unwrap();
        check_same(&history.items, &expected);
    }
    let found = find(&subject, &["192.0.2.1", "::1", "192.0.2.3"]).await;
    let users: Vec<_> = found.iter().map(|ban| ban.user_id).collect();
    assert_eq!(users, [Some(user_id(2)), Some(user_id(2)), None]);
    let first = BannedIp { user_id: Some(user_id(2)), ..books.ledger(1) };
    check_same(&found[0], &first);
}
