//! The same on Postgres.

use systemprompt_test_postgres::TestCluster;

use crate::harness::Cli;

#[test]
fn an_empty_database_is_prepared_and_the_main_job_runs() {
    let database = TestCluster::shared().create_database();
    let cli = Cli::on(database.url());
    let before = cli.json(&["migrate", "--dry-run"]);
    assert_eq!((&before["backend"], &before["after"]), (&"postgres".into(), &0.into()));

    let rows: String = (0..1500).map(|n| format!("üser{n},user{n}@example.com\n")).collect();
    let users = cli.file("users.csv", format!("name,email\nada,ada@example.com\n{rows}"));
    let lines: String = (0..1500).map(|n| format!("198.51.{}.{}\n", n / 256, n % 256)).collect();
    let list = cli.file("list.txt", format!("{lines}2001:db8::/32 # a network\nnowhere\n"));
    for (created, existing) in [(1501, 0), (0, 1501)] {
        let users = cli.json(&["users", "import", &users]);
        assert_eq!((&users["created"], &users["existing"]), (&created.into(), &existing.into()));
        let bans =
            cli.run(&["bans", "import", &list, "--for", "30d", "--source", "s", "-o", "json"]);
        let bans: serde_json::Value = serde_json::from_str(&bans.out).unwrap();
        assert_eq!((&bans["created"], &bans["existing"]), (&created.into(), &existing.into()));
    }
    let ran = cli.run_with(&["bans", "check", "-", "--banned", "-o", "csv"], &lines);
    assert_eq!(ran.out.lines().count(), 1501, "{}", ran.err);
    assert_eq!(cli.items(&["bans", "check", "2001:DB8:1::7"], "banned"), ["true"]);
    assert_eq!(cli.items(&["users", "search", "ÜSER1499"], "email"), ["user1499@example.com"]);

    cli.fails(&["users", "create", "ADA", "other@example.com"], 4, "name belongs");
    cli.ok(&["users", "promote", "ada"]);
    cli.fails(&["users", "demote", "ada", "--yes"], 4, "last active admin");
    let findings = cli.items(&["doctor"], "state");
    assert!(findings.iter().all(|state| state == "ok"), "{findings:?}");
    let migrated = cli.json(&["migrate"]);
    assert_eq!(migrated["before"], migrated["latest"]);
}

#[test]
fn a_server_that_is_not_there_is_a_failure_that_tells_no_secret() {
    let cli = Cli::on("postgres://root:secret@127.0.0.1:1/users");
    let ran = cli.fails(&["users", "list"], 1, "not available");
    assert!(!ran.err.contains("secret"), "{ran:?}");
}
