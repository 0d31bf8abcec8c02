//! Every older schema, with rows in it, becomes the newest one, and the rows are what they were.

use sqlx::{Connection, PgConnection};
use systemprompt_test_postgres::TestCluster;
use systemprompt_users_contract::fixtures::{
    api_key, api_key_id, at, remembered, sign_in_link, target, tick, user_id, uuid,
};
use systemprompt_users_domain::{
    Actor, ApiKey, ApiScope, ApiScopes, BanEnd, BanOrigin, BeginOutcome, EventKind, EventPosition,
    JobOutcome, PageRequest, SearchText, SessionFilter, SessionId, SessionOrder, Storage,
    StorageError, UnitOfWork, User, UserFilter, UserOrder, UserStatus,
};
use systemprompt_users_postgres::PostgresStorage;

use crate::database::{MIGRATIONS, migrated};

/// Rows that each version could hold from when its tables were there: one file of SQL for each migration, as
/// the program of that version would have written them.
const ROWS: [&str; 7] = [
    "INSERT INTO users (id, name, name_key, email, email_verified, full_name, status, roles, is_bot,
        created_at, updated_at, last_active_at, deleted_at, status_before_delete, legal_hold, version)
    VALUES
    ('018f3400-0000-7000-8000-000000000001', 'JÜRGEN', 'jürgen', 'jürgen@example.com', true,
        'Jürgen Groß 100%', 'active', 3, false, '2024-05-01T10:00:01Z', '2024-05-01T10:00:01Z',
        '2024-05-01T10:00:01.000001Z', NULL, NULL, false, 1),
    ('018f3400-0000-7000-8000-000000000002', 'gone', 'gone', 'gone@example.com', false, NULL,
        'deleted', 2, false, '2024-05-01T10:00:02Z', '2024-05-01T10:00:02Z', '2024-05-01T10:00:02Z',
        '2024-05-01T10:01:00Z', 'suspended', true, 7);
    INSERT INTO users (id, name, name_key, email_verified, status, roles, is_bot, fingerprint,
        token_hash, created_at, updated_at, last_active_at, legal_hold, version)
    VALUES ('018f3400-0000-7000-8000-000000000003', 'anonymous-3', 'anonymous-3', false, 'active', 4,
        false, 'browser3', decode(repeat('a5', 32), 'hex'), '2024-05-01T10:00:03Z',
        '2024-05-01T10:00:03Z', '2024-05-01T10:00:03Z', false, 1);
    UPDATE users SET merged_into = '018f3400-0000-7000-8000-000000000001' WHERE name = 'gone';",
    "INSERT INTO sessions (id, user_id, token_hash, ip, user_agent, started_at, last_activity_at,
        expires_at, idle_seconds, live_until)
    VALUES ('018f3400-0000-7000-8000-000000000001', '018f3400-0000-7000-8000-000000000001',
        decode(repeat('01', 32), 'hex'), '2001:db8::1', 'agent', '2024-05-01T10:00:01Z',
        '2024-05-01T10:00:01Z', '2024-05-02T10:00:01Z', 3600, '2024-05-01T11:00:01Z');",
    "INSERT INTO bans (id, target, banned_at, until, source, session_ids, user_id, ban_count,
        fact_count, lifted_through, length_class)
    VALUES ('018f3400-0000-7000-8000-000000000001', '10.0.0.0/8', '2024-05-01T10:00:01Z', NULL,
        'list', '{018f3400-0000-7000-8000-000000000001}', '018f3400-0000-7000-8000-000000000001', 1,
        1, 0, 63);
    INSERT INTO ban_facts (ban_id, sequence, kind, until, at, actor, source, session_ids, user_id)
    VALUES ('018f3400-0000-7000-8000-000000000001', 1, 'banned', NULL, '2024-05-01T10:00:01Z',
        '{\"type\": \"operator\", \"id\": \"root\"}', 'list',
        '{018f3400-0000-7000-8000-000000000001}', '018f3400-0000-7000-8000-000000000001');
    INSERT INTO allowed_networks (target, target_text, added_at, added_by)
    VALUES ('192.0.2.1', '192.0.2.1', '2024-05-01T10:00:01Z', '{\"type\": \"system\"}');",
    "INSERT INTO events (id, at, user_id, actor, kind)
    VALUES ('018f3400-0000-7000-8000-000000000001', '2024-05-01T10:00:01Z',
        '018f3400-0000-7000-8000-000000000002', '{\"type\": \"job\", \"id\": \"purge\"}',
        '{\"kind\": \"user_deleted\", \"user_id\": \"018f3400-0000-7000-8000-000000000002\"}');",
    "INSERT INTO job_runs (id, job, scheduled_at, trigger, host, attempts, started_at, lease_until,
        ended_at, outcome, report)
    VALUES ('018f3400-0000-7000-8000-000000000001', 'cleanup', '2024-05-01T10:00:00Z', 'schedule',
        'host1', 2, '2024-05-01T10:00:01Z', '2024-05-01T10:01:00Z', '2024-05-01T10:00:09Z',
        'succeeded', '{\"deleted\": 3}');",
    // As the migration leaves users that were there before it, until the program has filled the search.
    "INSERT INTO user_search_pending (user_id) SELECT id FROM users;",
    "INSERT INTO api_keys (id, name, prefix, secret_hash, scopes, created_at, version)
    VALUES ('018f3400-0000-7000-8000-000000000001', 'key 1', 'k0000001',
        decode(repeat('a5', 28) || '00000001', 'hex'), 1, '2024-05-01T10:00:01Z', 1);
    INSERT INTO api_keys (id, name, prefix, secret_hash, scopes, created_at, expires_at, revoked_at,
        last_used_at, replaced_by, version)
    VALUES ('018f3400-0000-7000-8000-000000000002', 'deploy', 'k0000002',
        decode(repeat('a5', 28) || '00000002', 'hex'), 24, '2024-05-01T10:00:02Z',
        '2024-05-01T10:01:30.000001Z', '2024-05-01T10:01:31Z', '2024-05-01T10:00:20Z',
        '018f3400-0000-7000-8000-000000000001', 2);
    INSERT INTO sign_in_links (token_hash, user_id, created_at, expires_at)
    VALUES (decode(repeat('a5', 28) || '00000003', 'hex'), '018f3400-0000-7000-8000-000000000001',
        '2024-05-01T10:00:03Z', '2024-05-01T10:01:03Z');
    INSERT INTO remembered_requests (key, request_hash, created_at, locked_until, answer)
    VALUES (decode(repeat('a5', 28) || '00000004', 'hex'), decode(repeat('07', 32), 'hex'),
        '2024-05-01T10:00:04Z', '2024-05-01T10:01:04Z', decode('00ff', 'hex'));",
];

#[tokio::test]
async fn rows_of_every_older_version_are_migrated() {
    for version in 2..=ROWS.len() {
        check_from(version).await;
    }
}

async fn check_from(version: usize) {
    let database = tokio::task::spawn_blocking(|| TestCluster::shared().create_database());
    let database = database.await.unwrap();
    let mut connection = PgConnection::connect(database.url()).await.unwrap();
    let target = i64::try_from(version).unwrap();
    MIGRATIONS.run_to(target, &mut connection).await.unwrap();
    for rows in ROWS.iter().take(version) {
        sqlx::raw_sql(*rows).execute(&mut connection).await.unwrap();
    }
    connection.close().await.unwrap();

    let storage = PostgresStorage::connect(database.url()).await.unwrap();
    let latest = MIGRATIONS.iter().map(|migration| migration.version).max().unwrap();
    assert_eq!(storage.schema_version().await.unwrap(), (target, latest));
    storage.migrate().await.unwrap();
    storage.migrate().await.unwrap();
    assert_eq!(storage.schema_version().await.unwrap(), (latest, latest));

    let mut unit = storage.read().await.unwrap();
    check_users(&mut *unit).await;
    check_sessions(&mut *unit).await;
    if version >= 3 {
        check_bans(&mut *unit).await;
    }
    if version >= 4 {
        check_events(&mut *unit).await;
    }
    if version >= 5 {
        check_jobs(&mut *unit).await;
    }
    drop(unit);
    if version >= 7 {
        check_access(&mut *storage.write().await.unwrap()).await;
    }
    check_writable(&storage).await;
    storage.close().await;
}

/// Two users whose names are one name from version 8 on, and an email that is folded otherwise.
const GREEKS: &str =
    "INSERT INTO users (id, name, name_key, email, email_verified, status, roles, is_bot,
        created_at, updated_at, last_active_at, legal_hold, version)
    SELECT id::uuid, name, key, email, false, 'active', 2, false, now(), now(), now(), false, 1
    FROM (VALUES
        ('018f3400-0000-7000-8000-000000000001', 'γιώργος', 'γιώργος', 'νίκος@example.com'),
        ('018f3400-0000-7000-8000-000000000002', 'Γιώργοσ', 'γιώργοσ', 'g@example.com')
    ) AS rows (id, name, key, email)";

#[tokio::test]
async fn names_and_emails_of_before_are_folded_as_those_of_today() {
    let database = tokio::task::spawn_blocking(|| TestCluster::shared().create_database());
    let database = database.await.unwrap();
    let mut connection = PgConnection::connect(database.url()).await.unwrap();
    MIGRATIONS.run_to(7, &mut connection).await.unwrap();
    sqlx::raw_sql(GREEKS).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    let storage = PostgresStorage::connect(database.url()).await.unwrap();
    storage.migrate().await.unwrap();

    let mut unit = storage.read().await.unwrap();
    let found = unit.users().find_by_names(&["ΓΙΏΡΓΟΣ".parse().unwrap()]).await.unwrap();
    assert_eq!(found.len(), 1);
    let both = unit.users().find_many(&[1, 2].map(user_id)).await.unwrap();
    let other = both.iter().find(|user| user.id != found[0].id).unwrap();
    let again = unit.users().find_by_names(std::slice::from_ref(&other.name)).await.unwrap();
    assert_eq!(again, std::slice::from_ref(other), "both are reachable");
    let email = "ΝΊΚΟΣ@example.com".parse().unwrap();
    assert_eq!(unit.users().find_by_emails(&[email]).await.unwrap()[0].id, user_id(1));
    let text = SearchText::parse("ΝΊΚΟΣ").unwrap();
    let searched = unit.users().search(&text, &UserFilter::default(), &page()).await.unwrap();
    assert_eq!(searched.items.len(), 1);
    drop(unit);
    storage.close().await;
}

fn page() -> PageRequest {
    PageRequest::new(10).unwrap()
}

async fn check_users(unit: &mut dyn UnitOfWork) {
    let users = unit.users();
    let mut found = users.find_many(&[1, 2, 3].map(user_id)).await.unwrap();
    found.sort_by_key(|user| user.id);
    let [jürgen, gone, visitor] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(jürgen.name.as_str(), "JÜRGEN");
    assert_eq!(jürgen.full_name.as_ref().unwrap().as_str(), "Jürgen Groß 100%");
    assert_eq!(jürgen.roles.bits(), 3);
    assert_eq!(jürgen.last_active_at, at(1) + chrono::Duration::microseconds(1));
    assert_eq!((gone.status, gone.version), (UserStatus::Deleted, 7));
    assert_eq!(gone.status_before_delete, Some(UserStatus::Suspended));
    assert_eq!((gone.deleted_at, gone.merged_into), (Some(at(60)), Some(user_id(1))));
    assert!(gone.legal_hold && visitor.is_anonymous());
    assert_eq!(visitor.fingerprint.as_ref().unwrap().as_str(), "browser3");
    // Counted, listed and found by every way, also those whose tables came later.
    let filter = UserFilter::default();
    assert_eq!(users.count(&filter).await.unwrap(), 1);
    let listed = users.list(&filter, UserOrder::Name, &page()).await.unwrap();
    assert_eq!(listed.items, std::slice::from_ref(jürgen));
    for text in ["jür", "GROSS 1", "groß", "0%", "%", "@example"] {
        let text = SearchText::parse(text).unwrap();
        let expected: Vec<User> = text.rank(jürgen).map(|_| jürgen.clone()).into_iter().collect();
        let found = users.search(&text, &filter, &page()).await.unwrap();
        assert_eq!(found.items, expected, "{text:?}");
    }
}

async fn check_sessions(unit: &mut dyn UnitOfWork) {
    let id = SessionId::from_uuid(uuid(1));
    let [session] = &unit.sessions().find_many(&[id]).await.unwrap()[..] else { panic!() };
    assert_eq!(session.ip, Some("2001:db8::1".parse().unwrap()));
    assert_eq!(session.live_until(), at(3_601));
    let live = SessionFilter { user_id: Some(user_id(1)), live_at: Some(at(3_600)) };
    let live = unit.sessions().list(&live, SessionOrder::Newest, &page()).await.unwrap();
    assert_eq!(live.items.len(), 1);
}

async fn check_bans(unit: &mut dyn UnitOfWork) {
    let bans = unit.bans();
    let covering = bans.find_covering(&target("10.1.2.3"), at(9)).await.unwrap();
    let [ban] = covering.as_slice() else { panic!("{covering:?}") };
    assert_eq!((ban.until, ban.user_id), (BanEnd::Never, Some(user_id(1))));
    assert_eq!(bans.count_active(at(9)).await.unwrap(), 1);
    assert_eq!(bans.list_active(at(9), &page()).await.unwrap().items, covering);
    let origin = BanOrigin::Source("list".into());
    assert_eq!(bans.list_by_origin(&origin, at(9), &page()).await.unwrap().items, covering);
    let history = bans.history(ban.id, &page()).await.unwrap();
    assert_eq!(history.items[0].actor, Actor::Operator("root".into()));
    assert_eq!(bans.find_allowed(&target("192.0.2.1")).await.unwrap().len(), 1);
}

async fn check_events(unit: &mut dyn UnitOfWork) {
    let events = unit.events().read(EventPosition::START, 10).await.unwrap();
    let [event] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!(event.event.kind, EventKind::UserDeleted { user_id: user_id(2) });
    assert_eq!(event.event.actor, Actor::Job("purge".into()));
}

async fn check_jobs(unit: &mut dyn UnitOfWork) {
    let runs = unit.jobs().list(&Default::default(), &page()).await.unwrap();
    assert_eq!(runs.items[0].outcome, Some(JobOutcome::Succeeded));
    assert_eq!(runs.items[0].report.counts["deleted"], 3);
}

async fn check_access(unit: &mut dyn UnitOfWork) {
    let rotated = ApiKey {
        name: "deploy".into(),
        scopes: ApiScopes::new([ApiScope::ForwardAuth, ApiScope::Bans]).unwrap(),
        expires_at: Some(at(90) + tick()),
        revoked_at: Some(at(91)),
        last_used_at: Some(at(20)),
        replaced_by: Some(api_key_id(1)),
        version: 2,
        ..api_key(2)
    };
    assert_eq!(unit.api_keys().list(&page()).await.unwrap().items, [rotated, api_key(1)]);
    let link = sign_in_link(3, user_id(1));
    assert_eq!(unit.sign_in_links().take(&link.token_hash, at(20)).await.unwrap(), Some(link));
    let outcome = unit.idempotency().begin(&remembered(4), at(20)).await.unwrap();
    assert_eq!(outcome, BeginOutcome::Answered(vec![0x00, 0xff]));
}

/// What is there can be changed: the migrated rows are no second class.
async fn check_writable(storage: &PostgresStorage) {
    let mut unit = storage.write().await.unwrap();
    let mut user = unit.users().lock_many(&[user_id(1)]).await.unwrap().remove(0);
    user.name = "renamed".parse().unwrap();
    user.mark_changed(at(99));
    unit.users().update_many(&[user]).await.unwrap();
    let text = SearchText::parse("jürgen").unwrap();
    let found = unit.users().search(&text, &UserFilter::default(), &page()).await.unwrap();
    assert_eq!(found.items.len(), 1, "still by the email");
    unit.users().purge_many(&[1, 2, 3].map(user_id)).await.unwrap();
    assert_eq!(unit.users().count(&UserFilter::default()).await.unwrap(), 0);
    unit.commit().await.unwrap();
}

#[tokio::test]
async fn a_schema_from_the_future_is_left_alone() {
    let (storage, database) = migrated().await;
    let mut connection = PgConnection::connect(database.url()).await.unwrap();
    let future =
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
        VALUES (9999, 'later', true, '', 0)";
    sqlx::raw_sql(future).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    assert_eq!(storage.schema_version().await.unwrap().0, 9999);
    let refused = storage.migrate().await.unwrap_err();
    assert!(matches!(refused, StorageError::Other(_)), "{refused:?}");
    storage.close().await;
}

/// Hosts that start at once migrate at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hosts_that_migrate_at_once_wait_for_each_other() {
    let database = tokio::task::spawn_blocking(|| TestCluster::shared().create_database());
    let database = database.await.unwrap();
    let hosts: Vec<_> = (0..4)
        .map(|_| {
            let url = database.url().to_owned();
            tokio::spawn(async move {
                let storage = PostgresStorage::connect(&url).await.unwrap();
                storage.migrate().await.unwrap();
                storage.close().await;
            })
        })
        .collect();
    for host in hosts {
        host.await.unwrap();
    }
}
