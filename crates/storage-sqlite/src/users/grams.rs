//! The runs of characters by which text within a field is found (table `user_grams`).
//!
//! The index holds each run of one, two and three characters of a field, but for those at its start. A user
//! who holds a text within a field holds each of its runs, so the runs lead to all such users, and to some
//! others: who finds, compares.

use std::collections::BTreeSet;

/// Longest run of characters.
const MAX_RUN: usize = 3;

/// How many runs of a long text are asked for; more would hardly narrow the result.
const MAX_QUERY_RUNS: usize = 32;

/// The runs of anonymous users begin with this, so that the two kinds of users, of which either may be the
/// multitude, do not stand in each other's way.
const ANONYMOUS: char = '\u{E100}';

/// What the index holds of a user: tokens separated by spaces.
pub(crate) fn document(fields: &[String], anonymous: bool) -> String {
    let inner: Vec<Vec<char>> =
        fields.iter().map(|field| field.chars().skip(1).map(token_char).collect()).collect();
    let mut runs: Vec<&[char]> = Vec::new();
    for length in 1..=MAX_RUN {
        runs.extend(inner.iter().flat_map(|field| field.windows(length)));
    }
    // Each once, and beside those like it, where the index looks for them next.
    runs.sort_unstable();
    runs.dedup();
    let mut document = String::with_capacity(runs.len() * (2 * MAX_RUN + 1));
    for run in runs {
        if !document.is_empty() {
            document.push(' ');
        }
        document.extend(anonymous.then_some(ANONYMOUS));
        document.extend(run);
    }
    document
}

/// The question for users who hold all runs of `text`, in the language of FTS5.
pub(crate) fn question(text: &str, registered: bool, anonymous: bool) -> String {
    let chars: Vec<char> = text.chars().map(token_char).collect();
    let runs: BTreeSet<&[char]> = chars.windows(MAX_RUN.min(chars.len()).max(1)).collect();
    let of_kind = |anonymous: bool| {
        let tokens = runs.iter().take(MAX_QUERY_RUNS);
        let quoted: Vec<_> = tokens.map(|run| format!("\"{}\"", token(run, anonymous))).collect();
        format!("({})", quoted.join(" AND "))
    };
    let mut kinds = Vec::new();
    if registered {
        kinds.push(of_kind(false));
    }
    if anonymous {
        kinds.push(of_kind(true));
    }
    kinds.join(" OR ")
}

fn token(run: &[char], anonymous: bool) -> String {
    anonymous.then_some(ANONYMOUS).into_iter().chain(run.iter().copied()).collect()
}

/// A character as part of a token. To the tokenizer, ASCII that is no letter or digit separates, and
/// everything else is text: so `%`, `"` or a space goes by another name, in the private range.
fn token_char(c: char) -> char {
    match u8::try_from(c) {
        Ok(byte) if byte.is_ascii() && !byte.is_ascii_alphanumeric() => {
            char::from_u32(0xE000 + u32::from(byte)).unwrap_or(c)
        }
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_start_of_a_field_is_left_out() {
        assert_eq!(document(&["abcd".into()], false), "b bc bcd c cd d");
        assert_eq!(document(&["a".into(), "xy".into()], false), "y");
    }

    #[test]
    fn signs_and_operators_are_text() {
        let question = question("a\"%", true, false);
        assert_eq!(question, "(\"a\u{E022}\u{E025}\")");
        assert_eq!(document(&["xa\"%".into()], false).split(' ').count(), 6);
    }

    #[test]
    fn kinds_of_users_are_kept_apart() {
        assert_eq!(question("王", true, true), "(\"王\") OR (\"\u{E100}王\")");
        assert_eq!(document(&["a王".into()], true), "\u{E100}王");
    }

    #[test]
    fn a_long_text_asks_for_a_bounded_number_of_runs() {
        let long: String = ('\u{4E00}'..='\u{4F00}').collect();
        assert_eq!(question(&long, true, false).matches('"').count(), 2 * MAX_QUERY_RUNS);
    }
}
