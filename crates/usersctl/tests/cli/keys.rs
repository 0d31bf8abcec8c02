//! API keys, and one-time links into the admin pages.

use chrono::Duration;
use systemprompt_users::{ApiKeyService, NewSession, SignInLinkService};

use crate::harness::Cli;

/// Makes a key and answers with its id and secret.
fn create(cli: &Cli, args: &[&str]) -> (String, String) {
    let made = cli.json(&[&["keys", "create"], args].concat());
    let member = |name: &str| made[name].as_str().unwrap().to_owned();
    (member("id"), member("secret"))
}

/// The name of the key that a secret opens now.
fn opens(cli: &Cli, secret: &str) -> Option<String> {
    cli.with_library(async |pool| {
        let key = ApiKeyService::new(pool)?.authenticate(secret).await?;
        Ok(key.map(|key| key.name))
    })
}

#[test]
fn a_key_is_made_shown_rotated_and_revoked() {
    let cli = Cli::new();
    let (old, first) = create(
        &cli,
        &["deploy", "--scope", "read,bans", "--scope", "forward-auth", "--expires-in", "90d"],
    );
    assert_eq!(opens(&cli, &first).as_deref(), Some("deploy"));
    let shown = cli.json(&["keys", "show", &old]);
    assert_eq!(shown["scopes"], serde_json::json!(["read", "forward-auth", "bans"]));
    assert_eq!((&shown["state"], &shown["version"]), (&"usable".into(), &1.into()));
    assert!(first.starts_with(&format!("spu_{}_", shown["prefix"].as_str().unwrap())));

    cli.fails(&["keys", "rotate", &old], 2, "--yes");
    let dry = cli.run(&["keys", "rotate", &old, "--dry-run"]);
    assert!(dry.code == 0 && dry.err.contains("goes on for 1h at most"), "{dry:?}");
    assert_eq!(cli.items(&["keys", "list"], "id"), [old.as_str()], "nothing was done yet");
    let rotated = cli.json(&["keys", "rotate", &old, "--yes"]);
    let (new, second) = (rotated["id"].as_str().unwrap(), rotated["secret"].as_str().unwrap());
    assert_eq!(opens(&cli, &first).as_deref(), Some("deploy"), "for an hour");
    assert_eq!(opens(&cli, second).as_deref(), Some("deploy"));
    assert_eq!(cli.items(&["keys", "list"], "state"), ["usable", "rotated"]);
    assert_eq!(cli.items(&["keys", "list", "--limit", "1"], "id"), [new]);
    cli.fails(&["keys", "rotate", &old, "--yes"], 4, "rotated already");

    cli.fails(&["keys", "revoke", new], 2, "--yes");
    assert_eq!(cli.run(&["keys", "revoke", new, "--dry-run"]).code, 0);
    assert_eq!(opens(&cli, second).as_deref(), Some("deploy"), "nothing was done yet");
    assert_eq!(cli.json(&["keys", "revoke", new, "--yes"])["state"], "revoked");
    assert_eq!(opens(&cli, second), None);
    cli.fails(&["keys", "rotate", new, "--yes"], 4, "is revoked");
    let kinds = cli.items(&["events", "list"], "kind");
    assert_eq!(kinds, ["api_key_revoked", "api_key_rotated", "api_key_created"]);
}

#[test]
fn a_rotation_without_grace_revokes() {
    let cli = Cli::new();
    let (id, secret) = create(&cli, &["ci", "--scope", "read"]);
    let asked = cli.fails(&["keys", "rotate", &id, "--grace", "0"], 2, "--yes");
    assert!(asked.err.contains("useless from then on"), "{asked:?}");
    assert_eq!(opens(&cli, &secret).as_deref(), Some("ci"), "nothing was done yet");
    let ran = cli.run(&["keys", "rotate", &id, "--grace", "0", "--yes"]);
    assert!(ran.code == 0 && ran.err.contains("is revoked"), "{ran:?}");
    assert_eq!(opens(&cli, &secret), None);
}

#[test]
fn a_secret_is_shown_once_and_in_every_format() {
    let cli = Cli::new();
    for format in ["table", "json", "jsonl", "csv"] {
        let ran = cli.run(&["keys", "create", "ci", "--scope", "read", "-o", format]);
        let start = ran.out.find("spu_").unwrap();
        let secret = &ran.out[start..start + 56];
        assert_eq!(opens(&cli, secret).as_deref(), Some("ci"), "{format}");
        assert!(!ran.err.contains("spu_"), "{ran:?}");
        let later = cli.ok(&["keys", "list", "-o", format]) + &cli.ok(&["events", "list"]);
        assert!(!later.contains(&secret[13..]), "{later}");
    }
}

#[test]
fn what_makes_no_sense_is_refused() {
    let cli = Cli::new();
    cli.fails(&["keys", "create", "ci"], 2, "--scope");
    cli.fails(&["keys", "create", "ci", "--scope", "root"], 2, "forward-auth");
    cli.fails(&["keys", "create", "", "--scope", "read"], 2, "name");
    cli.fails(
        &["keys", "create", "ci", "--scope", "read", "--expires-in", "99999d"],
        2,
        "ten years",
    );
    let unknown = "018f3c1e-7b1a-7c3d-9e2f-0123456789ab";
    cli.fails(&["keys", "show", unknown], 3, "API key `018f3c1e");
    cli.fails(&["keys", "revoke", unknown, "--yes"], 3, "API key");
    cli.fails(&["keys", "rotate", unknown], 3, "API key");
}

#[test]
fn a_link_lets_an_admin_in_once() {
    let cli = Cli::with_users();
    let ran = cli.run(&["admin-link", "ada", "--url", "https://users.example/"]);
    assert!(ran.code == 0 && ran.err.contains("ada") && !ran.err.contains("token="), "{ran:?}");
    let token = ran.out.trim_end().strip_prefix("https://users.example/admin/sign-in?token=");
    let token = token.unwrap().to_owned();
    let redeem = || {
        cli.with_library(async |pool| {
            let links = SignInLinkService::new(pool)?;
            Ok(links.redeem(&token, &NewSession::default()).await?.is_some())
        })
    };
    assert!(redeem() && !redeem(), "once");
    assert_eq!(cli.items(&["sessions", "list", "ada", "--active"], "state"), ["live"]);
    let link = cli.json(&["admin-link", "ada@example.com"]);
    assert!(link["url"].as_str().unwrap().starts_with("http://127.0.0.1:8080/admin/sign-in?"));
    assert_eq!(link["name"], "ada");
}

#[test]
fn a_link_leads_to_where_usersd_listens() {
    let cli = Cli::with_users();
    let ran = cli.run(&["admin-link", "ada"]);
    assert!(ran.out.starts_with("http://127.0.0.1:8080/") && ran.err.contains("--url"), "{ran:?}");
    cli.file("users.db.usersd", "https://127.0.0.1:34567\n");
    let ran = cli.run(&["admin-link", "ada"]);
    assert!(ran.out.starts_with("https://127.0.0.1:34567/admin/") && !ran.err.contains("--url"));
    cli.file("users.db.usersd", "no address\n");
    assert!(cli.run(&["admin-link", "ada"]).out.starts_with("http://127.0.0.1:8080/"));
}

#[test]
fn a_link_is_for_active_admins_only() {
    let cli = Cli::with_users();
    cli.fails(&["admin-link", "bob"], 4, "users promote");
    cli.ok(&["users", "promote", "bob"]);
    cli.ok(&["admin-link", "bob"]);
    cli.ok(&["users", "suspend", "bob"]);
    cli.fails(&["admin-link", "bob"], 4, "users activate");
    cli.fails(&["admin-link", "nobody"], 3, "users create nobody");
    cli.fails(&["admin-link", "ada", "--lifetime", "2d"], 2, "a second to a day");
    cli.fails(&["admin-link", "ada", "--url", "users.example"], 2, "--url");
    let long = Duration::days(1).num_hours().to_string() + "h";
    cli.ok(&["admin-link", "ada", "--lifetime", &long]);
}
