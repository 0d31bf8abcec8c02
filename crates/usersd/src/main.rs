#![doc = include_str!("../README.md")]

mod config;
mod connections;
mod failure;
mod first_start;
mod host;
mod logs;
mod routes;
mod serve;
mod signals;
mod tls;
#[cfg(feature = "otlp")]
mod traces;
mod whereabouts;

use std::process::ExitCode;

use crate::config::{Cli, Config};
use crate::failure::Failure;

fn main() -> ExitCode {
    match run(Cli::read()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn run(cli: Cli) -> Result<(), Failure> {
    let asked = (cli.print_config, cli.check);
    let config = Config::load(cli)?;
    match asked {
        (true, _) => println!("{}", config.print()?),
        (false, true) => {
            config.tls.as_ref().map(tls::load).transpose()?;
            println!("usersd: the configuration is fine");
        }
        (false, false) => return host::run(config),
    }
    Ok(())
}
