//! `usersctl sessions ...` and `anonymous ...`

use crate::harness::Cli;

#[test]
fn what_is_not_there_is_said() {
    let cli = Cli::with_users();
    let unknown = "018f3c1e-7b1a-7c3d-9e2f-0123456789ab";
    cli.fails(&["sessions", "end", unknown], 3, "session `018f3c1e");
    cli.fails(&["sessions", "end", "no-id"], 2, "is not an id");
    cli.fails(&["sessions", "end-all", "bob", "--except", unknown, "--yes"], 3, "session");
    cli.fails(&["sessions", "end-all", "nobody", "--yes"], 3, "user `nobody`");
    assert_eq!(cli.json(&["sessions", "end-all", "bob", "--yes"])["count"], 0);
    assert_eq!(cli.items(&["sessions", "list", "bob", "--active"], "id"), Vec::<String>::new());
    assert_eq!(cli.items(&["sessions", "cleanup", "--yes"], "count"), ["0", "0"]);
}

#[test]
fn a_clean_up_of_visitors_needs_a_length_of_time() {
    let cli = Cli::with_users();
    assert_eq!(cli.json(&["anonymous", "cleanup", "--yes"])["count"], 0);
    cli.fails(&["anonymous", "cleanup", "--older-than", "0d", "--yes"], 2, "longer than zero");
    cli.fails(&["anonymous", "cleanup", "--older-than", "-1d", "--yes"], 2, "");
    assert_eq!(cli.items(&["anonymous", "list"], "id"), Vec::<String>::new());
}
