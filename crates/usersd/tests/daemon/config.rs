//! What is said in which layer, and what is refused by name.

use std::fs;

use crate::harness::Place;

#[test]
fn the_file_yields_to_the_environment_and_that_to_flags() {
    let place = Place::new();
    let file = place.path().join("usersd.toml");
    fs::write(&file, "max_body = 2000\nsession_cookie = \"file\"\nheader_timeout = \"7s\"\n")
        .unwrap();
    let file = file.to_str().unwrap();
    let mut command = place.command(&["--config", file, "--print-config", "--max-body", "4000"]);
    command.env("USERSD_MAX_BODY", "3000").env("USERSD_SESSION_COOKIE", "env");
    command.env("USERSD_DATABASE", "postgres://u:hunter2@h/d");
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    for line in ["max_body = 4000", "session_cookie = \"env\"", "header_timeout = \"7s\""] {
        assert!(text.lines().any(|found| found == line), "{line}: {text}");
    }
    assert!(text.contains("postgres://u:***@h/d") && !text.contains("hunter2"), "{text}");
    fs::write(file, &text).unwrap();
    assert_eq!(place.run(&["--config", file, "--check"]).0, 0, "it can read what it prints");
}

#[test]
fn what_is_wrong_is_named() {
    let place = Place::new();
    let file = place.path().join("usersd.toml");
    let file = file.to_str().unwrap();
    for (content, named) in [
        ("listn = \"127.0.0.1:1\"", "listn"),
        ("max_body = \"x\"", "max_body"),
        ("max_body = 1", "max_body"),
        ("request_timeout = \"30\"", "request_timeout"),
        ("rate_per_key = \"0/1\"", "rate_per_key"),
        ("trusted_proxies = [\"10.0.0.0/8\", \"x\"]", "trusted_proxies"),
        ("tls_cert = \"cert.pem\"", "tls_key"),
        ("session_cookie = \"a b\"", "session_cookie"),
        ("log_level = \"usersd=chatty\"", "log_level"),
        ("jobs = false\njobs_only = true", "jobs_only"),
        ("lag_bound = \"1ms\"", "lag_bound"),
    ] {
        fs::write(file, content).unwrap();
        let (code, out, err) = place.run(&["--config", file, "--check"]);
        assert_eq!(code, 2, "{content}: {out}{err}");
        assert!(err.contains(named), "{content}: {err}");
    }
    let output = place.command(&["--check"]).env("USERSD_LISTN", "x").output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(2) && err.contains("USERSD_LISTN"), "{err}");
    let (code, _, err) = place.run(&["--check", "--database", "mysql://u:hunter2@h/d"]);
    assert!(code == 2 && err.contains("database") && !err.contains("hunter2"), "{err}");
}
