//! Runs of characters: what a text and a field that holds it have in common.

/// Longest run of characters.
const MAX_RUN: usize = 3;

/// How many runs of a long text are asked for; more would hardly narrow the result.
const MAX_QUERY_RUNS: usize = 32;

/// Calls `each` with every run of one, two and three characters of a field, but for those at its start:
/// what begins with a text is found by another index.
pub(super) fn each_gram(field: &str, mut each: impl FnMut(u32)) {
    let (mut first, mut second) = (None, None);
    for third in field.chars().skip(1) {
        each(gram([None, None, Some(third)]));
        if second.is_some() {
            each(gram([None, second, Some(third)]));
        }
        if first.is_some() {
            each(gram([first, second, Some(third)]));
        }
        (first, second) = (second, Some(third));
    }
}

/// The runs, all of them in the index, that a field has which holds `text` after its start.
pub(super) fn grams_of(text: &str) -> Vec<u32> {
    let mut chars = text.chars().map(Some).collect::<Vec<_>>();
    while chars.len() < MAX_RUN {
        chars.insert(0, None);
    }
    let runs = chars.windows(MAX_RUN).filter_map(|run| run.try_into().ok());
    let mut grams: Vec<u32> = runs.map(gram).collect();
    grams.sort_unstable();
    grams.dedup();
    grams.truncate(MAX_QUERY_RUNS);
    grams
}

/// A run as a number. Two runs may share one: who finds by it, compares.
fn gram(run: [Option<char>; MAX_RUN]) -> u32 {
    let packed = run.into_iter().fold(0, |packed, c| packed << 21 | u64::from(c.unwrap_or('\0')));
    (packed.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(field: &str, text: &str, found: bool) {
        let mut held = Vec::new();
        each_gram(field, |gram| held.push(gram));
        let all = grams_of(text).iter().all(|gram| held.contains(gram));
        assert_eq!(all, found, "{text:?} in {field:?}");
    }

    #[test]
    fn what_a_field_holds_after_its_start_has_all_its_runs_there() {
        for text in ["b", "c", "d", "bc", "cd", "bcd"] {
            check("abcd", text, true);
        }
        for text in ["a", "ab", "abc", "abcd", "x", "bd", "dc", "bcde", "db"] {
            check("abcd", text, false);
        }
        check("x王芳\u{10FFFF}", "王芳\u{10FFFF}", true);
        check("王芳", "王", false);
        check("a", "a", false);
        check("", "a", false);
    }

    #[test]
    fn the_place_of_a_run_does_not_matter_and_its_length_does() {
        check("xaab", "aa", true);
        check("xab", "aa", false);
        check("xabc_bcd", "abcd", true);
    }

    #[test]
    fn a_long_text_asks_for_a_bounded_number_of_runs() {
        let long: String = ('\u{4E00}'..='\u{4F00}').collect();
        assert_eq!(grams_of(&long).len(), MAX_QUERY_RUNS);
        check(&format!("x{long}"), &long, true);
        assert_eq!(grams_of("aaaaaaaa").len(), 1);
    }
}
