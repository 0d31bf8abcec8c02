//! Source files: their size, their first line, and what must not be left in them.

use std::path::{Path, PathBuf};

use super::{Fault, read};
use crate::process::Outcome;

const MOST_LINES: usize = 400;

/// Marks of unfinished work and of lints that are silenced without a reason, so spelled that this file
/// may contain them.
const MARKS: [(&str, &str); 5] = [
    (concat!("TO", "DO"), "finish it, or open an issue"),
    (concat!("FIX", "ME"), "fix it, or open an issue"),
    (concat!("to", "do!"), "nothing is a stub"),
    (concat!("unimple", "mented!"), "nothing is a stub"),
    (concat!("[", "allow("), "say `expect`, with a reason"),
];

/// Checks each file that is code.
pub(super) fn check(files: &[PathBuf]) -> Outcome<Vec<Fault>> {
    let mut found = Vec::new();
    for path in files {
        let kind = path.extension().and_then(|kind| kind.to_str());
        if !matches!(kind, Some("rs" | "sql" | "toml")) {
            continue;
        }
        let text = read(path)?;
        found.extend(marks(path, &text));
        if kind == Some("rs") {
            found.extend(size(path, &text));
            found.extend(opening(path, &text));
        }
    }
    Ok(found)
}

/// A file that is too long to be read at once.
fn size(path: &Path, text: &str) -> Option<Fault> {
    let lines = text.lines().count();
    let what = format!("{lines} lines, {MOST_LINES} at most: split it");
    (lines > MOST_LINES).then(|| Fault::at(path, MOST_LINES + 1, &what))
}

/// A module that does not say at once what it is for.
fn opening(path: &Path, text: &str) -> Option<Fault> {
    let said = text.starts_with("//! ") || text.starts_with("#![doc = include_str!(");
    (!said).then(|| Fault::at(path, 1, "open with a `//!` line that says what the module is for"))
}

/// Marks of unfinished work.
fn marks(path: &Path, text: &str) -> Vec<Fault> {
    let mut found = Vec::new();
    for (index, line) in text.lines().enumerate() {
        for (mark, advice) in MARKS {
            if has_word(line, mark) {
                found.push(Fault::at(path, index + 1, &format!("`{mark}`: {advice}")));
            }
        }
    }
    found
}

/// Whether `line` has `mark`, but not inside a longer word.
fn has_word(line: &str, mark: &str) -> bool {
    let in_word = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(mark).any(|(at, _)| {
        let before = line.get(..at).and_then(|before| before.chars().next_back());
        let after = line.get(at + mark.len()..).and_then(|after| after.chars().next());
        let open = mark.ends_with(|c| !in_word(c));
        !before.is_some_and(in_word) && (open || !after.is_some_and(in_word))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "a.rs";

    #[test]
    fn a_file_may_have_400_lines_and_no_more() {
        assert_eq!(size(Path::new(PATH), &"x\n".repeat(400)), None);
        let found = size(Path::new(PATH), &"x\n".repeat(401));
        assert_eq!(found, Some(Fault("a.rs:401: 401 lines, 400 at most: split it".into())));
    }

    #[test]
    fn a_module_says_what_it_is_for() {
        assert_eq!(opening(Path::new(PATH), "//! What it is for.\nfn a() {}\n"), None);
        assert_eq!(opening(Path::new(PATH), "#![doc = include_str!(\"../README.md\")]\n"), None);
        assert!(opening(Path::new(PATH), "use a::b;\n").is_some());
        assert!(opening(Path::new(PATH), "").is_some());
    }

    #[test]
    fn marks_are_found_with_their_line() {
        for (mark, advice) in MARKS {
            let found = marks(Path::new(PATH), &format!("fn a() {{}}\n    // {mark} more\n"));
            assert_eq!(found, [Fault(format!("a.rs:2: `{mark}`: {advice}"))]);
        }
        assert_eq!(marks(Path::new(PATH), "#[expect(dead_code, reason = \"x\")]\n"), []);
    }

    #[test]
    fn a_mark_inside_a_word_is_none() {
        let [(mark, _), ..] = MARKS;
        assert!(has_word(&format!("// {mark}: x"), mark));
        assert!(has_word(mark, mark));
        assert!(!has_word(&format!("{mark}S"), mark));
        assert!(!has_word(&format!("A_{mark}"), mark));
    }
}
