//! The handle of a user.

use precis_core::{IdentifierClass, StringClass};
use unicode_normalization::UnicodeNormalization;
use uuid::Uuid;

use super::fold::{fold_case, folded_skeleton, ordinary_width, skeleton};
use super::text::{MAX_TEXT_CHARS, check_text};
use super::{direction, string_value};
use crate::{Result, UserError};

/// A handle: shown as it was typed, compared in its canonical form (RFC 8265, with full case folding).
///
/// ```
/// # use systemprompt_users_domain::UserName;
/// let name = UserName::parse("JÜRGEN")?;
/// assert_eq!(name.as_str(), "JÜRGEN");
/// assert_eq!(name.canonical(), "jürgen");
/// assert_eq!(name, UserName::parse("jürgen")?);
/// assert!(UserName::parse("two words").is_err());
/// assert!(UserName::parse("ada@example.com").is_err());
/// # Ok::<(), systemprompt_users_domain::UserError>(())
/// ```
#[derive(Debug, Clone)]
pub struct UserName {
    typed: Box<str>,
    /// `None` where it is the same as `typed`, which it mostly is.
    canonical: Option<Box<str>>,
}

impl UserName {
    /// Trims and checks a name that comes in.
    ///
    /// # Errors
    /// `Validation` of `name` when it is blank, longer than 255 characters, holds what the profile forbids (spaces, control
    /// characters, symbols that look like others), mixes directions of writing, or reads like an email, an id or a
    /// [reference](crate::UserRef).
    pub fn parse(text: &str) -> Result<Self> {
        let typed = check_text("name", text, MAX_TEXT_CHARS)?;
        check_is_no_reference(&typed)?;
        let name = Self::stored(&typed);
        if !typed.bytes().all(|byte| byte.is_ascii_graphic()) {
            let wide: String = ordinary_width(&typed).nfc().collect();
            check_characters(&wide)?;
            check_characters(name.canonical())?;
            if let Some(fault) = direction::fault(name.canonical()) {
                return Err(UserError::validation("name", fault));
            }
        }
        if name.canonical().chars().count() > MAX_TEXT_CHARS {
            let message = "must be at most 255 characters long, also where its case is folded";
            return Err(UserError::validation("name", message));
        }
        Ok(name)
    }

    /// Takes a name that is stored, or is looked for, as it is: names may be there that
    /// [`parse`](Self::parse) would not let in today.
    pub fn stored(text: &str) -> Self {
        let is_plain = text.is_ascii() && !text.bytes().any(|byte| byte.is_ascii_uppercase());
        let canonical = (!is_plain).then(|| fold_case(text)).filter(|folded| folded != text);
        Self { typed: text.into(), canonical: canonical.map(String::into_boxed_str) }
    }

    /// Reads a name to look somebody up by, who may have a name of before today's rules.
    ///
    /// # Errors
    /// `Validation` of `name` when it is blank, longer than 255 characters, or holds spaces or control
    /// characters: nobody's name does.
    pub fn to_find(text: &str) -> Result<Self> {
        let text = check_text("name", text, MAX_TEXT_CHARS)?;
        if text.contains(char::is_whitespace) {
            return Err(UserError::validation("name", "must be without spaces"));
        }
        Ok(Self::stored(&text))
    }

    /// The name as it was typed.
    pub fn as_str(&self) -> &str {
        &self.typed
    }

    /// The form in which names are unique and looked up.
    pub fn canonical(&self) -> &str {
        self.canonical.as_deref().unwrap_or(&self.typed)
    }

    /// Returns the name with the end of `id`, for a stored name that turned out to be another user's too.
    pub fn told_apart(&self, id: Uuid) -> String {
        let id = id.simple().to_string();
        let kept: String = self.typed.chars().take(MAX_TEXT_CHARS - 13).collect();
        format!("{kept}-{}", id.get(20..).unwrap_or_default())
    }

    /// Returns whether a reader may take this name for `other` (UTS 39), though they are two names.
    pub fn looks_like(&self, other: &Self) -> bool {
        self != other && self.looks().is_alike(&other.looks())
    }

    /// Returns what the name looks like, for comparing it with many.
    pub fn looks(&self) -> NameLooks {
        NameLooks {
            folded: folded_skeleton(&self.typed),
            plain: skeleton(&self.typed),
            capital: skeleton(&self.typed.to_uppercase()),
        }
    }
}

/// What a name looks like (UTS 39). Only for comparing; it is never shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameLooks {
    /// In small letters.
    pub folded: String,
    /// As it is typed.
    pub plain: String,
    /// In capital letters.
    pub capital: String,
}

impl NameLooks {
    /// Returns whether one may be taken for the other, in small letters or with capitals in one of them.
    pub fn is_alike(&self, other: &Self) -> bool {
        self.folded == other.folded || self.plain == other.capital || other.plain == self.capital
    }
}

/// What each reference may begin with.
const PREFIXES: [&str; 3] = ["id:", "email:", "name:"];

/// A name must not be taken for an email or an id, whatever width or form its characters are typed in.
fn check_is_no_reference(typed: &str) -> Result<()> {
    let plain: String = typed.nfkc().collect::<String>().to_lowercase();
    let refused = |message: &str| Err(UserError::validation("name", message));
    if plain.contains('@') {
        return refused("must not read like an email: expected a name without @");
    }
    if Uuid::try_parse(&plain).is_ok() {
        return refused("must not read like an id: expected a name that is not a UUID");
    }
    if PREFIXES.iter().any(|prefix| plain.starts_with(prefix)) {
        return refused("must not begin with id:, email: or name:, which say what a reference is");
    }
    Ok(())
}

fn check_characters(text: &str) -> Result<()> {
    IdentifierClass::default().allows(text).map_err(|error| {
        let message = match error {
            precis_core::Error::BadCodepoint(bad) => match char::from_u32(bad.cp) {
                Some(c) if c.is_whitespace() => {
                    "must be letters, digits and punctuation, without spaces".to_owned()
                }
                _ => format!(
                    "must be letters, marks, digits and ASCII punctuation: U+{:04X} is not allowed here",
                    bad.cp
                ),
            },
            _ => "must be letters, digits and punctuation, without spaces".to_owned(),
        };
        UserError::validation("name", message)
    })
}

impl PartialEq for UserName {
    /// Two names are the same when their canonical forms are.
    fn eq(&self, other: &Self) -> bool {
        self.canonical() == other.canonical()
    }
}

impl Eq for UserName {}

impl std::hash::Hash for UserName {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.canonical().hash(state);
    }
}

string_value!(UserName);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn width_case_and_accents_are_one_name() {
        let names = ["ángela", "ÁNGELA", "a\u{301}ngela", "ＡＮＧＥＬＡ"];
        let canonical: Vec<_> =
            names.map(|name| UserName::parse(name).unwrap().canonical().to_owned()).into();
        assert_eq!(canonical[0], canonical[1]);
        assert_eq!(canonical[0], canonical[2]);
        assert_eq!(canonical[3], "angela");
    }

    #[test]
    fn the_short_way_through_ascii_is_the_way_of_the_class() {
        for pair in (0..128u8).flat_map(|a| (0..128u8).map(move |b| [a, b])) {
            let text = str::from_utf8(&pair).unwrap();
            let is_allowed = IdentifierClass::default().allows(text).is_ok() && !text.contains('@');
            let name = UserName::parse(text).ok().filter(|name| name.as_str() == text);
            assert_eq!(name.is_some(), is_allowed, "{text:?}");
        }
    }

    #[test]
    fn names_of_every_script_come_in() {
        for good in [
            "ᏣᎳᎩ",
            "ދިވެހި",
            "مُحَمَّد",
            "שָׁלוֹם",
            "संपर्क",
            "γιώργος",
            "ΓΙΏΡΓΟΣ",
            "straße",
            "İbrahim",
            "ไทย",
            "திரு",
            "한국",
            "日本",
            "فاطمة۱۲",
        ] {
            let name = UserName::parse(good).unwrap_or_else(|error| panic!("{good}: {error}"));
            let again = UserName::parse(name.canonical()).unwrap();
            assert_eq!(again.canonical(), name.canonical(), "{good}");
        }
        let syllables: String = "한".repeat(255).nfd().collect();
        assert!(UserName::parse(&syllables).is_ok());
        let mixed = UserName::parse("فاطمة.x").unwrap_err();
        assert!(mixed.to_string().contains("right to left"), "{mixed}");
    }

    #[test]
    fn refuses_by_field() {
        for bad in ["", " ", "a b", "tab\there", "zero\u{200B}width", &"x".repeat(10_000)] {
            assert_eq!(UserName::parse(bad).unwrap_err().field(), Some("name"), "{bad:?}");
        }
    }

    #[test]
    fn what_reads_like_another_reference_is_no_new_name() {
        for bad in [
            "ceo@corp.example",
            "ceo＠corp.example",
            "ceo\u{FE6B}corp",
            "018F3C1E-7B1A-7C3D-9E2F-0123456789AB",
            "018f3c1e7b1a7c3d9e2f0123456789ab",
            "{018f3c1e-7b1a-7c3d-9e2f-0123456789ab}",
            "URN:UUID:018f3c1e-7b1a-7c3d-9e2f-0123456789ab",
            "０18f3c1e7b1a7c3d9e2f0123456789ab",
            "id:x",
            "Name:x",
            "email：x",
        ] {
            assert_eq!(UserName::parse(bad).unwrap_err().field(), Some("name"), "{bad:?}");
            assert_eq!(UserName::stored(bad).as_str(), bad);
        }
    }

    #[test]
    fn a_name_is_told_from_what_looks_like_it() {
        let admin = UserName::stored("admin");
        assert!(UserName::stored("аdmin").looks_like(&admin));
        assert!(UserName::stored("ADMlN").looks_like(&admin));
        assert!(UserName::stored("adrnin").looks_like(&admin));
        assert!(!UserName::stored("ADMIN").looks_like(&admin), "is the same name");
        assert!(!UserName::stored("anna").looks_like(&admin));
    }

    proptest! {
        #[test]
        fn a_canonical_form_is_a_name_of_its_own_form(text in "[\\p{L}\\p{M}\\p{Nd}._-]{1,8}") {
            if let Ok(name) = UserName::parse(&text) {
                let again = UserName::parse(name.canonical());
                prop_assert!(again.is_ok(), "{again:?}");
                let again = again.unwrap();
                prop_assert_eq!(again.canonical(), name.canonical());
            }
        }
    }
}
