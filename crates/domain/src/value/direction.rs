//! The rule for names that are written from right to left (RFC 5893, section 2).

use unicode_bidi::BidiClass::{self, AL, AN, BN, CS, EN, ES, ET, NSM, ON, R};
use unicode_bidi::bidi_class;

/// Returns why `name` would be shown in a confusing order, if it would be. Only names that hold a character of a script that
/// is written from right to left are asked about.
pub(super) fn fault(name: &str) -> Option<&'static str> {
    let classes = || name.chars().map(bidi_class);
    if !classes().any(|class| matches!(class, R | AL | AN)) {
        return None;
    }
    let is_allowed =
        |class: BidiClass| matches!(class, R | AL | AN | EN | ES | CS | ET | ON | BN | NSM);
    if !classes().all(is_allowed) {
        return Some("must not mix letters that are written from right to left with others");
    }
    if !classes().next().is_some_and(|class| matches!(class, R | AL)) {
        return Some("must begin with a letter where it is written from right to left");
    }
    // Marks belong to the letter before them.
    let last = classes().rev().find(|class| *class != NSM);
    if !last.is_some_and(|class| matches!(class, R | AL | EN | AN)) {
        return Some("must end with a letter or a digit where it is written from right to left");
    }
    if classes().any(|class| class == EN) && classes().any(|class| class == AN) {
        return Some("must not mix Arabic digits with European ones");
    }
    None
}
