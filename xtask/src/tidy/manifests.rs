//! Manifests: lints, metadata and versions come from the workspace.

use std::path::Path;

use super::tree::Package;
use super::{Fault, read};
use crate::process::Outcome;

const INHERITED: [&str; 5] = ["version", "edition", "rust-version", "license", "publish"];

/// Checks the manifest of each crate.
pub(super) fn check(packages: &[Package]) -> Outcome<Vec<Fault>> {
    let mut found = Vec::new();
    for package in packages {
        let path = package.folder.join("Cargo.toml");
        let text = read(&path)?;
        found.extend(lints(&path, &text));
        found.extend(metadata(&path, &text));
        found.extend(versions(&path, &text));
    }
    Ok(found)
}

/// `[lints] workspace = true`.
fn lints(path: &Path, text: &str) -> Option<Fault> {
    let found = entries(text).any(|entry| entry.table == "lints" && entry.is("workspace = true"));
    (!found).then(|| Fault::at(path, 1, "say `[lints] workspace = true`"))
}

/// `version.workspace = true` and the like.
fn metadata(path: &Path, text: &str) -> Vec<Fault> {
    let missing = INHERITED.into_iter().filter(|key| {
        !entries(text)
            .any(|entry| entry.table == "package" && entry.is(&format!("{key}.workspace = true")))
    });
    missing.map(|key| Fault::at(path, 1, &format!("say `{key}.workspace = true`"))).collect()
}

/// Dependencies that state a version or a source of their own.
fn versions(path: &Path, text: &str) -> Vec<Fault> {
    let own = entries(text).filter(|entry| {
        entry.table.ends_with("dependencies") && !entry.text.contains("workspace = true")
    });
    let mut found: Vec<Fault> = own
        .map(|entry| {
            let name = entry.text.split(['=', '.', ' ']).next().unwrap_or_default();
            let what = format!("{name}: its version belongs into the workspace's dependencies");
            Fault::at(path, entry.line, &what)
        })
        .collect();
    found.extend(entries(text).filter(|entry| entry.table.contains("dependencies.")).map(
        |entry| {
            Fault::at(path, entry.line, "state a dependency on one line, not as a table of its own")
        },
    ));
    found
}

/// One `key = value` with the table it stands in and the line it begins on.
struct Entry<'a> {
    table: &'a str,
    line: usize,
    text: &'a str,
}

impl Entry<'_> {
    fn is(&self, text: &str) -> bool {
        self.text == text
    }
}

/// The entries of a manifest. Lines that go on with a list belong to the entry before.
fn entries(text: &str) -> impl Iterator<Item = Entry<'_>> {
    let mut table = "";
    let mut open_lists = 0;
    text.lines().enumerate().filter_map(move |(index, line)| {
        let line = line.trim();
        let goes_on = open_lists > 0;
        if !goes_on && line.starts_with('[') {
            table = line.trim_matches(['[', ']']);
            return None;
        }
        open_lists += line.matches('[').count();
        open_lists -= line.matches(']').count().min(open_lists);
        let is_entry = !goes_on && !line.is_empty() && !line.starts_with('#');
        is_entry.then_some(Entry { table, line: index + 1, text: line })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "\
[package]
name = \"a\"
version.workspace = true
edition.workspace = true
rust-version.workspace = true
license.workspace = true
publish.workspace = true

[dependencies]
# Why it is here.
serde.workspace = true
sqlx = { workspace = true, features = [
    \"sqlite\",
] }

[target.'cfg(unix)'.dependencies]
libc.workspace = true

[lints]
workspace = true
";

    #[track_caller]
    fn check_text(text: &str, expected: &[&str]) {
        let path = Path::new("Cargo.toml");
        let mut found: Vec<Fault> = lints(path, text).into_iter().collect();
        found.extend(metadata(path, text));
        found.extend(versions(path, text));
        let expected: Vec<Fault> =
            expected.iter().map(|fault| Fault(format!("Cargo.toml:{fault}"))).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_manifest_that_inherits_all_is_in_order() {
        check_text(GOOD, &[]);
    }

    #[test]
    fn missing_lints_are_found() {
        let text = GOOD.replace("[lints]\nworkspace = true\n", "");
        check_text(&text, &["1: say `[lints] workspace = true`"]);
    }

    #[test]
    fn own_metadata_is_found() {
        let text = GOOD.replace("version.workspace = true\nedition", "version = \"1\"\nedition");
        check_text(&text, &["1: say `version.workspace = true`"]);
    }

    #[test]
    fn own_versions_are_found_with_their_line() {
        let what = "its version belongs into the workspace's dependencies";
        let text = GOOD.replace("serde.workspace = true", "serde = \"1\"");
        check_text(&text, &[&format!("11: serde: {what}")]);
        let text = GOOD.replace("libc.workspace = true", "libc = { version = \"1\" }");
        check_text(&text, &[&format!("17: libc: {what}")]);
    }

    #[test]
    fn a_dependency_as_a_table_is_found() {
        let text = format!("{GOOD}[dev-dependencies.csv]\nversion = \"1\"\n");
        check_text(&text, &["22: state a dependency on one line, not as a table of its own"]);
    }
}
