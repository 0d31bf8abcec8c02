//! Rows of each older version are still there, and mean the same, after the way up.

use std::path::Path;

use chrono::Duration;
use sqlx::migrate::Migrator;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, SqliteConnection};
use systemprompt_users_contract::fixtures::{
    allowed, anonymous, api_key, api_key_id, at, ban, email, ended, event, fingerprint, job_run,
    name, offence, remembered, session, session_id, sign_in_link, target, tick, user, user_id,
};
use systemprompt_users_domain::{
    Actor, AllowedNetwork, ApiKey, ApiScope, ApiScopes, AvatarUrl, BanEnd, BannedIp, BeginOutcome,
    DisplayName, EndReason, Event, EventKind, EventPosition, FullName, JobOutcome, JobRun,
    JobRunFilter, JobTrigger, PageRequest, Roles, SearchText, Storage, UnitOfWork, User,
    UserFilter, UserRole, UserSession, UserStatus,
};
use systemprompt_users_sqlite::{SchemaVersion, SqliteStorage};
use tempfile::TempDir;

use crate::fresh::{file, fresh};

/// The rows that a version brings, in the form of that version.
const ROWS: [&str; 7] = [
    include_str!("rows/0001_users.sql"),
    include_str!("rows/0002_sessions.sql"),
    include_str!("rows/0003_bans.sql"),
    include_str!("rows/0004_events.sql"),
    include_str!("rows/0005_jobs.sql"),
    // What the search needs is written by the program beside each change, and is in no rows made by hand.
    "",
    include_str!("rows/0007_access.sql"),
];

/// A database at `version`, with rows in every table that it has.
async fn old(version: usize) -> TempDir {
    let folder = TempDir::new().unwrap();
    std::fs::create_dir_all(file(&folder).parent().unwrap()).unwrap();
    let options = SqliteConnectOptions::new().filename(file(&folder)).create_if_missing(true);
    let mut connection = options.connect().await.unwrap();
    migrator().await.run_to(i64::try_from(version).unwrap(), &mut connection).await.unwrap();
    for rows in &ROWS[..version] {
        sqlx::raw_sql(*rows).execute(&mut connection).await.unwrap();
    }
    folder
}

async fn migrator() -> Migrator {
    Migrator::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations")).await.unwrap()
}

async fn connect(folder: &TempDir) -> SqliteConnection {
    SqliteConnectOptions::new().filename(file(folder)).connect().await.unwrap()
}

/// Two users whose names are one name from version 8 on, and an email that is folded otherwise.
const GREEKS: &str =
    "INSERT INTO users (place, id, name, name_key, email, email_verified, status, roles, is_bot,
        created_at, updated_at, last_active_at, legal_hold, version)
    VALUES (1000, x'018f3400000070008000000000000001', 'γιώργος', 'γιώργος', 'νίκος@example.com', 0,
        'active', 2, 0, 1, 1, 1, 0, 1),
    (2000, x'018f3400000070008000000000000002', 'Γιώργοσ', 'γιώργοσ', 'g@example.com', 0,
        'active', 2, 0, 1, 1, 1, 0, 1)";

#[tokio::test]
async fn names_and_emails_of_before_are_folded_as_those_of_today() {
    for version in [5, 7] {
        let folder = TempDir::new().unwrap();
        std::fs::create_dir_all(file(&folder).parent().unwrap()).unwrap();
        let options = SqliteConnectOptions::new().filename(file(&folder)).create_if_missing(true);
        let mut connection = options.connect().await.unwrap();
        migrator().await.run_to(version, &mut connection).await.unwrap();
        sqlx::raw_sql(GREEKS).execute(&mut connection).await.unwrap();
        drop(connection);
        let storage = SqliteStorage::connect(&file(&folder)).await.unwrap();
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
        let page = PageRequest::new(10).unwrap();
        let searched = unit.users().search(&text, &UserFilter::default(), &page).await.unwrap();
        assert_eq!(searched.items.len(), 1);
    }
}

#[tokio::test]
async fn rows_of_version_1_are_the_same() {
    check_upgrade(1).await;
}

#[tokio::test]
async fn rows_of_version_2_are_the_same() {
    check_upgrade(2).await;
}

#[tokio::test]
async fn rows_of_version_3_are_the_same() {
    check_upgrade(3).await;
}

#[tokio::test]
async fn rows_of_version_4_are_the_same() {
    check_upgrade(4).await;
}

#[tokio::test]
async fn rows_of_version_5_are_the_same() {
    check_upgrade(5).await;
}

#[tokio::test]
async fn rows_of_version_6_are_the_same() {
    check_upgrade(6).await;
}

#[tokio::test]
async fn rows_of_version_7_are_the_same() {
    check_upgrade(7).await;
}

async fn check_upgrade(version: usize) {
    let folder = old(version).await;
    let storage = SqliteStorage::connect(&file(&folder)).await.unwrap();
    let before = storage.schema_version().await.unwrap();
    assert_eq!(before.current, i64::try_from(version).unwrap());
    assert_eq!(before.is_outdated(), version < migrator().await.iter().count());
    storage.migrate().await.unwrap();
    let unit = &mut *storage.read().await.unwrap();
    check_users(unit).await;
    if version < 6 {
        check_search(unit).await;
    }
    if version >= 2 {
        check_sessions(unit).await;
    }
    if version >= 3 {
        check_bans(unit).await;
    }
    if version >= 4 {
        check_events(unit).await;
    }
    if version >= 5 {
        check_jobs(unit).await;
    }
    if version >= 7 {
        check_access(&mut *storage.write().await.unwrap()).await;
    }
}

fn expected_users() -> [User; 3] {
    let jurgen = User {
        name: name("JÜRGEN"),
        email: Some(email("jürgen@example.com")),
        email_verified: true,
        full_name: Some(FullName::parse("Jürgen Müller").unwrap()),
        display_name: Some(DisplayName::parse("Jü").unwrap()),
        avatar_url: Some(AvatarUrl::parse("https://example.com/j.png").unwrap()),
        roles: Roles::new([UserRole::Admin, UserRole::User]).unwrap(),
        created_at: at(0) + tick(),
        updated_at: at(0) + tick() * 2,
        last_active_at: at(0) + tick() * 3,
        version: 3,
        ..user(1)
    };
    let gone = User {
        name: name("gone"),
        email: Some(email("gone@example.com")),
        status: UserStatus::Deleted,
        is_bot: true,
        updated_at: at(4),
        deleted_at: Some(at(4)),
        status_before_delete: Some(UserStatus::Suspended),
        merged_into: Some(user_id(1)),
        legal_hold: true,
        version: 2,
        ..user(3)
    };
    [jurgen, anonymous(2), gone]
}

async fn check_users(unit: &mut dyn UnitOfWork) {
    let expected = expected_users();
    let mut users = unit.users().find_many(&[1, 2, 3].map(user_id)).await.unwrap();
    users.sort_by_key(|user| user.id);
    assert_eq!(users, expected);
    assert_eq!(users[0].name.as_str(), "JÜRGEN");
    assert_eq!(unit.users().count(&UserFilter::default()).await.unwrap(), 1);
}

async fn check_search(unit: &mut dyn UnitOfWork) {
    let expected = expected_users();
    let page = PageRequest::default();
    // From the start of a field, within one, and of a kind that has to be asked for.
    for text in ["jürgen m", "ller", "ü"] {
        let text = SearchText::parse(text).unwrap();
        let found = unit.users().search(&text, &UserFilter::default(), &page).await.unwrap();
        assert_eq!(found.items, expected[..1], "{text:?}");
    }
    let visitors = UserFilter::by_role(UserRole::Anonymous);
    let text = SearchText::parse("mous-2").unwrap();
    let found = unit.users().search(&text, &visitors, &page).await.unwrap();
    assert_eq!(found.items, expected[1..2]);
}

async fn check_sessions(unit: &mut dyn UnitOfWork) {
    let full = UserSession {
        ip: Some("2001:db8::1".parse().unwrap()),
        user_agent: Some("Firefox".into()),
        device_type: Some("desktop".into()),
        os: Some("Linux".into()),
        browser: Some("Firefox 140".into()),
        fingerprint: Some(fingerprint("browser4")),
        last_activity_at: at(5),
        idle_timeout: Some(Duration::hours(1)),
        ..ended(session(4, user_id(1)), EndReason::Logout, at(6))
    };
    let mut sessions = unit.sessions().find_many(&[4, 5].map(session_id)).await.unwrap();
    sessions.sort_by_key(|session| session.id);
    assert_eq!(sessions, [full, session(5, user_id(1))]);
}

async fn check_bans(unit: &mut dyn UnitOfWork) {
    let mut listed = offence("10.0.0.0/8", BanEnd::Never);
    listed.source = Some("list".into());
    listed.session_ids = vec![session_id(4)];
    listed.user_id = Some(user_id(1));
    let (network, first) = BannedIp::first(ban(6), listed, &Actor::System, at(0));
    let mut again = offence("10.0.0.0/8", BanEnd::At(at(3600)));
    again.reason = Some("again".into());
    let (network, second) = network.ban_again(again, &Actor::Operator("root".into()), at(5));
    let once = offence("2001:db8::7", BanEnd::At(at(3600)));
    let (address, _) = BannedIp::first(ban(7), once, &Actor::System, at(0));
    let (address, lift) = address.lift(&Actor::System, None, at(9));

    let bans = unit.bans();
    assert_eq!(bans.find_many(&[network.target]).await.unwrap(), std::slice::from_ref(&network));
    assert_eq!(bans.find_many(&[address.target]).await.unwrap(), [address]);
    let page = PageRequest::default();
    assert_eq!(bans.history(ban(6), &page).await.unwrap().items, [second, first]);
    assert_eq!(bans.history(ban(7), &page).await.unwrap().items[0], lift);
    assert_eq!(bans.count_active(at(1)).await.unwrap(), 1);
    assert_eq!(bans.list_active(at(1), &page).await.unwrap().items, [network]);
    let office = AllowedNetwork { note: Some("office".into()), ..allowed("192.0.2.0/24") };
    assert_eq!(bans.find_allowed(&target("192.0.2.9")).await.unwrap(), [office]);
}

async fn check_events(unit: &mut dyn UnitOfWork) {
    let roles = Roles::new([UserRole::Admin, UserRole::User]).unwrap();
    let created = event(8, EventKind::UserCreated { user_id: user_id(1), roles });
    let unbanned = event(9, EventKind::IpUnbanned { target: target("2001:db8::7") });
    let unbanned = Event { actor: Actor::Job("cleanup".into()), ..unbanned };
    let events = unit.events().read(EventPosition::START, 10).await.unwrap();
    let positions: Vec<i64> = events.iter().map(|event| event.position.0).collect();
    assert_eq!(positions, [5, 9]);
    assert_eq!(
        events.into_iter().map(|event| event.event).collect::<Vec<_>>(),
        [created, unbanned]
    );
}

async fn check_jobs(unit: &mut dyn UnitOfWork) {
    let mut failed = JobRun {
        attempts: 2,
        started_at: at(11),
        lease_until: at(70),
        ended_at: Some(at(12)),
        outcome: Some(JobOutcome::Failed),
        error: Some("out of luck".into()),
        ..job_run(10, "cleanup")
    };
    failed.report.add("deleted", 12);
    let manual = JobRun { trigger: JobTrigger::Manual, ..job_run(11, "cleanup") };
    let page = PageRequest::default();
    let runs = unit.jobs().list(&JobRunFilter::default(), &page).await.unwrap().items;
    assert_eq!(runs, [manual, failed]);
}

async fn check_access(unit: &mut dyn UnitOfWork) {
    let rotated = ApiKey {
        name: "deploy".into(),
        scopes: ApiScopes::new([ApiScope::ForwardAuth, ApiScope::Bans]).unwrap(),
        expires_at: Some(at(90) + tick()),
        revoked_at: Some(at(91)),
        last_used_at: Some(at(20)),
        replaced_by: Some(api_key_id(12)),
        version: 2,
        ..api_key(13)
    };
    let page = PageRequest::default();
    assert_eq!(unit.api_keys().list(&page).await.unwrap().items, [rotated, api_key(12)]);
    let link = sign_in_link(14, user_id(1));
    assert_eq!(unit.sign_in_links().take(&link.token_hash, at(20)).await.unwrap(), Some(link));
    let outcome = unit.idempotency().begin(&remembered(15), at(20)).await.unwrap();
    assert_eq!(outcome, BeginOutcome::Answered(vec![0x00, 0xff]));
}

#[tokio::test]
async fn an_empty_file_is_at_version_0() {
    let folder = TempDir::new().unwrap();
    let storage = SqliteStorage::connect(&file(&folder)).await.unwrap();
    let version = storage.schema_version().await.unwrap();
    let latest = migrator().await.iter().map(|migration| migration.version).max().unwrap();
    assert_eq!(version, SchemaVersion { current: 0, latest });
}

#[tokio::test]
async fn a_second_migration_changes_nothing() {
    let (storage, folder) = fresh().await;
    let schema = async |folder: &TempDir| -> Vec<String> {
        let all = "SELECT coalesce(sql, name) FROM sqlite_schema ORDER BY name";
        sqlx::query_scalar(all).fetch_all(&mut connect(folder).await).await.unwrap()
    };
    let before = schema(&folder).await;
    storage.migrate().await.unwrap();
    assert_eq!(schema(&folder).await, before);
}

#[tokio::test]
async fn a_schema_of_a_newer_release_is_refused() {
    let (storage, folder) = fresh().await;
    sqlx::raw_sql(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (9999, 'from the future', true, x'00', 0)",
    )
    .execute(&mut connect(&folder).await)
    .await
    .unwrap();
    let error = storage.migrate().await.unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("9999 is newer"), "{cause}");
}
