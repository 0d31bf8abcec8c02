//! `setup`: installs what the machine lacks. A C compiler is there already: without one, this program
//! would not have been linked.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::postgres::Server;
use crate::process::{self, Outcome};

/// Tells Debian's packages to make no cluster of their own.
const NO_CLUSTER: &str = "/etc/postgresql-common/createcluster.d/no-main-cluster.conf";

/// A program of the machine that tests start, by any of its places, and Debian's packages that bring it.
struct Program {
    what: &'static str,
    places: &'static [&'static str],
    packages: &'static [&'static str],
}

/// What the browser tests and the tests of the daemon start.
const PROGRAMS: [Program; 5] = [
    Program { what: "curl", places: &["/usr/bin/curl"], packages: &["curl"] },
    Program { what: "openssl", places: &["/usr/bin/openssl"], packages: &["openssl"] },
    Program { what: "Chromium", places: &["/usr/bin/chromium"], packages: &["chromium"] },
    Program {
        what: "ChromeDriver",
        places: &["/usr/bin/chromedriver"],
        packages: &["chromium-driver"],
    },
    Program {
        what: "nginx",
        places: &["/usr/sbin/nginx", "/usr/bin/nginx"],
        packages: &["nginx-light"],
    },
];

/// Installs what lacks, and proves that a throw-away Postgres starts.
pub(crate) fn run() -> Outcome {
    drop(Server::start()?);
    install_programs()?;
    println!("setup: a throw-away Postgres starts, the programs that tests start are there");
    Ok(())
}

/// Installs the programs that tests start and the machine lacks, or says what to do.
pub(crate) fn install_programs() -> Outcome {
    let lacking = PROGRAMS
        .iter()
        .filter(|program| !program.places.iter().any(|place| Path::new(place).exists()));
    let (names, packages): (Vec<&str>, Vec<&[&str]>) =
        lacking.map(|program| (program.what, program.packages)).unzip();
    if names.is_empty() {
        return Ok(());
    }
    let packages = packages.concat();
    if !may_install() {
        return Err(format!(
            "tests need {}: install it (Debian: `sudo apt-get install {}`)",
            names.join(", "),
            packages.join(" ")
        ));
    }
    install(&packages)
}

/// Installs Postgres from Debian's packages, or says what to do.
pub(crate) fn install_postgres() -> Outcome {
    if !may_install() {
        return Err("there is no Postgres 15 or newer: install its server (Debian: `sudo apt-get \
                    install postgresql`), or set TEST_POSTGRES_URL to one"
            .to_owned());
    }
    keep_from_making_a_cluster()?;
    install(&["postgresql", "postgresql-contrib"])
}

fn may_install() -> bool {
    let is_root = std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
    is_root && process::works(Command::new("apt-get").arg("--version"))
}

fn install(packages: &[&str]) -> Outcome {
    process::run(&mut apt_get(&["update"]))?;
    let install = ["install", "--yes", "--no-install-recommends"];
    process::run(&mut apt_get(&[&install[..], packages].concat()))
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
