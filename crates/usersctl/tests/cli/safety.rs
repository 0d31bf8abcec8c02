//! What destroys shows first what it will touch, and asks.

use crate::harness::Cli;

/// Every command that destroys something, and what its preview names.
const DESTRUCTIVE: [(&[&str], &str); 10] = [
    (&["users", "delete", "bob"], "bob@example.com"),
    (&["users", "suspend", "bob", "eve"], "eve@example.com"),
    (&["users", "demote", "ada"], "admin"),
    (&["users", "roles", "revoke", "ada", "--role", "admin"], "admin"),
    (&["users", "merge", "bob", "eve"], "bob"),
    (&["users", "purge", "gone"], "gone"),
    (&["sessions", "end-all", "bob"], "bob"),
    (&["sessions", "cleanup"], "removed"),
    (&["bans", "remove", "192.0.2.1"], "192.0.2.1"),
    (&["jobs", "run", "purge_deleted_users"], "purge_deleted_users"),
];

fn prepared() -> Cli {
    let cli = Cli::with_users();
    cli.ok(&["users", "create", "gone", "gone@example.com"]);
    cli.ok(&["users", "delete", "gone", "--yes"]);
    cli.ok(&["bans", "add", "192.0.2.1", "--for", "7d"]);
    cli.ok(&["users", "promote", "eve"]);
    cli
}

/// Everything that is kept, as text.
fn everything(cli: &Cli) -> String {
    let users = cli.ok(&["users", "export", "--include-deleted", "--format", "jsonl"]);
    let events = cli.ok(&["events", "list", "-o", "jsonl", "--limit", "1000"]);
    users + &events + &cli.ok(&["bans", "list", "-o", "jsonl"])
}

#[test]
fn without_a_terminal_it_refuses_and_changes_nothing() {
    let cli = prepared();
    let before = everything(&cli);
    for (args, shown) in DESTRUCTIVE {
        let ran = cli.fails(args, 2, "--yes");
        assert!(ran.err.contains(shown), "{args:?} shows what it would touch: {ran:?}");
        assert_eq!(ran.out, "", "{args:?}");
    }
    cli.fails(&["anonymous", "cleanup"], 2, "--yes");
    assert_eq!(everything(&cli), before);
}

#[test]
fn a_dry_run_shows_and_changes_nothing() {
    let cli = prepared();
    let before = everything(&cli);
    for (args, shown) in DESTRUCTIVE {
        for more in [["--dry-run"].as_slice(), &["--dry-run", "--yes"]] {
            let ran = cli.run(&[args, more].concat());
            assert_eq!(ran.code, 0, "{args:?}: {ran:?}");
            assert!(ran.err.contains(shown), "{args:?}: {ran:?}");
        }
        let ran = cli.run(&[args, &["--dry-run", "-o", "jsonl"]].concat());
        let has_sessions = *args != ["sessions", "end-all", "bob"];
        assert!(
            ran.out.contains(shown) || !has_sessions,
            "programs get results: {args:?}: {ran:?}"
        );
        for line in ran.out.lines() {
            serde_json::from_str::<serde_json::Value>(line).unwrap();
        }
    }
    assert_eq!(everything(&cli), before);
}

#[test]
fn a_dry_run_of_an_import_opens_no_storage() {
    let cli = Cli::new();
    let users = cli.file("users.csv", "name,email\nada,ada@example.com\nbob,\n");
    let list = cli.file("bad.txt", "192.0.2.1\nnowhere\n");
    for (group, file) in [("users", users), ("bans", list)] {
        let ran = cli.run(&[group, "import", &file, "--dry-run", "-o", "json"]);
        assert_eq!(ran.code, 4, "{ran:?}");
        let summary: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        assert_eq!(
            (&summary["read"], &summary["valid"], &summary["refused"]),
            (&2.into(), &1.into(), &1.into())
        );
    }
    assert!(!cli.path("users.db").exists());
}

#[test]
fn bad_input_is_refused_by_its_field() {
    let cli = Cli::with_users();
    for limit in ["0", "-1", "1001", "1000000", "-9223372036854775808"] {
        for list in [
            ["users", "list"].as_slice(),
            &["users", "search", "a"],
            &["sessions", "list"],
            &["users", "sessions", "bob"],
            &["bans", "list"],
            &["bans", "allow", "list"],
            &["anonymous", "list"],
            &["jobs", "history"],
            &["events", "list"],
        ] {
            cli.fails(&[list, &["--limit", limit]].concat(), 2, "limit: expected 1 to 1000");
        }
    }
    cli.fails(&["users", "list", "--limit", "99999999999999999999"], 2, "--limit");
    let long = "x".repeat(10_000);
    cli.fails(&["users", "create", &long, "long@example.com"], 2, "name: must be at most 255");
    cli.fails(
        &["users", "create", "long", &format!("{long}@example.com")],
        2,
        "email: must be at most 320",
    );
    cli.fails(
        &["users", "update", "bob", "--full-name", &long],
        2,
        "full_name: must be at most 255",
    );
    cli.fails(&["users", "show", &long], 2, "user: expected an id");
    cli.fails(&["users", "search", &long], 2, "query: must be at most 255");
    cli.fails(
        &["bans", "allow", "add", "192.0.2.1", "--note", &long],
        2,
        "note: must be at most 255",
    );
    cli.fails(&["bans", "add", "192.0.2.1", "--reason", &long], 2, "reason: must be at most 255");
    let ran = cli.fails(
        &["users", "update", "bob", "--full-name", "a\u{1b}[31mb"],
        2,
        "full_name: must not hold",
    );
    assert!(!ran.err.contains('\u{1b}'), "{ran:?}");
    let ran = cli.fails(&["bans", "check", "\u{1b}[31m"], 2, "neither an IP address");
    assert!(!ran.err.contains('\u{1b}'), "{ran:?}");
    cli.fails(&["--actor", "a\nb", "users", "list"], 2, "--actor");
    cli.fails(&["--database", "mysql://u:secret@h/d", "users", "list"], 2, "database: expected");
    cli.fails(&["users", "frobnicate"], 2, "unrecognized subcommand");
}

#[test]
fn a_command_that_only_reads_makes_no_database() {
    let cli = Cli::new();
    for args in [
        &["users", "list"][..],
        &["users", "show", "ada"],
        &["users", "suspend", "ada", "--yes"],
        &["bans", "check", "203.0.113.1"],
        &["doctor"],
        &["migrate", "--dry-run"],
    ] {
        let ran = cli.fails(args, 1, "users.db");
        assert!(ran.err.contains("usersctl migrate"), "{ran:?}");
        assert!(!cli.path("users.db").exists(), "{args:?}");
    }
    let ran = cli.run(&["users", "create", "ada", "ada@example.com"]);
    assert!(ran.code == 0 && ran.err.contains("made the database"), "{ran:?}");
    let ran = cli.run(&["users", "create", "bob", "bob@example.com"]);
    assert!(ran.code == 0 && !ran.err.contains("made the database"), "{ran:?}");
}
