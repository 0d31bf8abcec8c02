//! Sessions: whatever happens to them, every list and figure is what a scan of all of them says.

use std::collections::BTreeMap;

use chrono::Duration;
use proptest::collection::vec;
use proptest::prelude::*;
use systemprompt_users_contract::fixtures::{
    at, changed, session, session_id, token_hash, user, user_id,
};
use systemprompt_users_domain::{
    EndReason, SessionActivity, SessionFilter, SessionId, SessionOrder, Storage, UnitOfWork,
    UserSession, UserStatus,
};

use super::{all_pages, config, runtime};
use crate::MemoryStorage;

const USERS: u32 = 4;

#[derive(Debug, Clone)]
enum Step {
    Insert { n: u32, user: u32, minute: i64, lasts: i64, idle: Option<i64>, agent: u8 },
    Touch(Vec<(u32, i64)>),
    End(u32, i64),
    EndAll(u32, Option<u32>, i64),
    Move(u32, u32),
    Expire(i64, u16),
    Delete(i64, u16),
}

fn some_step() -> impl Strategy<Value = Step> {
    let minute = || 0i64..120;
    let n = || 0u32..40;
    let user = || 0..USERS;
    prop_oneof![
        8 => (n(), user(), minute(), 1i64..90, proptest::option::of(1i64..30), 0u8..3).prop_map(
            |(n, user, minute, lasts, idle, agent)| {
                Step::Insert { n, user, minute, lasts, idle, agent }
            }
        ),
        3 => vec((n(), minute()), 0..6).prop_map(Step::Touch),
        2 => (n(), minute()).prop_map(|(n, minute)| Step::End(n, minute)),
        1 => (user(), proptest::option::of(n()), minute())
            .prop_map(|(user, except, minute)| Step::EndAll(user, except, minute)),
        1 => (user(), user()).prop_map(|(from, to)| Step::Move(from, to)),
        1 => (minute(), 0u16..4).prop_map(|(minute, limit)| Step::Expire(minute, limit)),
        1 => (minute(), 0u16..4).prop_map(|(minute, limit)| Step::Delete(minute, limit)),
    ]
}

type Model = BTreeMap<SessionId, UserSession>;

fn end(session: &mut UserSession, reason: EndReason, minute: i64) {
    session.ended_at = Some(at(minute * 60));
    session.end_reason = Some(reason);
}

/// The first `limit` of those that have a place, by place and id.
fn firsts<T: Ord>(
    model: &Model,
    limit: u16,
    place: impl Fn(&UserSession) -> Option<T>,
) -> Vec<SessionId> {
    let mut placed: Vec<_> =
        model.values().filter_map(|session| Some((place(session)?, session.id))).collect();
    placed.sort();
    placed.into_iter().take(usize::from(limit)).map(|(_, id)| id).collect()
}

async fn take(unit: &mut dyn UnitOfWork, model: &mut Model, step: &Step) {
    let sessions = unit.sessions();
    match *step {
        Step::Insert { n, user, minute, lasts, idle, agent } => {
            let start = at(minute * 60);
            let session = UserSession {
                started_at: start,
                last_activity_at: start,
                expires_at: start + Duration::minutes(lasts),
                idle_timeout: idle.map(Duration::minutes),
                user_agent: (agent > 0).then(|| format!("agent {agent}")),
                ..session(n, user_id(user))
            };
            let stored = sessions.insert(&session).await.is_ok();
            assert_eq!(stored, !model.contains_key(&session.id));
            model.entry(session.id).or_insert(session);
        }
        Step::Touch(ref seen) => {
            let seen: Vec<_> =
                seen.iter().map(|(n, minute)| (session_id(*n), at(minute * 60))).collect();
            sessions.touch_many(&seen).await.unwrap();
            for (id, time) in seen {
                if let Some(session) = model.get_mut(&id).filter(|session| session.is_open(time)) {
                    session.last_activity_at = session.last_activity_at.max(time);
                }
            }
        }
        Step::End(n, minute) => {
            let now = at(minute * 60);
            let ended = sessions.end_many(&[session_id(n)], EndReason::Logout, now).await.unwrap();
            let open = model.get_mut(&session_id(n)).filter(|session| session.ended_at.is_none());
            assert_eq!(ended.len(), usize::from(open.is_some()));
            if let Some(session) = open {
                end(session, EndReason::Logout, minute);
            }
        }
        Step::EndAll(user, except, minute) => {
            let except = except.map(session_id);
            let user = [user_id(user)];
            let now = at(minute * 60);
            let ended = sessions.end_all(&user, except, EndReason::Revoked, now).await.unwrap();
            let open = model.values_mut().filter(|session| {
                session.user_id == user[0]
                    && session.ended_at.is_none()
                    && Some(session.id) != except
            });
            let open: Vec<SessionId> = open
                .map(|session| {
                    end(session, EndReason::Revoked, minute);
                    session.id
                })
                .collect();
            assert_eq!(ended.into_iter().map(|ended| ended.id).collect::<Vec<_>>(), open);
        }
        Step::Move(from, to) => {
            let moved = sessions.move_all(user_id(from), user_id(to)).await.unwrap();
            let theirs = model.values_mut().filter(|session| session.user_id == user_id(from));
            let theirs = theirs.map(|session| session.user_id = user_id(to)).count();
            assert_eq!(moved, theirs as u64);
        }
        Step::Expire(minute, limit) => {
            let now = at(minute * 60);
            let expired = sessions.end_expired(now, limit).await.unwrap();
            let over = firsts(model, limit, |session| {
                (session.ended_at.is_none() && session.live_until() <= now)
                    .then(|| session.live_until())
            });
            assert_eq!(expired, over.len() as u64);
            for id in over {
                let session = model.get_mut(&id).unwrap();
                session.ended_at = Some(session.live_until());
                session.end_reason = Some(EndReason::Expired);
            }
        }
        Step::Delete(minute, limit) => {
            let before = at(minute * 60);
            let deleted = sessions.delete_ended(before, limit).await.unwrap();
            let gone =
                firsts(model, limit, |session| session.ended_at.filter(|ended| *ended < before));
            assert_eq!(deleted, gone.len() as u64);
            model.retain(|id, _| !gone.contains(id));
        }
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn indexes_never_drift(steps in vec(some_step(), 1..60), now in 0i64..150, limit in 1i64..7) {
        let storage = MemoryStorage::new();
        let wait = runtime();
        let mut model = Model::new();
        wait.block_on(async {
            let mut unit = storage.write().await.unwrap();
            let users: Vec<_> = (0..USERS).map(user).collect();
            unit.users().insert_many(&users).await.unwrap();
            let suspended = changed(user(0), |user| user.status = UserStatus::Suspended);
            unit.users().update_many(&[suspended]).await.unwrap();
            for step in &steps {
                take(&mut *unit, &mut model, step).await;
            }
            unit.commit().await.unwrap();
        });
        let mut unit = wait.block_on(storage.read()).unwrap();
        let now = at(now * 60);
        let owners = (0..USERS).map(|n| Some(user_id(n))).chain([None]);
        for (user_id, live_at) in owners.flat_map(|user| [(user, None), (user, Some(now))]) {
            for order in [SessionOrder::Newest, SessionOrder::RecentlyActive] {
                let filter = SessionFilter { user_id, live_at };
                let listed = all_pages(limit, |page| {
                    wait.block_on(unit.sessions().list(&filter, order, &page))
                });
                let status = |session: &UserSession| {
                    if session.user_id == user(0).id { UserStatus::Suspended } else { UserStatus::Active }
                };
                let mut scan: Vec<UserSession> = model.values().filter(|session| {
                    user_id.is_none_or(|user| session.user_id == user)
                        && live_at.is_none_or(|now| session.is_live(status(session), now))
                }).cloned().collect();
                scan.sort_by_key(|session| match order {
                    SessionOrder::Newest => (session.started_at, session.id),
                    SessionOrder::RecentlyActive => (session.last_activity_at, session.id),
                });
                scan.reverse();
                prop_assert_eq!(listed, scan, "{:?} {:?}", filter, order);
            }
        }
        for n in 0..USERS {
            let theirs = || model.values().filter(|session| session.user_id == user_id(n));
            let expected = SessionActivity {
                total: theirs().count() as u64,
                live: theirs().filter(|session| session.is_open(now)).count() as u64,
                last_activity_at: theirs().map(|session| session.last_activity_at).max(),
            };
            let activity = wait.block_on(unit.sessions().activity(user_id(n), now)).unwrap();
            prop_assert_eq!(activity, expected);
        }
        for n in 0..40 {
            let found = wait.block_on(unit.sessions().find_by_token(&token_hash(n))).unwrap();
            prop_assert_eq!(found.map(|(session, _)| session), model.get(&session_id(n)).cloned());
        }
    }
}
