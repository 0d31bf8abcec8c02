//! Reading the layers: the file, the environment, the flags.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use clap::{CommandFactory, Parser};

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

/// What the flags, the environment and the file say, in this order.
pub(super) fn settings(cli: Cli) -> Result<Settings, Failure> {
    refuse_unknown_variables(env::vars_os().filter_map(|(name, _)| name.into_string().ok()))?;
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

/// A variable that is misspelt would otherwise change nothing, in silence.
fn refuse_unknown_variables(names: impl Iterator<Item = String>) -> Result<(), Failure> {
    let command = Cli::command();
    let known: Vec<_> = command.get_arguments().filter_map(|argument| argument.get_env()).collect();
    for name in names.filter(|name| name.starts_with(MARK)) {
        if !known.iter().any(|known| **known == *name) {
            return Err(Failure::Config(format!("{name}: there is no such setting")));
        }
    }
    Ok(())
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
        let unknown = |name: &str| refuse_unknown_variables([name.to_owned()].into_iter());
        assert!(unknown("USERSD_LISTEN").is_ok() && unknown("USERS_DATABASE_URL").is_ok());
        let failure = unknown("USERSD_LISTN").unwrap_err();
        assert!(matches!(failure, Failure::Config(message) if message.contains("USERSD_LISTN")));
        let error = toml::from_str::<Settings>("listn = 1").unwrap_err();
        assert!(error.to_string().contains("listn"), "{error}");
    }
}
