//! Where the programs of Postgres are.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The oldest major version that will do.
const OLDEST: u32 = 15;

/// The folder of the newest installed server. Looked for once.
pub(crate) fn find_server() -> Option<&'static Path> {
    static FOLDER: OnceLock<Option<PathBuf>> = OnceLock::new();
    FOLDER.get_or_init(newest_server).as_deref()
}

fn newest_server() -> Option<PathBuf> {
    let newest = candidates().filter_map(|folder| Some((version(&folder)?, folder)));
    newest.filter(|(version, _)| *version >= OLDEST).max().map(|(_, folder)| folder)
}

/// `psql`, from the same places. Looked for once.
pub(crate) fn find_psql() -> Option<&'static Path> {
    static PROGRAM: OnceLock<Option<PathBuf>> = OnceLock::new();
    PROGRAM.get_or_init(|| find_program("psql")).as_deref()
}

/// A program that comes with the server, such as `psql` or `pgbench`.
pub fn find_program(name: &str) -> Option<PathBuf> {
    let folders = find_server().map(Path::to_path_buf).into_iter().chain(path_folders());
    folders.map(|folder| folder.join(name)).find(|program| program.is_file())
}

fn candidates() -> impl Iterator<Item = PathBuf> {
    // Debian and the distributions of the Postgres project keep each version in a folder of its own.
    let versioned = [("/usr/lib/postgresql", "bin"), ("/usr", "bin"), ("/opt/homebrew/opt", "bin")]
        .into_iter()
        .flat_map(|(parent, inside)| {
            let folders = fs::read_dir(parent).into_iter().flatten().flatten();
            folders.map(move |folder| folder.path().join(inside))
        });
    let linked = path_folders().filter_map(|folder| {
        let server = fs::canonicalize(folder.join("postgres")).ok()?;
        server.parent().map(Path::to_path_buf)
    });
    linked.chain(versioned).filter(|folder| {
        ["initdb", "postgres", "psql"].iter().all(|program| folder.join(program).is_file())
    })
}

fn path_folders() -> impl Iterator<Item = PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).collect::<Vec<_>>().into_iter()
}

/// The major version of the server in `folder`: 15 of `postgres (PostgreSQL) 15.18 (Debian ...)`.
fn version(folder: &Path) -> Option<u32> {
    let output = Command::new(folder.join("postgres")).arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let number =
        text.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    number.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    #[test]
    fn finds_what_is_installed() {
        let folder = super::find_server().expect("install postgresql");
        assert!(folder.join("initdb").is_file());
        assert!(super::find_psql().is_some());
    }
}
