//! Bans: whatever happens to them, every list and figure is what a scan of all ledgers says.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use proptest::collection::vec;
use proptest::prelude::*;
use systemprompt_users_contract::fixtures::{at, banned, fingerprint, offence, target, user_id};
use systemprompt_users_domain::{
    Actor, BanEnd, BanFact, BanFactKind, BanOrigin, BannedIp, IpTarget, Offence, Storage,
    StorageError, UnitOfWork,
};

use super::{all_pages, config, runtime};
use crate::MemoryStorage;

const TARGETS: [&str; 8] = [
    "10.0.0.1",
    "10.0.0.0/24",
    "10.0.0.0/8",
    "0.0.0.0/0",
    "10.0.1.1",
    "2001:db8::1",
    "2001:db8::/32",
    "192.0.2.7",
];

#[derive(Debug, Clone)]
enum Step {
    Ban { target: usize, minutes: Option<i64>, source: u8, print: u8, user: u8 },
    Lift(usize),
    Wait(i64),
    Reassign(u8, u8),
    DeleteOver(i64, u16),
}

fn some_step() -> impl Strategy<Value = Step> {
    let target = || 0..TARGETS.len();
    let minutes = proptest::option::weighted(0.8, 1i64..60);
    prop_oneof![
        6 => (target(), minutes, 0u8..3, 0u8..3, 0u8..3).prop_map(
            |(target, minutes, source, print, user)| {
                Step::Ban { target, minutes, source, print, user }
            }
        ),
        2 => target().prop_map(Step::Lift),
        2 => (1i64..30).prop_map(Step::Wait),
        1 => (0u8..3, 0u8..3).prop_map(|(from, to)| Step::Reassign(from, to)),
        1 => (-60i64..10, 0u16..4).prop_map(|(minutes, limit)| Step::DeleteOver(minutes, limit)),
    ]
}

type Model = BTreeMap<IpTarget, (BannedIp, Vec<BanFact>)>;

async fn append(unit: &mut dyn UnitOfWork, model: &mut Model, ban: BannedIp, fact: BanFact) {
    let change = [(ban.clone(), fact.clone())];
    unit.bans().append(&change).await.unwrap();
    let again = unit.bans().append(&change).await;
    assert!(matches!(again, Err(StorageError::Stale)), "a fact is added once");
    let entry = model.entry(ban.target).or_insert_with(|| (ban.clone(), Vec::new()));
    entry.0 = ban;
    entry.1.push(fact);
}

async fn take(
    unit: &mut dyn UnitOfWork,
    model: &mut Model,
    step: &Step,
    number: u32,
    now: &mut DateTime<Utc>,
) {
    match *step {
        Step::Ban { target: place, minutes, source, print, user } => {
            let end = minutes.map(|minutes| *now + chrono::Duration::minutes(minutes));
            let offence = Offence {
                source: (source > 0).then(|| format!("source {source}")),
                fingerprint: (print > 0).then(|| fingerprint(&format!("print {print}"))),
                user_id: (user > 0).then(|| user_id(user.into())),
                ..offence(TARGETS[place], BanEnd::from(end))
            };
            let (ban, fact) = match model.get(&target(TARGETS[place])) {
                Some((ban, _)) => ban.clone().ban_again(offence, &Actor::System, *now),
                None => banned(number, offence, *now),
            };
            append(unit, model, ban, fact).await;
        }
        Step::Lift(place) => {
            if let Some((ban, _)) = model.get(&target(TARGETS[place])).cloned() {
                let (ban, fact) = ban.lift(&Actor::System, None, *now);
                append(unit, model, ban, fact).await;
            }
        }
        Step::Wait(minutes) => *now += chrono::Duration::minutes(minutes),
        Step::Reassign(from, to) => {
            let (from, to) = (user_id(from.into()), user_id(to.into()));
            let moved = unit.bans().reassign_user(from, to).await.unwrap();
            let mut expected = 0;
            for (ban, facts) in model.values_mut() {
                let states = [&mut ban.user_id].into_iter();
                states.filter(|user| **user == Some(from)).for_each(|user| *user = Some(to));
                for fact in facts.iter_mut().filter(|fact| fact.user_id == Some(from)) {
                    fact.user_id = Some(to);
                    expected += 1;
                }
            }
            assert_eq!(moved, expected);
        }
        Step::DeleteOver(minutes, limit) => {
            let before = *now + chrono::Duration::minutes(minutes);
            let deleted = unit.bans().delete_over(before, limit).await.unwrap();
            let mut over: Vec<_> = model
                .values()
                .filter_map(|(ban, _)| Some((ban.over_at()?, ban.id, ban.target)))
                .filter(|(over_at, ..)| *over_at < before)
                .collect();
            over.sort();
            over.truncate(limit.into());
            assert_eq!(deleted, over.len() as u64);
            for (_, _, target) in over {
                model.remove(&target);
            }
        }
    }
}

/// Whether a fact in force is of that origin.
fn is_of(ban: &BannedIp, facts: &[BanFact], origin: &BanOrigin, now: DateTime<Utc>) -> bool {
    facts.iter().filter(|fact| fact.sequence > ban.lifted_through).any(|fact| {
        let holds = matches!(fact.kind, BanFactKind::Banned { until } if until.is_after(now));
        holds
            && match origin {
                BanOrigin::Source(source) => fact.source.as_ref() == Some(source),
                BanOrigin::Fingerprint(print) => fact.fingerprint.as_ref() == Some(print),
            }
    })
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn indexes_never_drift(steps in vec(some_step(), 1..50), limit in 1i64..5, look in -30i64..90) {
        let storage = MemoryStorage::new();
        let wait = runtime();
        let mut model = Model::new();
        let mut now = at(0);
        for (step, number) in steps.iter().zip(0..) {
            wait.block_on(async {
                let mut unit = storage.write().await.unwrap();
                take(&mut *unit, &mut model, step, number, &mut now).await;
                unit.commit().await.unwrap();
            });
        }
        let mut unit = wait.block_on(storage.read()).unwrap();
        let now = now + chrono::Duration::minutes(look);
        let in_force = || model.values().map(|(ban, _)| ban).filter(|ban| ban.is_in_force(now));

        let mut active: Vec<BannedIp> = in_force().cloned().collect();
        active.sort_by_key(|ban| std::cmp::Reverse((ban.banned_at, ban.id)));
        let count = wait.block_on(unit.bans().count_active(now)).unwrap();
        prop_assert_eq!(count, active.len() as u64);
        let listed =
            all_pages(limit, |page| wait.block_on(unit.bans().list_active(now, &page)));
        prop_assert_eq!(listed, active);

        for n in 1..3 {
            let source = BanOrigin::Source(format!("source {n}"));
            let print = BanOrigin::Fingerprint(fingerprint(&format!("print {n}")));
            for origin in [source, print] {
                let mut scan: Vec<BannedIp> = model.values()
                    .filter(|(ban, facts)| ban.is_in_force(now) && is_of(ban, facts, &origin, now))
                    .map(|(ban, _)| ban.clone())
                    .collect();
                scan.sort_by_key(|ban| ban.id);
                let listed = all_pages(limit, |page| {
                    wait.block_on(unit.bans().list_by_origin(&origin, now, &page))
                });
                prop_assert_eq!(listed, scan, "{:?}", origin);
            }
        }
        for text in TARGETS {
            let target = target(text);
            let found = wait.block_on(unit.bans().find_many(&[target])).unwrap();
            let expected = model.get(&target).map(|(ban, _)| ban.clone());
            prop_assert_eq!(found, expected.into_iter().collect::<Vec<_>>());
            let mut covering: Vec<BannedIp> =
                in_force().filter(|ban| ban.target.contains(&target)).cloned().collect();
            covering.sort_by_key(|ban| std::cmp::Reverse(ban.target.network().prefix_len()));
            let found = wait.block_on(unit.bans().find_covering(&target, now)).unwrap();
            prop_assert_eq!(found, covering, "{}", text);
        }
        for (ban, facts) in model.values() {
            let history = all_pages(limit, |page| wait.block_on(unit.bans().history(ban.id, &page)));
            prop_assert_eq!(history, facts.iter().rev().cloned().collect::<Vec<_>>());
        }
    }
}
