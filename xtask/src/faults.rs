//! `faults`: what is killed, hangs, fills up and goes back, apart from the other tests because it takes its time.

use crate::process::{self, Outcome, cargo};
use crate::setup;

/// What the scenarios start and kill.
const PROGRAMS: [&str; 3] =
    ["systemprompt-usersctl", "systemprompt-usersd", "systemprompt-users-faults"];

/// Builds the programs, then runs the scenarios whose names hold the filter; each starts a Postgres of its own
/// where it needs one. They end themselves after ten minutes.
pub(crate) fn run(args: &[&str]) -> Outcome {
    setup::install_programs()?;
    let packages = PROGRAMS.iter().flat_map(|package| ["-p", package]);
    process::run(&mut cargo(["build", "--bins"].into_iter().chain(packages)))?;
    let faults = ["test", "-p", "systemprompt-users-faults", "--test", "faults", "--"];
    process::run(&mut cargo(faults.iter().chain(&["--test-threads=2"]).chain(args)))
}
