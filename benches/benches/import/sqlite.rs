//! SQLite: an import beside prepared inserts.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags, params_from_iter};
use systemprompt_users::DbPool;
use tempfile::TempDir;
use tokio::runtime::Runtime;

const COLUMNS: &str = "place, id, name, name_key, email, email_verified, full_name, display_name, \
     avatar_url, status, roles, is_bot, fingerprint, token_hash, created_at, updated_at, \
     last_active_at, deleted_at, status_before_delete, merged_into, legal_hold, version";

/// How many users are read at a time, off the clock, before they are written.
const CHUNK: usize = 10_000;

/// How long an import takes, and how long prepared inserts.
pub(crate) fn round(runtime: &Runtime, users: u32) -> (Duration, Duration) {
    let folder = TempDir::new().expect("a folder");
    let (source, target) = (folder.path().join("ours.db"), folder.path().join("bare.db"));
    let ours = runtime.block_on(async {
        let pool = migrated(&source).await;
        super::import(&pool, users).await
    });
    runtime.block_on(async { drop(migrated(&target).await) });
    let bare = insert(&source, &target, users);
    assert_eq!(grams(&source), grams(&target), "both hold the same");
    (ours, bare)
}

async fn migrated(path: &Path) -> DbPool {
    let url = format!("sqlite://{}", path.display());
    let pool = DbPool::connect(&url).await.expect("a connection");
    pool.migrate().await.expect("the schema");
    pool
}

/// A user as rows of each table.
struct Rows {
    user: Vec<Value>,
    keys: Vec<Vec<Value>>,
    grams: (i64, String),
}

fn insert(source: &Path, target: &Path, users: u32) -> Duration {
    let source =
        Connection::open_with_flags(source, OpenFlags::SQLITE_OPEN_READ_ONLY).expect("ours");
    let mut target = Connection::open(target).expect("the bare database");
    // As the adapter's own connection.
    target
        .execute_batch(
            "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;
            PRAGMA cache_size = -65536; DROP TRIGGER users_count_insert;",
        )
        .expect("settings");
    let marks = vec!["?"; COLUMNS.split(',').count()].join(", ");
    let mut time = Duration::ZERO;
    let mut written = 0;
    let transaction = target.transaction().expect("a transaction");
    {
        let insert_user = format!("INSERT INTO users ({COLUMNS}) VALUES ({marks})");
        let mut insert_user = transaction.prepare(&insert_user).expect("a statement");
        let mut insert_key = transaction
            .prepare("INSERT INTO user_keys (cell, key, place) VALUES (?, ?, ?)")
            .expect("a statement");
        let mut insert_grams = transaction
            .prepare("INSERT INTO user_grams (rowid, grams) VALUES (?, ?)")
            .expect("a statement");
        let mut after = i64::MIN;
        loop {
            let chunk = read(&source, after);
            let Some(last) = chunk.last() else { break };
            after = last.grams.0;
            written += chunk.len();
            let begin = Instant::now();
            for rows in &chunk {
                insert_user.execute(params_from_iter(&rows.user)).expect("a user");
                for key in &rows.keys {
                    insert_key.execute(params_from_iter(key)).expect("a key");
                }
                insert_grams.execute((rows.grams.0, &rows.grams.1)).expect("grams");
            }
            time += begin.elapsed();
        }
    }
    let begin = Instant::now();
    transaction.commit().expect("a commit");
    time += begin.elapsed();
    assert_eq!(written, users as usize);
    time
}

/// The next users, with what the search has of them.
fn read(source: &Connection, after: i64) -> Vec<Rows> {
    let select =
        format!("SELECT {COLUMNS}, cell FROM users WHERE place > ? ORDER BY place LIMIT ?");
    let mut select = source.prepare(&select).expect("a statement");
    let columns = select.column_count();
    let users = select
        .query_map((after, CHUNK as i64), |row| {
            (0..columns).map(|column| row.get(column)).collect::<Result<Vec<Value>, _>>()
        })
        .expect("users");
    users
        .map(|user| {
            let mut user = user.expect("a user");
            let cell = user.pop().expect("a cell");
            let place = user[0].clone();
            let fields: Vec<String> =
                [2, 4, 6, 7].into_iter().filter_map(|at| text(&user[at])).collect();
            let distinct: BTreeSet<&String> = fields.iter().collect();
            let keys = distinct
                .into_iter()
                .map(|key| vec![cell.clone(), Value::Text(key.clone()), place.clone()])
                .collect();
            let Value::Integer(place) = place else { unreachable!("a place is a number") };
            Rows { user, keys, grams: (place, runs(&fields)) }
        })
        .collect()
}

/// A field as a search compares it: in small letters.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) => Some(text.to_lowercase()),
        _ => None,
    }
}

/// The runs of one to three characters behind the first, as the adapter has them.
fn runs(fields: &[String]) -> String {
    let mut runs = BTreeSet::new();
    for field in fields {
        let inner: Vec<char> = field.chars().skip(1).map(named).collect();
        for length in 1..=3 {
            runs.extend(inner.windows(length).map(|run| run.iter().collect::<String>()));
        }
    }
    runs.into_iter().collect::<Vec<_>>().join(" ")
}

fn named(c: char) -> char {
    if c.is_ascii() && !c.is_ascii_alphanumeric() {
        char::from_u32(0xE000 + u32::from(c)).expect("a private character")
    } else {
        c
    }
}

/// How many different runs there are, and in how many users each is, in all.
fn grams(path: &Path) -> (i64, i64) {
    let connection = Connection::open(path).expect("a database");
    connection
        .execute_batch("CREATE VIRTUAL TABLE temp.runs USING fts5vocab(main, user_grams, row)")
        .expect("a table");
    connection
        .query_row("SELECT count(*), sum(doc) FROM temp.runs", (), |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .expect("counts")
}
