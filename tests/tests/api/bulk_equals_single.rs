//! Bulk means the same as single, only in sets: random operations done in bulk on one storage and one by
//! one on another leave the same behind.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};
use systemprompt_users::{
    BanDuration, BanIpParams, BanIpWithMetadataParams, BulkBanOutcome, BulkCreateOutcome,
    BulkOutcome, CreateUserParams, EventKind, EventPosition, OnExisting, PageRequest, Result,
    SessionId, User, UserError, UserFilter, UserId, UserRole, UserStatus,
};
use systemprompt_users_tests::{Backend, Host};
use tokio::runtime::Builder;

/// An operation that there is in bulk.
#[derive(Debug, Clone)]
enum Operation {
    Create(Vec<(&'static str, &'static str)>),
    Status(Vec<usize>, UserStatus),
    Delete(Vec<usize>),
    Role(Vec<usize>, UserRole),
    End(Vec<usize>),
    Ban(Vec<(&'static str, Option<i64>)>),
}

const NAMES: [&str; 7] = ["u0", "U0", "u1", "new1", "new2", "NEW2", "two words"];
const EMAILS: [&str; 6] = [
    "u0@example.com",
    "u1@example.com",
    "new1@example.com",
    "NEW1@example.com",
    "x@y.example",
    "no",
];
const IPS: [&str; 5] = ["10.0.0.1", "::ffff:10.0.0.1", "10.0.0.0/8", "192.0.2.1", "no"];

/// The users to begin with: two admins, five users, a visitor, one deleted, one suspended, and nobody.
const USERS: usize = 11;

fn operation() -> impl Strategy<Value = Operation> {
    let users = || vec(0..USERS, 0..8);
    let status = select(&UserStatus::ALL[..]);
    prop_oneof![
        vec((select(&NAMES[..]), select(&EMAILS[..])), 0..8).prop_map(Operation::Create),
        (users(), status).prop_map(|(users, status)| Operation::Status(users, status)),
        users().prop_map(Operation::Delete),
        (users(), select(&UserRole::ALL[..]))
            .prop_map(|(users, role)| Operation::Role(users, role)),
        vec(0..8usize, 0..6).prop_map(Operation::End),
        vec((select(&IPS[..]), proptest::option::of(-1..4i64)), 0..8).prop_map(Operation::Ban),
    ]
}

/// A host with the users and sessions to begin with.
struct Side {
    host: Host,
    users: Vec<UserId>,
    sessions: Vec<SessionId>,
}

impl Side {
    async fn new(host: Host) -> Self {
        let mut users = Vec::new();
        for n in 0..USERS - 2 {
            let name = format!("u{n}");
            users.push(if n < 2 { host.admin(&name).await.id } else { host.user(&name).await.id });
        }
        users.push(host.visitor("browser").await.user.id);
        users.push(UserId::from_uuid(uuid::Uuid::nil()));
        let mut sessions = Vec::new();
        for user in [0, 2, 3, 3, 4, 9] {
            sessions.push(host.session(users[user]).await.session.id);
        }
        sessions.push(SessionId::from_uuid(uuid::Uuid::nil()));
        sessions.push(sessions[0]);
        host.users.delete(users[7]).await.unwrap();
        host.users.update_status(users[8], UserStatus::Suspended).await.unwrap();
        Self { host, users, sessions }
    }

    fn ids(&self, users: &[usize]) -> Vec<UserId> {
        users.iter().map(|user| self.users[*user]).collect()
    }

    /// What the operation says of each item, in bulk.
    async fn in_bulk(&self, operation: &Operation) -> Vec<&'static str> {
        let users = &self.host.users;
        let report = match operation {
            Operation::Create(rows) => {
                let rows: Vec<CreateUserParams> = rows.iter().map(row).collect();
                let report = users.bulk_create(&rows, OnExisting::Keep).await.unwrap();
                return report.items.iter().map(|item| created(&item.outcome)).collect();
            }
            Operation::End(sessions) => {
                let ids: Vec<SessionId> = sessions.iter().map(|n| self.sessions[*n]).collect();
                self.host
                    .sessions
                    .end_many(&ids, systemprompt_users::EndReason::Revoked)
                    .await
                    .unwrap();
                return Vec::new();
            }
            Operation::Ban(rows) => {
                let rows: Vec<BanIpWithMetadataParams> = rows.iter().map(ban).collect();
                let report = self.host.bans.bulk_ban(&rows).await.unwrap();
                let word = |outcome: &BulkBanOutcome| match outcome {
                    BulkBanOutcome::Refused(error) => error.code(),
                    _ => "banned",
                };
                return report.items.iter().map(|item| word(&item.outcome)).collect();
            }
            Operation::Status(ids, status) => {
                users.bulk_update_status(&self.ids(ids), *status).await
            }
            Operation::Delete(ids) => users.bulk_delete(&self.ids(ids)).await,
            Operation::Role(ids, role) => users.bulk_assign_role(&self.ids(ids), *role).await,
        };
        let word = |outcome: &BulkOutcome| match outcome {
            BulkOutcome::Done => "done",
            BulkOutcome::Unchanged => "unchanged",
            BulkOutcome::Refused(error) => error.code(),
        };
        report.unwrap().items.iter().map(|item| word(&item.outcome)).collect()
    }

    /// The same, one by one.
    async fn one_by_one(&self, operation: &Operation) -> Vec<&'static str> {
        let users = &self.host.users;
        let mut words = Vec::new();
        match operation {
            Operation::Create(rows) => {
                for params in rows.iter().map(row) {
                    words.push(match users.create(&params).await {
                        Ok(_) => "created",
                        Err(error) => self.same_user(&params, error).await,
                    });
                }
            }
            Operation::Status(ids, status) => {
                for id in self.ids(ids) {
                    words.push(self.change(id, users.update_status(id, *status)).await);
                }
            }
            Operation::Delete(ids) => {
                for id in self.ids(ids) {
                    words.push(self.change(id, users.delete(id)).await);
                }
            }
            Operation::Role(ids, role) => {
                for id in self.ids(ids) {
                    words.push(self.change(id, users.assign_role(id, *role)).await);
                }
            }
            Operation::End(sessions) => {
                for n in sessions {
                    let reason = systemprompt_users::EndReason::Revoked;
                    self.host.sessions.end(self.sessions[*n], reason).await.ok();
                }
            }
            Operation::Ban(rows) => {
                for params in rows.iter().map(ban) {
                    // A list leaves out what adds nothing, so that it can be given again.
                    let known = self.host.bans.get_ban(params.ban.ip.as_str()).await.ok().flatten();
                    let parsed = params.parse(self.host.now());
                    let adds_nothing = |known: &systemprompt_users::BannedIp| {
                        known.is_in_force(self.host.now())
                            && parsed.as_ref().is_ok_and(|offence| {
                                known.until >= offence.until
                                    || known.until.time().is_some()
                                        && offence.until.time().is_some()
                            })
                    };
                    if known.as_ref().is_some_and(adds_nothing) {
                        words.push("banned");
                        continue;
                    }
                    words.push(match self.host.bans.ban_ip_with_metadata(&params).await {
                        Ok(_) => "banned",
                        Err(error) => error.code(),
                    });
                }
            }
        }
        words
    }

    async fn change(&self, id: UserId, change: impl Future<Output = Result<User>>) -> &'static str {
        let before =
            self.host.storage.read().await.unwrap().users().find_many(&[id]).await.unwrap();
        match change.await {
            Ok(after) if before[0].version == after.version => "unchanged",
            Ok(_) => "done",
            Err(error) => error.code(),
        }
    }

    /// A row whose name and email are those of one live user is no conflict in bulk.
    async fn same_user(&self, params: &CreateUserParams, error: UserError) -> &'static str {
        let by_name = self.host.users.find_by_name(&params.name).await.unwrap();
        let by_email = self.host.users.find_by_email(&params.email).await.unwrap();
        match by_name.zip(by_email) {
            Some((one, other)) if one.id == other.id => "existing",
            _ => error.code(),
        }
    }

    /// All that is left behind, without ids and tokens.
    async fn left_behind(&self) -> BTreeMap<String, Vec<String>> {
        let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut names = BTreeMap::new();
        let everybody = UserFilter {
            scope: systemprompt_users::UserScope::All,
            anonymous: systemprompt_users::AnonymousScope::Include,
            ..UserFilter::default()
        };
        for user in self.host.users.list_by_filter(&everybody, 1000).await.unwrap().items {
            let name = match user.is_anonymous() {
                true => "anonymous".to_owned(),
                false => format!("{} {}", user.name, user.email.as_ref().unwrap()),
            };
            let times = (user.created_at, user.updated_at, user.last_active_at, user.deleted_at);
            let state = (user.status, user.status_before_delete, user.roles, user.version, times);
            all.entry("users".into()).or_default().push(format!("{name} {state:?}"));
            names.insert(user.id, name);
        }
        let page = PageRequest::new(1000).unwrap();
        for session in self.host.sessions.list_recent(&page).await.unwrap().items {
            let end = (session.started_at, session.ended_at, session.end_reason);
            let text = format!("{} {end:?}", names[&session.user_id]);
            all.entry("sessions".into()).or_default().push(text);
        }
        for ip in ["10.0.0.1", "10.0.0.0/8", "192.0.2.1"] {
            for fact in self.host.ban_history(ip).await {
                all.entry(ip.into()).or_default().push(format!("{:?} {}", fact.kind, fact.at));
            }
        }
        for recorded in self.host.events.read(EventPosition::START, 1000).await.unwrap() {
            let kind = recorded.event.kind;
            let who = kind.user_id().map(|user| names[&user].clone());
            // In bulk the sessions of a user that end are one event, one by one each is one.
            let texts = match &kind {
                EventKind::SessionsEnded { session_ids, reason, .. } => {
                    vec![format!("ended {reason} {who:?}"); session_ids.len()]
                }
                EventKind::StatusChanged { to, .. } => vec![format!("status {to} {who:?}")],
                EventKind::RolesChanged { to, .. } => vec![format!("roles {to} {who:?}")],
                other => vec![format!("{} {who:?} {:?}", other.name(), other.target())],
            };
            all.entry("events".into()).or_default().extend(texts);
        }
        all.values_mut().for_each(|texts| texts.sort());
        all
    }
}

fn row((name, email): &(&'static str, &'static str)) -> CreateUserParams {
    CreateUserParams::new(*name, *email)
}

fn ban((ip, hours): &(&'static str, Option<i64>)) -> BanIpWithMetadataParams {
    BanIpParams::new(*ip, hours.map_or(BanDuration::Permanent, BanDuration::Hours)).into()
}

fn created(outcome: &BulkCreateOutcome) -> &'static str {
    match outcome {
        BulkCreateOutcome::Refused(error) => error.code(),
        other => other.as_str(),
    }
}

fn check(backend: Backend, cases: u32) {
    let cases = std::env::var("PROPTEST_CASES").map_or(cases, |cases| cases.parse().unwrap());
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let outcome = TestRunner::new(config).run(&vec(operation(), 1..8), |operations| {
        runtime.block_on(async {
            let (one, other) = (backend.open().await, backend.open().await);
            let bulk = Side::new(Host::new(one.storage())).await;
            let single = Side::new(Host::new(other.storage())).await;
            for operation in &operations {
                bulk.host.clock.advance(chrono::Duration::minutes(20));
                single.host.clock.advance(chrono::Duration::minutes(20));
                let words = bulk.in_bulk(operation).await;
                prop_assert_eq!(words, single.one_by_one(operation).await);
                let left = single.left_behind().await;
                prop_assert_eq!(bulk.left_behind().await, left);
            }
            one.close().await;
            other.close().await;
            Ok(())
        })
    });
    if let Err(difference) = outcome {
        panic!("{difference}");
    }
}

#[test]
fn on_memory() {
    check(Backend::Memory, 150);
}

#[test]
fn on_sqlite() {
    check(Backend::Sqlite, 20);
}

#[test]
fn on_postgres() {
    check(Backend::Postgres, 12);
}
