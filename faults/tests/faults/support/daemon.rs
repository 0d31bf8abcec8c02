//! The daemon, and requests to it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{ChildStdin, Command, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use systemprompt_users::{ApiKeyService, ApiScope, ApiScopes, DbPool, NewApiKey};

use super::{NEVER, Place, Program, binary, until};

/// A daemon that listens.
pub(crate) struct Daemon {
    program: Program,
    /// `127.0.0.1:PORT`.
    address: String,
    _stdin: Option<ChildStdin>,
}

impl Daemon {
    /// Starts it on a storage, without jobs.
    pub(crate) fn start(place: &Place, url: &str, args: &[&str]) -> Self {
        Self::launch(place, url, &[args, &["--jobs=false"]].concat())
    }

    pub(crate) fn start_with_jobs(place: &Place, url: &str) -> Self {
        Self::launch(place, url, &[])
    }

    fn launch(place: &Place, url: &str, args: &[&str]) -> Self {
        let mut command = Command::new(binary("usersd"));
        command
            .args(args)
            .args(["--listen", "127.0.0.1:0", "--forward-auth-key=false"])
            .env("USERSD_DATABASE", url)
            .env("HOME", place.path())
            .env_remove("RUST_LOG")
            .current_dir(place.path());
        let mut program = Program::start(command);
        let stdin = program.child.stdin.take();
        let mut stdout = BufReader::new(program.child.stdout.take().unwrap());
        let mut line = String::new();
        while !line.contains("listening on ") {
            line.clear();
            assert!(stdout.read_line(&mut line).unwrap() > 0, "it does not listen");
        }
        let address = line.trim().split_once("listening on ").unwrap().1;
        let address = address.split("//").nth(1).unwrap().trim_end_matches('/').to_owned();
        // What else it says is read, so that it never waits for a reader.
        thread::spawn(move || std::io::copy(&mut stdout, &mut std::io::sink()));
        Self { program, address, _stdin: stdin }
    }

    pub(crate) fn kill(&mut self) {
        self.program.kill();
    }

    /// Tells it to end in order.
    pub(crate) fn terminate(&self) {
        let id = self.program.child.id().to_string();
        assert!(Command::new("kill").args(["-s", "TERM", &id]).status().unwrap().success());
    }

    /// Waits for its end: the status, and what it wrote on stderr.
    pub(crate) fn wait(self) -> (ExitStatus, String) {
        self.program.wait()
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// The status of an answer, and how long it took.
    pub(crate) fn get(&self, path: &str, credentials: &str) -> (u16, Duration) {
        let began = Instant::now();
        let status = send(&self.address, "GET", path, credentials, "").unwrap();
        (status, began.elapsed())
    }

    #[track_caller]
    pub(crate) fn until(&self, path: &str, credentials: &str, status: u16) {
        until(&format!("{path} answers {status}"), || self.get(path, credentials).0 == status);
    }
}

/// Sends a request on a connection of its own: the status of the answer.
pub(crate) fn send(
    address: &str,
    method: &str,
    path: &str,
    credentials: &str,
    body: &str,
) -> std::io::Result<u16> {
    exchange(address, method, path, credentials, body).map(|(status, _)| status)
}

/// The same with the whole answer.
pub(crate) fn exchange(
    address: &str,
    method: &str,
    path: &str,
    credentials: &str,
    body: &str,
) -> std::io::Result<(u16, String)> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(NEVER))?;
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{credentials}\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or(std::io::ErrorKind::UnexpectedEof)?;
    Ok((status, answer))
}

/// The header of an API key that may do everything.
pub(crate) async fn admin_key(pool: &DbPool) -> String {
    let scopes = ApiScopes::new([ApiScope::Admin]).unwrap();
    let params = NewApiKey { name: "faults".into(), scopes, expires_in: None };
    let issued = ApiKeyService::new(pool).unwrap().create(&params).await.unwrap();
    format!("X-API-Key: {}", issued.secret.reveal())
}
