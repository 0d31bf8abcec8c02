//! The one folding by which texts are compared without regard to case, and what a text looks like.

use caseless::Caseless;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::decompose_compatible;

/// Returns `text` without the differences of case, width and composition: full case folding (so `ß` is `ss` and every sigma
/// is `σ`), full-width and half-width forms as ordinary ones, composed (NFC). Accents count; folding again changes nothing.
///
/// Names and both sides of a search are compared in this form; the local parts of emails more narrowly.
///
/// ```
/// # use systemprompt_users_domain::fold_case;
/// assert_eq!(fold_case("ΓΙΏΡΓΟΣ"), fold_case("γιώργος"));
/// assert_eq!(fold_case("STRASSE"), fold_case("Straße"));
/// assert_eq!(fold_case("ＡＤＭＩＮ"), "admin");
/// ```
pub fn fold_case(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    // Decomposed before it is folded, as Unicode asks for: a iota below an accent folds, too.
    ordinary_width(text).nfd().default_case_fold().nfc().collect()
}

/// Returns the local part of an email without the differences of case: in small letters, with one sigma, composed
/// (NFC). Only what no mail server tells apart is made equal: `ß` is not `ss`, since these are two mailboxes.
pub(super) fn fold_local_part(text: &str) -> String {
    let small = text.nfc().flat_map(char::to_lowercase);
    small.map(|c| if c == 'ς' { 'σ' } else { c }).nfc().collect()
}

/// Returns `text` with each full-width or half-width character as the ordinary one.
pub(super) fn ordinary_width(text: &str) -> impl Iterator<Item = char> + '_ {
    text.chars().map(|c| {
        let mut ordinary = c;
        if matches!(c, '\u{FF01}'..='\u{FF9F}' | '\u{FFA1}'..='\u{FFDC}') {
            decompose_compatible(c, |only| ordinary = only);
        }
        ordinary
    })
}

/// Returns what `text` looks like: two texts that a reader may take for one another have the same skeleton (UTS 39).
/// It is compared with others only; it is never shown.
pub(super) fn skeleton(text: &str) -> String {
    let visible: String = text.chars().filter(|c| !is_invisible(*c)).collect();
    unicode_security::skeleton(&visible).collect()
}

/// Returns what `text` looks like in small letters.
pub(super) fn folded_skeleton(text: &str) -> String {
    // Folded between: what looks like a capital letter looks like the text with the small one.
    skeleton(&fold_case(&skeleton(&fold_case(text))))
}

/// Returns whether nothing is seen of `c`: default-ignorable characters, fillers and the blank of Braille.
pub(super) const fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}'
        | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}' | '\u{2800}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}'
        | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFB}' | '\u{16FE4}' | '\u{1BCA0}'..='\u{1BCA3}'
        | '\u{1D159}' | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_is_folded_in_every_script() {
        for (one, other) in [
            ("γιώργος", "ΓΙΏΡΓΟΣ"),
            ("ΝΊΚΟΣ", "νίκος"),
            ("straße", "STRASSE"),
            ("STRAẞE", "strasse"),
            ("ᏣᎳᎩ", "ꮳꮃꭹ"),
            ("ǅ", "ǆ"),
            ("ﬁn", "FIN"),
            ("İ", "i\u{307}"),
            ("ᾳ", "ΑΙ"),
            ("ｶﾞ", "ガ"),
        ] {
            assert_eq!(fold_case(one), fold_case(other), "{one} {other}");
        }
        assert_ne!(fold_case("jose"), fold_case("josé"));
    }

    #[test]
    fn what_looks_alike_has_one_skeleton() {
        for look in ["аdmin", "adrnin", "ad\u{200D}min", "ａｄｍｉｎ", "admın"] {
            assert_eq!(folded_skeleton(look), folded_skeleton("admin"), "{look}");
        }
        assert_eq!(folded_skeleton("b0b"), folded_skeleton("bOb"));
        assert_eq!(skeleton("a1"), skeleton("al"));
        assert_ne!(skeleton("admin"), skeleton("admit"));
    }

    proptest::proptest! {
        #[test]
        fn folding_again_changes_nothing(text: String) {
            let folded = fold_case(&text);
            proptest::prop_assert_eq!(fold_case(&folded), folded);
        }
    }
}
