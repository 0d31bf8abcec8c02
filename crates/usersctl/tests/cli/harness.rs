//! A folder with a database, and the program run in it.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use systemprompt_users::{DbPool, Result};
use tempfile::TempDir;

/// A database of its own, gone with the value.
pub(crate) struct Cli {
    folder: TempDir,
    database: String,
}

/// What a run came to.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Cli {
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let database = format!("sqlite://{}", folder.path().join("users.db").display());
        Self { folder, database }
    }

    /// On a storage that is there already, and empty.
    pub(crate) fn migrated() -> Self {
        let cli = Self::new();
        cli.ok(&["migrate"]);
        cli
    }

    /// On another storage.
    pub(crate) fn on(url: &str) -> Self {
        Self { folder: TempDir::new().unwrap(), database: url.to_owned() }
    }

    /// With the users `ada` (an admin), `bob` and `eve`.
    pub(crate) fn with_users() -> Self {
        let cli = Self::new();
        cli.ok(&["users", "create", "ada", "ada@example.com", "--role", "admin,user"]);
        cli.ok(&["users", "create", "bob", "bob@example.com", "--full-name", "Bøb Ünïcode"]);
        cli.ok(&["users", "create", "eve", "eve@example.com"]);
        cli
    }

    /// Lets the library itself do on the same storage what the program can't.
    pub(crate) fn with_library<T>(&self, work: impl AsyncFnOnce(&DbPool) -> Result<T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let pool = DbPool::connect(&self.database).await.unwrap();
            pool.migrate().await.unwrap();
            let done = work(&pool).await.unwrap();
            pool.close().await.unwrap();
            done
        })
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file and answers with its path.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_usersctl"));
        command
            .args(args)
            .env("USERS_DATABASE_URL", &self.database)
            .env("USER", "tester")
            .env("HOME", self.folder.path())
            .env_remove("XDG_DATA_HOME")
            .env_remove("RUST_LOG")
            .env_remove("SSH_CONNECTION")
            .env_remove("SSH_CLIENT")
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        self.run_with(args, "")
    }

    /// Runs it with something to read.
    pub(crate) fn run_with(&self, args: &[&str], stdin: impl AsRef<[u8]>) -> Ran {
        let mut child = self.command(args).stdin(Stdio::piped()).spawn().unwrap();
        // Whoever ends without reading closes the pipe, which is fine.
        let _ = child.stdin.take().unwrap().write_all(stdin.as_ref());
        let output = child.wait_with_output().unwrap();
        Ran {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Runs what must succeed, and answers with what it wrote.
    #[track_caller]
    pub(crate) fn ok(&self, args: &[&str]) -> String {
        let ran = self.run(args);
        assert_eq!(ran.code, 0, "{args:?}: {ran:?}");
        ran.out
    }

    /// Runs what must end with that code and say that on stderr.
    #[track_caller]
    pub(crate) fn fails(&self, args: &[&str], code: i32, says: &str) -> Ran {
        let ran = self.run(args);
        assert_eq!(ran.code, code, "{args:?}: {ran:?}");
        assert!(ran.err.contains(says), "{args:?}: {ran:?}");
        ran
    }

    /// The result as JSON.
    #[track_caller]
    pub(crate) fn json(&self, args: &[&str]) -> serde_json::Value {
        let out = self.ok(&[args, &["--output", "json"]].concat());
        serde_json::from_str(&out).unwrap()
    }

    /// One member of each item of a list.
    #[track_caller]
    pub(crate) fn items(&self, args: &[&str], member: &str) -> Vec<String> {
        let list = self.json(args);
        let items = list["items"].as_array().unwrap();
        items.iter().map(|item| plain(&item[member])).collect()
    }

    /// One member of a user.
    #[track_caller]
    pub(crate) fn user(&self, user: &str, member: &str) -> String {
        plain(&self.json(&["users", "show", user])[member])
    }
}

fn plain(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
