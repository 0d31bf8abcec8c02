//! `usersctl sessions ...` and `anonymous ...`

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use systemprompt_users::{Clock, NewSession, SessionService, SystemClock, UserId, UserService};

use crate::harness::Cli;

/// So long ago it is.
struct Ago(Duration);

impl Clock for Ago {
    fn now(&self) -> DateTime<Utc> {
        SystemClock.now() - self.0
    }
}

/// Starts a session of a user that long ago, and answers with its id and token.
fn start(cli: &Cli, user: &str, ago: Duration) -> (String, String) {
    let id: UserId = cli.user(user, "id").parse().unwrap();
    cli.with_library(async |pool| {
        let sessions = SessionService::new(pool)?.with_clock(Arc::new(Ago(ago)));
        let agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
        let client = NewSession { user_agent: Some(agent.into()), ..NewSession::default() };
        let started = sessions.create(id, &client).await?;
        Ok((started.session.id.to_string(), started.token.reveal()))
    })
}

/// A visitor who was last seen that long ago.
fn visit(cli: &Cli, ago: Duration) -> String {
    cli.with_library(async |pool| {
        let users = UserService::new(pool)?.with_clock(Arc::new(Ago(ago)));
        Ok(users.create_anonymous(Some("a browser")).await?.user.id.to_string())
    })
}

#[test]
fn sessions_are_listed_and_ended() {
    let cli = Cli::with_users();
    let (first, token) = start(&cli, "bob", Duration::hours(2));
    let (second, _) = start(&cli, "bob", Duration::hours(1));
    let (third, _) = start(&cli, "eve", Duration::zero());
    let of = |args: &[&str]| cli.items(&[&["sessions", "list"], args].concat(), "id");
    assert_eq!(of(&[]), [third.clone(), second.clone(), first.clone()]);
    assert_eq!(of(&["bob", "--limit", "1"]), std::slice::from_ref(&second));
    assert_eq!(cli.items(&["users", "sessions", "bob", "--all"], "id").len(), 2);
    for format in ["table", "json", "jsonl", "csv"] {
        let out = cli.ok(&["sessions", "list", "-o", format]);
        assert!(out.contains(&first) && out.contains("Firefox") && !out.contains(&token), "{out}");
    }
    assert_eq!(cli.json(&["users", "activity", "bob"])["live_sessions"], 2);

    cli.ok(&["sessions", "end", &first]);
    assert_eq!(of(&["bob", "--active"]), std::slice::from_ref(&second));
    cli.fails(&["sessions", "end", &second, &third], 2, "--yes");
    assert_eq!(cli.json(&["sessions", "end", &second, &third, &first, "--yes"])["count"], 2);
    assert_eq!(of(&["--active"]), Vec::<String>::new());
    assert_eq!(cli.items(&["sessions", "list", "bob"], "end_reason"), ["revoked", "revoked"]);
}

#[test]
fn all_but_one_are_ended() {
    let cli = Cli::with_users();
    let ids: Vec<String> = (0..3).map(|n| start(&cli, "bob", Duration::minutes(n)).0).collect();
    let ran =
        cli.run(&["sessions", "end-all", "bob", "--except", &ids[1], "--dry-run", "-o", "csv"]);
    assert!(ran.out.contains(&ids[0]) && !ran.out.contains(&ids[1]), "{ran:?}");
    assert_eq!(cli.json(&["sessions", "end-all", "bob", "--except", &ids[1], "--yes"])["count"], 2);
    assert_eq!(cli.items(&["sessions", "list", "bob", "--active"], "id"), [ids[1].clone()]);
    cli.ok(&["users", "suspend", "bob"]);
    assert_eq!(cli.items(&["sessions", "list", "bob"], "state"), ["ended"; 3]);
}

#[test]
fn spent_sessions_are_cleaned_up_as_was_shown() {
    let cli = Cli::with_users();
    start(&cli, "bob", Duration::days(400));
    let live = start(&cli, "bob", Duration::zero()).0;
    let shown = cli.run(&["sessions", "cleanup", "--dry-run", "-o", "csv"]);
    assert_eq!(shown.out, "what,count\nmarked as ended,1\nremoved,0\n", "{shown:?}");
    let cleaned = cli.items(&["sessions", "cleanup", "--yes"], "count");
    assert_eq!(cleaned[0], "1", "{cleaned:?}");
    assert_eq!(cli.items(&["sessions", "list", "--active"], "id"), [live]);
}

#[test]
fn what_is_not_there_is_said() {
    let cli = Cli::with_users();
    let unknown = "018f3c1e-7b1a-7c3d-9e2f-0123456789ab";
    cli.fails(&["sessions", "end", unknown], 3, "session `018f3c1e");
    cli.fails(&["sessions", "end", "no-id"], 2, "is not an id");
    cli.fails(&["sessions", "end-all", "bob", "--except", unknown, "--yes"], 3, "session");
    cli.fails(&["sessions", "end-all", "nobody", "--yes"], 3, "user `nobody`");
    assert_eq!(cli.json(&["sessions", "end-all", "bob", "--yes"])["count"], 0);
}

#[test]
fn idle_visitors_are_shown_and_cleaned_up() {
    let cli = Cli::with_users();
    let old = visit(&cli, Duration::days(40));
    let young = visit(&cli, Duration::days(3));
    assert_eq!(cli.items(&["anonymous", "list"], "id"), [young.clone(), old.clone()]);
    assert_eq!(cli.json(&["users", "list", "--count"])["count"], 3, "they are no users");
    let shown = cli.run(&["anonymous", "cleanup", "--dry-run", "-o", "csv"]);
    assert!(shown.out.contains(&old) && !shown.out.contains(&young), "{shown:?}");
    assert_eq!(cli.json(&["anonymous", "cleanup", "--yes"])["count"], 1);
    assert_eq!(cli.items(&["anonymous", "list"], "id"), [young]);
    assert_eq!(cli.json(&["anonymous", "cleanup", "--older-than", "1d", "--yes"])["count"], 1);
    cli.fails(&["anonymous", "cleanup", "--older-than", "0d", "--yes"], 2, "longer than zero");
    cli.fails(&["anonymous", "cleanup", "--older-than=-1d", "--yes"], 2, "expected a duration");
}
