//! Cells of CSV that a spreadsheet would take for a formula, and how they are written so that none does.
//!
//! The rule, in one sentence: a text whose first character behind blanks, quotes and apostrophes is one of
//! `= + - @`, their fullwidth or small forms, a tab or a line break gets an apostrophe in front; and an import
//! takes one apostrophe away from a cell that has such a text behind it. Any text comes back as it was.

use std::borrow::Cow;

/// The text as it is written to a cell.
pub fn escape_cell(text: &str) -> Cow<'_, str> {
    if is_formula(text) { Cow::Owned(format!("'{text}")) } else { Cow::Borrowed(text) }
}

/// The text that a cell was written for.
pub fn unescape_cell(cell: &str) -> &str {
    cell.strip_prefix('\'').filter(|text| is_formula(text)).unwrap_or(cell)
}

/// Whether a spreadsheet might run it. An apostrophe is looked past: otherwise a text that begins with one could not
/// be told from one that was escaped.
fn is_formula(text: &str) -> bool {
    // Most cells begin with a letter or a digit.
    let first = text.chars().find(|c| !is_passed_over(*c));
    first.is_some_and(|c| {
        matches!(c, '=' | '+' | '-' | '@' | '\t' | '\r' | '\n')
            || matches!(c, '＝' | '＋' | '－' | '＠' | '﹢' | '﹣' | '﹦' | '﹫' | '−')
    })
}

/// Blanks, quotes, and what is not seen.
fn is_passed_over(c: char) -> bool {
    let is_break = matches!(c, '\t' | '\r' | '\n');
    let is_unseen = matches!(c, '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{2060}' | '\u{FEFF}');
    matches!(c, '\'' | '"' | '`' | '‘' | '’' | '“' | '”')
        || is_unseen
        || (!is_break && (c.is_whitespace() || c.is_control()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Texts of these pieces hold every order of what matters.
    const PIECES: [&str; 16] = [
        "=", "+", "-", "@", "\t", "\r", "＝", "﹫", "'", "\"", " ", "\u{a0}", "\u{feff}", "a", "1",
        ",",
    ];

    fn texts() -> impl Iterator<Item = String> {
        let count = PIECES.len();
        (0..count.pow(4)).map(move |number| {
            let pieces = [number, number / count, number / count.pow(2), number / count.pow(3)];
            pieces.iter().map(|piece| PIECES[piece % count]).collect()
        })
    }

    #[test]
    fn every_text_comes_back_as_it_was() {
        for text in texts() {
            for text in [text.as_str(), text.get(1..).unwrap_or_default()] {
                let cell = escape_cell(text);
                assert_eq!(unescape_cell(&cell), text, "{text:?}");
                assert!(
                    !cell.starts_with(['=', '+', '-', '@', '\t', '\r', '＝', '﹫']),
                    "{cell:?}"
                );
            }
        }
    }

    #[test]
    fn what_would_run_gets_an_apostrophe() {
        for text in [
            "=1+1", "+49 30 1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1", " =1", "\"=1\"", "'=1",
            "\u{a0}=1", "''@x",
        ] {
            assert_eq!(escape_cell(text), format!("'{text}"));
        }
        for text in ["", "ada", "a=1", "'ada'", "O'Neil", "ada@example.com", "1-2", "\"quoted\""] {
            assert_eq!(escape_cell(text), text);
            assert_eq!(unescape_cell(text), text);
        }
    }
}
