//! A folder with a database, and the daemon running on it.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use systemprompt_users::{DbPool, Result};
use tempfile::TempDir;

use crate::http::{self, Answer};

/// How long anything may take before it counts as never.
pub(crate) const NEVER: Duration = Duration::from_secs(60);

/// Where one or several daemons live. Gone with the value.
pub(crate) struct Place {
    pub(crate) folder: TempDir,
    pub(crate) database: String,
}

impl Place {
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let database = format!("sqlite://{}", folder.path().join("users.db").display());
        Self { folder, database }
    }

    pub(crate) fn on(database: &str) -> Self {
        Self { folder: TempDir::new().unwrap(), database: database.to_owned() }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_usersd"));
        command
            .args(args)
            .env("USERSD_DATABASE", &self.database)
            .env("USERSD_LISTEN", "127.0.0.1:0")
            .env("HOME", self.folder.path())
            .env_remove("XDG_DATA_HOME")
            .env_remove("RUST_LOG")
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs what ends by itself: the code, stdout and stderr.
    pub(crate) fn run(&self, args: &[&str]) -> (i32, String, String) {
        let output = self.command(args).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }

    /// Lets the library itself work on the same storage.
    pub(crate) fn with_library<T>(&self, work: impl AsyncFnOnce(&DbPool) -> Result<T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let pool = DbPool::connect(&self.database).await.unwrap();
            let done = work(&pool).await.unwrap();
            pool.close().await.unwrap();
            done
        })
    }

    pub(crate) fn start(&self, args: &[&str]) -> Daemon {
        Daemon::of(self.command(args))
    }
}

/// A daemon that listens. Killed with the value, if it still runs.
pub(crate) struct Daemon {
    child: Child,
    /// `127.0.0.1:PORT`.
    pub(crate) address: String,
    /// What it said on stdout until it was ready.
    pub(crate) said: Vec<String>,
    rest: BufReader<ChildStdout>,
    log: Option<thread::JoinHandle<String>>,
}

impl Daemon {
    pub(crate) fn of(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let log = Some(collect(child.stderr.take().unwrap()));
        let (done, lines) = mpsc::channel();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let reading = thread::spawn(move || {
            let mut said = Vec::new();
            let mut line = String::new();
            // The last line that it says tells how to sign in.
            while !line.contains("sign-in?") && !line.contains("admin-link") {
                line.clear();
                if stdout.read_line(&mut line).unwrap() == 0 {
                    break;
                }
                said.push(line.trim_end().to_owned());
            }
            done.send((said, stdout)).unwrap();
        });
        let (said, rest) = lines.recv_timeout(NEVER).unwrap();
        reading.join().unwrap();
        let address =
            said.iter().find_map(|line| line.split_once("listening on ")?.1.split("//").nth(1));
        let address = address.unwrap_or_else(|| panic!("it does not listen: {said:?}")).to_owned();
        Self { child, address, said, rest, log }
    }

    /// The id of the process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        http::send(&self.address, "GET", path, headers, "")
    }

    /// Asks until the answer is of that status.
    #[track_caller]
    pub(crate) fn until(&self, path: &str, headers: &[(&str, &str)], status: u16) {
        for _ in 0..6000 {
            if self.get(path, headers).status == status {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
        panic!("`{path}` never answered {status}");
    }

    /// Sends a signal, such as `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
    }

    /// Waits for its end: the status and the log.
    pub(crate) fn wait(&mut self) -> (ExitStatus, String) {
        for _ in 0..6000 {
            if let Some(status) = self.child.try_wait().unwrap() {
                let log = self.log.take().unwrap().join().unwrap();
                let mut rest = String::new();
                let _ = self.rest.read_line(&mut rest);
                return (status, log);
            }
            thread::sleep(Duration::from_millis(10));
        }
        panic!("it does not end");
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn collect(stderr: ChildStderr) -> thread::JoinHandle<String> {
    thread::spawn(move || std::io::read_to_string(stderr).unwrap())
}
