//! What is written where, in each format.

use std::io::Read;
use std::process::Stdio;

use crate::harness::Cli;

#[test]
fn a_table_is_for_people() {
    let cli = Cli::with_users();
    let out = cli.ok(&["users", "roles", "show", "ada"]);
    let id = cli.user("ada", "id");
    assert_eq!(out, format!("id     {id}\nname   ada\nroles  admin,user\n"));
    let out = cli.ok(&["bans", "allow", "add", "192.0.2.0/24", "192.0.2.0/24"]);
    let expected = "target        outcome    reason\n\
                    ───────────────────────────────\n\
                    192.0.2.0/24  done       -\n\
                    192.0.2.0/24  unchanged  -\n";
    assert_eq!(out, expected);
}

#[test]
fn programs_get_the_same_in_three_formats() {
    let cli = Cli::new();
    cli.ok(&["bans", "add", "192.0.2.7", "--reason", "a, \"b\""]);
    let check = |format: &str| cli.ok(&["bans", "check", "192.0.2.7", "192.0.2.8", "-o", format]);
    assert_eq!(
        check("jsonl"),
        "{\"address\":\"192.0.2.7\",\"banned\":true,\"target\":\"192.0.2.7\",\"until\":\"permanent\",\
         \"reason\":\"a, \\\"b\\\"\",\"source\":null}\n\
         {\"address\":\"192.0.2.8\",\"banned\":false,\"target\":null,\"until\":null,\"reason\":null,\
         \"source\":null}\n"
    );
    assert_eq!(
        check("csv"),
        "address,banned,target,until,reason,source\n\
         192.0.2.7,true,192.0.2.7,permanent,\"a, \"\"b\"\"\",\n\
         192.0.2.8,false,,,,\n"
    );
    let json: serde_json::Value = serde_json::from_str(&check("json")).unwrap();
    assert_eq!(json["items"].as_array().unwrap().len(), 2);
    assert_eq!(json["next"], serde_json::Value::Null);
}

#[test]
fn an_empty_list_is_one_in_every_format() {
    let cli = Cli::migrated();
    let list = |format: &str| cli.ok(&["bans", "allow", "list", "-o", format]);
    assert_eq!(list("json"), "{\"items\": [], \"next\": null}\n");
    assert_eq!(list("jsonl"), "");
    assert_eq!(list("csv"), "target,note,added_at,added_by\n");
    let ran = cli.run(&["bans", "allow", "list"]);
    assert_eq!((ran.out.as_str(), ran.err.as_str()), ("", "nothing found\n"));
}

#[test]
fn the_next_page_is_named_where_it_does_not_disturb() {
    let cli = Cli::with_users();
    let json = cli.json(&["users", "list", "--limit", "1"]);
    let next = json["next"].as_str().unwrap().to_owned();
    for format in ["table", "csv", "jsonl"] {
        let ran = cli.run(&["users", "list", "--limit", "1", "-o", format]);
        assert!(ran.err.contains(&format!("--after {next}")), "{ran:?}");
        assert!(!ran.out.contains(&next), "{ran:?}");
    }
}

#[test]
fn no_colours_and_nothing_cut_without_a_terminal() {
    let cli = Cli::new();
    let long = "ä".repeat(250);
    cli.ok(&["users", "create", "ada", "ada@example.com", "--full-name", &long]);
    let ran = cli.run(&["users", "list"]);
    assert!(ran.out.contains(&long), "{ran:?}");
    assert!(!ran.out.contains('\u{1b}') && !ran.err.contains('\u{1b}'), "{ran:?}");
}

#[test]
fn secrets_are_shown_nowhere() {
    let cli = Cli::with_users();
    let columns = cli.ok(&["sessions", "list", "-o", "csv"]);
    assert!(columns.starts_with("id,user_id,state,"), "{columns}");
    for text in
        [columns, cli.ok(&["users", "show", "ada", "-o", "json"]), cli.ok(&["users", "export"])]
    {
        assert!(!text.contains("token"), "{text}");
    }
}

#[test]
fn a_reader_who_leaves_is_no_failure() {
    let cli = Cli::new();
    let rows: String = (0..3000).map(|n| format!("user{n},user{n}@example.com\n")).collect();
    let file = cli.file("users.csv", format!("name,email\n{rows}"));
    cli.ok(&["users", "import", &file]);
    for args in [
        ["users", "list", "--all", "-o", "jsonl"].as_slice(),
        &["users", "list", "--all"],
        &["users", "export"],
        &["events", "list", "--limit", "1000", "-o", "json"],
        &["completions", "bash"],
    ] {
        let mut child = cli.command(args).stdout(Stdio::piped()).spawn().unwrap();
        let mut first = [0_u8; 10];
        let mut out = child.stdout.take().unwrap();
        out.read_exact(&mut first).unwrap();
        drop(out);
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{args:?}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{args:?}");
    }
}
