//! `usersctl bans ...`

use crate::harness::Cli;

#[test]
fn a_short_ban_shortens_no_long_one_and_a_lift_ends_all() {
    let cli = Cli::new();
    cli.ok(&["bans", "add", "192.0.2.1", "--reason", "first"]);
    cli.ok(&["bans", "add", "::ffff:192.0.2.1", "--for", "1h", "--reason", "second"]);
    let ban = cli.json(&["bans", "show", "192.0.2.1/32"]);
    assert_eq!(
        (&ban["until"], &ban["reason"], &ban["ban_count"]),
        (&"permanent".into(), &"first".into(), &2.into())
    );
    cli.ok(&["bans", "remove", "192.0.2.1", "--yes", "--reason", "mistake"]);
    assert_eq!(cli.items(&["bans", "check", "192.0.2.1"], "banned"), ["false"]);
    assert_eq!(cli.json(&["bans", "show", "192.0.2.1"])["state"], "lifted");
    assert_eq!(
        cli.items(&["bans", "history", "192.0.2.1"], "kind"),
        ["lifted", "banned", "banned"]
    );
    assert_eq!(cli.items(&["bans", "history", "192.0.2.1"], "actor"), ["operator:tester"; 3]);
    cli.fails(&["bans", "remove", "192.0.2.1", "--yes"], 3, "was not found");
}

#[test]
fn a_wider_ban_is_told_of() {
    let cli = Cli::new();
    cli.ok(&["bans", "add", "192.0.2.1", "192.0.2.0/24", "--for", "7d"]);
    let ran = cli.run(&["bans", "remove", "192.0.2.1", "--yes", "-o", "jsonl"]);
    assert!(ran.out.contains("\"still_covered_by\":[\"192.0.2.0/24\"]"), "{ran:?}");
    assert!(ran.err.contains("192.0.2.1 still is banned"), "{ran:?}");
    cli.fails(&["bans", "show", "192.0.2.9"], 3, "192.0.2.9 is banned by 192.0.2.0/24");
}

#[test]
fn the_allow_list_wins() {
    let cli = Cli::new();
    cli.ok(&["bans", "allow", "add", "192.0.2.0/24", "--note", "our office"]);
    let ran = cli.run(&["bans", "add", "192.0.2.1", "127.0.0.1"]);
    assert_eq!(ran.err.matches("wins over the ban").count(), 2, "{ran:?}");
    assert_eq!(
        cli.items(&["bans", "check", "192.0.2.1", "127.0.0.1"], "banned"),
        ["false", "false"]
    );
    assert_eq!(cli.items(&["bans", "allow", "list"], "note"), ["our office"]);
    cli.ok(&["bans", "allow", "remove", "192.0.2.0/24"]);
    assert_eq!(cli.items(&["bans", "check", "192.0.2.1"], "banned"), ["true"]);
    assert_eq!(cli.run(&["bans", "allow", "remove", "192.0.2.0/24"]).code, 3);
}

#[test]
fn nothing_is_banned_when_one_target_is_none() {
    let cli = Cli::new();
    cli.fails(&["bans", "add", "192.0.2.1", "192.0.2.x"], 2, "`192.0.2.x` is neither");
    cli.fails(&["bans", "add", "192.0.2.1", "--for", "0d"], 2, "longer than zero");
    cli.fails(&["bans", "add", "192.0.2.1", "--for", "999999d"], 0, "");
    cli.fails(&["bans", "add", "192.0.2.2", "--for", "99999999d"], 2, "duration: is too long");
    assert_eq!(cli.json(&["bans", "list", "--count"])["count"], 1);
}

#[test]
fn many_addresses_are_checked_in_their_order() {
    let cli = Cli::new();
    cli.ok(&["bans", "add", "192.0.2.0/25"]);
    let lines: String = (0..2500).map(|n| format!("192.0.2.{} # {n}\n", n % 256)).collect();
    let ran = cli.run_with(&["bans", "check", "-", "-o", "csv"], &lines);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let answers: Vec<&str> = ran.out.lines().skip(1).collect();
    assert_eq!(answers.len(), 2500);
    for (n, answer) in answers.iter().enumerate() {
        let expected = format!("192.0.2.{},{},", n % 256, n % 256 < 128);
        assert!(answer.starts_with(&expected), "{n}: {answer}");
    }
    let ran = cli.run_with(
        &["bans", "check", "-", "--banned", "-o", "csv"],
        "192.0.2.200\nbad\n192.0.2.1\n",
    );
    assert_eq!((ran.code, ran.out.lines().count()), (4, 2), "{ran:?}");
    assert!(ran.err.contains("line 2: `bad`"), "{ran:?}");
}

#[test]
fn what_hits_the_operator_admins_or_very_many_is_asked_about() {
    let cli = Cli::with_users();
    let run = |args: &[&str], client: &str| {
        let output = cli.command(args).env("SSH_CONNECTION", client).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let client = "198.51.100.7 50022 203.0.113.1 22";
    for (target, hit) in [
        ("0.0.0.0/0", "hits your own address 198.51.100.7, a network wider than /8"),
        ("::/0", "hits a network wider than /16"),
        ("198.51.100.0/24", "hits your own address 198.51.100.7"),
    ] {
        let (code, told) = run(&["bans", "add", "192.0.2.1", target], client);
        assert_eq!(code, Some(2), "{target}: {told}");
        assert!(told.contains(hit) && told.contains("--yes"), "{target}: {told}");
    }
    assert_eq!(cli.json(&["bans", "list", "--count"])["count"], 0);
    let list = cli.file("list.txt", "192.0.2.1\n198.51.0.0/16\n");
    let (code, told) = run(&["bans", "import", &list], client);
    assert_eq!(code, Some(4), "{told}");
    assert!(told.contains("line 2: target: a ban of 198.51.0.0/16 hits your own"), "{told}");
    assert_eq!(cli.json(&["bans", "list", "--count"])["count"], 1);
    let (code, told) = run(&["bans", "import", &list, "--yes"], client);
    assert_eq!(code, Some(0), "{told}");
    let (code, told) = run(&["bans", "add", "fe80::1"], "fe80::1%eth0 50022 fe80::2%eth0 22");
    assert_eq!(code, Some(2), "{told}");
    let (code, told) = run(&["bans", "add", "0.0.0.0/0", "--yes"], client);
    assert_eq!(code, Some(0), "{told}");
}
