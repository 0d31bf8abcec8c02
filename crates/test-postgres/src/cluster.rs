//! One server, and its life.

use std::collections::HashSet;
use std::env;
use std::fmt;
use std::fs;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::binaries::find_server;
use crate::{TestDatabase, crash, psql};

/// A throw-away Postgres. When the value is dropped, or the process ends in any way, it is gone.
#[derive(Debug)]
pub struct TestCluster {
    url: String,
    /// Whether somebody throws the whole server away, so that what is left on it does not matter.
    is_thrown_away: bool,
    /// The templates that are there. Held while one is prepared, so that tests of one process don't prepare
    /// the same thing twice.
    templates: Mutex<HashSet<String>>,
    own: Option<Own>,
}

/// What a cluster that this process started consists of.
#[derive(Debug)]
struct Own {
    folder: PathBuf,
    watchdog: Child,
}

/// Why there is no Postgres.
#[derive(Debug)]
pub enum StartError {
    /// No server of version 15 or newer, with `initdb` and `psql` beside it, was found.
    NotInstalled,
    /// It was found but did not start, or refused.
    Failed(String),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotInstalled => f.write_str(
                "no Postgres 15 or newer was found: run `apt-get install postgresql`, \
                 or set TEST_POSTGRES_URL to a server",
            ),
            Self::Failed(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for StartError {}

const START_TIMEOUT: Duration = Duration::from_secs(60);

impl TestCluster {
    /// The cluster of this process: that of `TEST_POSTGRES_URL` or of `DATABASE_URL` (if it is one of
    /// Postgres), or else one of its own, started on first use.
    ///
    /// # Panics
    /// Where there is none, and says what to do: a test that was skipped would look like one that passed.
    #[expect(clippy::panic, reason = "a test must fail without its database, not pass unnoticed")]
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Result<TestCluster, StartError>> = OnceLock::new();
        match SHARED.get_or_init(Self::from_environment) {
            Ok(cluster) => cluster,
            Err(error) => panic!("{error}"),
        }
    }

    fn from_environment() -> Result<Self, StartError> {
        let url = |name| env::var(name).ok().filter(|url| url.starts_with("postgres"));
        let existing = url("TEST_POSTGRES_URL").map(|url| (url, true));
        match existing.or_else(|| url("DATABASE_URL").map(|url| (url, false))) {
            Some((url, is_thrown_away)) => {
                Ok(Self { url, is_thrown_away, templates: Mutex::default(), own: None })
            }
            None => Self::start(),
        }
    }

    /// Starts a new one, which is quick because it takes no care of its disk.
    ///
    /// # Errors
    /// When Postgres is not installed or does not start.
    pub fn start() -> Result<Self, StartError> {
        Self::start_with("off", "nobody")
    }

    /// Starts a new one whose commits outlive it, as in production: for [`TestCluster::kill`].
    ///
    /// # Errors
    /// As for [`TestCluster::start`].
    pub fn start_durable() -> Result<Self, StartError> {
        Self::start_with("on", "nobody")
    }

    /// Starts a new one that may have replicas: for [`TestCluster::start_replica`].
    ///
    /// # Errors
    /// As for [`TestCluster::start`].
    pub fn start_primary() -> Result<Self, StartError> {
        Self::start_with("off", "replicas")
    }

    /// Starts a replica of this one, which follows it by streaming.
    ///
    /// # Errors
    /// As for [`TestCluster::start`]; when this one was not started by [`TestCluster::start_primary`].
    pub fn start_replica(&self) -> Result<Self, StartError> {
        let own = self.own.as_ref().ok_or_else(not_own)?;
        Self::start_with("off", &own.folder.display().to_string())
    }

    fn start_with(durable: &str, streams: &str) -> Result<Self, StartError> {
        let binaries = find_server().ok_or(StartError::NotInstalled)?;
        // Not the folder of TMPDIR: it may be closed to other users, or too long for a socket's path.
        let folder = tempfile::Builder::new().prefix("systemprompt-postgres-").tempdir_in("/tmp");
        let folder = folder.map_err(|error| StartError::Failed(format!("/tmp: {error}")))?;
        let other_user = give_away(folder.path())?;
        let mut watchdog = Command::new("sh")
            .args(["-c", include_str!("watchdog.sh"), "watchdog"])
            .arg(folder.path())
            .arg(binaries)
            .args([durable, streams])
            .args(other_user)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Out of reach of a Ctrl-C in the terminal, which ends the owner first.
            .process_group(0)
            .spawn()
            .map_err(|error| StartError::Failed(format!("sh: {error}")))?;
        // From here on the watchdog removes it.
        let folder = folder.keep();
        let started = wait_until_ready(&folder, &mut watchdog);
        let cluster = Self {
            url: format!("postgres://postgres@localhost/postgres?host={}", folder.display()),
            is_thrown_away: true,
            templates: Mutex::default(),
            own: Some(Own { folder, watchdog }),
        };
        started.map(|()| cluster)
    }

    /// Kills all processes of the server at once, and answers when they are gone. Its data stays.
    ///
    /// # Errors
    /// When this process did not start it, or it does not run.
    pub fn kill(&self) -> Result<(), StartError> {
        let own = self.own.as_ref().ok_or_else(not_own)?;
        crash::kill_server(&own.folder.join("data")).map_err(StartError::Failed)
    }

    /// Starts it on the same data once more, after it was killed, and answers when it has recovered.
    ///
    /// # Errors
    /// When this process did not start it, or it does not start.
    pub fn start_again(&mut self) -> Result<(), StartError> {
        let own = self.own.as_mut().ok_or_else(not_own)?;
        let asked = own.watchdog.stdin.as_mut().map(|stdin| stdin.write_all(b"\n"));
        asked
            .unwrap_or_else(|| Err(std::io::ErrorKind::BrokenPipe.into()))
            .map_err(|error| StartError::Failed(format!("the watchdog: {error}")))?;
        wait_until_ready(&own.folder, &mut own.watchdog)
    }

    /// The server's maintenance database: what `TEST_POSTGRES_URL` is to be set to.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A new, empty database.
    ///
    /// # Panics
    /// When the server refuses.
    pub fn create_database(&self) -> TestDatabase {
        self.create("template0")
    }

    /// A new database like the one that `prepare` makes of an empty one.
    ///
    /// `key` tells preparations apart: letters, digits and `_`, and another one whenever `prepare`
    /// would do something else. On a cluster that is thrown away it runs once for each key.
    ///
    /// # Panics
    /// When the server refuses.
    pub fn create_database_like(&self, key: &str, prepare: impl FnOnce(&str)) -> TestDatabase {
        if !self.is_thrown_away {
            let database = self.create_database();
            prepare(database.url());
            return database;
        }
        let template = format!("template_{key}");
        let mut templates = self.templates.lock().unwrap_or_else(PoisonError::into_inner);
        if !templates.contains(&template) {
            if psql::run(&psql::with_database(&self.url, &template), "SELECT").is_err() {
                let database = self.create_database();
                prepare(database.url());
                // Another process may have been quicker; then its template is as good.
                database.keep_as(&template);
            }
            templates.insert(template.clone());
        }
        drop(templates);
        self.create(&template)
    }

    #[expect(clippy::panic, reason = "a test must fail without its database, not pass unnoticed")]
    fn create(&self, template: &str) -> TestDatabase {
        // Process ids come back; a random name does not.
        let random = RandomState::new().build_hasher().finish();
        let name = format!("test_{}_{random:016x}", std::process::id());
        // Copying files needs a checkpoint, which costs nothing only where nothing is ever flushed.
        let strategy = if self.is_thrown_away { "file_copy" } else { "wal_log" };
        match TestDatabase::create(&self.url, name, template, strategy) {
            Ok(database) => database,
            Err(error) => panic!("no test database: {error}"),
        }
    }
}

impl Drop for TestCluster {
    fn drop(&mut self) {
        if let Some(own) = &mut self.own {
            drop(own.watchdog.stdin.take());
            // It has stopped the server and removed the folder when it ends.
            let _ = own.watchdog.wait();
        }
    }
}

fn not_own() -> StartError {
    StartError::Failed("the server was not started by this process".into())
}

/// As root, gives `folder` to the user `postgres`; answers what to put before a command to be that user.
fn give_away(folder: &Path) -> Result<Vec<&'static str>, StartError> {
    let is_root = fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
    if !is_root {
        return Ok(Vec::new());
    }
    let owned = Command::new("chown").arg("postgres").arg(folder).stderr(Stdio::null()).status();
    if !owned.is_ok_and(|status| status.success()) {
        let message = "Postgres refuses to run as root, and there is no user `postgres`: run `useradd postgres`";
        return Err(StartError::Failed(message.into()));
    }
    let setpriv = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--"];
    let runuser = ["runuser", "-u", "postgres", "--"];
    let works = |prefix: &[&str]| {
        let (program, arguments) = prefix.split_first()?;
        let status =
            Command::new(program).args(arguments).arg("true").stderr(Stdio::null()).status();
        status.ok()?.success().then_some(())
    };
    if works(&setpriv).is_some() {
        Ok(setpriv.to_vec())
    } else if works(&runuser).is_some() {
        Ok(runuser.to_vec())
    } else {
        let message = "Postgres refuses to run as root, and neither setpriv nor runuser works: run `apt-get install util-linux`";
        Err(StartError::Failed(message.into()))
    }
}

/// Waits until the server says `ready` in the file where it tells its state.
fn wait_until_ready(folder: &Path, watchdog: &mut Child) -> Result<(), StartError> {
    let began = Instant::now();
    let state = folder.join("data/postmaster.pid");
    loop {
        let is_ready = fs::read_to_string(&state)
            .is_ok_and(|text| text.lines().nth(7).is_some_and(|line| line.trim() == "ready"));
        if is_ready {
            return Ok(());
        }
        let has_failed =
            folder.join("failed").exists() || matches!(watchdog.try_wait(), Ok(Some(_)));
        if has_failed || began.elapsed() > START_TIMEOUT {
            let log = fs::read_to_string(folder.join("log")).unwrap_or_default();
            let log: Vec<_> = log.lines().rev().take(5).collect();
            let log: Vec<_> = log.into_iter().rev().collect();
            drop(watchdog.stdin.take());
            let _ = watchdog.wait();
            return Err(StartError::Failed(format!("Postgres did not start: {}", log.join(" | "))));
        }
        sleep(Duration::from_millis(10));
    }
}
