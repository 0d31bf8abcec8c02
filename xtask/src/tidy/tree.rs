//! What depends on what, as `cargo tree` says.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::process::{Outcome, capture, cargo};

/// A crate of the workspace with the names of the crates that its manifest names.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) folder: PathBuf,
    pub(crate) normal: BTreeSet<String>,
    pub(crate) dev: BTreeSet<String>,
}

/// The crates of the workspace, with every feature and for every platform.
pub(crate) fn workspace() -> Outcome<Vec<Package>> {
    let direct = |edges: &str| {
        tree(&["--workspace", "--depth", "1", "--no-dedupe", "--edges", edges])
            .map(|lines| packages(&lines))
    };
    let mut all = direct("normal,build")?;
    for (package, with_dev) in all.iter_mut().zip(direct("dev")?) {
        if package.name != with_dev.name {
            return Err("cargo tree lists the workspace in two orders".to_owned());
        }
        package.dev = with_dev.normal;
    }
    Ok(all)
}

/// Everything that ends up in a program that links `package` alone, with every feature.
pub(crate) fn linked(package: &str) -> Outcome<BTreeSet<String>> {
    let lines = tree(&["--package", package, "--edges", "normal,build"])?;
    Ok(lines.lines().filter_map(entry).map(|entry| entry.name).collect())
}

fn tree(args: &[&str]) -> Outcome<String> {
    let fixed = ["--all-features", "--target", "all", "--prefix", "depth", "--format", " {p}"];
    capture(&mut cargo(["tree"].iter().chain(args).chain(&fixed)))
}

fn packages(lines: &str) -> Vec<Package> {
    let mut found: Vec<Package> = Vec::new();
    for entry in lines.lines().filter_map(entry) {
        if entry.depth == 0 {
            let (name, folder) = (entry.name, entry.folder);
            found.push(Package { name, folder, ..Package::default() });
        } else if let Some(package) = found.last_mut() {
            package.normal.insert(entry.name);
        }
    }
    found
}

struct Entry {
    depth: u32,
    name: String,
    folder: PathBuf,
}

/// Reads `1 serde v1.0.0` or `0 xtask v0.1.0 (/folder)`.
fn entry(line: &str) -> Option<Entry> {
    let (depth, rest) = line.split_once(' ')?;
    let (name, rest) = rest.split_once(' ')?;
    let folder = rest.split_once('(').and_then(|(_, folder)| folder.split_once(')'));
    Some(Entry {
        depth: depth.parse().ok()?,
        name: name.to_owned(),
        folder: folder.map(|(folder, _)| PathBuf::from(folder)).unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_roots_and_their_dependencies() {
        let lines = "0 a v0.1.0 (/w/a)\n1 serde v1.0.0 (proc-macro)\n1 b v0.1.0 (/w/b)\n\n0 b v0.1.0 (/w/b)\n";
        let found = packages(lines);
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].name, "a");
        assert_eq!(found[0].folder, PathBuf::from("/w/a"));
        assert_eq!(found[0].normal, ["b", "serde"].map(String::from).into());
        assert_eq!(found[1].name, "b");
        assert!(found[1].normal.is_empty());
    }
}
