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
        if !is_terminal {
            return Self { width: None, color: false };
        }
        let is_set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
        let is_dumb = env::var_os("TERM").is_none_or(|term| term == "dumb");
        let width = width().filter(|width| *width > 0).unwrap_or(DEFAULT_WIDTH);
        Self { width: Some(width), color: !is_set("NO_COLOR") && !is_dumb }
    }

    /// Whether it is a terminal at all.
    pub(crate) const fn is_terminal(&self) -> bool {
        self.width.is_some()
    }
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
    fn data_can_not_steer_a_terminal() {
        assert_eq!(printable("a\u{1b}[31mé\u{9b}"), "a\\u{1b}[31mé\\u{9b}");
    }
}
