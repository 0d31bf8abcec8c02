//! `usersctl bans import` and `export`

use crate::harness::Cli;

const LIST: &str = "\u{feff}# a list\r\n\
    192.0.2.1\r\n\
    \r\n\
    ::ffff:192.0.2.1 # the same again\r\n\
    198.51.100.0/24 ; open proxies\r\n\
    203.0.113.300\r\n\
    203.0.113.1 203.0.113.2\r\n\
    2001:DB8::/32\r\n";

#[track_caller]
fn import(cli: &Cli, args: &[&str], expected: [i64; 5]) -> String {
    let ran = cli.run(&[&["bans", "import"], args, &["-o", "json"]].concat());
    let summary: serde_json::Value = serde_json::from_str(&ran.out).unwrap_or_default();
    let found = ["read", "created", "existing", "changed", "refused"]
        .map(|name| summary[name].as_i64().unwrap_or(-1));
    assert_eq!(found, expected, "{ran:?}");
    assert_eq!(ran.code, if expected[4] == 0 { 0 } else { 4 });
    ran.err
}

#[test]
fn a_list_is_banned_once_and_bad_lines_are_kept() {
    let cli = Cli::new();
    let file = cli.file("list.txt", LIST);
    let errors = cli.path("errors.txt").to_str().unwrap().to_owned();
    let told = import(&cli, &[&file, "--source", "list", "--errors", &errors], [6, 3, 1, 0, 2]);
    assert!(told.contains("line 6: target: `203.0.113.300` is neither"), "{told}");
    assert!(told.contains("line 7: target: expected one address"), "{told}");
    import(&cli, &[&file, "--source", "list"], [6, 0, 4, 0, 2]);

    let kept = cli.read("errors.txt");
    assert!(
        kept.starts_with("203.0.113.300 # error_line=6 error_field=target error_reason="),
        "{kept}"
    );
    let corrected = kept.replace(".300", ".30").replace(" 203.0.113.2 ", " ");
    let corrected = cli.file("corrected.txt", corrected);
    import(&cli, &[&corrected, "--source", "list"], [2, 2, 0, 0, 0]);
    assert_eq!(cli.json(&["bans", "list", "--count"])["count"], 5);
    assert_eq!(cli.items(&["bans", "list", "--source", "list"], "target").len(), 5);
    for (address, banned) in
        [("198.51.100.77", "true"), ("2001:db8:1::1", "true"), ("192.0.2.2", "false")]
    {
        assert_eq!(cli.items(&["bans", "check", address], "banned"), [banned], "{address}");
    }
}

#[test]
fn a_temporary_list_can_be_given_again() {
    let cli = Cli::new();
    let file = cli.file("list.txt", "192.0.2.1\n192.0.2.2\n");
    import(&cli, &[&file, "--for", "7d", "--source", "list"], [2, 2, 0, 0, 0]);
    import(&cli, &[&file, "--for", "7d", "--source", "list"], [2, 0, 2, 0, 0]);
    import(&cli, &[&file, "--source", "list"], [2, 0, 0, 2, 0]);
    import(&cli, &[&file, "--for", "1h"], [2, 0, 2, 0, 0]);
}

#[test]
fn csv_has_reasons_and_durations() {
    let cli = Cli::new();
    let text = "reason,target,duration,source\n\
        # a remark\n\
        \"spam, and more\",192.0.2.1,7d,trap\n\
        ,192.0.2.2,permanent,\n\
        ,192.0.2.3,soon,\n\
        ,nowhere,1h,\n";
    let file = cli.file("bans.csv", text);
    let errors = cli.path("errors.csv").to_str().unwrap().to_owned();
    let told = import(&cli, &[&file, "--reason", "listed", "--errors", &errors], [4, 2, 0, 0, 2]);
    assert!(told.contains("line 5: duration: expected"), "{told}");
    assert!(told.contains("line 6: target: `nowhere`"), "{told}");
    let ban = cli.json(&["bans", "show", "192.0.2.1"]);
    assert_eq!((&ban["reason"], &ban["source"]), (&"spam, and more".into(), &"trap".into()));
    let ban = cli.json(&["bans", "show", "192.0.2.2"]);
    assert_eq!((&ban["reason"], &ban["until"]), (&"listed".into(), &"permanent".into()));
    let corrected = cli.read("errors.csv").replace("soon", "3h").replace("nowhere", "192.0.2.4");
    let corrected = cli.file("corrected.csv", corrected);
    import(&cli, &[&corrected, "--reason", "listed"], [2, 2, 0, 0, 0]);
    let unknown = cli.file("unknown.csv", "target,why\n");
    cli.fails(&["bans", "import", &unknown], 2, "`why`");
}

#[test]
fn an_export_comes_back_as_it_was() {
    let cli = Cli::new();
    cli.ok(&[
        "bans",
        "add",
        "192.0.2.1",
        "--for",
        "7d",
        "--reason",
        "a, \"b\"",
        "--fingerprint",
        "f",
    ]);
    cli.ok(&["bans", "add", "192.0.2.0/25", "--source", "list"]);
    let export = cli.ok(&["bans", "export"]);
    let file = cli.file("export", &export);
    import(&cli, &[&file], [2, 0, 2, 0, 0]);

    let other = Cli::new();
    let file = other.file("export", &export);
    import(&other, &[&file], [2, 2, 0, 0, 0]);
    for member in ["target", "reason", "source", "fingerprint"] {
        let of = |cli: &Cli| {
            let mut all = cli.items(&["bans", "list"], member);
            all.sort();
            all
        };
        assert_eq!(of(&other), of(&cli), "{member}");
    }
    let until = |cli: &Cli| {
        cli.json(&["bans", "show", "192.0.2.1"])["until"].as_str().unwrap()[..16].to_owned()
    };
    assert_eq!(until(&other), until(&cli));
    assert_eq!(
        cli.ok(&["bans", "export", "--format", "list", "--source", "list"]),
        "192.0.2.0/25\n"
    );
}
