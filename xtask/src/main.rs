//! Set-up, tests, checks and benchmarks of the workspace: `cargo xtask <command>`.

mod bench;
mod ci;
mod demo;
mod faults;
mod postgres;
mod process;
mod setup;
mod sqlx;
mod test;
mod tidy;

use std::process::ExitCode;

use crate::process::Outcome;

const USAGE: &str = "\
Usage: cargo xtask <command>

  setup            install what the machine lacks (Postgres, Chromium, nginx)
  demo             import the sample into a new SQLite file and show it
  test [args]      set up, start a throw-away Postgres, run all tests and doctests;
                   with arguments for the test runner: only what they select, no doctests
  faults [filter]  kill, hang and fill up what the hosts stand on, and see that nothing is lost
  tidy             prove the architecture and the habits of the code
  sqlx [--check]   write the metadata that SQL is checked against, or check that it is up to date
  ci               formatting, lints, documentation, dependencies, tidy, SQL metadata
  bench [filter]   run the benchmarks, with a throw-away Postgres";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("xtask: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[&str]) -> Outcome {
    match args {
        [] | ["help" | "--help" | "-h", ..] => {
            println!("{USAGE}");
            Ok(())
        }
        ["setup"] => setup::run(),
        ["demo"] => demo::run(),
        ["test", rest @ ..] => test::run(rest),
        ["faults", rest @ ..] => faults::run(rest),
        ["tidy"] => tidy::run(),
        ["sqlx"] => sqlx::run(sqlx::Mode::Write),
        ["sqlx", "--check"] => sqlx::run(sqlx::Mode::Check),
        ["ci"] => ci::run(),
        ["bench", rest @ ..] => bench::run(rest),
        _ => Err(format!("unknown: {}\n\n{USAGE}", args.join(" "))),
    }
}
