//! Migrations: each number and name exists for both databases.

use std::collections::BTreeSet;
use std::path::Path;

use super::{Fault, files};
use crate::process::Outcome;

/// Checks the folders `postgres` and `sqlite` of `folder`.
pub(super) fn check(folder: &Path) -> Outcome<Vec<Fault>> {
    let [postgres, sqlite] = [folder.join("postgres"), folder.join("sqlite")];
    let [in_postgres, in_sqlite] = [names(&postgres)?, names(&sqlite)?];
    let mut found = lacking(&sqlite, &in_postgres, &in_sqlite);
    found.extend(lacking(&postgres, &in_sqlite, &in_postgres));
    found.extend(twice(&postgres, &in_postgres));
    found.extend(twice(&sqlite, &in_sqlite));
    if in_postgres.is_empty() {
        found.push(Fault::at(&postgres, 1, "there are no migrations"));
    }
    Ok(found)
}

/// Names that the other folder has and this one lacks.
fn lacking(folder: &Path, other: &BTreeSet<String>, here: &BTreeSet<String>) -> Vec<Fault> {
    let lacking = other.difference(here);
    lacking
        .map(|name| Fault::at(&folder.join(name), 1, "is missing; the other database has it"))
        .collect()
}

/// Numbers that two migrations have.
fn twice(folder: &Path, names: &BTreeSet<String>) -> Vec<Fault> {
    let number = |name: &str| name.split('_').next().unwrap_or_default().to_owned();
    let pairs = names.iter().zip(names.iter().skip(1));
    pairs
        .filter(|(a, b)| number(a) == number(b))
        .map(|(_, name)| Fault::at(&folder.join(name), 1, "its number is taken"))
        .collect()
}

fn names(folder: &Path) -> Outcome<BTreeSet<String>> {
    let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
    Ok(files(folder)?.iter().filter_map(|path| name(path)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_migration_that_one_database_lacks_is_found() {
        let (a, b) = (set(&["0001_users.sql", "0002_bans.sql"]), set(&["0001_users.sql"]));
        let what = "sqlite/0002_bans.sql:1: is missing; the other database has it";
        assert_eq!(lacking(Path::new("sqlite"), &a, &b), [Fault(what.to_owned())]);
        assert_eq!(lacking(Path::new("sqlite"), &b, &a), []);
    }

    #[test]
    fn a_number_that_is_taken_is_found() {
        let names = set(&["0001_users.sql", "0002_bans.sql", "0002_jobs.sql"]);
        let what = "sqlite/0002_jobs.sql:1: its number is taken";
        assert_eq!(twice(Path::new("sqlite"), &names), [Fault(what.to_owned())]);
    }
}
