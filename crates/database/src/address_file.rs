//! Where a daemon writes down at which address it listens, for the command line beside it.

use std::path::{Path, PathBuf};

use crate::redact_urls;
use crate::url::{DatabaseUrl, SqliteFile};

/// The longest part of a file's name that is made of a URL, in bytes.
const MAX_NAME_BYTES: usize = 180;

/// Returns the file in which a daemon on the database of that URL keeps the address that it listens on.
///
/// For SQLite it lies beside the database, so that whoever may open the one finds the other. For Postgres it
/// lies in `data_folder`, the data folder of the account, under a name that is made of the URL without its
/// password. `None` for `memory:`, which no other program can open, and for a URL that is not acceptable.
///
/// ```
/// # use std::path::Path;
/// # use systemprompt_database::address_file;
/// let folder = Path::new("/home/ada/.local/share/systemprompt-users");
/// let file = address_file("sqlite:///var/lib/users.db", folder);
/// assert_eq!(file.as_deref(), Some(Path::new("/var/lib/users.db.usersd")));
/// assert_eq!(address_file("memory:", folder), None);
/// ```
pub fn address_file(url: &str, data_folder: &Path) -> Option<PathBuf> {
    match DatabaseUrl::parse(url).ok()? {
        DatabaseUrl::Memory => None,
        DatabaseUrl::Sqlite(SqliteFile { path, .. }) => {
            let mut file = path.into_os_string();
            file.push(".usersd");
            Some(file.into())
        }
        DatabaseUrl::Postgres(url) => {
            let name: String = redact_urls(url)
                .chars()
                .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
                .take(MAX_NAME_BYTES)
                .collect();
            Some(data_folder.join(format!("{name}.usersd")))
        }
    }
}

/// Returns the file that a URL of SQLite names, decoded; `None` for another database or a URL that is not acceptable.
///
/// ```
/// # use std::path::Path;
/// # use systemprompt_database::sqlite_file;
/// assert_eq!(sqlite_file("sqlite://a%20b.db").as_deref(), Some(Path::new("a b.db")));
/// assert_eq!(sqlite_file("memory:"), None);
/// ```
pub fn sqlite_file(url: &str) -> Option<PathBuf> {
    match DatabaseUrl::parse(url).ok()? {
        DatabaseUrl::Sqlite(SqliteFile { path, .. }) => Some(path),
        DatabaseUrl::Memory | DatabaseUrl::Postgres(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_database_has_one_file_and_no_name_shows_a_password() {
        let of = |url| address_file(url, Path::new("/data")).unwrap();
        let file = of("postgres://u:hunter2@h:5432/d");
        assert_eq!(file, of("postgres://u:changed@h:5432/d"));
        assert_eq!(file, Path::new("/data/postgres---u-----h-5432-d.usersd"));
        assert_ne!(file, of("postgres://u:hunter2@h:5432/e"));
        assert_eq!(of("sqlite:users.db"), Path::new("users.db.usersd"));
        assert!(of(&format!("postgres://h/{}", "d".repeat(9000))).as_os_str().len() < 255);
    }
}
