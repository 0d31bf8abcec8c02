//! `sqlx`: the metadata that SQL is checked against when no database is there.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::Path;

use crate::postgres::Server;
use crate::process::{self, Outcome, cargo, root};

/// Whether the committed metadata is replaced or compared.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Write,
    Check,
}

/// An adapter whose SQL is checked, and the variable that its `sqlx.toml` names.
struct Adapter {
    package: &'static str,
    folder: &'static str,
    migrations: &'static str,
    url_variable: &'static str,
}

const SQLITE: Adapter = Adapter {
    package: "systemprompt-users-sqlite",
    folder: "crates/storage-sqlite",
    migrations: "migrations/sqlite",
    url_variable: "SQLITE_DATABASE_URL",
};

const POSTGRES: Adapter = Adapter {
    package: "systemprompt-users-postgres",
    folder: "crates/storage-postgres",
    migrations: "migrations/postgres",
    url_variable: "POSTGRES_DATABASE_URL",
};

/// Makes the metadata of both adapters from fresh databases and keeps it, or compares it.
pub(crate) fn run(mode: Mode) -> Outcome {
    let scratch = tempfile::tempdir().map_err(|e| format!("no scratch folder: {e}"))?;
    let scratch = scratch.path();
    let file = scratch.join("fresh.db");
    let sqlite = adapter(&SQLITE, &format!("sqlite://{}?mode=rwc", file.display()), scratch, mode);
    let server = Server::start()?;
    let database = server.cluster().create_database();
    sqlite.and(adapter(&POSTGRES, database.url(), scratch, mode))
}

fn adapter(adapter: &Adapter, url: &str, scratch: &Path, mode: Mode) -> Outcome {
    apply_migrations(adapter, url)?;
    let fresh = scratch.join(adapter.package);
    fs::create_dir(&fresh).map_err(|e| format!("{}: {e}", fresh.display()))?;
    describe(adapter, url, &fresh)?;
    let committed = root().join(adapter.folder).join(".sqlx");
    let fresh = contents(&fresh)?;
    match mode {
        Mode::Write => replace(&committed, &fresh)?,
        Mode::Check => compare(adapter, &contents(&committed)?, &fresh)?,
    }
    println!("sqlx: {} queries of {}", fresh.len(), adapter.package);
    Ok(())
}

/// Not by the adapter: it would not compile while it has queries that are new.
fn apply_migrations(adapter: &Adapter, url: &str) -> Outcome {
    let build = ["run", "--quiet", "--package", "xtask", "--features", "migrations"];
    let program = ["--bin", "apply-migrations", "--", url, adapter.migrations];
    process::run(&mut cargo(build.iter().chain(&program)))
}

/// Compiles the adapter against the database, which writes a file for each query.
fn describe(adapter: &Adapter, url: &str, into: &Path) -> Outcome {
    compile_again(&root().join(adapter.folder).join("src/lib.rs"), into)?;
    process::run(
        cargo(["check", "--package", adapter.package])
            .env(adapter.url_variable, url)
            .env("SQLX_OFFLINE_DIR", into)
            .env("SQLX_OFFLINE", "false"),
    )
}

/// Cargo does not know that the crate depends on a database, so the crate must look changed.
fn compile_again(source: &Path, scratch: &Path) -> Outcome {
    let touch = || -> io::Result<()> {
        let now = fs::metadata(scratch)?.modified()?;
        File::options().append(true).open(source)?.set_modified(now)
    };
    touch().map_err(|e| format!("{}: {e}", source.display()))
}

/// The files of a folder by name; none when there is no folder.
fn contents(folder: &Path) -> Outcome<BTreeMap<String, String>> {
    let list = || -> io::Result<_> {
        let mut files = BTreeMap::new();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            files.insert(name, fs::read_to_string(entry.path())?);
        }
        Ok(files)
    };
    match list() {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(BTreeMap::new()),
        result => result.map_err(|e| format!("{}: {e}", folder.display())),
    }
}

fn replace(folder: &Path, files: &BTreeMap<String, String>) -> Outcome {
    let write = || -> io::Result<()> {
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
        fs::create_dir(folder)?;
        files.iter().try_for_each(|(name, text)| fs::write(folder.join(name), text))
    };
    write().map_err(|e| format!("{}: {e}", folder.display()))
}

/// Names the files that differ.
fn compare(
    adapter: &Adapter,
    committed: &BTreeMap<String, String>,
    fresh: &BTreeMap<String, String>,
) -> Outcome {
    let differences = differences(committed, fresh);
    for difference in &differences {
        eprintln!("{}/.sqlx/{difference}", adapter.folder);
    }
    if differences.is_empty() {
        return Ok(());
    }
    Err(format!("the metadata of {} is out of date: run `cargo xtask sqlx`", adapter.package))
}

fn differences(
    committed: &BTreeMap<String, String>,
    fresh: &BTreeMap<String, String>,
) -> Vec<String> {
    let lacking = fresh.iter().filter_map(|(name, text)| match committed.get(name) {
        None => Some(format!("{name}: is missing")),
        Some(old) if old != text => Some(format!("{name}: is out of date")),
        Some(_) => None,
    });
    let stale = committed.keys().filter(|name| !fresh.contains_key(*name));
    lacking.chain(stale.map(|name| format!("{name}: no query needs it"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(files: &[(&str, &str)]) -> BTreeMap<String, String> {
        files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn every_difference_is_named() {
        let committed = files(&[("changed", "1"), ("same", "1"), ("stale", "1")]);
        let fresh = files(&[("changed", "2"), ("new", "1"), ("same", "1")]);
        let expected = ["changed: is out of date", "new: is missing", "stale: no query needs it"];
        assert_eq!(differences(&committed, &fresh), expected);
        assert!(differences(&fresh, &fresh).is_empty());
    }

    #[test]
    fn writing_leaves_no_stale_file() {
        let scratch = tempfile::tempdir().expect("a scratch folder");
        let folder = scratch.path().join("metadata");
        for written in [files(&[("a", "1"), ("b", "1")]), files(&[("b", "2")])] {
            replace(&folder, &written).expect("written");
            assert_eq!(contents(&folder).expect("read"), written);
        }
    }

    #[test]
    fn a_missing_folder_is_empty() {
        assert_eq!(contents(Path::new("/nowhere/at/all")), Ok(BTreeMap::new()));
    }
}
