//! `test`: every test of the workspace, with all that they need.

use crate::postgres::Server;
use crate::process::{self, Outcome, cargo};
use crate::setup;

/// Runs the tests and then the doctests, also when a test has failed; with arguments, only the tests that
/// they select.
pub(crate) fn run(args: &[&str]) -> Outcome {
    let server = Server::start()?;
    if args.is_empty() {
        setup::install_programs()?;
    }
    let tests = process::run(server.serve(&mut cargo(tests(args, has_nextest()))));
    if !args.is_empty() {
        return tests;
    }
    let doctests = ["test", "--workspace", "--all-features", "--doc", "--quiet"];
    let doctests = process::run(server.serve(&mut cargo(doctests)));
    match (tests, doctests) {
        (Err(tests), Err(doctests)) => Err(format!("{tests}\nxtask: {doctests}")),
        (tests, doctests) => tests.and(doctests),
    }
}

fn has_nextest() -> bool {
    process::works(&mut cargo(["nextest", "--version"]))
}

/// The arguments of cargo. Whoever names a package does not mean the whole workspace.
fn tests<'a>(args: &[&'a str], has_nextest: bool) -> Vec<&'a str> {
    let mut all: Vec<&str> = if has_nextest { vec!["nextest", "run"] } else { vec!["test"] };
    all.push("--all-features");
    let names_package = |arg: &&str| arg.starts_with("-p") || arg.starts_with("--package");
    if !args.iter().any(names_package) {
        all.push("--workspace");
    }
    if !has_nextest {
        all.extend(["--no-fail-fast", "--lib", "--bins", "--tests"]);
    }
    all.extend(args);
    all
}

#[cfg(test)]
mod tests {
    use super::tests;

    #[test]
    fn everything_is_the_default() {
        assert_eq!(tests(&[], true), ["nextest", "run", "--all-features", "--workspace"]);
        let cargo = ["test", "--all-features", "--workspace", "--no-fail-fast"];
        assert_eq!(tests(&[], false), [&cargo[..], &["--lib", "--bins", "--tests"]].concat());
    }

    #[test]
    fn a_package_takes_the_place_of_the_workspace() {
        let expected = ["nextest", "run", "--all-features", "-p", "xtask"];
        assert_eq!(tests(&["-p", "xtask"], true), expected);
    }

    #[test]
    fn a_filter_selects_from_the_workspace() {
        let expected = ["nextest", "run", "--all-features", "--workspace", "merge"];
        assert_eq!(tests(&["merge"], true), expected);
    }
}
