//! Users: whatever happens to them, every list, search and figure is what a scan of all of them says.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use systemprompt_users_contract::fixtures::{
    at, changed, email, fingerprint, name, token_hash, user, user_id,
};
use systemprompt_users_domain::{
    AnonymousScope, DisplayName, FullName, InsertOutcome, PageRequest, Roles, SearchMatch,
    SearchText, SignupDay, Storage, StorageError, TimeRange, UnitOfWork, User, UserFilter, UserId,
    UserOrder, UserRole, UserScope, UserStatus, UserTally,
};

use super::{all_pages, config, runtime, some_range};
use crate::MemoryStorage;

const ORDERS: [UserOrder; 4] =
    [UserOrder::Newest, UserOrder::Oldest, UserOrder::RecentlyActive, UserOrder::Name];
const WORDS: [&str; 8] = ["al", "alan", "Alan", "bob", "bo%b", "émile", "al_an", "zoë"];

/// What makes one user differ from another; few values, so that keys clash and orders tie.
#[derive(Debug, Clone)]
struct Traits {
    n: u32,
    words: [usize; 4],
    minutes: [i64; 2],
    status: UserStatus,
    kind: u8,
    flags: u8,
}

impl Traits {
    fn apply(&self, user: &mut User) {
        let [name_word, email_word, full_word, display_word] = self.words.map(|n| WORDS[n]);
        let minutes = |index: usize| at(self.minutes[index] * 60);
        let anonymous = self.kind == 0;
        user.name = name(name_word);
        let address = email_word.replace(['%', 'é', 'ë'], "x");
        user.email = (!anonymous).then(|| email(&format!("{address}@example.com")));
        user.full_name = (self.flags & 1 != 0).then(|| FullName::parse(full_word).unwrap());
        user.display_name =
            (self.flags & 2 != 0).then(|| DisplayName::parse(display_word).unwrap());
        user.roles = match self.kind {
            0 => Roles::ANONYMOUS,
            1 => Roles::new([UserRole::Admin]).unwrap(),
            2 => Roles::new([UserRole::Admin, UserRole::User]).unwrap(),
            _ => Roles::USER,
        };
        user.token_hash = anonymous.then(|| token_hash(self.n));
        user.fingerprint = anonymous.then(|| fingerprint(full_word));
        user.status = self.status;
        user.deleted_at = (self.status == UserStatus::Deleted).then(|| minutes(1));
        user.created_at = minutes(0);
        user.last_active_at = minutes(1);
        user.is_bot = self.flags & 4 != 0;
        user.email_verified = self.flags & 8 != 0;
        user.legal_hold = self.flags & 16 != 0;
        user.merged_into = (self.flags & 96 == 96).then(|| user_id(self.n / 2));
    }

    fn user(&self) -> User {
        let mut user = user(self.n);
        self.apply(&mut user);
        user
    }
}

#[derive(Debug, Clone)]
enum Step {
    Insert(Vec<Traits>),
    Update(Vec<Traits>),
    Touch(u32, i64),
    Purge(Vec<u32>),
}

fn some_traits() -> impl Strategy<Value = Traits> {
    let status = select(vec![UserStatus::Active, UserStatus::Suspended, UserStatus::Deleted]);
    let words = [0..WORDS.len(), 0..WORDS.len(), 0..WORDS.len(), 0..WORDS.len()];
    (0u32..30, words, [0i64..200, 0i64..200], status, 0u8..5, any::<u8>()).prop_map(
        |(n, words, minutes, status, kind, flags)| Traits {
            n,
            words,
            minutes,
            status,
            kind,
            flags,
        },
    )
}

fn some_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => vec(some_traits(), 1..8).prop_map(Step::Insert),
        4 => vec(some_traits(), 1..3).prop_map(Step::Update),
        2 => (0u32..30, 0i64..200).prop_map(|(n, minutes)| Step::Touch(n, minutes)),
        1 => vec(0u32..30, 0..3).prop_map(Step::Purge),
    ]
}

fn some_filter() -> impl Strategy<Value = UserFilter> {
    let scope = select(vec![UserScope::Live, UserScope::Deleted, UserScope::All]);
    let statuses = vec(select(UserStatus::ALL.to_vec()), 0..2);
    let roles = prop_oneof![3 => Just(Vec::new()), 1 => vec(select(UserRole::ALL.to_vec()), 1..2)];
    let anonymous =
        select(vec![AnonymousScope::Exclude, AnonymousScope::Include, AnonymousScope::Only]);
    let flag = || proptest::option::weighted(0.2, any::<bool>());
    (scope, statuses, roles, anonymous, some_range(), some_range(), flag(), flag()).prop_map(
        |(scope, statuses, roles, anonymous, created, last_active, email_verified, is_bot)| {
            UserFilter {
                scope,
                statuses,
                roles,
                anonymous,
                created,
                last_active,
                email_verified,
                is_bot,
            }
        },
    )
}

type Model = BTreeMap<UserId, User>;

/// Whether `user` would take a key of another one.
fn clashes(model: &Model, user: &User) -> bool {
    model.values().filter(|other| other.id != user.id).any(|other| {
        let live = user.is_live() && other.is_live();
        let same_email = user.email.is_some() && user.email == other.email;
        let same_token = user.token_hash.is_some() && user.token_hash == other.token_hash;
        live && (user.name == other.name || same_email) || same_token
    })
}

async fn take(unit: &mut dyn UnitOfWork, model: &mut Model, step: &Step) {
    match step {
        Step::Insert(batch) => {
            let users: Vec<User> = batch.iter().map(Traits::user).collect();
            let outcomes = unit.users().insert_many(&users).await.unwrap();
            for (user, outcome) in users.into_iter().zip(outcomes) {
                let taken = model.contains_key(&user.id) || clashes(model, &user);
                assert_eq!(outcome == InsertOutcome::Inserted, !taken, "{user:?} {outcome:?}");
                if !taken {
                    model.insert(user.id, user);
                }
            }
        }
        Step::Update(batch) => {
            let old =
                batch.iter().filter_map(|traits| Some((traits, model.get(&user_id(traits.n))?)));
            let users: Vec<User> =
                old.map(|(traits, old)| changed(old.clone(), |user| traits.apply(user))).collect();
            let mut next = model.clone();
            next.extend(users.iter().map(|user| (user.id, user.clone())));
            let twice = users.len() == 2 && users[0].id == users[1].id;
            let clash = users.iter().any(|user| clashes(&next, user));
            match unit.users().update_many(&users).await {
                Ok(()) => {
                    assert!(!twice && !clash, "{users:?}");
                    *model = next;
                }
                Err(StorageError::Stale) => assert!(twice, "{users:?}"),
                Err(error) => assert!(clash, "{users:?} {error:?}"),
            }
        }
        Step::Touch(n, minutes) => {
            let time = at(minutes * 60);
            unit.users().touch_many(&[(user_id(*n), time)]).await.unwrap();
            if let Some(user) = model.get_mut(&user_id(*n)) {
                user.last_active_at = user.last_active_at.max(time);
            }
        }
        Step::Purge(numbers) => {
            let known = numbers.iter().map(|n| user_id(*n)).filter(|id| model.contains_key(id));
            let ids: Vec<UserId> = known.collect();
            unit.users().purge_many(&ids).await.unwrap();
            model.retain(|id, _| !ids.contains(id));
            for user in model.values_mut() {
                user.merged_into = user.merged_into.filter(|target| !ids.contains(target));
            }
        }
    }
}

fn sorted(mut users: Vec<User>, order: UserOrder) -> Vec<User> {
    let key = |user: &User| match order {
        UserOrder::Newest | UserOrder::Oldest => (Some(user.created_at), String::new(), user.id),
        UserOrder::RecentlyActive => (Some(user.last_active_at), String::new(), user.id),
        UserOrder::Name => (None, user.name.canonical().to_owned(), user.id),
    };
    users.sort_by_key(key);
    if matches!(order, UserOrder::Newest | UserOrder::RecentlyActive) {
        users.reverse();
    }
    users
}

fn ranked(users: &[User], text: &SearchText) -> Vec<User> {
    let mut found: Vec<(SearchMatch, User)> =
        users.iter().filter_map(|user| Some((text.rank(user)?, user.clone()))).collect();
    found.sort_by_key(|(rank, user)| (rank.clone(), user.id));
    found.into_iter().map(|(_, user)| user).collect()
}

fn tallies(model: &Model, created: &TimeRange) -> Vec<UserTally> {
    let mut counts = BTreeMap::new();
    for user in model.values().filter(|user| created.contains(user.created_at)) {
        *counts.entry(UserTally::of(user)).or_insert(0) += 1;
    }
    counts.into_iter().map(|(tally, count)| UserTally { count, ..tally }).collect()
}

fn signups(model: &Model) -> Vec<SignupDay> {
    let mut days = BTreeMap::new();
    for user in model.values().filter(|user| UserFilter::default().matches(user)) {
        *days.entry(user.created_at.date_naive()).or_insert(0) += 1;
    }
    days.into_iter().map(|(day, count)| SignupDay { day, count }).collect()
}

/// The last of those who are wanted, by the time that counts.
fn last(
    model: &Model,
    wanted: impl Fn(&User) -> bool,
    time: impl Fn(&User) -> Option<DateTime<Utc>>,
) -> Option<&User> {
    model.values().filter(|user| wanted(user)).max_by_key(|user| (time(user), user.id))
}

fn check_lookups(unit: &mut dyn UnitOfWork, model: &Model) {
    let wait = runtime();
    for word in WORDS {
        let name = name(word);
        let found = wait.block_on(unit.users().find_by_names(std::slice::from_ref(&name))).unwrap();
        let live = model.values().filter(|user| user.is_live() && user.name == name);
        assert_eq!(found, live.cloned().collect::<Vec<_>>());
        let found = wait.block_on(unit.users().find_deleted_by_name(&name)).unwrap();
        let gone = last(model, |user| !user.is_live() && user.name == name, |user| user.deleted_at);
        assert_eq!(found.as_ref(), gone);
        let print = fingerprint(word);
        let found = wait.block_on(unit.users().find_anonymous_by_fingerprint(&print)).unwrap();
        let visitor = |user: &User| {
            user.is_active() && user.is_anonymous() && user.fingerprint.as_ref() == Some(&print)
        };
        assert_eq!(found.as_ref(), last(model, visitor, |user| Some(user.created_at)));
    }
    for user in model.values() {
        let found = wait.block_on(unit.users().find_many(&[user.id])).unwrap();
        assert_eq!(found.iter().collect::<Vec<_>>(), [user]);
        if let Some(token) = &user.token_hash {
            let found = wait.block_on(unit.users().find_by_token(token)).unwrap();
            assert_eq!(found.as_ref(), Some(user));
        }
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn indexes_never_drift(
        steps in vec(some_step(), 1..40),
        filters in vec(some_filter(), 6),
        limit in 1i64..7,
        text in select(vec!["a", "al", "an", "lan", "%", "_", "é", "@example", "zzz", "example.com"]),
    ) {
        let storage = MemoryStorage::new();
        let wait = runtime();
        let mut model = Model::new();
        for step in &steps {
            wait.block_on(async {
                let mut unit = storage.write().await.unwrap();
                take(&mut *unit, &mut model, step).await;
                unit.commit().await.unwrap();
            });
        }
        let mut unit = wait.block_on(storage.read()).unwrap();
        let text = SearchText::parse(text).unwrap();
        for filter in filters.iter().chain([&UserFilter::default()]) {
            let scan: Vec<User> =
                model.values().filter(|user| filter.matches(user)).cloned().collect();
            let count = wait.block_on(unit.users().count(filter)).unwrap();
            prop_assert_eq!(count, scan.len() as u64, "{:?}", filter);
            for order in ORDERS {
                let listed = all_pages(limit, |page: PageRequest| {
                    wait.block_on(unit.users().list(filter, order, &page))
                });
                prop_assert_eq!(listed, sorted(scan.clone(), order), "{:?} {:?}", order, filter);
            }
            let found = all_pages(limit, |page| {
                wait.block_on(unit.users().search(&text, filter, &page))
            });
            prop_assert_eq!(found, ranked(&scan, &text), "{:?} {:?}", text, filter);
            let mut tally = wait.block_on(unit.users().tally(&filter.created)).unwrap();
            tally.sort();
            prop_assert_eq!(tally, tallies(&model, &filter.created));
        }
        let (first, last) = (at(0).date_naive(), at(86_400).date_naive());
        let days = wait.block_on(unit.users().signups_per_day(first, last)).unwrap();
        prop_assert_eq!(days, signups(&model));
        let purgeable = wait.block_on(unit.users().list_purgeable(at(6000), 1000)).unwrap();
        let mut gone: Vec<User> = model.values().filter(|user| {
            user.deleted_at.is_some_and(|deleted_at| deleted_at < at(6000)) && !user.legal_hold
        }).cloned().collect();
        gone.sort_by_key(|user| (user.deleted_at, user.id));
        prop_assert_eq!(purgeable, gone);
        check_lookups(&mut *unit, &model);
    }
}
