//! The arrows between crates: `domain <- application <- web <- hosts`, `domain <- storage-*`.

use std::collections::BTreeSet;

use super::tree::{self, Package};
use super::{Fault, read};
use crate::process::{Outcome, root};

const DOMAIN: &str = "systemprompt-users-domain";
const APPLICATION: &str = "systemprompt-users-application";
const IMPORT: &str = "systemprompt-users-import";
const SQL_ADAPTERS: [&str; 2] = ["systemprompt-users-sqlite", "systemprompt-users-postgres"];

/// Which crates of the workspace each crate may name. A crate outside `crates/` (tests, examples,
/// benchmarks) stands at the end of all arrows and may name any.
const ARROWS: [(&str, &[&str]); 14] = [
    (DOMAIN, &[]),
    (APPLICATION, &[DOMAIN]),
    ("systemprompt-users-memory", &[DOMAIN]),
    ("systemprompt-users-sqlite", &[DOMAIN]),
    ("systemprompt-users-postgres", &[DOMAIN]),
    ("systemprompt-users-contract", &[DOMAIN]),
    (
        "systemprompt-database",
        &[
            DOMAIN,
            "systemprompt-users-memory",
            "systemprompt-users-sqlite",
            "systemprompt-users-postgres",
        ],
    ),
    (IMPORT, &[DOMAIN, APPLICATION]),
    ("systemprompt-users-web", &[DOMAIN, APPLICATION, IMPORT]),
    (
        "systemprompt-users",
        &[DOMAIN, APPLICATION, "systemprompt-database", "systemprompt-users-web"],
    ),
    ("systemprompt-usersctl", &["systemprompt-users", "systemprompt-database", IMPORT]),
    (
        "systemprompt-usersd",
        &["systemprompt-users", "systemprompt-database", "systemprompt-users-web"],
    ),
    ("systemprompt-test-postgres", &[]),
    ("xtask", &["systemprompt-test-postgres"]),
];

/// What a program that links the crate alone must not contain.
const NEVER_LINKED: [(&str, &[&str]); 2] = [
    (DOMAIN, &["tokio", "sqlx", "sqlx-core", "axum", "hyper", "rand", "getrandom"]),
    (APPLICATION, &["sqlx", "sqlx-core", "axum", "hyper"]),
];

/// Who may name sqlx: the SQL adapters; and xtask, which applies migrations before the adapters that
/// need them compile.
const MAY_NAME_SQLX: [&str; 3] = [SQL_ADAPTERS[0], SQL_ADAPTERS[1], "xtask"];
/// Who may name sqlx in its tests alone.
const MAY_NAME_SQLX_IN_TESTS: [&str; 1] = ["systemprompt-users-bench"];

/// Checks the arrows of the workspace.
pub(super) fn check(packages: &[Package]) -> Outcome<Vec<Fault>> {
    let names: BTreeSet<&str> = packages.iter().map(|package| package.name.as_str()).collect();
    let mut found = Vec::new();
    for package in packages {
        let mut wrong = Vec::new();
        if package.folder.starts_with(root().join("crates")) || package.name == "xtask" {
            wrong.extend(arrows(package, &names));
        }
        wrong.extend(sqlx(package));
        for (_, never) in NEVER_LINKED.iter().filter(|(name, _)| *name == package.name) {
            wrong.extend(linked(&tree::linked(&package.name)?, never));
        }
        found.extend(placed(package, wrong)?);
    }
    Ok(found)
}

/// A name, and why the crate must not know it.
type Wrong = (String, String);

/// The crates of the workspace that `package` names and must not.
fn arrows(package: &Package, workspace: &BTreeSet<&str>) -> Vec<Wrong> {
    let Some((_, may)) = ARROWS.iter().find(|(name, _)| *name == package.name) else {
        let why = "no arrows are stated for this crate in xtask/src/tidy/arrows.rs".to_owned();
        return vec![(package.name.clone(), why)];
    };
    let named = package.normal.iter().map(String::as_str);
    let wrong = named.filter(|name| workspace.contains(name) && !may.contains(name));
    wrong
        .map(|name| (name.to_owned(), format!("{} must not depend on {name}", package.name)))
        .collect()
}

/// sqlx, where `package` names it and must not.
fn sqlx(package: &Package) -> Vec<Wrong> {
    let may = MAY_NAME_SQLX.contains(&package.name.as_str());
    let may_in_tests = may || MAY_NAME_SQLX_IN_TESTS.contains(&package.name.as_str());
    let normal = package.normal.iter().filter(|_| !may);
    let dev = package.dev.iter().filter(|_| !may_in_tests);
    normal
        .chain(dev)
        .filter(|name| name.starts_with("sqlx"))
        .map(|name| {
            (name.clone(), format!("only the SQL adapters name sqlx, not {}", package.name))
        })
        .collect()
}

/// What is linked, also through others, and must never be.
fn linked(linked: &BTreeSet<String>, never: &[&str]) -> Vec<Wrong> {
    let wrong = never.iter().filter(|name| linked.contains(**name));
    wrong
        .map(|name| {
            let why = format!("{name} is linked; `cargo tree --invert {name}` says by whom");
            ((*name).to_owned(), why)
        })
        .collect()
}

/// Points at the line of the manifest that says the name, or at its first.
fn placed(package: &Package, wrong: Vec<Wrong>) -> Outcome<Vec<Fault>> {
    if wrong.is_empty() {
        return Ok(Vec::new());
    }
    let manifest = package.folder.join("Cargo.toml");
    let text = read(&manifest)?;
    let fault = |(name, why): Wrong| {
        let line = text.lines().position(|line| line.starts_with(&name)).unwrap_or(0);
        Fault::at(&manifest, line + 1, &why)
    };
    Ok(wrong.into_iter().map(fault).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, normal: &[&str], dev: &[&str]) -> Package {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Package {
            name: name.to_owned(),
            normal: owned(normal),
            dev: owned(dev),
            ..Package::default()
        }
    }

    fn names(wrong: &[Wrong]) -> Vec<&str> {
        wrong.iter().map(|(name, _)| name.as_str()).collect()
    }

    #[test]
    fn the_stated_arrows_have_no_cycle() {
        let mut placed: Vec<&str> = Vec::new();
        while placed.len() < ARROWS.len() {
            let next = ARROWS.iter().find(|(name, may)| {
                !placed.contains(name) && may.iter().all(|name| placed.contains(name))
            });
            placed.push(next.expect("each crate stands before those that name it").0);
        }
    }

    #[test]
    fn an_arrow_against_the_direction_is_found() {
        let workspace = [DOMAIN, APPLICATION, SQL_ADAPTERS[0]].into();
        let found = arrows(&package(APPLICATION, &[DOMAIN, "serde"], &[]), &workspace);
        assert!(found.is_empty(), "{found:?}");
        let found = arrows(&package(APPLICATION, &[DOMAIN, SQL_ADAPTERS[0]], &[]), &workspace);
        assert_eq!(names(&found), [SQL_ADAPTERS[0]]);
    }

    #[test]
    fn a_crate_nobody_placed_is_found() {
        assert_eq!(names(&arrows(&package("new", &[], &[]), &["new"].into())), ["new"]);
    }

    #[test]
    fn tests_may_point_backwards() {
        let workspace = [DOMAIN, "systemprompt-users-memory"].into();
        let package = package(DOMAIN, &[], &["systemprompt-users-memory"]);
        assert!(arrows(&package, &workspace).is_empty());
    }

    #[test]
    fn only_the_sql_adapters_name_sqlx() {
        assert!(sqlx(&package(SQL_ADAPTERS[0], &["sqlx"], &["sqlx"])).is_empty());
        assert_eq!(names(&sqlx(&package(DOMAIN, &["sqlx"], &[]))), ["sqlx"]);
        assert_eq!(names(&sqlx(&package(DOMAIN, &["sqlx-core"], &[]))), ["sqlx-core"]);
        assert_eq!(names(&sqlx(&package(DOMAIN, &[], &["sqlx"]))), ["sqlx"]);
    }

    #[test]
    fn what_comes_through_others_is_found() {
        let all = ["serde", "tokio"].map(String::from).into();
        assert_eq!(names(&linked(&all, &["tokio", "rand"])), ["tokio"]);
    }
}
