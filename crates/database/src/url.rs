//! Reading a database URL.

use std::env;
use std::path::PathBuf;

use systemprompt_users_domain::{Result, UserError};

/// What a URL asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum DatabaseUrl<'a> {
    Memory,
    Sqlite(SqliteFile),
    /// The driver reads the rest itself.
    Postgres(&'a str),
}

/// A file, and whether it may be made.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SqliteFile {
    pub(crate) path: PathBuf,
    /// `mode=rwc`, which is the default, and not `mode=rw`.
    pub(crate) create: bool,
}

impl<'a> DatabaseUrl<'a> {
    pub(crate) fn parse(url: &'a str) -> Result<Self> {
        let url = url.trim();
        if matches!(url, "memory:" | "memory://") {
            return Ok(Self::Memory);
        }
        if let Some(rest) = url.strip_prefix("sqlite:") {
            return Ok(Self::Sqlite(sqlite(rest.strip_prefix("//").unwrap_or(rest))?));
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Ok(Self::Postgres(url));
        }
        Err(refused("expected memory:, sqlite://path or postgres://user@host/name"))
    }
}

fn refused(message: impl Into<String>) -> UserError {
    UserError::validation("database", message)
}

/// What stands behind `sqlite://`: a path, with what is special in a URL percent-encoded, and options.
fn sqlite(text: &str) -> Result<SqliteFile> {
    let (path, options) = text.split_once('?').unwrap_or((text, ""));
    let path = decoded(path)?;
    if path.is_empty() || path == ":memory:" {
        let message =
            "a sqlite URL names a file, such as sqlite://users.db; for no file use memory:";
        return Err(refused(message));
    }
    let path = match path.strip_prefix('~') {
        None => PathBuf::from(path),
        Some(rest) => {
            let below = rest.strip_prefix('/').ok_or_else(|| {
                refused("`~` stands for your own home folder, as in sqlite://~/users.db; write others out")
            })?;
            let home = env::var_os("HOME").filter(|home| !home.is_empty());
            let home = home.ok_or_else(|| refused("`~` needs HOME, which is not set"))?;
            PathBuf::from(home).join(below)
        }
    };
    let mut create = true;
    for option in options.split('&').filter(|option| !option.is_empty()) {
        create = match option {
            "mode=rwc" => true,
            "mode=rw" => false,
            _ => {
                let message = "the options of a sqlite URL are mode=rwc (make the file where there is none) and \
                               mode=rw; write a `?` of the path as %3F";
                return Err(refused(message));
            }
        };
    }
    Ok(SqliteFile { path, create })
}

fn decoded(text: &str) -> Result<String> {
    let malformed =
        || refused("a `%` in the path of a sqlite URL is written as %25, a blank as %20");
    let mut bytes = Vec::with_capacity(text.len());
    let mut pieces = text.split('%');
    bytes.extend(pieces.next().unwrap_or_default().bytes());
    for piece in pieces {
        let (code, rest) = piece.split_at_checked(2).ok_or_else(malformed)?;
        let is_hex = code.bytes().all(|byte| byte.is_ascii_hexdigit());
        let byte = u8::from_str_radix(code, 16).ok().filter(|byte| is_hex && *byte != 0);
        bytes.push(byte.ok_or_else(malformed)?);
        bytes.extend(rest.bytes());
    }
    String::from_utf8(bytes).map_err(|_| malformed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_chooses_the_adapter() {
        let sqlite =
            |path: &str| DatabaseUrl::Sqlite(SqliteFile { path: path.into(), create: true });
        for (url, expected) in [
            ("memory:", DatabaseUrl::Memory),
            ("sqlite://users.db", sqlite("users.db")),
            ("sqlite:///var/lib/a b.db", sqlite("/var/lib/a b.db")),
            ("sqlite:users.db", sqlite("users.db")),
            ("sqlite:///var/lib/a%20b%3F.db?mode=rwc", sqlite("/var/lib/a b?.db")),
            ("sqlite://50%25.db", sqlite("50%.db")),
            ("postgres://u@h/d", DatabaseUrl::Postgres("postgres://u@h/d")),
        ] {
            assert_eq!(DatabaseUrl::parse(url).unwrap(), expected, "{url}");
        }
    }

    #[test]
    fn the_options_of_a_file_are_understood_or_refused() {
        let parsed = DatabaseUrl::parse("sqlite://users.db?mode=rw").unwrap();
        assert!(matches!(parsed, DatabaseUrl::Sqlite(file) if !file.create));
        let home = DatabaseUrl::parse("sqlite://~/users.db").unwrap();
        assert!(matches!(home, DatabaseUrl::Sqlite(file) if !file.path.starts_with("~")));
        for bad in
            ["a.db?mod=rw", "a.db?mode=ro", "a%2", "a%zz", "a%00", "a%FF", "~ada/a.db", "a%+1"]
        {
            assert!(DatabaseUrl::parse(&format!("sqlite://{bad}")).is_err(), "{bad}");
        }
    }

    #[test]
    fn anything_else_is_refused_without_repeating_it() {
        for url in ["", "users.db", "mysql://u:secret@h/d", "sqlite://", "sqlite::memory:"] {
            let error = DatabaseUrl::parse(url).unwrap_err();
            assert_eq!(error.field(), Some("database"), "{url}");
            assert!(!error.to_string().contains("secret"));
        }
    }
}
