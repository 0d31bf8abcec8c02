//! Where the programs of Postgres are.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The oldest major version that will do.
const OLDEST: u32 = 15;

/// The folder of the newest installed server. Remembered once it was found: an installation may bring it
/// while this process runs.
pub(crate) fn find_server() -> Option<&'static Path> {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    remembered(&FOLDER, || newest_server(&Places::of_machine()))
}

/// `psql`, from the same places. Remembered once it was found.
pub(crate) fn find_psql() -> Option<&'static Path> {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    remembered(&PROGRAM, || find_program("psql"))
}

/// A program that comes with the server, such as `psql` or `pgbench`.
pub fn find_program(name: &str) -> Option<PathBuf> {
    let folders = find_server().map(Path::to_path_buf).into_iter().chain(path_folders());
    folders.map(|folder| folder.join(name)).find(|program| program.is_file())
}

fn remembered(
    known: &'static OnceLock<PathBuf>,
    find: impl FnOnce() -> Option<PathBuf>,
) -> Option<&'static Path> {
    match known.get() {
        Some(path) => Some(path),
        None => find().map(|path| known.get_or_init(|| path).as_path()),
    }
}

/// Where servers are looked for.
struct Places {
    /// Folders that hold a folder for each version, and where the programs lie in that one.
    versioned: Vec<(PathBuf, &'static str)>,
    path: Vec<PathBuf>,
}

impl Places {
    /// Debian and the distributions of the Postgres project keep each version in a folder of its own.
    fn of_machine() -> Self {
        let versioned =
            [("/usr/lib/postgresql", "bin"), ("/usr", "bin"), ("/opt/homebrew/opt", "bin")];
        Self {
            versioned: versioned.map(|(parent, inside)| (parent.into(), inside)).into(),
            path: path_folders().collect(),
        }
    }

    fn candidates(&self) -> impl Iterator<Item = PathBuf> {
        let versioned = self.versioned.iter().flat_map(|(parent, inside)| {
            let folders = fs::read_dir(parent).into_iter().flatten().flatten();
            folders.map(move |folder| folder.path().join(inside))
        });
        let linked = self.path.iter().filter_map(|folder| {
            let server = fs::canonicalize(folder.join("postgres")).ok()?;
            server.parent().map(Path::to_path_buf)
        });
        linked.chain(versioned).filter(|folder| {
            ["initdb", "postgres", "psql"].iter().all(|program| folder.join(program).is_file())
        })
    }
}

fn newest_server(places: &Places) -> Option<PathBuf> {
    let newest = places.candidates().filter_map(|folder| Some((version(&folder)?, folder)));
    newest.filter(|(version, _)| *version >= OLDEST).max().map(|(_, folder)| folder)
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
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn finds_what_is_installed() {
        let folder = find_server().expect("install postgresql");
        assert!(folder.join("initdb").is_file());
        assert!(find_psql().is_some());
    }

    #[test]
    fn finds_what_is_installed_while_it_runs() {
        static FOUND: OnceLock<PathBuf> = OnceLock::new();
        let packages = tempfile::tempdir().unwrap();
        let places = Places { versioned: vec![(packages.path().into(), "bin")], path: Vec::new() };
        let find = || remembered(&FOUND, || newest_server(&places));
        assert_eq!(find(), None);
        let folder = packages.path().join("15/bin");
        fs::create_dir_all(&folder).unwrap();
        for program in ["initdb", "postgres", "psql"] {
            let file = folder.join(program);
            fs::write(&file, "#!/bin/sh\necho 'postgres (PostgreSQL) 15.18'\n").unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        }
        assert_eq!(find(), Some(&*folder));
        drop(packages);
        assert_eq!(find(), Some(&*folder), "it is remembered");
    }
}
