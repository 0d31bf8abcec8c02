//! `usersctl users import` and `export`

use std::fs;
use std::io::Write;
use std::process::Stdio;

use crate::harness::{Cli, Ran};

const MIXED: &str = "\u{feff}email,full_name,name,roles\r\n\
    ada@example.com,Ada Løvelace,ada,\"admin,user\"\r\n\
    ,No Email,noemail,\r\n\
    \r\n\
    bob@example.com,\"Bob\n the second\",bob,user\r\n\
    eve@example.com,Eve,eve,root\r\n\
    carol@example.com,Carol,carol,\r\n";

fn import(cli: &Cli, args: &[&str]) -> (Ran, serde_json::Value) {
    let ran = cli.run(&[&["users", "import"], args, &["-o", "json"]].concat());
    let summary = serde_json::from_str(&ran.out).unwrap_or_default();
    (ran, summary)
}

#[track_caller]
fn check(summary: &serde_json::Value, [read, created, existing, changed, refused]: [i64; 5]) {
    let expected = serde_json::json!({
        "file": summary["file"], "read": read, "created": created, "existing": existing,
        "changed": changed, "refused": refused
    });
    assert_eq!(*summary, expected);
}

#[test]
fn bad_rows_are_told_kept_corrected_and_imported() {
    let cli = Cli::migrated();
    let file = cli.file("users.csv", MIXED);
    let errors = cli.path("errors.csv").to_str().unwrap().to_owned();
    let (ran, summary) = import(&cli, &[&file, "--errors", &errors]);
    assert_eq!(ran.code, 4);
    check(&summary, [5, 2, 0, 0, 3]);
    let told: Vec<&str> = ran.err.lines().collect();
    assert_eq!(
        told,
        [
            "line 3: email: must not be blank",
            "line 5: full_name: must not hold the control character \\u{a}",
            "line 7: roles: `root` is no role: expected admin, user or anonymous",
        ]
    );
    let kept = cli.read("errors.csv");
    let expected = "error_line,error_field,error_reason,email,full_name,name,roles\n\
        3,email,must not be blank,,No Email,noemail,\n\
        5,full_name,must not hold the control character \\u{a},bob@example.com,\"Bob\n the second\",bob,user\n\
        7,roles,\"`root` is no role: expected admin, user or anonymous\",eve@example.com,Eve,eve,root\n";
    assert_eq!(kept, expected);

    let (ran, summary) = import(&cli, &[&file]);
    assert_eq!(ran.code, 4);
    check(&summary, [5, 0, 2, 0, 3]);

    let corrected = kept
        .replace(",,No Email", ",noemail@example.com,No Email")
        .replace("\n the", " the")
        .replace(",root", ",user");
    let corrected = cli.file("corrected.csv", corrected);
    let (ran, summary) = import(&cli, &[&corrected, "--errors", &errors]);
    assert_eq!(ran.code, 0, "{ran:?}");
    check(&summary, [3, 3, 0, 0, 0]);
    assert_eq!(
        cli.read("errors.csv"),
        "error_line,error_field,error_reason,email,full_name,name,roles\n"
    );
    assert_eq!(cli.user("ada", "full_name"), "Ada Løvelace");
    assert_eq!(cli.json(&["users", "list", "--count"])["count"], 5);
}

#[test]
fn a_second_run_changes_nothing() {
    let cli = Cli::new();
    let rows: String =
        (0..2500).map(|n| format!("user{n},user{n}@example.com,Üser {n}\n")).collect();
    let file = cli.file("users.csv", format!("name,email,full_name\n{rows}"));
    check(&import(&cli, &[&file]).1, [2500, 2500, 0, 0, 0]);
    let position = |cli: &Cli| cli.items(&["events", "list", "--limit", "1"], "position");
    let before = position(&cli);
    let (ran, summary) = import(&cli, &[&file, "--update"]);
    check(&summary, [2500, 0, 2500, 0, 0]);
    assert_eq!((ran.code, position(&cli)), (0, before), "not even an event is written");
}

#[test]
fn conflicts_and_updates_are_told_apart() {
    let cli = Cli::with_users();
    let file = cli.file(
        "users.csv",
        "name,email,display_name\nBOB,Bob@Example.com,Bobby\nbob,other@example.com,\nnew,eve@example.com,\n",
    );
    let (ran, summary) = import(&cli, &[&file]);
    check(&summary, [3, 0, 1, 0, 2]);
    assert!(ran.err.contains("line 3: name: the name belongs"), "{}", ran.err);
    assert!(ran.err.contains("line 4: email: the email belongs"), "{}", ran.err);
    assert_eq!(cli.user("bob", "display_name"), "null");
    check(&import(&cli, &[&file, "--update"]).1, [3, 0, 0, 1, 2]);
    assert_eq!(cli.user("bob", "display_name"), "Bobby");
}

#[test]
fn interrupted_it_can_be_run_again() {
    let cli = Cli::migrated();
    let row = |n: usize| format!("user{n},user{n}@example.com\n");
    let head: String = (0..2000).map(row).collect();
    let rest: String = (2000..2600).map(row).collect();
    // The first batch is in when the pipe is still open: then the program is killed.
    let mut child =
        cli.command(&["users", "import", "-", "-o", "json"]).stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(format!("name,email\n{head}").as_bytes()).unwrap();
    stdin.flush().unwrap();
    while cli.json(&["users", "list", "--count"])["count"] != 2000 {
        assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
    }
    child.kill().unwrap();
    child.wait().unwrap();
    drop(stdin);

    let file = cli.file("users.csv", format!("name,email\n{head}{rest}"));
    check(&import(&cli, &[&file]).1, [2600, 600, 2000, 0, 0]);
    let doctor = cli.run(&["doctor", "-o", "csv"]);
    assert_eq!(doctor.out.matches(",ok,").count(), 8, "all but an admin is there: {doctor:?}");
}

#[test]
fn an_export_comes_back_as_it_was() {
    let cli = Cli::with_users();
    cli.ok(&["users", "suspend", "eve"]);
    cli.ok(&["users", "hold", "eve"]);
    cli.ok(&["users", "update", "bob", "--display-name", "\"quoted\", näme"]);
    for format in ["csv", "jsonl"] {
        let export = cli.ok(&["users", "export", "--format", format]);
        let again = cli.run_with(&["users", "import", "-", "-o", "json"], &export);
        let summary: serde_json::Value = serde_json::from_str(&again.out).unwrap();
        check(&summary, [3, 0, 3, 0, 0]);

        let other = Cli::new();
        let ran = other.run_with(&["users", "import", "-", "-o", "json"], &export);
        check(&serde_json::from_str(&ran.out).unwrap(), [3, 3, 0, 0, 0]);
        for member in [
            "email",
            "full_name",
            "display_name",
            "status",
            "roles",
            "legal_hold",
            "email_verified",
        ] {
            for user in ["ada", "bob", "eve"] {
                assert_eq!(
                    other.user(user, member),
                    cli.user(user, member),
                    "{format}: {user} {member}"
                );
            }
        }
    }
}

#[test]
fn an_import_lifts_no_suspension_and_says_so() {
    let cli = Cli::with_users();
    let file = cli.file(
        "users.csv",
        "name,email,status\nbob,bob@example.com,suspended\nx,x@example.com,deleted\n",
    );
    let (ran, summary) = import(&cli, &[&file]);
    check(&summary, [2, 0, 0, 0, 2]);
    assert!(ran.err.contains("line 2: status: the user is there and active"), "{}", ran.err);
    assert!(ran.err.contains("line 3: status: is deleted"), "{}", ran.err);
}

#[test]
fn bad_bytes_and_long_lines_are_bad_rows() {
    let cli = Cli::new();
    let mut text = b"name,email\nb\xffb,b@example.com\n".to_vec();
    text.extend(vec![b'x'; 70_000]);
    text.extend(b"\nada,ada@example.com\n");
    let file = cli.file("users.csv", &text);
    let errors = cli.path("errors.csv").to_str().unwrap().to_owned();
    let (ran, summary) = import(&cli, &[&file, "--errors", &errors]);
    check(&summary, [3, 1, 0, 0, 2]);
    assert!(ran.err.contains("line 2: name: is not valid UTF-8"), "{}", ran.err);
    assert!(ran.err.contains("line 3: row: the line is longer than 64 KiB"), "{}", ran.err);
    let kept = fs::read(cli.path("errors.csv")).unwrap();
    assert!(kept.windows(4).any(|part| part == b"b\xffb,"), "it is kept to the letter");
    assert!(kept.len() > 70_000);
}

#[test]
fn jsonl_and_its_errors() {
    let cli = Cli::new();
    let text = "{\"name\":\"ada\",\"email\":\"ada@example.com\"}\n{\"name\":\"bob\"}\nnot json\n";
    let file = cli.file("users.jsonl", text);
    let errors = cli.path("errors.jsonl").to_str().unwrap().to_owned();
    let (_, summary) = import(&cli, &[&file, "--errors", &errors]);
    check(&summary, [3, 1, 0, 0, 2]);
    let corrected = cli
        .read("errors.jsonl")
        .replace("\"name\":\"bob\"", "\"name\":\"bob\",\"email\":\"bob@example.com\"")
        .replace("\nnot json", "\n{\"name\":\"eve\",\"email\":\"eve@example.com\"}");
    let corrected = cli.file("corrected.jsonl", corrected);
    let (ran, summary) = import(&cli, &[&corrected]);
    assert_eq!(ran.code, 0, "{ran:?}");
    check(&summary, [2, 2, 0, 0, 0]);
}

#[test]
fn what_is_no_import_is_refused_before_anything_is_read() {
    let cli = Cli::new();
    let refuse = |name: &str, text: &str, says: &str| {
        let file = cli.file(name, text);
        cli.fails(&["users", "import", &file], 2, says);
    };
    refuse("a.csv", "name,email,phone,Fax\n", "`phone`, `fax`");
    refuse("a.csv", "name\nada\n", "lacks `email`");
    refuse("a.csv", "name,email,name\n", "`name` twice");
    refuse("a.csv", "", "empty");
    cli.fails(&["users", "import", "/no/such/file.csv"], 1, "/no/such/file.csv");
    let file = cli.file("b.csv", "name,email\nada,ada@example.com\n");
    cli.fails(&["users", "import", &file, "--errors", &file], 2, "choose another");
    assert_eq!(cli.read("b.csv"), "name,email\nada,ada@example.com\n");
}
