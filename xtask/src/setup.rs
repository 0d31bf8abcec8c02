//! `setup`: installs what the machine lacks. A C compiler is there already: without one, this program
//! would not have been linked.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::postgres::Server;
use crate::process::{self, Outcome};

/// Tells Debian's packages to make no cluster of their own.
const NO_CLUSTER: &str = "/etc/postgresql-common/createcluster.d/no-main-cluster.conf";

/// Installs what lacks, and proves that a throw-away Postgres starts.
pub(crate) fn run() -> Outcome {
    drop(Server::start()?);
    println!("setup: a throw-away Postgres starts; nothing else is needed");
    Ok(())
}

/// Installs Postgres from Debian's packages, or says what to do.
pub(crate) fn install_postgres() -> Outcome {
    let is_root = std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
    if !is_root || !process::works(Command::new("apt-get").arg("--version")) {
        return Err("there is no Postgres 15 or newer: install its server (Debian: `sudo apt-get \
                    install postgresql`), or set TEST_POSTGRES_URL to one"
            .to_owned());
    }
    keep_from_making_a_cluster()?;
    process::run(&mut apt_get(&["update"]))?;
    let install =
        ["install", "--yes", "--no-install-recommends", "postgresql", "postgresql-contrib"];
    process::run(&mut apt_get(&install))
}

fn keep_from_making_a_cluster() -> Outcome {
    let path = Path::new(NO_CLUSTER);
    if path.exists() {
        return Ok(());
    }
    let folder = path.parent().unwrap_or(path);
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(path, "create_main_cluster = false\n"))
        .map_err(|e| format!("{NO_CLUSTER}: {e}"))
}

fn apt_get(args: &[&str]) -> Command {
    let mut command = Command::new("apt-get");
    command.args(args).env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null());
    command
}
