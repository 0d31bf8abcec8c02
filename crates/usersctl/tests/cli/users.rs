//! `usersctl users ...`

use crate::harness::Cli;

#[test]
fn a_user_is_created_found_and_changed() {
    let cli = Cli::with_users();
    for reference in ["bob", "BOB", " Bob@EXAMPLE.com ", &cli.user("bob", "id")] {
        assert_eq!(cli.user(reference, "email"), "bob@example.com", "{reference}");
    }
    cli.ok(&[
        "users",
        "update",
        "bob@example.com",
        "--display-name",
        "Bobby",
        "--verified",
        "true",
    ]);
    assert_eq!(cli.user("bob", "display_name"), "Bobby");
    assert_eq!(cli.user("bob", "full_name"), "Bøb Ünïcode", "what is not named stays");
    cli.ok(&["users", "update", "bob", "--clear", "full-name,display-name"]);
    assert_eq!(
        (cli.user("bob", "full_name"), cli.user("bob", "display_name")),
        ("null".into(), "null".into())
    );
    assert_eq!(cli.user("bob", "email_verified"), "true");
    cli.ok(&["users", "update", "bob", "--email", "robert@example.com"]);
    assert_eq!(cli.user("bob", "email_verified"), "false");
    let verify = ["users", "update", "bob", "--verified", "true"];
    cli.fails(&verify, 2, "--verified-email ADDRESS");
    let old = [&verify[..], &["--verified-email", "bob@example.com"]].concat();
    cli.fails(&old, 4, "another email by now");
    assert_eq!(cli.user("bob", "email_verified"), "false");
    let new = [&verify[..], &["--verified-email", "Robert@Example.com"]].concat();
    cli.ok(&new);
    assert_eq!(cli.user("bob", "email_verified"), "true");
}

#[test]
fn what_can_not_be_changed_says_why() {
    let cli = Cli::with_users();
    cli.fails(&["users", "update", "bob"], 2, "say what to change");
    cli.fails(&["users", "update", "bob", "--full-name", "B", "--clear", "full-name"], 2, "both");
    cli.fails(&["users", "update", "bob", "--name", "ADA"], 4, "name belongs to another");
    cli.fails(
        &["users", "update", "bob", "--expect-version", "7", "--name", "b"],
        4,
        "changed by somebody",
    );
    cli.fails(&["users", "update", "nobody", "--name", "b"], 3, "`nobody` was not found");
    cli.fails(&["users", "create", "bob2", "BOB@example.com"], 4, "email belongs to another");
    cli.fails(&["users", "create", "x", "no-address"], 2, "email: expected an address");
    cli.fails(&["users", "create", "x", "x@example.com", "--role", "root"], 2, "is no role");
    cli.fails(&["users", "create", "x", "x@example.com", "--role", "anonymous"], 2, "anonymous");
}

#[test]
fn ensure_says_what_it_did() {
    let cli = Cli::new();
    let ensure = |full_name: &str| {
        let args =
            ["users", "create", "ada", "ada@example.com", "--ensure", "--full-name", full_name];
        cli.json(&args)["outcome"].clone()
    };
    assert_eq!(
        [ensure("Ada"), ensure("Ada"), ensure("Ada L.")],
        ["created", "existing", "changed"]
    );
    cli.fails(&["users", "create", "ada", "other@example.com", "--ensure"], 4, "name");
}

#[test]
fn many_are_suspended_and_each_is_told_of() {
    let cli = Cli::with_users();
    let ran = cli.run(&["users", "suspend", "bob", "nobody", "eve", "--yes", "-o", "csv"]);
    assert_eq!(ran.code, 3, "{ran:?}");
    let rows: Vec<&str> = ran.out.lines().collect();
    assert_eq!(rows[0], "user,id,outcome,code,reason");
    assert!(rows[1].starts_with("bob,") && rows[1].contains(",done,"), "{rows:?}");
    assert!(rows[2].starts_with("nobody,,refused,not_found,"), "{rows:?}");
    assert!(rows[3].starts_with("eve,"), "{rows:?}");
    assert_eq!(
        cli.items(&["users", "list", "--status", "suspended", "--order", "name"], "name"),
        ["bob", "eve"]
    );
    let again = cli.ok(&["users", "suspend", "bob"]);
    assert!(again.contains("unchanged"), "one asks for no confirmation: {again}");
    let ran = cli.run_with(&["users", "activate", "-"], "# both\nbob\n\neve\n");
    assert_eq!((ran.code, ran.out.matches("done").count()), (0, 2), "{ran:?}");
}

#[test]
fn the_last_admin_stays() {
    let cli = Cli::with_users();
    for args in [
        ["users", "demote", "ada"].as_slice(),
        &["users", "delete", "ada"],
        &["users", "suspend", "ada", "bob"],
        &["users", "merge", "ada", "bob"],
        &["users", "roles", "revoke", "ada", "--role", "admin"],
        &["users", "roles", "set", "ada", "--role", "user"],
    ] {
        let ran = cli.run(&[args, &["--yes"]].concat());
        assert_eq!(ran.code, 4, "{args:?}: {ran:?}");
        assert!(format!("{}{}", ran.out, ran.err).contains("last active admin"), "{ran:?}");
    }
    assert_eq!(cli.user("ada", "status"), "active");
    cli.ok(&["users", "promote", "eve"]);
    cli.ok(&["users", "demote", "ada", "--yes"]);
    assert_eq!(cli.json(&["users", "roles", "show", "ada"])["roles"], serde_json::json!(["user"]));
}

#[test]
fn roles_are_given_and_taken() {
    let cli = Cli::with_users();
    let out = cli.ok(&["users", "roles", "assign", "bob", "eve", "--role", "admin", "-o", "csv"]);
    assert_eq!(out.matches(",done,").count(), 2, "{out}");
    cli.ok(&["users", "roles", "set", "eve", "--role", "user", "--yes"]);
    assert_eq!(
        cli.items(&["users", "list", "--role", "admin", "--order", "name"], "name"),
        ["ada", "bob"]
    );
    cli.fails(
        &["users", "roles", "revoke", "eve", "--role", "user", "--yes"],
        2,
        "at least one role",
    );
}

#[test]
fn deleted_comes_back_and_is_purged_for_good() {
    let cli = Cli::with_users();
    cli.fails(&["users", "purge", "bob", "--yes"], 4, "");
    cli.ok(&["users", "delete", "bob", "--yes"]);
    assert_eq!(cli.user("bob", "status"), "deleted");
    cli.fails(&["users", "activity", "bob"], 3, "not found");
    cli.ok(&["users", "restore", "bob"]);
    assert_eq!(cli.user("bob", "status"), "active");
    cli.fails(&["users", "restore", "bob"], 4, "is not deleted");

    cli.ok(&["users", "delete", "bob", "--yes"]);
    cli.ok(&["users", "hold", "bob"]);
    assert_eq!(cli.run(&["users", "purge", "bob", "--yes"]).code, 4, "it is on hold");
    cli.ok(&["users", "hold", "bob", "off"]);
    let purged = cli.json(&["users", "purge", "bob", "--yes"]);
    assert_eq!(purged["items"][0]["users"], 1);
    cli.fails(&["users", "show", "bob"], 3, "not found");
    assert_eq!(cli.json(&["users", "purge", "--older-than", "1d", "--yes"])["count"], 0);
}

#[test]
fn a_merge_leaves_one() {
    let cli = Cli::with_users();
    let bob = cli.user("bob", "id");
    let ran = cli.run(&["users", "merge", "bob", "eve", "--yes", "-o", "json"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.err.contains("bob is to be deleted"), "it is shown first: {}", ran.err);
    assert_eq!(cli.user(&bob, "merged_into"), cli.user("eve", "id"));
    assert_eq!(cli.user("eve", "full_name"), "Bøb Ünïcode");
    cli.fails(&["users", "merge", "bob", "eve", "--yes"], 3, "not found");
    cli.fails(&["users", "merge", "eve", "eve", "--yes"], 4, "into itself");
}

#[test]
fn lists_are_filtered_ordered_and_paged() {
    let cli = Cli::with_users();
    cli.ok(&["users", "create", "robot", "robot@example.com", "--bot", "--verified"]);
    let names = |args: &[&str]| cli.items(&[&["users", "list"], args].concat(), "name");
    assert_eq!(names(&["--order", "name"]), ["ada", "bob", "eve", "robot"]);
    assert_eq!(names(&["--order", "oldest", "--no-bots", "--unverified"]), ["ada", "bob", "eve"]);
    assert_eq!(names(&["--bots"]), ["robot"]);
    assert_eq!(names(&["--created-before", "1h"]), Vec::<String>::new());
    assert_eq!(names(&["--created-after", "1h", "--role", "admin"]), ["ada"]);
    assert_eq!(cli.json(&["users", "list", "--count"])["count"], 4);

    let first = cli.json(&["users", "list", "--order", "name", "--limit", "3"]);
    let next = first["next"].as_str().unwrap();
    assert_eq!(names(&["--order", "name", "--after", next]), ["robot"]);
    assert_eq!(names(&["--all", "--order", "name"]).len(), 4);
    cli.fails(&["users", "list", "--after", "nonsense"], 2, "not a cursor");
    cli.fails(&["users", "list", "--order", "newest", "--after", next], 2, "not a cursor");

    let found = |query: &str| cli.items(&["users", "search", query], "name");
    assert_eq!(found("ünï"), ["bob"]);
    assert_eq!(found("EXAMPLE.com").len(), 4);
    assert_eq!(found("%"), Vec::<String>::new());
    assert_eq!(found("_"), Vec::<String>::new());
}

#[test]
fn figures_add_up() {
    let cli = Cli::with_users();
    cli.ok(&["users", "suspend", "eve"]);
    let stats = cli.json(&["users", "stats"]);
    assert_eq!(stats["stats"]["total"], 3);
    assert_eq!(stats["breakdown"]["by_status"]["suspended"], 1);
    assert_eq!(stats["breakdown"]["by_role"]["admin"], 1);
    let days = stats["signups"].as_array().unwrap();
    assert_eq!((days.len(), &days[29]["count"]), (30, &3.into()));
    cli.fails(&["users", "stats", "--from", "2026-02-01", "--until", "2026-01-01"], 2, "last");
    assert!(cli.ok(&["users", "stats", "-o", "csv"]).contains("status,suspended,1\n"));
}
