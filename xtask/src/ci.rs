//! `ci`: what must hold beside the tests.

use std::time::{Duration, Instant};

use crate::process::{self, Outcome, cargo};
use crate::{sqlx, tidy};

type Step = (&'static str, fn() -> Outcome);

const STEPS: [Step; 6] = [
    ("formatting", formatting),
    ("lints", lints),
    ("documentation", documentation),
    ("dependencies", dependencies),
    ("tidy", tidy::run),
    ("SQL metadata", || sqlx::run(sqlx::Mode::Check)),
];

/// Runs every step, also when one has failed, and says at the end how each went.
pub(crate) fn run() -> Outcome {
    let mut results = Vec::new();
    for (name, step) in STEPS {
        println!("== {name}");
        let began = Instant::now();
        let outcome = step();
        let time = began.elapsed();
        println!("== {}\n", line(name, time, &outcome));
        results.push((name, time, outcome));
    }
    println!("summary");
    for (name, time, outcome) in &results {
        println!("  {}", line(name, *time, outcome));
    }
    match results.iter().filter(|(.., outcome)| outcome.is_err()).count() {
        0 => Ok(()),
        failed => Err(format!("ci: {failed} of {} steps failed", results.len())),
    }
}

fn line(name: &str, time: Duration, outcome: &Outcome) -> String {
    let seconds = time.as_secs_f64();
    match outcome {
        Ok(()) => format!("{name:<14} {seconds:>6.1} s  ok"),
        Err(message) => format!("{name:<14} {seconds:>6.1} s  FAILED: {message}"),
    }
}

fn formatting() -> Outcome {
    process::run(&mut cargo(["fmt", "--all", "--check"]))
}

fn lints() -> Outcome {
    let clippy = ["clippy", "--workspace", "--all-targets", "--all-features"];
    process::run(&mut cargo(clippy.iter().chain(&["--", "--deny", "warnings"])))
}

fn documentation() -> Outcome {
    let doc = ["doc", "--workspace", "--no-deps", "--all-features"];
    process::run(cargo(doc).env("RUSTDOCFLAGS", "--deny warnings"))
}

fn dependencies() -> Outcome {
    if !process::works(&mut cargo(["deny", "--version"])) {
        // Unoptimised, it is built sooner and still done in seconds.
        process::run(&mut cargo(["install", "cargo-deny", "--locked", "--debug"]))?;
    }
    let deny = ["deny", "--log-level", "error", "check"];
    process::run(&mut cargo(deny.iter().chain(&["bans", "licenses", "sources"])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_says_what_failed_and_how_long_it_took() {
        let time = Duration::from_millis(1500);
        assert_eq!(line("lints", time, &Ok(())), "lints             1.5 s  ok");
        let failed = line("lints", time, &Err("why".into()));
        assert_eq!(failed, "lints             1.5 s  FAILED: why");
    }
}
