//! Rough handling: a thousand connections, huge bodies, forged headers, clients that read nothing.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Resource, getrlimit, setrlimit};
use serde_json::Value;
use systemprompt_users::{ApiScope, BanDuration, BanIpParams, BanService};

use crate::harness::{Daemon, NEVER, Place};
use crate::http::{self, Answer};
use crate::revocation::key;

/// How long an ordinary request may take while others handle the daemon roughly, on a machine in use.
const PROMPT: Duration = Duration::from_secs(5);

/// How many open files of the daemon come and go by themselves: a connection that is just being closed, the storage.
const SLACK: usize = 5;

const TEN_MEGABYTES: usize = 10_000_000;

/// Takes as many open files as the system lets this process have.
fn many_files() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).unwrap();
}

fn open_files(daemon: &Daemon) -> usize {
    fs::read_dir(format!("/proc/{}/fd", daemon.id())).unwrap().count()
}

/// The most memory that it ever had, in megabytes.
fn peak_memory(daemon: &Daemon) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", daemon.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
}

#[track_caller]
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < NEVER, "never: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

#[track_caller]
fn promptly(daemon: &Daemon, path: &str, headers: &[(&str, &str)]) {
    let began = Instant::now();
    assert_eq!(daemon.get(path, headers).status, 200, "{path}");
    assert!(began.elapsed() < PROMPT, "{path} took {:?}", began.elapsed());
}

#[test]
fn a_thousand_connections_hold_up_nobody() {
    many_files();
    let place = Place::new();
    let daemon = place.start(&[]);
    let root = key(&place, ApiScope::Admin);
    let root = [("x-api-key", &*root)];
    promptly(&daemon, "/api/v1/users", &root);
    let before = open_files(&daemon);
    let held: Vec<TcpStream> = (0..1000)
        .map(|number| {
            let mut stream = TcpStream::connect(&daemon.address).unwrap();
            if number % 2 == 0 {
                stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Half: ").unwrap();
            }
            stream
        })
        .collect();
    until("all are accepted", || open_files(&daemon) >= before + 1000 - SLACK);
    for path in ["/healthz", "/readyz", "/metrics", "/api/v1/users", "/admin/sign-in"] {
        promptly(&daemon, path, &root);
    }
    drop(held);
    until("the files come back", || open_files(&daemon) <= before + SLACK);
}

/// The daemon with so many open files at the most.
fn start_with_files(place: &Place, count: u32) -> Daemon {
    let plain = place.command(&[]);
    let script = format!("ulimit -n {count}; exec \"$0\"");
    let mut command = Command::new("sh");
    command.args(["-c", &script]).arg(plain.get_program()).current_dir(place.path());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    for (name, value) in plain.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    Daemon::of(command)
}

#[test]
fn connections_leave_files_to_the_storage() {
    let place = Place::new();
    let daemon = start_with_files(&place, 120);
    let root = key(&place, ApiScope::Admin);
    let mut held: Vec<TcpStream> =
        (0..150).map(|_| TcpStream::connect(&daemon.address).unwrap()).collect();
    // Half of 120 are for clients; who comes later is sent away, and does not wait.
    let mut last = held.pop().unwrap();
    last.set_read_timeout(Some(NEVER)).unwrap();
    match last.read(&mut [0; 1]) {
        Ok(count) => assert_eq!(count, 0),
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
    }
    held.drain(..10);
    let request = format!(
        "GET /api/v1/users HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Api-Key: {root}\r\n\r\n"
    );
    until("the storage is asked", || {
        let mut stream = TcpStream::connect(&daemon.address).unwrap();
        let mut answer = String::new();
        let _ = stream.write_all(request.as_bytes());
        stream.read_to_string(&mut answer).is_ok() && answer.starts_with("HTTP/1.1 200")
    });
}

#[test]
fn who_reads_nothing_is_left() {
    let place = Place::new();
    let daemon = place.start(&["--header-timeout", "2s"]);
    let root = key(&place, ApiScope::Admin);
    let all = 100 * daemon.get("/api/v1/openapi.json", &[("x-api-key", &root)]).body.len();
    let before = open_files(&daemon);
    // More than a socket holds: a hundred answers at once, and none of them is read.
    let request =
        format!("GET /api/v1/openapi.json HTTP/1.1\r\nHost: x\r\nX-Api-Key: {root}\r\n\r\n");
    let held: Vec<TcpStream> = (0..20)
        .map(|_| {
            let mut stream = TcpStream::connect(&daemon.address).unwrap();
            stream.write_all(request.repeat(100).as_bytes()).unwrap();
            stream
        })
        .collect();
    until("they are served", || open_files(&daemon) >= before + 20 - SLACK);
    promptly(&daemon, "/readyz", &[]);
    until("they are left", || open_files(&daemon) <= before + SLACK);
    let is_cut = |mut stream: TcpStream| match stream.read_to_end(&mut Vec::new()) {
        Ok(read) => read < all,
        Err(_) => true,
    };
    // As many as were waited for: whoever is still served begins to read now, and gets everything.
    let cut = held.into_iter().map(is_cut).filter(|is_cut| *is_cut).count();
    assert!(cut >= 20 - SLACK, "{cut} of 20 were left");
}

/// Sends 10 MB, as far as they are taken, and reads the answer.
fn send_huge(
    daemon: &Daemon,
    method: &str,
    path: &str,
    head: &str,
    piece: &[u8],
) -> (usize, Answer) {
    let mut stream = TcpStream::connect(&daemon.address).unwrap();
    stream.set_read_timeout(Some(NEVER)).unwrap();
    stream.set_write_timeout(Some(NEVER)).unwrap();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
         Transfer-Encoding: chunked\r\n{head}\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut reading = stream.try_clone().unwrap();
    let answer = thread::spawn(move || http::read(&mut reading));
    let chunk = [format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat();
    let mut sent = 0;
    while sent < TEN_MEGABYTES && stream.write_all(&chunk).is_ok() {
        sent += piece.len();
    }
    let _ = stream.write_all(b"0\r\n\r\n");
    (sent, answer.join().unwrap())
}

#[test]
fn ten_megabytes_are_too_much_for_whatever_takes_json() {
    let place = Place::new();
    let daemon = place.start(&[]);
    let root = format!("X-Api-Key: {}\r\n", key(&place, ApiScope::Admin));
    let head = format!("{root}Content-Type: application/json\r\n");
    let document = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");
    let document: Value = serde_json::from_str(&fs::read_to_string(document).unwrap()).unwrap();
    daemon.get("/readyz", &[]);
    let before = peak_memory(&daemon);
    let mut count = 0;
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            if operation["requestBody"]["content"]["application/json"].is_null() {
                continue;
            }
            count += 1;
            let nobody = "01a205cc-678b-7787-95e4-776b8f124f1d";
            let path: Vec<&str> = path
                .split('/')
                .map(|part| if part.starts_with('{') { nobody } else { part })
                .collect();
            let (method, path) = (method.to_uppercase(), format!("/api/v1{}", path.join("/")));
            let (_, answer) = send_huge(&daemon, &method, &path, &head, &[b' '; 50_000]);
            assert_eq!(answer.status, 413, "{method} {path}: {answer:?}");
            assert_eq!(answer.header("content-type"), "application/problem+json", "{path}");
            assert_eq!(answer.json()["code"], "body_too_large", "{path}");
        }
    }
    assert!(count > 20, "{count} operations take JSON");
    // Nobody's body is not even looked at.
    for (path, status) in [("/api/v1/users", 401), ("/auth/verify", 403), ("/nothing", 404)] {
        let (_, answer) = send_huge(&daemon, "POST", path, "", &[b' '; 50_000]);
        assert_eq!(answer.status, status, "{path}");
    }
    let more = peak_memory(&daemon) - before;
    assert!(more < 50, "{count} times 10 MB took {more} MB");
}

#[test]
fn an_import_of_ten_megabytes_is_a_stream() {
    let place = Place::new();
    let daemon = place.start(&[]);
    let head = format!(
        "X-Api-Key: {}\r\nContent-Type: application/x-ndjson\r\n",
        key(&place, ApiScope::Admin)
    );
    daemon.get("/readyz", &[]);
    let before = peak_memory(&daemon);
    let mut rows = vec![b'x'; 999];
    rows.push(b'\n');
    let short_rows = rows.repeat(50);
    let endless_row = vec![b'x'; 50_000];
    for (piece, count) in [(&short_rows, 10_000), (&endless_row, 1)] {
        let (sent, answer) = send_huge(&daemon, "POST", "/api/v1/users/import", &head, piece);
        assert_eq!((sent, answer.status), (TEN_MEGABYTES, 200), "{answer:?}");
        let summary: Value = serde_json::from_str(answer.body.lines().last().unwrap()).unwrap();
        assert_eq!((&summary["rows"], &summary["refused"]), (&count.into(), &count.into()));
    }
    let more = peak_memory(&daemon) - before;
    assert!(more < 50, "2 times 10 MB took {more} MB");
}

#[test]
fn no_header_hides_a_banned_client_behind_its_proxy() {
    let place = Place::new();
    place.with_library(async |pool| {
        pool.migrate().await?;
        for target in ["203.0.113.9", "2001:db8::/32"] {
            let ban = BanIpParams::new(target, BanDuration::Permanent);
            BanService::new(pool)?.ban_ip(&ban).await?;
        }
        Ok(())
    });
    let hundred_kilobytes = "198.51.100.1, ".repeat(7_500);
    let garbage =
        ["", "unknown, ", "\u{e9}\u{fffd}, ", "\"[::1, ", ",,;;=,\t, ", &hundred_kilobytes];
    let clients = ["203.0.113.9", "203.0.113.9:80", "[::ffff:203.0.113.9]:1", "[2001:db8::7]:443"];
    for (header, before, behind) in
        [("x-forwarded-for", "", ""), ("forwarded", "for=\"", "\";proto=http")]
    {
        let proxies = ["--trusted-proxies", "127.0.0.1/32", "--proxy-header", header];
        let daemon = place.start(&[&proxies[..], &["--forward-auth-key=false"]].concat());
        for forged in garbage {
            for client in clients {
                let line = format!("{forged}{before}{client}{behind}");
                let answer = daemon.get("/auth/verify/address", &[(header, &line)]);
                // A quote that is never closed leaves nothing of its line to be read.
                let is_unreadable = header == "forwarded" && forged.contains('"');
                let reason = if is_unreadable { "unknown_address" } else { "banned" };
                assert_eq!(answer.header("x-auth-reason"), reason, "{header}: {line:.80}");
                let lines = [(header, forged), (header, &line)];
                assert_eq!(daemon.get("/api/v1/users", &lines).status, 403, "{line:.80}");
            }
            let line = format!("{}{before}198.51.100.7{behind}", "203.0.113.9, ");
            assert_eq!(daemon.get("/auth/verify/address", &[(header, &line)]).status, 200);
        }
        let endless = "x".repeat(2_000_000);
        let mut stream = TcpStream::connect(&daemon.address).unwrap();
        let _ = stream.write_all(format!("GET / HTTP/1.1\r\nX-Long: {endless}").as_bytes());
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 431"), "{answer:?}");
        assert_eq!(daemon.get("/healthz", &[]).status, 200);
    }
}
