//! `bench`: the benchmarks, with a throw-away Postgres, and the table that they make.

mod report;

use std::io::{BufRead, BufReader};
use std::process::{ChildStdout, Stdio};

use crate::postgres::Server;
use crate::process::{Outcome, cargo, root};

/// The page that holds the table.
const PAGE: &str = "docs/performance.md";

/// Runs the benchmarks that the arguments select. A run of all of them renews the tables in [`PAGE`]; so does
/// `--tables FILE...`, from the kept output of a run that was made in parts.
pub(crate) fn run(args: &[&str]) -> Outcome {
    if let ["--tables", files @ ..] = args {
        return renew(&files.iter().map(read).collect::<Outcome<String>>()?);
    }
    let server = Server::start()?;
    let fixed = ["bench", "--package", "systemprompt-users-bench", "--"];
    let mut command = cargo(fixed.iter().chain(args));
    let failed = |e: std::io::Error| format!("cargo bench: {e}");
    let mut benches = server.serve(&mut command).stdout(Stdio::piped()).spawn().map_err(failed)?;
    let text = benches.stdout.take().map(shown_and_kept).transpose().map_err(failed)?;
    if !benches.wait().map_err(failed)?.success() {
        return Err("a benchmark failed".to_owned());
    }
    if args.is_empty() { renew(&text.unwrap_or_default()) } else { Ok(()) }
}

fn read(file: &&str) -> Outcome<String> {
    std::fs::read_to_string(file).map_err(|e| format!("{file}: {e}"))
}

fn shown_and_kept(output: ChildStdout) -> std::io::Result<String> {
    let mut kept = String::new();
    for line in BufReader::new(output).lines() {
        let line = line?;
        println!("{line}");
        kept.push_str(&line);
        kept.push('\n');
    }
    Ok(kept)
}

fn renew(text: &str) -> Outcome {
    let path = root().join(PAGE);
    let failed = |e: std::io::Error| format!("{PAGE}: {e}");
    let page = std::fs::read_to_string(&path).map_err(failed)?;
    let page = report::renewed(&page, &report::Medians::read(text))?;
    std::fs::write(&path, page).map_err(failed)?;
    println!("bench: {PAGE} is renewed");
    Ok(())
}
