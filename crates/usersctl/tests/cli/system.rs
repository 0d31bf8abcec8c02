//! Storage, schema, events, jobs and the doctor.

use std::io::{BufRead, BufReader};
use std::process::Command;

use crate::harness::Cli;

#[test]
fn the_default_storage_is_made_on_first_use() {
    let cli = Cli::new();
    let output = cli
        .command(&["users", "create", "ada", "ada@example.com"])
        .env_remove("USERS_DATABASE_URL")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let found = cli.path(".local/share/systemprompt-users/users.db");
    assert!(found.exists() || cfg!(not(target_os = "linux")));
}

#[test]
fn the_schema_is_brought_up_to_date_and_shown() {
    let cli = Cli::new();
    cli.fails(&["migrate", "--dry-run"], 1, "users.db");
    cli.file("users.db", "");
    let dry = cli.json(&["migrate", "--dry-run"]);
    assert_eq!((&dry["before"], &dry["after"]), (&0.into(), &0.into()));
    let first = cli.json(&["migrate"]);
    assert_eq!(first["after"], first["latest"]);
    assert_eq!(cli.json(&["migrate"])["before"], first["latest"]);
    assert_eq!(first["backend"], "sqlite");
}

#[test]
fn memory_is_there_for_one_command() {
    let cli = Cli::new();
    let out = cli.ok(&[
        "--database",
        "memory:",
        "users",
        "create",
        "ada",
        "ada@example.com",
        "-o",
        "jsonl",
    ]);
    assert!(out.contains("ada@example.com"));
    assert!(!cli.path("users.db").exists());
}

#[test]
fn events_name_who_did_what() {
    let cli = Cli::with_users();
    cli.ok(&["--actor", "the boss", "users", "delete", "bob", "--yes"]);
    assert_eq!(
        cli.items(&["events", "list", "--user", "bob"], "kind"),
        ["user_deleted", "user_created"]
    );
    assert_eq!(
        cli.items(&["events", "list", "--user", "bob"], "actor"),
        ["operator:the boss", "operator:tester"]
    );
    let positions = cli.items(&["events", "list", "--limit", "2"], "position");
    let before = cli.items(&["events", "list", "--before", &positions[1]], "kind");
    assert_eq!(before, ["user_created", "user_created"]);
    cli.ok(&["bans", "add", "192.0.2.1"]);
    assert_eq!(
        cli.items(&["events", "list", "--target", "::ffff:192.0.2.1"], "about"),
        ["192.0.2.1"]
    );
}

#[test]
fn events_are_followed_until_somebody_stops_it() {
    let cli = Cli::with_users();
    let args = ["events", "follow", "--from", "1", "-o", "jsonl", "--every", "1s"];
    let mut child = cli.command(&args).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next =
        || -> serde_json::Value { serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap() };
    assert_eq!([next()["position"].clone(), next()["position"].clone()], [2, 3]);
    cli.ok(&["users", "suspend", "eve"]);
    assert_eq!(next()["kind"], "status_changed");
    let stopped = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(stopped.success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    cli.fails(&["events", "follow", "--from", "-3"], 2, "");
}

#[test]
fn jobs_run_by_hand_and_are_remembered() {
    let cli = Cli::with_users();
    let jobs = cli.items(&["jobs", "list"], "name");
    assert!(jobs.contains(&"cleanup_anonymous_users".to_owned()), "{jobs:?}");
    let run = cli.json(&["jobs", "run", "cleanup_sessions", "--yes"]);
    assert_eq!((&run["outcome"], &run["trigger"]), (&"succeeded".into(), &"manual".into()));
    assert_eq!(cli.items(&["jobs", "history"], "job"), ["cleanup_sessions"]);
    assert_eq!(cli.items(&["jobs", "history", "--outcome", "failed"], "job"), Vec::<String>::new());
    cli.fails(&["jobs", "run", "no_such_job", "--yes"], 3, "job `no_such_job`");
}

#[test]
fn the_doctor_finds_what_is_off() {
    let cli = Cli::with_users();
    let findings = cli.items(&["doctor"], "state");
    assert!(findings.iter().all(|state| state == "ok"), "{findings:?}");
    // Users without any admin: nothing forbids to begin so, but somebody should know.
    let other = Cli::new();
    other.ok(&["users", "create", "bob", "bob@example.com"]);
    let ran = other.run(&["doctor", "-o", "csv"]);
    assert_eq!(ran.code, 4, "{ran:?}");
    assert!(ran.out.contains("active_admin,there is an active admin,broken,1,"), "{ran:?}");
    assert!(ran.err.contains("1 of 9 promises"), "{ran:?}");
}

#[test]
fn completions_and_help_need_no_storage() {
    let cli = Cli::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(cli.ok(&["completions", shell]).contains("usersctl"));
    }
    assert!(cli.ok(&["--help"]).contains("Exit codes:"));
    assert!(!cli.path("users.db").exists());
}
