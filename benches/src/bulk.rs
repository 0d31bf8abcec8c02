//! Sessions by the million, straight into the tables: the port takes them one by one, since nobody signs in by
//! the thousand. The rows are those that the adapters write, which the test below compares.

use std::io::Write;
use std::process::{Command, Stdio};

use chrono::{DateTime, SecondsFormat, Utc};
use rusqlite::{Connection, params};
use systemprompt_users::{Storage, UserSession};

use crate::Backend;

/// Stores new sessions without a fingerprint in the database of `url`.
pub(crate) async fn insert_sessions(
    backend: Backend,
    url: &str,
    storage: &dyn Storage,
    sessions: impl Iterator<Item = UserSession> + Send,
) {
    match backend {
        Backend::Memory => {
            let mut unit = storage.write().await.expect("a unit");
            for session in sessions {
                unit.sessions().insert(&session).await.expect("a session");
            }
            unit.commit().await.expect("a commit");
        }
        Backend::Sqlite => into_sqlite(url, sessions).expect("sessions"),
        Backend::Postgres => into_postgres(url, sessions).expect("sessions"),
    }
}

/// Brings figures that the planner goes by up to date, as the server does by itself sooner or later.
pub(crate) fn settle(backend: Backend, url: &str) {
    if backend == Backend::Postgres {
        let done = psql(url, "VACUUM (ANALYZE)").status().expect("psql");
        assert!(done.success(), "psql failed");
    }
}

fn into_sqlite(url: &str, sessions: impl Iterator<Item = UserSession>) -> rusqlite::Result<()> {
    let mut connection = Connection::open(url.trim_start_matches("sqlite://"))?;
    connection.pragma_update(None, "cache_size", -200_000)?;
    connection.pragma_update(None, "synchronous", "off")?;
    let transaction = connection.transaction()?;
    let mut insert = transaction.prepare(
        "INSERT INTO sessions (
             id, user_id, token_hash, ip, user_agent, device_type, os, browser, started_at,
             last_activity_at, expires_at, idle_timeout, ended_at, end_reason
         ) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
    )?;
    for session in sessions {
        insert.execute(params![
            session.id.as_uuid().as_bytes(),
            session.user_id.as_uuid().as_bytes(),
            session.token_hash.as_bytes(),
            session.ip.map(|ip| ip.to_string()),
            session.user_agent,
            session.device_type,
            session.os,
            session.browser,
            session.started_at.timestamp_micros(),
            session.last_activity_at.timestamp_micros(),
            session.expires_at.timestamp_micros(),
            session.idle_timeout.and_then(|idle| idle.num_microseconds()),
            session.ended_at.map(|time| time.timestamp_micros()),
            session.end_reason.map(|reason| reason.as_str()),
        ])?;
    }
    drop(insert);
    transaction.commit()
}

fn into_postgres(url: &str, sessions: impl Iterator<Item = UserSession>) -> std::io::Result<()> {
    let copy = "COPY sessions (
        id, user_id, token_hash, ip, user_agent, device_type, os, browser, started_at,
        last_activity_at, expires_at, idle_seconds, live_until, ended_at, end_reason
    ) FROM STDIN WITH (FORMAT csv)";
    let mut psql = psql(url, copy).stdin(Stdio::piped()).spawn()?;
    let mut rows = std::io::BufWriter::new(psql.stdin.take().expect("its input"));
    for session in sessions {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        writeln!(
            rows,
            "{},{},\\x{},{},\"{}\",{},{},{},{},{},{},{},{},{},{}",
            session.id,
            session.user_id,
            hex(session.token_hash.as_bytes()),
            session.ip.map_or_else(String::new, |ip| ip.to_string()),
            text(&session.user_agent),
            text(&session.device_type),
            text(&session.os),
            text(&session.browser),
            moment(session.started_at),
            moment(session.last_activity_at),
            moment(session.expires_at),
            session.idle_timeout.map_or_else(String::new, |idle| idle.num_seconds().to_string()),
            moment(session.live_until()),
            session.ended_at.map_or_else(String::new, moment),
            session.end_reason.map_or("", |reason| reason.as_str()),
        )?;
    }
    drop(rows.into_inner()?);
    assert!(psql.wait()?.success(), "psql failed");
    Ok(())
}

fn psql(url: &str, sql: &str) -> Command {
    let mut command = Command::new("psql");
    command
        .args(["--no-psqlrc", "--quiet", "--no-password", "--set", "ON_ERROR_STOP=1"])
        .args(["--dbname", url, "--command", sql])
        .stdin(Stdio::null());
    command
}

fn moment(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Micros, true)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use systemprompt_users::{Clock, Doctor, SystemClock};

    use super::*;
    use crate::population::{populate, session};

    /// The port reads back what an adapter would have stored, and the doctor finds nothing.
    #[track_caller]
    fn check(backend: Backend) {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(async {
            let database = backend.open().await;
            let now = SystemClock.now();
            populate(&database, 20, 50, now).await;
            let made = (0..20).flat_map(|n| [session(n, 0, now), session(n, 1, now)]);
            let made: Vec<_> = made.collect();
            let ids: Vec<_> = made.iter().map(|session| session.id).collect();
            let mut unit = database.pool.read().await.expect("a unit");
            let mut stored = unit.sessions().find_many(&ids).await.expect("sessions");
            stored.sort_unstable_by_key(|session| ids.iter().position(|id| *id == session.id));
            assert_eq!(stored, made, "{backend}");
            let doctor = Doctor::new(&database.pool).expect("a service");
            let findings = doctor.examine().await.expect("findings");
            assert!(findings.iter().all(|finding| finding.broken == 0), "{backend}: {findings:?}");
        });
    }

    #[test]
    fn rows_are_those_of_the_adapters() {
        Backend::ALL.into_iter().for_each(check);
    }
}
