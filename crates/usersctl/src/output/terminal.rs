//! What a stream is: a terminal of some width, with or without colours, or something else.

use std::env;
use std::io::{self, IsTerminal};

use comfy_table::Table;

/// A stream that people or programs read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Terminal {
    /// How wide it is; `None` when it is no terminal, and nothing need fit.
    pub(crate) width: Option<u16>,
    /// Whether colours are shown.
    pub(crate) color: bool,
}

/// What is assumed of a terminal that does not tell.
const DEFAULT_WIDTH: u16 = 80;

impl Terminal {
    pub(crate) fn stdout() -> Self {
        Self::of(io::stdout().is_terminal(), || Table::new().width())
    }

    pub(crate) fn stderr() -> Self {
        Self::of(io::stderr().is_terminal(), || Table::new().use_stderr().width())
    }

    fn of(is_terminal: bool, width: impl Fn() -> Option<u16>) -> Self {
        let color = is_coloured(is_terminal, |name| env::var(name).ok());
        let width = || width().filter(|width| *width > 0).unwrap_or(DEFAULT_WIDTH);
        Self { width: is_terminal.then(width), color }
    }

    /// Whether it is a terminal at all.
    pub(crate) const fn is_terminal(&self) -> bool {
        self.width.is_some()
    }
}

/// Whether to show colours: by `NO_COLOR`, `CLICOLOR_FORCE`, `CLICOLOR` and `TERM`, the first of them that says
/// something; otherwise on a terminal.
fn is_coloured(is_terminal: bool, variable: impl Fn(&str) -> Option<String>) -> bool {
    let said = |name: &str| variable(name).filter(|value| !value.is_empty());
    if said("NO_COLOR").is_some() {
        return false;
    }
    if said("CLICOLOR_FORCE").is_some_and(|value| value != "0") {
        return true;
    }
    is_terminal
        && said("CLICOLOR").is_none_or(|value| value != "0")
        && said("TERM").is_some_and(|term| term != "dumb")
}

/// Text with everything visible, so that data can't steer a terminal.
pub(crate) fn printable(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() && c != '\n' {
            clean.extend(c.escape_default());
        } else {
            clean.push(c);
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_for_terminals_and_for_whoever_wants_them() {
        let is = |is_terminal, variables: &[(&str, &str)]| {
            is_coloured(is_terminal, |name| {
                let set = variables.iter().find(|(known, _)| *known == name);
                set.map(|(_, value)| (*value).to_owned())
            })
        };
        let term = ("TERM", "xterm");
        assert!(is(true, &[term]) && is(true, &[term, ("NO_COLOR", ""), ("CLICOLOR", "1")]));
        assert!(!is(false, &[term]) && !is(true, &[]) && !is(true, &[("TERM", "dumb")]));
        assert!(!is(true, &[term, ("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")]));
        assert!(!is(true, &[term, ("CLICOLOR", "0")]));
        assert!(is(false, &[("CLICOLOR_FORCE", "1")]) && !is(false, &[("CLICOLOR_FORCE", "0")]));
    }

    #[test]
    fn data_can_not_steer_a_terminal() {
        assert_eq!(printable("a\u{1b}[31mé\u{9b}"), "a\\u{1b}[31mé\\u{9b}");
    }
}
