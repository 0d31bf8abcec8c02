//! Proves the architecture and the habits of the code, so that they cannot rot.

mod arrows;
mod manifests;
mod migrations;
mod sources;
mod tree;

use std::path::{Path, PathBuf};

use crate::process::{Outcome, root};

/// A fault: where it is and what it is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fault(String);

impl Fault {
    fn at(path: &Path, line: usize, what: &str) -> Self {
        let path = path.strip_prefix(root()).unwrap_or(path);
        Self(format!("{}:{line}: {what}", path.display()))
    }
}

/// Checks every rule and names each fault.
pub(crate) fn run() -> Outcome {
    let packages = tree::workspace()?;
    let mut faults = Vec::new();
    faults.extend(arrows::check(&packages)?);
    faults.extend(manifests::check(&packages)?);
    faults.extend(sources::check(&files(&root())?)?);
    faults.extend(migrations::check(&root().join("migrations"))?);
    for Fault(fault) in &faults {
        eprintln!("{fault}");
    }
    match faults.len() {
        0 => {
            println!("tidy: {} crates are in order", packages.len());
            Ok(())
        }
        1 => Err("tidy: 1 fault".to_owned()),
        n => Err(format!("tidy: {n} faults")),
    }
}

/// The files below a folder in order, but for hidden ones, build output and what links point to.
fn files(folder: &Path) -> Outcome<Vec<PathBuf>> {
    let failed = |e: std::io::Error| format!("{}: {e}", folder.display());
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name();
        let kind = entry.file_type().map_err(failed)?;
        if name.to_string_lossy().starts_with('.') || name == "target" {
            continue;
        }
        if kind.is_dir() {
            found.extend(files(&entry.path())?);
        } else if kind.is_file() {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

fn read(path: &Path) -> Outcome<String> {
    std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))
}
