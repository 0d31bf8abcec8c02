//! `demo`: the main job on the embedded default, with the sample that ships here.

use std::fs;
use std::process::Command;

use crate::process::{self, Outcome, cargo, root, target};

/// What is done, in this order; each is a command that people can give themselves.
const STEPS: [&[&str]; 7] = [
    &["users", "import", "samples/users.csv"],
    &["bans", "import", "samples/bad-addresses.txt", "--source", "sample"],
    &["users", "list", "--limit", "10"],
    &["users", "search", "josé"],
    &["users", "stats"],
    &["bans", "list", "--limit", "10"],
    &["bans", "check", "::ffff:192.0.2.200", "203.0.113.9"],
];

/// Imports the sample into a new SQLite file and shows it. The file stays, to be played with.
pub(crate) fn run() -> Outcome {
    process::run(&mut cargo(["build", "--package", "systemprompt-usersctl"]))?;
    let program = target().join("debug/usersctl");
    let folder = target().join("demo");
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    }
    fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let database = format!("sqlite://{}", folder.join("users.db").display());
    for step in STEPS {
        println!("\n$ usersctl {}", step.join(" "));
        let mut command = Command::new(&program);
        command.args(step).env("USERS_DATABASE_URL", &database).current_dir(root());
        let status = command.status().map_err(|e| format!("{}: {e}", program.display()))?;
        if !status.success() {
            return Err(format!("usersctl {}: {status}", step.join(" ")));
        }
    }
    println!("\nGo on with it:\n  export USERS_DATABASE_URL={database}");
    println!("  {} --help", program.display());
    Ok(())
}
