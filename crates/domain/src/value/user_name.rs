//! The handle of a user.

use std::borrow::Cow;

use precis_core::profile::PrecisFastInvocation;
use precis_profiles::UsernameCaseMapped;

use super::string_value;
use super::text::{MAX_TEXT_CHARS, check_text};
use crate::{Result, UserError};

/// A handle: shown as it was typed, compared in its canonical form (RFC 8265 UsernameCaseMapped).
///
/// ```
/// # use systemprompt_users_domain::UserName;
/// let name = UserName::parse("JÜRGEN")?;
/// assert_eq!(name.as_str(), "JÜRGEN");
/// assert_eq!(name.canonical(), "jürgen");
/// assert_eq!(name, UserName::parse("jürgen")?);
/// assert!(UserName::parse("two words").is_err());
/// # Ok::<(), systemprompt_users_domain::UserError>(())
/// ```
#[derive(Debug, Clone)]
pub struct UserName {
    typed: Box<str>,
    /// `None` where it is the same as `typed`, which it mostly is.
    canonical: Option<Box<str>>,
}

impl UserName {
    /// Trims and checks.
    ///
    /// # Errors
    /// `Validation` of `name` when it is blank, longer than 255 characters, or holds what the profile
    /// forbids: spaces, control characters, symbols that look like others.
    pub fn parse(text: &str) -> Result<Self> {
        let typed = check_text("name", text, MAX_TEXT_CHARS)?;
        let canonical = canonical(&typed)?;
        if canonical.chars().count() > MAX_TEXT_CHARS {
            return Err(UserError::validation("name", "must be at most 255 characters long"));
        }
        let canonical = (canonical != typed).then(|| canonical.into_owned().into_boxed_str());
        Ok(Self { typed: typed.into(), canonical })
    }

    /// The name as it was typed.
    pub fn as_str(&self) -> &str {
        &self.typed
    }

    /// The form in which names are unique and looked up.
    pub fn canonical(&self) -> &str {
        self.canonical.as_deref().unwrap_or(&self.typed)
    }
}

/// The profile's form. Of ASCII it only makes small letters, but takes its time over it.
fn canonical(typed: &str) -> Result<Cow<'_, str>> {
    if typed.bytes().all(|byte| byte.is_ascii_graphic()) {
        let is_canonical = !typed.bytes().any(|byte| byte.is_ascii_uppercase());
        return Ok(if is_canonical { typed.into() } else { typed.to_ascii_lowercase().into() });
    }
    UsernameCaseMapped::enforce(typed).map_err(|_| {
        UserError::validation("name", "must be letters, digits and punctuation, without spaces")
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
    fn the_short_way_through_ascii_is_the_way_of_the_profile() {
        for pair in (0..128u8).flat_map(|a| (0..128u8).map(move |b| [a, b])) {
            let text = str::from_utf8(&pair).unwrap();
            let expected = UsernameCaseMapped::enforce(text).ok();
            let name = UserName::parse(text).ok().filter(|name| name.as_str() == text);
            assert_eq!(name.as_ref().map(UserName::canonical), expected.as_deref(), "{text:?}");
        }
    }

    #[test]
    fn refuses_by_field() {
        for bad in ["", " ", "a b", "tab\there", "zero\u{200B}width", &"x".repeat(10_000)] {
            assert_eq!(UserName::parse(bad).unwrap_err().field(), Some("name"), "{bad:?}");
        }
    }
}
