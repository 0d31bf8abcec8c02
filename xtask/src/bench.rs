//! `bench`: the benchmarks, with a throw-away Postgres.

use crate::postgres::Server;
use crate::process::{self, Outcome, cargo};

/// Runs the benchmarks that the arguments select.
pub(crate) fn run(args: &[&str]) -> Outcome {
    let server = Server::start()?;
    let fixed = ["bench", "--package", "systemprompt-users-bench", "--"];
    process::run(server.serve(&mut cargo(fixed.iter().chain(args))))
}
