//! Bounded text without control characters, and the fields that need no more than that.

use unicode_normalization::UnicodeNormalization;

use super::fold::is_invisible;
use super::string_value;
use crate::{Result, UserError};

/// The longest text of any field but the email, in characters.
pub const MAX_TEXT_CHARS: usize = 255;

/// Trims `text` and brings it into Unicode's composed form (NFC), so that one accent has one spelling.
///
/// # Errors
/// `Validation` of `field` when it is blank (also of invisible characters only), longer than `max` composed characters, or holds
/// a control character.
pub(crate) fn check_text(field: &'static str, text: &str, max: usize) -> Result<String> {
    let text = text.trim();
    // A composed character comes from 12 bytes at most (decomposed Hangul: 9): what is longer can't fit.
    if text.len() > max.saturating_mul(16) {
        return Err(too_long(field, max));
    }
    // ASCII is composed; whoever reads a stored row does this again, so it is to be quick.
    let clean: String = if text.is_ascii() { text.to_owned() } else { text.nfc().collect() };
    if clean.is_empty() {
        return Err(UserError::validation(field, "must not be blank"));
    }
    if clean.chars().count() > max {
        return Err(too_long(field, max));
    }
    if let Some(bad) = clean.chars().find(|c| is_forbidden(*c)) {
        let message = format!("must not hold the control character {}", bad.escape_unicode());
        return Err(UserError::validation(field, message));
    }
    if clean.chars().all(|c| c.is_whitespace() || is_invisible(c)) {
        let message = "must not be blank: it holds only characters that are not seen";
        return Err(UserError::validation(field, message));
    }
    Ok(clean)
}

/// A text that may be absent, trimmed and composed; a blank one is absent.
pub fn optional_text(
    field: &'static str,
    text: Option<&str>,
    max: usize,
) -> Result<Option<String>> {
    text.filter(|text| !text.trim().is_empty()).map(|text| check_text(field, text, max)).transpose()
}

/// Makes `text` fit to be kept, whoever wrote it: on one line, each control character replaced, cut to `max`
/// characters, trimmed. Blank text becomes empty.
pub(crate) fn clean_text(text: &str, max: usize) -> String {
    // A text of any length costs no more than what is kept of it.
    let kept = text.trim_start().chars().take(max).map(|c| match c {
        '\n' | '\r' | '\t' => ' ',
        c if is_forbidden(c) => char::REPLACEMENT_CHARACTER,
        c => c,
    });
    kept.collect::<String>().trim_end().to_owned()
}

fn too_long(field: &'static str, max: usize) -> UserError {
    UserError::validation(field, format!("must be at most {max} characters long"))
}

/// Control characters, and the invisible ones that reorder or break the text around them.
fn is_forbidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

macro_rules! plain_text {
    ($(#[$doc:meta])* $name:ident, $field:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Box<str>);

        impl $name {
            /// Trims and checks.
            ///
            /// # Errors
            #[doc = concat!("`Validation` of `", $field, "` when it is blank, longer than 255 characters or holds control characters.")]
            pub fn parse(text: &str) -> Result<Self> {
                Ok(Self(check_text($field, text, MAX_TEXT_CHARS)?.into()))
            }

            /// Takes a text that is stored as it is: texts may be there that [`parse`](Self::parse) would not let in today.
            pub fn stored(text: &str) -> Self {
                Self(text.into())
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        string_value!($name);
    };
}

plain_text! {
    /// A person's full name.
    FullName, "full_name"
}
plain_text! {
    /// The name that is shown to others.
    DisplayName, "display_name"
}
plain_text! {
    /// What a browser tells of itself, hashed by the host: a hint, never a proof.
    Fingerprint, "fingerprint"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accents_have_one_spelling() {
        let composed = FullName::parse("José").unwrap();
        let decomposed = FullName::parse(" Jose\u{301} ").unwrap();
        assert_eq!(composed, decomposed);
    }

    #[test]
    fn refuses_with_the_field_named() {
        for bad in
            ["", "   ", "a\u{0}b", "a\nb", "a\u{202E}b", &"x".repeat(256), &"x".repeat(10_000)]
        {
            let error = DisplayName::parse(bad).unwrap_err();
            assert_eq!(error.field(), Some("display_name"));
        }
        assert!(DisplayName::parse(&"é".repeat(255)).is_ok());
    }

    #[test]
    fn what_is_not_seen_is_blank() {
        for bad in [
            "\u{200B}",
            "\u{3164}",
            "\u{115F}\u{1160}",
            "\u{FFA0}",
            "\u{2800} \u{2800}",
            "\u{AD}",
            "\u{34F}",
            "\u{180E}",
            "\u{2060}",
            "\u{FE0F}",
            "\u{E0041}",
            "\u{200E}",
            "\u{FEFF}",
            "\u{61C}",
        ] {
            let error = FullName::parse(bad).unwrap_err();
            assert!(error.to_string().contains("blank"), "{bad:?}: {error}");
            assert!(optional_text("reason", Some(bad), 9).is_err(), "{bad:?}");
        }
        assert!(DisplayName::parse("👩\u{200D}🔬").is_ok());
    }

    #[test]
    fn length_is_counted_in_composed_characters() {
        let syllables: String = "한".repeat(255).nfd().collect();
        assert_eq!(FullName::parse(&syllables).unwrap().as_str(), "한".repeat(255));
        assert!(FullName::parse(&"한".repeat(256)).is_err());
    }
}
