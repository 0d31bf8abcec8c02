//! Lists on stdin and in files, in whatever form they come.

use crate::harness::Cli;

#[test]
fn every_line_of_a_list_is_done_or_told() {
    let cli = Cli::with_users();
    cli.ok(&["users", "create", "#ops", "ops@example.com"]);
    let list =
        b"\xEF\xBB\xBF#ops\r\n# a remark\r\n\r\n  bob \r\nb\xFFd\r\nnobody\r\na\0b\r\n".to_vec();
    let ran = cli.run_with(&["users", "suspend", "-", "--yes", "-o", "jsonl"], &list);
    assert_eq!(ran.code, 4, "{ran:?}");
    let rows: Vec<serde_json::Value> =
        ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told: Vec<(&str, &str)> = rows
        .iter()
        .map(|row| (row["outcome"].as_str().unwrap(), row["code"].as_str().unwrap_or("-")))
        .collect();
    assert_eq!(
        told,
        [
            ("done", "-"),
            ("done", "-"),
            ("refused", "validation"),
            ("refused", "not_found"),
            ("refused", "validation")
        ]
    );
    assert!(rows[2]["reason"].as_str().unwrap().contains("line 5: is not valid UTF-8"), "{ran:?}");
    assert!(rows[4]["reason"].as_str().unwrap().contains("line 7: holds the control"), "{ran:?}");
    assert_eq!(cli.user("#ops", "status"), "suspended");
    // A list of UTF-16 with CR is one as well, and every command of the kind takes --yes and --dry-run.
    let utf16: Vec<u8> = "\u{feff}#ops\rbob\r".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let dry = cli.run_with(&["users", "activate", "-", "--yes", "--dry-run"], &utf16);
    assert_eq!((dry.code, cli.user("bob", "status").as_str()), (0, "suspended"), "{dry:?}");
    let ran = cli.run_with(&["users", "activate", "-", "--yes"], &utf16);
    assert_eq!((ran.code, cli.user("bob", "status").as_str()), (0, "active"), "{ran:?}");
    for args in [
        ["users", "promote", "bob"].as_slice(),
        &["users", "hold", "bob"],
        &["users", "roles", "assign", "bob", "--role", "admin"],
        &["bans", "allow", "add", "192.0.2.9"],
        &["bans", "allow", "remove", "192.0.2.9"],
    ] {
        cli.ok(&[args, &["--yes", "--dry-run"]].concat());
        cli.ok(&[args, &["--yes"]].concat());
    }
}

#[test]
fn lists_longer_than_one_unit_are_done_in_parts() {
    let cli = Cli::new();
    let rows: String = (0..10_050).map(|n| format!("u{n},u{n}@example.com\n")).collect();
    let file = cli.file("users.csv", format!("name,email\n{rows}"));
    cli.ok(&["users", "import", &file]);
    let list: String = (0..10_050).map(|n| format!("u{n}\n")).collect();
    let ran = cli.run_with(&["users", "suspend", "-", "--yes", "-o", "csv"], list);
    assert_eq!((ran.code, ran.out.matches(",done,").count()), (0, 10_050), "{}", ran.err);
}

#[test]
fn addresses_come_from_stdin_too() {
    let cli = Cli::new();
    let ran = cli
        .run_with(&["bans", "add", "-", "--yes"], "192.0.2.1\r\n\r\nnowhere\r\n203.0.113.7/28\r\n");
    if ran.code == 2 {
        // Without the option, as long as nothing is to be confirmed.
        cli.run_with(&["bans", "add", "-"], "192.0.2.1\r\n\r\nnowhere\r\n203.0.113.7/28\r\n");
    }
    assert_eq!(cli.json(&["bans", "list", "--count"])["count"], 2);
    let ran = cli.run_with(&["bans", "check", "-"], "192.0.2.1\n203.0.113.7/28\nx\n");
    assert_eq!(ran.code, 4);
    assert!(
        ran.err.contains("line 2: note: `203.0.113.7/28` is taken as the network 203.0.113.0/28"),
        "{ran:?}"
    );
    assert!(ran.err.contains("line 3:"), "{ran:?}");
    let ran = cli.run_with(&["bans", "allow", "add", "-"], "198.51.100.1\nx\n");
    assert_eq!(ran.code, 4, "{ran:?}");
    let ran = cli.run(&["bans", "check", "203.0.113.7/8"]);
    assert!(ran.err.contains("taken as the network 203.0.0.0/8"), "{ran:?}");
}

#[test]
fn every_export_is_accepted_by_its_import() {
    let cli = Cli::with_users();
    cli.ok(&["users", "update", "bob", "--full-name", "=HYPERLINK(1)", "--display-name", "'+1"]);
    cli.ok(&["users", "suspend", "eve"]);
    cli.ok(&["bans", "add", "192.0.2.1", "--for", "7d", "--reason", "@SUM(1)", "--source=-x"]);
    cli.ok(&["bans", "add", "192.0.2.0/25", "--user-agent", "=1"]);
    cli.ok(&["bans", "allow", "add", "198.51.100.0/24", "--note", "+ours"]);
    cli.ok(&["bans", "allow", "add", "2001:db8::1"]);
    let all: [(&[&str], &[&str], u64); 5] = [
        (&["users", "export"], &["users", "import", "-"], 3),
        (&["users", "list", "--all"], &["users", "import", "-"], 3),
        (&["bans", "export"], &["bans", "import", "-"], 2),
        (&["bans", "list", "--all"], &["bans", "import", "-"], 2),
        (&["bans", "allow", "list", "--all"], &["bans", "allow", "import", "-"], 2),
    ];
    for (export, import, count) in all {
        for format in ["csv", "jsonl", "json"] {
            let text = cli.ok(&[export, &["-o", format]].concat());
            let other = Cli::migrated();
            let ran = other.run_with(&[import, &["-o", "json"]].concat(), &text);
            let summary: serde_json::Value = serde_json::from_str(&ran.out).unwrap_or_default();
            assert_eq!(summary["created"], count, "{export:?} {format}: {ran:?}\n{text}");
            let again = other.ok(&[export, &["-o", "jsonl"]].concat());
            for text in match export[0] {
                "users" => ["\"=HYPERLINK(1)\"", "\"'+1\"", "\"suspended\""].as_slice(),
                _ if export[1] == "allow" => &["\"+ours\"", "198.51.100.0/24"],
                _ => &["\"@SUM(1)\"", "\"-x\"", "\"=1\""],
            } {
                assert!(again.contains(text), "{export:?} {format}: {text} in {again}");
            }
        }
    }
    let csv = cli.ok(&["users", "list", "-o", "csv"]);
    assert!(csv.contains(",'=HYPERLINK(1),") && csv.contains(",''+1,"), "{csv}");
    cli.fails(&["users", "export", "-o", "table"], 2, "csv, jsonl or json");
}

#[test]
fn a_dry_run_refuses_what_the_import_would() {
    let cli = Cli::with_users();
    let file = cli.file(
        "users.csv",
        "id;name;email;status\n1;bob;x@example.com;\n2;bob;bob@example.com;suspended\n3;new;new@example.com;\n4;NEW;new2@example.com;\n",
    );
    let dry = cli.run(&["users", "import", &file, "--dry-run", "-o", "json"]);
    assert_eq!(cli.json(&["users", "list", "--count"])["count"], 3);
    let real = cli.run(&["users", "import", &file, "-o", "json"]);
    assert_eq!((dry.code, real.code), (4, 4));
    assert_eq!(dry.err, real.err);
    assert!(dry.err.starts_with("not taken over, but made anew: id\n"), "{dry:?}");
    assert_eq!(dry.err.matches("line ").count(), 3, "{dry:?}");
    assert_eq!(serde_json::from_str::<serde_json::Value>(&dry.out).unwrap()["refused"], 3);
}

#[test]
fn an_import_makes_nobody_active_who_is_not_to_be() {
    let cli = Cli::new();
    let file = cli.file(
        "users.csv",
        "name,email,status,roles,legal_hold\nada,ada@example.com,suspended,admin,true\nbob,bob@example.com,,,\n",
    );
    cli.ok(&["users", "import", &file]);
    assert_eq!(
        (cli.user("ada", "status"), cli.user("ada", "version")),
        ("suspended".into(), "1".into())
    );
    let kinds = cli.items(&["events", "list"], "kind");
    assert_eq!(kinds, ["user_created", "status_changed", "legal_hold_changed", "user_created"]);
    let users = cli.items(&["events", "list"], "user_id");
    assert!(users[1..].iter().all(|user| *user == users[1]), "in the order of the rows: {users:?}");
}

#[test]
fn details_are_not_coloured_in_a_pipe() {
    let cli = Cli::with_users();
    let ran = cli.run(&["-vvv", "users", "list"]);
    assert!(!ran.err.contains('\u{1b}') && !ran.out.contains('\u{1b}'), "{ran:?}");
}
