//! Several servers, the wrong ones among them, and servers that fail while a connection is made.

use std::net::SocketAddr;
use std::time::Duration;

use sqlx::{Connection, PgConnection};
use systemprompt_test_postgres::{TestCluster, TestDatabase};
use systemprompt_users_contract::fixtures::{user, user_id};
use systemprompt_users_domain::{EventPosition, Storage, StorageError};
use systemprompt_users_postgres::{PostgresOptions, PostgresStorage};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::database::migrated;

/// A server that nobody runs.
const CLOSED: &str = "127.0.0.1:1";

/// The URL of a test's database with others in front of its host, and more options.
fn behind(database: &TestDatabase, others: &[&str], options: &str) -> String {
    let (_, folder) = database.url().rsplit_once("host=").unwrap();
    let (hosts, ports): (Vec<_>, Vec<_>) = others
        .iter()
        .map(|other| other.rsplit_once(':').unwrap())
        .chain([(folder, "5432")])
        .unzip();
    let (hosts, ports) = (hosts.join(","), ports.join(","));
    format!("postgres://postgres@/{}?host={hosts}&port={ports}{options}", database.name())
}

/// A server that makes the same answer to whatever begins a connection, and goes.
async fn answering(answer: Vec<u8>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let _ = socket.read(&mut [0; 1024]).await;
            let _ = socket.write_all(&answer).await;
        }
    });
    address
}

/// A server that answers a start with an error.
async fn refusing(code: &str) -> SocketAddr {
    let fields = format!("SFATAL\0VFATAL\0C{code}\0Mit says no\0\0");
    let mut answer = b"E".to_vec();
    answer.extend(u32::try_from(fields.len() + 4).unwrap().to_be_bytes());
    answer.extend(fields.into_bytes());
    answering(answer).await
}

#[tokio::test]
async fn what_may_pass_while_connecting_is_unavailable() {
    let mut servers = vec![
        ("a proxy without a server behind it", answering(Vec::new()).await.to_string(), "", true),
        ("no Postgres", answering(b"HTTP/1.1 503".to_vec()).await.to_string(), "", true),
        ("a broken handshake", answering(b"S".to_vec()).await.to_string(), "", true),
        ("an end in the middle", answering(b"R\0".to_vec()).await.to_string(), "disable", true),
        ("nobody", CLOSED.to_owned(), "", true),
        ("no such name", "nowhere.invalid:5432".to_owned(), "", true),
        ("no TLS", answering(b"N".to_vec()).await.to_string(), "require", false),
    ];
    for (code, later) in [
        ("53300", true),
        ("53400", true),
        ("57P01", true),
        ("57P02", true),
        ("57P03", true),
        ("57P05", true),
        ("08006", true),
        ("08P01", true),
        ("58030", true),
        ("XX000", true),
        ("28P01", false),
        ("28000", false),
        ("3D000", false),
        ("42501", false),
        ("22023", false),
    ] {
        servers.push((code, refusing(code).await.to_string(), "disable", later));
    }
    for (what, address, mode, later) in servers {
        let mode = if mode.is_empty() { "prefer" } else { mode };
        let url = format!("postgres://u:hunter2@{address}/d?sslmode={mode}");
        let error = PostgresStorage::connect(&url).await.unwrap_err();
        assert_eq!(matches!(error, StorageError::Unavailable(_)), later, "{what}: {error:?}");
        let text =
            format!("{error:?} {:?}", std::error::Error::source(&error).map(ToString::to_string));
        assert!(text.contains(&address) && !text.contains("hunter2"), "{what}: {text}");
    }
}

#[tokio::test]
async fn hosts_are_tried_in_turn() {
    let (storage, database) = migrated().await;
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = silent.local_addr().unwrap().to_string();
    let full = refusing("53300").await.to_string();
    let stranger = refusing("28P01").await.to_string();
    let url = behind(&database, &[CLOSED, &full, &stranger, &silent], "&sslmode=disable");
    let options =
        PostgresOptions { connect_timeout: Duration::from_secs(1), ..PostgresOptions::default() };
    let several = PostgresStorage::connect_with(&url, options).await.unwrap();
    let mut unit = several.write().await.unwrap();
    unit.users().insert_many(&[user(1)]).await.unwrap();
    unit.commit().await.unwrap();
    several.signal().await.unwrap();
    assert!(several.schema_version().await.unwrap().0 > 0);
    several.close().await;
    storage.close().await;
}

#[tokio::test]
async fn a_server_that_takes_no_changes_is_the_wrong_one() {
    let (storage, database) = migrated().await;
    let mut unit = storage.write().await.unwrap();
    unit.users().insert_many(&[user(1)]).await.unwrap();
    unit.commit().await.unwrap();
    storage.close().await;
    let mut aside = PgConnection::connect(database.url()).await.unwrap();
    let whose = format!("ALTER DATABASE \"{}\"", database.name());
    fence(&mut aside, &whose, "on").await;
    for wanted in ["", "&target_session_attrs=read-write"] {
        let refused = PostgresStorage::connect(&behind(&database, &[], wanted)).await.unwrap_err();
        assert!(matches!(refused, StorageError::Unavailable(_)), "{refused:?}");
        let source = std::error::Error::source(&refused).unwrap().to_string();
        assert!(source.contains("read-only") && source.contains("read-write"), "{source}");
    }
    for wanted in ["any", "primary"] {
        let url = behind(&database, &[], &format!("&target_session_attrs={wanted}"));
        let reads = PostgresStorage::connect(&url).await.unwrap();
        let mut unit = reads.read().await.unwrap();
        assert_eq!(unit.users().find_many(&[user_id(1)]).await.unwrap(), [user(1)]);
        // It is not what decisions are made by.
        check_unavailable(unit.events().read(EventPosition::START, 10).await);
        drop(unit);
        let mut unit = reads.write().await.unwrap();
        check_unavailable(unit.users().insert_many(&[user(2)]).await);
        drop(unit);
        reads.close().await;
    }
    fence(&mut aside, &whose, "off").await;
    aside.close().await.unwrap();
    PostgresStorage::connect(database.url()).await.unwrap().close().await;
}

/// Connections that were made before are not used for reading either, once one of them has shown what the server
/// is now.
#[tokio::test]
async fn a_server_that_is_demoted_is_left() {
    let cluster = tokio::task::spawn_blocking(|| TestCluster::start().unwrap()).await.unwrap();
    let storage = PostgresStorage::connect(cluster.url()).await.unwrap();
    storage.migrate().await.unwrap();
    let mut aside = PgConnection::connect(cluster.url()).await.unwrap();
    let mut open = storage.read().await.unwrap();
    open.users().find_many(&[user_id(1)]).await.unwrap();
    fence(&mut aside, "ALTER SYSTEM", "on").await;
    // The server tells its processes one by one.
    loop {
        let Ok(mut follower) = storage.read().await else { break };
        match follower.events().read(EventPosition::START, 10).await {
            Ok(_) => tokio::task::yield_now().await,
            Err(error) => break check_unavailable(Err::<(), _>(error)),
        }
    }
    check_unavailable(storage.read().await.map(drop));
    open.users().find_many(&[user_id(1)]).await.unwrap();
    drop(open);
    // What was open meanwhile is not used again.
    check_unavailable(storage.read().await.map(drop));
    check_unavailable(storage.write().await.map(drop));
    check_unavailable(storage.signal().await.map(drop));
    fence(&mut aside, "ALTER SYSTEM", "off").await;
    loop {
        match storage.write().await {
            Ok(mut unit) => {
                unit.users().insert_many(&[user(1)]).await.unwrap();
                break unit.commit().await.unwrap();
            }
            Err(error) => check_unavailable(Err::<(), _>(error)),
        }
    }
    aside.close().await.unwrap();
    storage.close().await;
    tokio::task::spawn_blocking(|| drop(cluster)).await.unwrap();
}

/// The primary dies, its standby takes over, and the old one comes back as a standby.
#[tokio::test]
async fn a_pool_moves_on_to_the_new_primary_and_stays_there() {
    let start = || {
        let primary = TestCluster::start_primary().unwrap();
        let standby = primary.start_replica().unwrap();
        (primary, standby)
    };
    let (mut old, new) = tokio::task::spawn_blocking(start).await.unwrap();
    let folder = |cluster: &TestCluster| cluster.url().rsplit_once("host=").unwrap().1.to_owned();
    let (old_folder, new_folder) = (folder(&old), folder(&new));
    // The standby comes first, and is passed over.
    let url = format!("postgres:///postgres?user=postgres&host={new_folder},{old_folder}");
    let storage = PostgresStorage::connect(&url).await.unwrap();
    storage.migrate().await.unwrap();
    let write = async |number| {
        let mut unit = storage.write().await?;
        unit.users().insert_many(&[user(number)]).await?;
        unit.commit().await
    };
    write(1).await.unwrap();
    new.catch_up_with(&old).unwrap();
    let _open = storage.read().await.unwrap();
    old.kill().unwrap();
    check_unavailable(write(2).await);
    check_unavailable(storage.read().await.map(drop));
    let mut standby = PgConnection::connect(new.url()).await.unwrap();
    sqlx::raw_sql("SELECT pg_promote()").execute(&mut standby).await.unwrap();
    write(2).await.unwrap();
    std::fs::write(std::path::Path::new(&old_folder).join("data/standby.signal"), "").unwrap();
    let old = tokio::task::spawn_blocking(move || {
        old.start_again().unwrap();
        old
    });
    let old = old.await.unwrap();
    write(3).await.unwrap();
    storage.close().await;
    // A host that starts now finds the new one behind the old one.
    let url = format!("postgres://postgres@/postgres?host={old_folder},{new_folder}");
    let storage = PostgresStorage::connect(&url).await.unwrap();
    let mut unit = storage.write().await.unwrap();
    assert_eq!(unit.users().find_many(&[user_id(3)]).await.unwrap(), [user(3)]);
    drop(unit);
    storage.close().await;
    let alone = PostgresStorage::connect(old.url()).await.unwrap_err();
    assert!(
        std::error::Error::source(&alone).unwrap().to_string().contains("standby"),
        "{alone:?}"
    );
    standby.close().await.unwrap();
    tokio::task::spawn_blocking(|| drop((old, new))).await.unwrap();
}

/// Makes transactions read-only, or not any more.
async fn fence(aside: &mut PgConnection, whose: &str, state: &str) {
    sqlx::raw_sql("SET default_transaction_read_only = off").execute(&mut *aside).await.unwrap();
    let sql = format!("{whose} SET default_transaction_read_only = {state}");
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut *aside).await.unwrap();
    sqlx::raw_sql("SELECT pg_reload_conf()").execute(aside).await.unwrap();
}

#[track_caller]
fn check_unavailable<T>(result: Result<T, StorageError>) {
    let error = result.map(drop).unwrap_err();
    assert!(matches!(error, StorageError::Unavailable(_)), "{error:?}");
}
