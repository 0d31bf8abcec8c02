//! Reading the layers: the file, the environment, the flags.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process;

use clap::builder::Resettable;
use clap::{CommandFactory, FromArgMatches, Parser};
use systemprompt_users::redact_urls;

use super::Settings;
use crate::failure::Failure;

/// What all variables of this program begin with.
const MARK: &str = "USERSD_";

/// The daemon of systemprompt-users: HTTP API, admin pages, forward auth, jobs.
///
/// Each setting may stand in the file, as `max_body = 1024`, in the environment, as USERSD_MAX_BODY=1024, and
/// among the flags, as --max-body 1024; the later one wins.
#[derive(Debug, Parser)]
#[command(name = "usersd", version)]
pub(crate) struct Cli {
    /// A file of settings in TOML
    #[arg(long, env = "USERSD_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Print the settings in force, and end
    #[arg(long)]
    pub(crate) print_config: bool,
    /// Check the settings, and end
    #[arg(long)]
    pub(crate) check: bool,
    /// The same as --jobs=false
    #[arg(long, conflicts_with = "jobs")]
    pub(crate) no_jobs: bool,
    #[command(flatten)]
    pub(crate) settings: Settings,
}

impl Cli {
    /// Reads the arguments and the environment; ends the process where they make no sense, or when help was
    /// asked for.
    ///
    /// A variable that is empty says nothing, as is usual where variables can't be left out.
    pub(crate) fn read() -> Self {
        let is_empty = |name: &OsStr| env::var_os(name).is_some_and(|value| value.is_empty());
        let command = Self::command().mut_args(|argument| match argument.get_env() {
            Some(name) if is_empty(name) => argument.env(Resettable::Reset),
            _ => argument,
        });
        let read = command.try_get_matches().and_then(|found| Self::from_arg_matches(&found));
        read.unwrap_or_else(|error| match error.exit_code() {
            0 => error.exit(),
            code => {
                eprint!("{}", redact_urls(&error.render().to_string()));
                process::exit(code)
            }
        })
    }
}

/// What the flags, the environment and the file say, in this order.
pub(super) fn settings(cli: Cli) -> Result<Settings, Failure> {
    let variables = env::vars_os();
    refuse_unknown_variables(variables.filter_map(|(name, value)| {
        Some((name.into_string().ok()?, value.to_string_lossy().into_owned()))
    }))?;
    let mut said = cli.settings;
    if cli.no_jobs {
        said.jobs = Some(false);
    }
    match cli.config {
        Some(path) => Ok(said.or(read(&path)?)),
        None => Ok(said),
    }
}

fn read(path: &Path) -> Result<Settings, Failure> {
    let shown = path.display();
    let text = fs::read_to_string(path).map_err(|e| Failure::Config(format!("{shown}: {e}")))?;
    // The error shows the line and the key, and of a wrong value its kind.
    toml::from_str(&text).map_err(|error| Failure::Config(format!("{shown}: {error}")))
}

/// A variable that is misspelt would otherwise change nothing, in silence. One that is empty says nothing.
fn refuse_unknown_variables(
    variables: impl Iterator<Item = (String, String)>,
) -> Result<(), Failure> {
    let command = Cli::command();
    let known: Vec<_> = command.get_arguments().filter_map(|argument| argument.get_env()).collect();
    for (name, value) in variables.filter(|(name, _)| name.starts_with(MARK)) {
        let is_known = known.iter().any(|known| **known == *name);
        if !is_known && !value.is_empty() && !is_service_link(&name, &value) {
            return Err(Failure::Config(format!("{name}: there is no such setting")));
        }
    }
    Ok(())
}

/// Whether Kubernetes set the variable, and not a person: it tells each container where the services of its
/// namespace are, and one of them may be called `usersd`, or `usersd-` and something.
fn is_service_link(name: &str, value: &str) -> bool {
    let Some(rest) = name.strip_prefix(MARK) else { return false };
    let is_port = |text: &str| text.parse::<u16>().is_ok();
    let is_link = |text: &str| {
        let protocol = text.split_once("://").map(|(protocol, _)| protocol);
        protocol.is_some_and(|protocol| ["tcp", "udp", "sctp"].contains(&protocol))
    };
    let ends = |end: &str| rest == end || rest.ends_with(&format!("_{end}"));
    let is_named_port = || {
        let named = rest.split_once("SERVICE_PORT_");
        named.is_some_and(|(before, _)| before.is_empty() || before.ends_with('_'))
    };
    let is_part_of_port = || {
        ["_TCP", "_UDP", "_SCTP"].iter().any(|protocol| {
            let of_port = rest.rsplit_once(protocol);
            of_port.is_some_and(|(before, part)| {
                let port = before.rsplit_once("PORT_").map(|(_, port)| port);
                port.is_some_and(is_port) && ["", "_PROTO", "_PORT", "_ADDR"].contains(&part)
            })
        })
    };
    ends("SERVICE_HOST")
        || (ends("SERVICE_PORT") || is_named_port()) && is_port(value)
        || ends("PORT") && is_link(value)
        || is_part_of_port()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_later_layer_wins() {
        let file: Settings = toml::from_str("listen = '127.0.0.1:1'\nmax_body = 2000").unwrap();
        let flags = Cli::parse_from(["usersd", "--listen", "127.0.0.1:2", "--migrate"]).settings;
        let both = flags.or(file);
        assert_eq!(both.listen.unwrap().0.port(), 2);
        assert_eq!((both.max_body, both.migrate, both.jobs), (Some(2000), Some(true), None));
    }

    #[test]
    fn every_setting_has_a_variable_that_is_named_like_it() {
        let command = Cli::command();
        for argument in command.get_arguments().filter(|argument| argument.get_env().is_some()) {
            let name = format!("{MARK}{}", argument.get_id().as_str().to_uppercase());
            assert_eq!(argument.get_env().unwrap().to_str(), Some(&*name));
        }
        command.debug_assert();
    }

    #[test]
    fn what_is_misspelt_is_named() {
        let unknown =
            |name: &str| refuse_unknown_variables([(name.into(), "x".into())].into_iter());
        assert!(unknown("USERSD_LISTEN").is_ok() && unknown("USERS_DATABASE_URL").is_ok());
        let failure = unknown("USERSD_LISTN").unwrap_err();
        assert!(matches!(failure, Failure::Config(message) if message.contains("USERSD_LISTN")));
        let error = toml::from_str::<Settings>("listn = 1").unwrap_err();
        assert!(error.to_string().contains("listn"), "{error}");
    }

    #[test]
    fn what_kubernetes_sets_and_what_is_empty_is_passed_over() {
        let check = |(name, value): (&str, &str)| {
            refuse_unknown_variables([(name.into(), value.into())].into_iter())
        };
        for set in [
            ("USERSD_SERVICE_HOST", "10.0.0.1"),
            ("USERSD_SERVICE_PORT", "8080"),
            ("USERSD_SERVICE_PORT_HTTP", "8080"),
            ("USERSD_PORT", "tcp://10.0.0.1:8080"),
            ("USERSD_PORT_8080_TCP", "tcp://10.0.0.1:8080"),
            ("USERSD_PORT_8080_TCP_PROTO", "tcp"),
            ("USERSD_PORT_8080_TCP_PORT", "8080"),
            ("USERSD_PORT_53_UDP_ADDR", "10.0.0.1"),
            ("USERSD_ADMIN_PAGES_SERVICE_HOST", "10.0.0.1"),
            ("USERSD_ADMIN_PAGES_PORT", "tcp://10.0.0.1:80"),
            ("USERSD_ADMIN_PAGES_PORT_80_TCP_ADDR", "10.0.0.1"),
            ("USERSD_LISTN", ""),
        ] {
            assert!(check(set).is_ok(), "{set:?}");
        }
        for misspelt in [
            ("USERSD_PORT", "8080"),
            ("USERSD_SERVICE", "x"),
            ("USERSD_SERVICE_PORT", "x"),
            ("USERSD_PORT_X_TCP", "x"),
            ("USERSD_XSERVICE_HOST", "x"),
        ] {
            assert!(check(misspelt).is_err(), "{misspelt:?}");
        }
    }
}
