//! Programs that are started, and killed at the latest with their value.

use std::io::Read;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use super::until;

/// The processes that run, for the end of all.
static RUNNING: Mutex<Vec<u32>> = Mutex::new(Vec::new());

/// Kills what still runs.
pub(crate) fn kill_all() {
    let running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    let ids = running.iter().map(ToString::to_string);
    let _ = Command::new("kill").args(["-s", "KILL"]).args(ids).status();
}

/// A program of the workspace; `cargo xtask faults` builds them.
pub(crate) fn binary(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_BIN_EXE_faults-host")).with_file_name(name);
    assert!(path.is_file(), "`{name}` is not built: run `cargo xtask faults`");
    path
}

/// The admin's command line on a storage.
pub(crate) fn usersctl(url: &str, args: &[&str]) -> Command {
    let mut command = Command::new(binary("usersctl"));
    command.args(args).env("USERS_DATABASE_URL", url).env("USER", "tester").env_remove("RUST_LOG");
    command
}

/// A process whose output is kept.
pub(crate) struct Program {
    pub(crate) child: Child,
    errors: Option<JoinHandle<String>>,
}

impl Program {
    /// Starts it; its stdin and stdout are pipes.
    pub(crate) fn start(mut command: Command) -> Self {
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        RUNNING.lock().unwrap_or_else(PoisonError::into_inner).push(child.id());
        let mut stderr = child.stderr.take().unwrap();
        let errors = thread::spawn(move || {
            let mut text = String::new();
            let _ = stderr.read_to_string(&mut text);
            text
        });
        Self { child, errors: Some(errors) }
    }

    /// Runs a program that ends by itself: the code, what it wrote on stdout, and on stderr.
    pub(crate) fn run(command: Command) -> (i32, String, String) {
        let mut program = Self::start(command);
        drop(program.child.stdin.take());
        let mut stdout = program.child.stdout.take().unwrap();
        let said = thread::spawn(move || {
            let mut text = String::new();
            let _ = stdout.read_to_string(&mut text);
            text
        });
        let (status, errors) = program.wait();
        (status.code().unwrap_or(-1), said.join().unwrap(), errors)
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Kills it, so that nothing of it runs any more.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for its end: the status, and what it wrote on stderr.
    pub(crate) fn wait(mut self) -> (ExitStatus, String) {
        let mut status = None;
        until("the program ends", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        (status.unwrap(), self.errors.take().unwrap().join().unwrap())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let id = self.child.id();
        RUNNING.lock().unwrap_or_else(PoisonError::into_inner).retain(|running| *running != id);
    }
}
