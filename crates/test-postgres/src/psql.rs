//! Single statements by `psql`, so that this crate needs no driver.

use std::process::{Command, Stdio};

use crate::StartError;
use crate::binaries::find_psql;

/// Runs `sql` on the database of `url`.
pub(crate) fn run(url: &str, sql: &str) -> Result<(), StartError> {
    ask(url, sql).map(drop)
}

/// The same, and what it answers: rows as lines.
pub(crate) fn ask(url: &str, sql: &str) -> Result<String, StartError> {
    let psql = find_psql().ok_or(StartError::NotInstalled)?;
    let mut command = Command::new(psql);
    for name in ["PGHOST", "PGHOSTADDR", "PGPORT", "PGUSER", "PGDATABASE", "PGOPTIONS", "PGSERVICE"]
    {
        command.env_remove(name);
    }
    let output = command
        .args(["--no-psqlrc", "--quiet", "--no-password", "--set", "ON_ERROR_STOP=1"])
        .args(["--tuples-only", "--no-align"])
        .args(["--dbname", url, "--command", sql])
        .stdin(Stdio::null())
        .output()
        .map_err(|error| StartError::Failed(format!("psql did not start: {error}")))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
    }
    let message = String::from_utf8_lossy(&output.stderr);
    Err(StartError::Failed(format!("psql: {}", message.trim())))
}

/// `url` with another database in it.
pub(crate) fn with_database(url: &str, name: &str) -> String {
    let (rest, query) =
        url.split_once('?').map_or((url, None), |(rest, query)| (rest, Some(query)));
    let after_scheme = rest.find("://").map_or(0, |at| at + 3);
    let authority_end = rest
        .char_indices()
        .find(|(at, c)| *at >= after_scheme && *c == '/')
        .map_or(rest.len(), |(at, _)| at);
    let server = rest.get(..authority_end).unwrap_or(rest);
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    format!("{server}/{name}{query}")
}

#[cfg(test)]
mod tests {
    use super::with_database;

    #[test]
    fn only_the_database_changes() {
        for (url, expected) in [
            (
                "postgres://u:p@host:5/old?sslmode=require",
                "postgres://u:p@host:5/new?sslmode=require",
            ),
            ("postgres://u@localhost?host=/tmp/x", "postgres://u@localhost/new?host=/tmp/x"),
            ("postgres:///old?host=/tmp/x", "postgres:///new?host=/tmp/x"),
            ("postgresql://host", "postgresql://host/new"),
        ] {
            assert_eq!(with_database(url, "new"), expected);
        }
    }
}
