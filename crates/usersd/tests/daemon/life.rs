//! From the first start to the last request.

use std::fs;
use std::io::Write;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::thread;
use std::time::Duration;

use systemprompt_test_postgres::TestCluster;
use systemprompt_users::{CreateUserParams, UserAdminService, UserRole, UserService};

use crate::harness::Place;
use crate::http;

#[test]
fn the_first_start_makes_an_admin_and_lets_them_in_once() {
    let place = Place::new();
    let mut daemon = place.start(&[]);
    let link = daemon.said.iter().find_map(|line| line.split_once("/admin/sign-in?")).unwrap().1;
    let form = link.to_owned();
    let sign_in = || {
        let headers = [
            ("content-type", "application/x-www-form-urlencoded"),
            ("origin", &format!("http://{}", daemon.address)),
            ("sec-fetch-site", "same-origin"),
        ];
        http::send(&daemon.address, "POST", "/admin/sign-in", &headers, &form)
    };
    let first = sign_in();
    assert_eq!(first.status, 303, "{first:?}");
    let cookie = first.header("set-cookie").split(';').next().unwrap().to_owned();
    assert!(first.header("set-cookie").contains("HttpOnly"), "{first:?}");
    assert_eq!(daemon.get("/admin", &[("cookie", &cookie)]).status, 200);
    assert_eq!(sign_in().status, 401, "a link is good once");
    assert_eq!(daemon.get("/readyz", &[]).json()["status"], "ready");
    let figures = daemon.get("/metrics", &[]).body;
    for figure in ["users_storage_seconds_count{what=\"write\"}", "users_job_runs{"] {
        assert!(figures.lines().any(|line| line.starts_with(figure)), "{figure}: {figures}");
    }
    daemon.signal("TERM");
    let (status, log) = daemon.wait();
    assert!(status.success(), "{log}");

    let daemon = place.start(&[]);
    let said = daemon.said.join("\n");
    assert!(said.contains("admin-link") && !said.contains("token"), "{said}");
    assert_eq!(daemon.get("/admin", &[("cookie", &cookie)]).status, 200, "the session goes on");
    place.with_library(async |pool| {
        let admin = UserAdminService::new(pool)?.find("admin").await?.unwrap();
        assert!(admin.roles.contains(UserRole::Admin));
        Ok(())
    });
}

#[test]
fn a_request_under_way_is_finished_when_it_is_told_to_stop() {
    let place = Place::new();
    let mut daemon = place.start(&[]);
    let mut stream = TcpStream::connect(&daemon.address).unwrap();
    let head = "POST /api/v1/users HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\
                Content-Type: application/json\r\nAuthorization: Bearer x\r\n\r\n";
    stream.write_all(&head.as_bytes()[..60]).unwrap();
    // The head is on its way; others are served meanwhile.
    assert_eq!(daemon.get("/healthz", &[]).status, 200);
    daemon.signal("TERM");
    while TcpStream::connect(&daemon.address).is_ok() {
        thread::sleep(Duration::from_millis(5));
    }
    stream.write_all(&head.as_bytes()[60..]).unwrap();
    stream.write_all(b"{}").unwrap();
    assert_eq!(http::read(&mut stream).status, 401);
    let (status, log) = daemon.wait();
    assert!(status.success(), "{log}");
    assert!(log.contains("stopping"), "{log}");
}

#[test]
fn whoever_says_stop_twice_is_not_kept_waiting() {
    for (name, code) in [("TERM", 143), ("INT", 130)] {
        let place = Place::new();
        let mut daemon = place.start(&["--drain-timeout", "1h", "--header-timeout", "1h"]);
        let mut stream = TcpStream::connect(&daemon.address).unwrap();
        stream.write_all(b"POST /admin/sign-in HTTP/1.1\r\nHost: x\r\n").unwrap();
        assert_eq!(daemon.get("/healthz", &[]).status, 200, "the other one is being served");
        daemon.signal("TERM");
        while TcpStream::connect(&daemon.address).is_ok() {
            thread::sleep(Duration::from_millis(5));
        }
        daemon.signal(name);
        let (status, log) = daemon.wait();
        assert_eq!(status.code(), Some(code), "{log}");
    }
}

#[test]
fn where_it_listens_is_written_down_beside_the_file_while_it_runs() {
    let place = Place::new();
    let mut daemon = place.start(&[]);
    let file = place.path().join("users.db.usersd");
    let written = || fs::read_to_string(&file);
    assert_eq!(written().unwrap().trim(), format!("http://{}", daemon.address));
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    daemon.signal("TERM");
    let (status, log) = daemon.wait();
    assert!(status.success() && written().is_err(), "{log}");
}

#[test]
fn the_link_comes_last_and_nothing_scrolls_it_away() {
    let place = Place::new();
    let mut daemon = place.start(&[]);
    assert!(daemon.said.last().unwrap().contains("/admin/sign-in?token="), "{:?}", daemon.said);
    assert_eq!(daemon.said[daemon.said.len() - 2], "", "it is set apart: {:?}", daemon.said);
    // By then the jobs that are due at the first start have run.
    daemon.until("/metrics", &[], 200);
    while !daemon.get("/metrics", &[]).body.contains("users_job_runs{") {
        thread::sleep(Duration::from_millis(5));
    }
    daemon.signal("TERM");
    let (status, log) = daemon.wait();
    assert!(status.success(), "{log}");
    assert!(!log.contains("the job"), "{log}");
}

#[test]
fn a_worker_listens_nowhere_and_ends_in_order() {
    let place = Place::new();
    let mut child = place.command(&["--jobs-only"]).spawn().unwrap();
    let said =
        std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().unwrap())).next();
    assert!(said.unwrap().unwrap().contains("running jobs"));
    let id = child.id().to_string();
    assert!(std::process::Command::new("kill").arg(&id).status().unwrap().success());
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_schema_from_the_future_is_refused() {
    let database = TestCluster::shared().create_database();
    let place = Place::on(database.url());
    place.with_library(async |pool| pool.migrate().await);
    let sql = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
               VALUES (9999, 'later', true, '', 0)";
    let psql = std::process::Command::new("psql").args([database.url(), "-qc", sql]).output();
    assert!(psql.unwrap().status.success());
    let (code, _, err) = place.run(&[]);
    assert!(code == 1 && err.contains("newer"), "{err}");
}

#[test]
fn logs_are_json_on_demand_and_tell_no_secret() {
    let place = Place::new();
    let mut daemon = place.start(&["--log-format", "json", "--log-level", "debug"]);
    let headers = [("authorization", "Bearer hunter2"), ("x-forwarded-for", "203.0.113.77")];
    assert_eq!(daemon.get("/api/v1/users?search=eve@example.com", &headers).status, 401);
    daemon.signal("INT");
    let (_, log) = daemon.wait();
    let lines: Vec<serde_json::Value> =
        log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let answered = lines.iter().find(|line| line["message"] == "answered").unwrap();
    assert_eq!(answered["status"], 401);
    for secret in ["hunter2", "203.0.113.77", "eve@", "127.0.0.1"] {
        assert!(!log.contains(secret), "{secret}: {log}");
    }
}

#[test]
fn users_of_another_program_are_left_alone() {
    let place = Place::new();
    place.with_library(async |pool| {
        pool.migrate().await?;
        let bob = CreateUserParams::new("bob", "bob@example.com");
        UserService::new(pool)?.create(&bob).await.map(drop)
    });
    fs::write(place.path().join("usersd.toml"), "").unwrap();
    let daemon = place.start(&["--config", "usersd.toml"]);
    assert!(daemon.said.iter().all(|line| !line.contains("made the admin")), "{:?}", daemon.said);
}

#[test]
fn the_description_of_the_api_is_at_the_root_too() {
    let place = Place::new();
    let daemon = place.start(&[]);
    let served = daemon.get("/openapi.json", &[]);
    assert_eq!((served.status, served.header("content-type")), (200, "application/json"));
    assert_eq!(served.json()["servers"][0]["url"], "/api/v1");
    assert_eq!(served.body, daemon.get("/api/v1/openapi.json", &[]).body);
    let wrong = http::send(&daemon.address, "POST", "/openapi.json", &[], "");
    assert_eq!((wrong.status, wrong.header("allow")), (405, "GET,HEAD"));
}

#[test]
fn a_start_that_can_t_listen_makes_nothing() {
    let place = Place::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (code, out, err) = place.run(&["--listen", &address]);
    assert!(code == 2 && err.contains("listen: ") && err.contains(&address), "{err}");
    assert_eq!(out, "", "no admin is made whose link nobody sees");
    assert!(!place.path().join("users.db").exists());
    let daemon = place.start(&[]);
    assert!(daemon.said.iter().any(|line| line.contains("made the admin")), "{:?}", daemon.said);
}

#[test]
fn a_database_that_can_t_be_opened_is_named() {
    let place = Place::new();
    fs::write(
        place.path().join("text.db"),
        "no database at all, but more than a hundred bytes of it ".repeat(9),
    )
    .unwrap();
    let file = format!("sqlite://{}", place.path().join("text.db").display());
    let refused = "postgres://u:hunter2@127.0.0.1:1/users";
    for (url, told) in [(&*file, "text.db"), (refused, "postgres://u:***@127.0.0.1:1/users")] {
        let (code, _, err) = place.run(&["--database", url]);
        assert!(code == 1 && err.contains(told) && !err.contains("hunter2"), "{err}");
    }
}
