#![doc = include_str!("../README.md")]

mod cli;
mod commands;
mod confirm;
mod exit;
mod host;
mod import;
mod output;
mod progress;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::Cli;
use crate::host::Host;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = Host::new(&cli.global, &cli.command)
        .and_then(|host| host.run(commands::run(cli.command, &host)));
    exit::report(outcome)
}
