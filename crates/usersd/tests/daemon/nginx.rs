//! Debian's nginx with the very configuration that the project gives away.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use systemprompt_users::{
    ApiKeyService, ApiScope, ApiScopes, BanDuration, BanIpParams, BanService, NewApiKey, UserRole,
    UserService,
};

use crate::harness::{Daemon, Place};
use crate::http::{self, Answer};
use crate::revocation::signed_in;

const CONFIG: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../contrib/nginx/usersd.conf");

/// nginx before an application that answers with the head it got. Ends with the value.
struct Nginx {
    child: Child,
    address: String,
}

impl Nginx {
    fn start(folder: &Path, daemon: &Daemon, key: &str) -> Self {
        let program = ["nginx", "/usr/sbin/nginx"]
            .into_iter()
            .find(|program| Command::new(program).arg("-v").stderr(Stdio::null()).status().is_ok());
        let program = program.unwrap_or_else(|| {
            panic!("there is no nginx: run `cargo xtask setup`, or `apt-get install nginx-light`")
        });
        let address = free_address();
        let site = fs::read_to_string(CONFIG).unwrap();
        let mut changed = site.clone();
        for (from, to) in [
            ("127.0.0.1:8080", &*daemon.address),
            ("127.0.0.1:3000", &application()),
            ("127.0.0.1:8000", &address),
            ("spu_change_me", key),
        ] {
            assert!(changed.contains(from), "{from}");
            changed = changed.replace(from, to);
        }
        let folder = folder.display();
        // Addresses of clients are made up by a header, since all of them come from this machine.
        let main = format!(
            "daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log stderr;\n\
             events {{ worker_connections 64; }}\n\
             http {{ access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;\n\
             fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;\n\
             set_real_ip_from 127.0.0.1; real_ip_header X-Test-Client;\n{changed}\n}}\n"
        );
        let path = format!("{folder}/nginx.conf");
        fs::write(&path, main).unwrap();
        let mut command = Command::new(program);
        command.args(["-c", &path, "-e", "stderr", "-p", &folder.to_string()]);
        let child = command.stderr(Stdio::inherit()).spawn().unwrap();
        let nginx = Self { child, address };
        for _ in 0..6000 {
            if TcpStream::connect(&nginx.address).is_ok() {
                return nginx;
            }
            thread::sleep(Duration::from_millis(10));
        }
        panic!("nginx does not listen");
    }

    fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        http::send(&self.address, "GET", path, headers, "")
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Told to stop, the master ends its worker too.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}

fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

/// An application that answers each request with its head, and ends with the process.
fn application() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let head: Vec<_> =
                lines.map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
            let head = head.join("\n");
            let length = head.len();
            let _ = write!(
                stream,
                "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{head}"
            );
        }
    });
    address
}

#[test]
fn nginx_lets_in_whom_usersd_lets_in() {
    let place = Place::new();
    let daemon = place.start(&["--trusted-proxies", "127.0.0.1/32"]);
    let key = place.with_library(async |pool| {
        let scopes = ApiScopes::new([ApiScope::ForwardAuth])?;
        let params = NewApiKey { name: "nginx".into(), scopes, expires_in: None };
        Ok(ApiKeyService::new(pool)?.create(&params).await?.secret.reveal())
    });
    let nginx = Nginx::start(place.path(), &daemon, &key);
    let (user, _, token) = signed_in(&place, "ada");
    let client = ("x-test-client", "192.0.2.7");
    let bearer = [client, ("authorization", &*format!("Bearer {token}"))];

    let stranger = nginx.get("/", &[client]);
    assert_eq!((stranger.status, stranger.header("x-auth-reason")), (401, "no_token"));
    let forged = [bearer[0], bearer[1], ("x-auth-roles", "root"), ("x-auth-user", "root")];
    let seen = nginx.get("/reports/1", &forged).body.to_lowercase();
    for header in
        ["x-auth-user: ada", "x-auth-roles: admin,user", &format!("x-auth-user-id: {user}")]
    {
        assert!(seen.lines().any(|line| line == header), "{header}: {seen}");
    }
    assert!(!seen.contains("root") && !seen.contains("spu_"), "{seen}");
    let cookie = [client, ("cookie", &*format!("users_session={token}"))];
    assert_eq!(nginx.get("/", &cookie).status, 200);

    place.with_library(async |pool| {
        UserService::new(pool)?.revoke_role(user, UserRole::Admin).await.map(drop)
    });
    until(403, || nginx.get("/reports/1", &bearer).status);
    assert_eq!(nginx.get("/reports/1", &bearer).header("x-auth-reason"), "missing_role");
    assert_eq!(nginx.get("/", &bearer).status, 200);

    place.with_library(async |pool| {
        let ban = BanIpParams::new("192.0.2.0/24", BanDuration::Days(1));
        BanService::new(pool)?.ban_ip(&ban).await.map(drop)
    });
    until(403, || nginx.get("/", &bearer).status);
    assert_eq!(nginx.get("/", &bearer).header("x-auth-reason"), "banned");
    let forged = [bearer[0], bearer[1], ("x-forwarded-for", "198.51.100.1")];
    assert_eq!(nginx.get("/", &forged).status, 403, "a client can't name another address");
    let other = [("x-test-client", "198.51.100.1"), bearer[1]];
    assert_eq!(nginx.get("/", &other).status, 200);
}

#[track_caller]
fn until(status: u16, ask: impl Fn() -> u16) {
    for _ in 0..6000 {
        if ask() == status {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("it never answered {status}");
}
