//! Reading a database URL.

use std::path::PathBuf;

use systemprompt_users_domain::{Result, UserError};

/// What a URL asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum DatabaseUrl<'a> {
    Memory,
    Sqlite(PathBuf),
    /// The driver reads the rest itself.
    Postgres(&'a str),
}

impl<'a> DatabaseUrl<'a> {
    pub(crate) fn parse(url: &'a str) -> Result<Self> {
        let url = url.trim();
        if matches!(url, "memory:" | "memory://") {
            return Ok(Self::Memory);
        }
        if let Some(rest) = url.strip_prefix("sqlite:") {
            let path = rest.strip_prefix("//").unwrap_or(rest);
            if path.is_empty() || path == ":memory:" {
                let message =
                    "a sqlite URL names a file, such as sqlite://users.db; for no file use memory:";
                return Err(UserError::validation("database", message));
            }
            return Ok(Self::Sqlite(PathBuf::from(path)));
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Ok(Self::Postgres(url));
        }
        let message = "expected memory:, sqlite://path or postgres://user@host/name";
        Err(UserError::validation("database", message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_chooses_the_adapter() {
        let sqlite = |path: &str| DatabaseUrl::Sqlite(path.into());
        for (url, expected) in [
            ("memory:", DatabaseUrl::Memory),
            ("sqlite://users.db", sqlite("users.db")),
            ("sqlite:///var/lib/a b.db", sqlite("/var/lib/a b.db")),
            ("sqlite:users.db", sqlite("users.db")),
            ("postgres://u@h/d", DatabaseUrl::Postgres("postgres://u@h/d")),
        ] {
            assert_eq!(DatabaseUrl::parse(url).unwrap(), expected, "{url}");
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
