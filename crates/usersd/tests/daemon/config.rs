//! What is said in which layer, and what is refused by name.

use std::fs;

use crate::harness::Place;
use crate::http;

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
        ("request_timeout = 30", "expected a time such as \"500ms\""),
        ("[policy]\nsession_lifetme = \"1d\"", "session_lifetme"),
        ("listen = \"localhost:8080\"", "127.0.0.1:8080"),
        ("trusted_proxies = [\"10.0.0.0/33\"]", "10.0.0.0/8"),
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
    let output = place.command(&[]).env("RUST_LOG", "usersd=chatty").output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(2) && err.contains("RUST_LOG"), "{err}");
    let (code, _, err) = place.run(&["--check", "--database", "mysql://u:hunter2@h/d"]);
    assert!(code == 2 && err.contains("database") && !err.contains("hunter2"), "{err}");
}

#[test]
fn the_policy_yields_in_the_same_order() {
    let place = Place::new();
    let file = place.path().join("usersd.toml");
    let content = "max_body = 2000\n[policy]\nsession_lifetime = \"1d\"\n\
                   session_idle_timeout = \"none\"\nmax_sessions_per_user = 3\n";
    fs::write(&file, content).unwrap();
    let file = file.to_str().unwrap();
    let args = ["--config", file, "--print-config", "--policy-session-lifetime", "3d12h"];
    let mut command = place.command(&args);
    command.env("USERSD_POLICY_SESSION_LIFETIME", "2d");
    command.env("USERSD_POLICY_MAX_SESSIONS_PER_USER", "7");
    let text = String::from_utf8(command.output().unwrap().stdout).unwrap();
    let section = text.split_once("[policy]").unwrap().1;
    for line in [
        "session_lifetime = \"3d12h\"",
        "max_sessions_per_user = 7",
        "session_idle_timeout = \"none\"",
        "event_retention = \"365d\"",
        "allow_loopback = true",
    ] {
        assert!(section.lines().any(|found| found == line), "{line}: {text}");
    }
    fs::write(file, &text).unwrap();
    assert_eq!(place.run(&["--config", file, "--check"]).0, 0, "it can read what it prints");
}

#[test]
fn what_is_wrong_with_the_policy_is_named_with_what_is_right() {
    let place = Place::new();
    let file = place.path().join("usersd.toml");
    let file = file.to_str().unwrap();
    for (content, told) in [
        ("session_lifetime = \"soon\"", "7d"),
        ("session_lifetime = 30", "a time such as"),
        ("session_lifetime = \"0d\"", "longer than zero"),
        ("session_idle_timeout = \"never\"", "`none`"),
        ("event_retention = \"11000d\"", "policy.event_retention: must be at most ten years"),
        ("max_sessions_per_user = 0", "1 to 1000"),
        ("cleanup_batch = 70000", "1 to 1000"),
        ("allow_loopback = \"yes\"", "boolean"),
    ] {
        fs::write(file, format!("[policy]\n{content}\n")).unwrap();
        let (code, out, err) = place.run(&["--config", file, "--check"]);
        assert_eq!(code, 2, "{content}: {out}{err}");
        let name = content.split(' ').next().unwrap();
        assert!(err.contains(name) && err.contains(told), "{content}: {err}");
    }
    for (flag, value, told) in [
        ("--policy-session-lifetime", "soon", "7d"),
        ("--policy-max-sessions-per-user", "0", "1 to 1000"),
        ("--policy-deleted-retention", "11000d", "policy.deleted_retention"),
    ] {
        let (code, out, err) = place.run(&["--check", flag, value]);
        assert_eq!(code, 2, "{flag}: {out}{err}");
        assert!(err.contains(told), "{flag}: {err}");
    }
    let mut command = place.command(&["--check"]);
    let output = command.env("USERSD_POLICY_BAN_RETENTION", "1x").output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(2) && err.contains("policy-ban-retention"), "{err}");
}

#[test]
fn the_policy_is_what_the_daemon_works_by() {
    let place = Place::new();
    let daemon = place.start(&["--policy-anonymous-retention", "11d"]);
    let link = daemon.said.iter().find_map(|line| line.split_once("/admin/sign-in?")).unwrap().1;
    let headers = [
        ("content-type", "application/x-www-form-urlencoded"),
        ("origin", &*format!("http://{}", daemon.address)),
        ("sec-fetch-site", "same-origin"),
    ];
    let signed_in = http::send(&daemon.address, "POST", "/admin/sign-in", &headers, link);
    let cookie = signed_in.header("set-cookie").split(';').next().unwrap();
    let page = daemon.get("/admin/anonymous", &[("cookie", cookie)]);
    assert!(page.body.contains("11 days"), "{page:?}");
}

#[test]
fn no_error_shows_a_password() {
    let place = Place::new();
    let file = place.path().join("usersd.toml");
    let file = file.to_str().unwrap();
    for content in [
        "database = postgres://u:hunter2@h/d",
        "database = [\"postgres://u:hunter2@h/d\"]",
        "databse = \"postgres://u:hunter2@h/d\"",
        "database = \"mysql://u:hunter2@h/d\"",
        "max_body = \"postgres://u:hunter2@h/d\"",
        "listen = \"postgres://u:hunter2@h/d\"",
        "replica = \"postgres://u:hunter2@h/d\"\ndatabase = \"memory:\"",
    ] {
        fs::write(file, content).unwrap();
        let mut command = place.command(&["--config", file, "--check"]);
        let output = command.env_remove("USERSD_DATABASE").output().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(2) && !err.contains("hunter2"), "{content}: {err}");
    }
    let (code, _, err) = place.run(&["--listen", "postgres://u:hunter2@h/d"]);
    assert!(code == 2 && err.contains("--listen") && !err.contains("hunter2"), "{err}");
}

#[test]
fn variables_that_are_empty_or_of_kubernetes_change_nothing() {
    let place = Place::new();
    let mut command = place.command(&["--print-config"]);
    command.envs([
        ("USERSD_MAX_BODY", ""),
        ("USERSD_TRUSTED_PROXIES", ""),
        ("USERSD_CONFIG", ""),
        ("USERSD_MIGRATE", ""),
        ("USERSD_X", ""),
        ("USERSD_SERVICE_HOST", "10.0.0.1"),
        ("USERSD_PORT", "tcp://10.0.0.1:8080"),
        ("USERSD_PORT_8080_TCP_ADDR", "10.0.0.1"),
    ]);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("max_body = 1048576") && text.contains("trusted_proxies = []"), "{text}");
}

#[test]
fn hsts_is_for_those_who_come_by_tls() {
    let place = Place::new();
    let (code, _, err) = place.run(&["--check", "--hsts", "365d"]);
    assert!(code == 2 && err.contains("hsts: ") && err.contains("tls_cert"), "{err}");
    let daemon = place.start(&["--hsts", "365d", "--trusted-proxies", "10.0.0.0/8"]);
    for path in ["/healthz", "/admin", "/nothing"] {
        let answer = daemon.get(path, &[]);
        assert_eq!(answer.header("strict-transport-security"), "max-age=31536000", "{answer:?}");
    }
}
