//! The file itself: how it is made, whose it is, and whether it is still the one under its path.

use std::fs::{DirBuilder, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use systemprompt_users_domain::{StorageError, StorageResult};

use crate::error::{other, storage_error};

/// Marks a file as ours, in the place that SQLite has for this: `spUs` in ASCII.
pub(crate) const APPLICATION_ID: i64 = 0x7370_5573;

/// How long readers rely on the last look at the path, in milliseconds. Writers look each time.
const LOOK_EVERY: u64 = 250;

/// Makes the file where there is none, closed to other accounts, with the folders above it.
///
/// # Errors
/// `Other` where it can't be made, or, unless `create`, is not there.
pub(crate) fn make(path: &Path, create: bool) -> StorageResult<()> {
    if path.exists() {
        return Ok(());
    }
    let shown = path.display();
    if !create {
        return Err(other(format!("there is no file `{shown}`")));
    }
    let named = |error: io::Error| other(format!("`{shown}` can't be made: {error}"));
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(named)?;
    }
    // SQLite gives the files beside it the same permissions.
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(_) => Ok(()),
        // Another process was sooner.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(named(error)),
    }
}

/// Refuses a database that another program made, before anything in it is changed.
///
/// # Errors
/// `Other` when it is another program's, or not a database.
pub(crate) async fn refuse_foreign(path: &Path) -> StorageResult<()> {
    // Through SQLite: to open and close the file by other means would drop the locks that other connections
    // of this process hold on it.
    let options = SqliteConnectOptions::new().filename(path).read_only(true);
    let mut connection = options.connect().await.map_err(|error| unreadable(path, error))?;
    let looked = look(&mut connection).await.map_err(|error| unreadable(path, error));
    connection.close().await.map_err(storage_error)?;
    let (id, tables, own) = looked?;
    let is_ours = id == APPLICATION_ID || id == 0 && (tables == 0 || own);
    if is_ours {
        return Ok(());
    }
    let shown = path.display();
    Err(other(format!("`{shown}` belongs to another program: it was left as it is")))
}

fn unreadable(path: &Path, error: sqlx::Error) -> StorageError {
    match storage_error(error) {
        StorageError::Other(cause) => {
            other(format!("`{}` can't be read as a database: {cause}", path.display()))
        }
        error => error,
    }
}

/// The mark of the file, how many tables it has, and whether they are those of a version that set no mark.
async fn look(connection: &mut SqliteConnection) -> sqlx::Result<(i64, i64, bool)> {
    let id = sqlx::query_scalar("PRAGMA application_id").fetch_one(&mut *connection).await?;
    let (tables, ours) = sqlx::query_as::<_, (i64, i64)>(
        "SELECT count(*), count(*) FILTER (WHERE name IN ('_sqlx_migrations', 'time_spans', 'user_counts'))
        FROM sqlite_schema WHERE type = 'table'",
    )
    .fetch_one(&mut *connection)
    .await?;
    Ok((id, tables, ours == 3))
}

/// Where a file is on its disk: what stays the same when its name changes.
type Identity = (u64, u64);

/// Tells whether the files that are worked on are still those under their paths.
///
/// A file that was removed or replaced is still there for whoever has it open. What is written to it then is
/// gone when it is closed, so nothing may be acknowledged any more.
#[derive(Debug)]
pub(crate) struct Guard {
    path: PathBuf,
    identity: Identity,
    /// The write-ahead log and its index, which SQLite makes with the first transaction and keeps while
    /// anybody has the file open.
    beside: [(PathBuf, Mutex<Option<Identity>>); 2],
    begun: Instant,
    /// Milliseconds since then at the last look.
    looked: AtomicU64,
}

impl Guard {
    /// Remembers the file that is under `path` now.
    pub(crate) fn new(path: &Path) -> StorageResult<Self> {
        let identity = identity(path)
            .ok_or_else(|| other(format!("there is no file `{}`", path.display())))?;
        // SQLite names them after the file that a link leads to.
        let real = path.canonicalize().map_err(other)?;
        let beside = ["-wal", "-shm"].map(|end| {
            let mut name = real.as_os_str().to_owned();
            name.push(end);
            (PathBuf::from(name), Mutex::default())
        });
        let begun = Instant::now();
        Ok(Self { path: path.into(), identity, beside, begun, looked: AtomicU64::new(0) })
    }

    /// # Errors
    /// `Unavailable` when one of the files is not the one that was opened.
    pub(crate) fn check(&self) -> StorageResult<()> {
        if identity(&self.path) != Some(self.identity) {
            return Err(changed(&self.path));
        }
        for (path, known) in &self.beside {
            let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
            let found = identity(path);
            if known.is_some() && *known != found {
                return Err(changed(path));
            }
            *known = found;
        }
        Ok(())
    }

    /// Takes the files beside the database for what is found there next: SQLite is about to make them again.
    pub(crate) fn forget_files_beside(&self) {
        for (_, known) in &self.beside {
            *known.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
    }

    /// Opens one more connection, to the same file and no other.
    pub(crate) async fn connect(
        &self,
        options: &SqliteConnectOptions,
    ) -> StorageResult<SqliteConnection> {
        self.check()?;
        let connection = options.connect().await.map_err(storage_error)?;
        // It was opened by its path.
        self.check()?;
        Ok(connection)
    }

    /// [`Guard::check`], unless that was done a moment ago.
    pub(crate) fn check_sometimes(&self) -> StorageResult<()> {
        let now = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        if now.saturating_sub(self.looked.load(Ordering::Relaxed)) < LOOK_EVERY {
            return Ok(());
        }
        self.check()?;
        self.looked.store(now, Ordering::Relaxed);
        Ok(())
    }
}

fn identity(path: &Path) -> Option<Identity> {
    std::fs::metadata(path).ok().map(|file| (file.dev(), file.ino()))
}

fn changed(path: &Path) -> StorageError {
    StorageError::Unavailable(
        format!(
            "`{}` was removed or replaced while it was in use: put it back, or restart to work with what is \
             there now",
            path.display()
        )
        .into(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guard_knows_the_file_by_what_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users.db");
        make(&path, true).unwrap();
        let guard = Guard::new(&path).unwrap();
        guard.check().unwrap();
        let aside = folder.path().join("aside");
        std::fs::rename(&path, &aside).unwrap();
        assert!(matches!(guard.check(), Err(StorageError::Unavailable(_))));
        make(&path, true).unwrap();
        assert!(guard.check().is_err(), "another file");
        std::fs::rename(&aside, &path).unwrap();
        guard.check().unwrap();
        let log = folder.path().join("users.db-wal");
        std::fs::write(&log, "").unwrap();
        guard.check().unwrap();
        std::fs::remove_file(&log).unwrap();
        assert!(guard.check().is_err());
    }

    #[test]
    fn what_is_made_is_closed_to_others() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a").join("b").join("users.db");
        assert!(make(&path, false).is_err());
        assert!(!folder.path().join("a").exists(), "nothing is made");
        make(&path, true).unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().mode() & 0o777;
        assert_eq!(mode(&path), 0o600);
        assert_eq!(mode(path.parent().unwrap()), 0o700);
    }
}
