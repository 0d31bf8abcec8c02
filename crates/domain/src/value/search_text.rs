//! What is searched for, folded as what it is looked for in.

use super::fold::fold_case;
use super::text::{MAX_TEXT_CHARS, check_text};
use crate::{Result, User, UserName};

/// A text to search users by, folded.
///
/// ```
/// # use systemprompt_users_domain::SearchText;
/// assert_eq!(SearchText::parse(" 100%_JOSÉ ")?.as_str(), "100%_josé");
/// assert!(SearchText::parse("  ").is_err());
/// # Ok::<(), systemprompt_users_domain::UserError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchText(String);

/// How well a user matches: what comes first is shown first.
///
/// Users with a field that starts with the text come first, by that field and then by id; an exact
/// match is the smallest of these, so it leads. Users that only hold the text somewhere follow by id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum SearchMatch {
    /// The smallest folded field that starts with the text.
    Prefix(String),
    /// A field holds the text, none starts with it.
    Substring,
}

impl SearchText {
    /// Trims, checks and folds.
    ///
    /// # Errors
    /// `Validation` of `query` when it is blank, longer than 255 characters or holds control characters.
    pub fn parse(text: &str) -> Result<Self> {
        Ok(Self(fold_case(&check_text("query", text, MAX_TEXT_CHARS)?)))
    }

    /// The folded text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The smallest text above all that start with this one, for a range scan over byte-ordered keys;
    /// `None` when there is no such text.
    pub fn prefix_end(&self) -> Option<String> {
        let mut chars: Vec<char> = self.0.chars().collect();
        while let Some(last) = chars.pop() {
            let next = (u32::from(last) + 1..=u32::from(char::MAX)).find_map(char::from_u32);
            if let Some(next) = next {
                chars.push(next);
                return Some(chars.into_iter().collect());
            }
        }
        None
    }

    /// Whether and how well `user` matches.
    pub fn rank(&self, user: &User) -> Option<SearchMatch> {
        let fields = search_fields(user);
        let prefix = fields.iter().filter(|field| field.starts_with(&self.0)).min();
        match prefix {
            Some(field) => Some(SearchMatch::Prefix(field.clone())),
            None => {
                fields.iter().any(|field| field.contains(&self.0)).then_some(SearchMatch::Substring)
            }
        }
    }
}

/// The folded fields that a search looks at: name, email, full name, display name.
pub fn search_fields(user: &User) -> Vec<String> {
    let name = Some(fold_case(UserName::as_str(&user.name)));
    let email = user.email.as_ref().map(|email| fold_case(email.as_str()));
    let full_name = user.full_name.as_ref().map(|name| fold_case(name.as_str()));
    let display_name = user.display_name.as_ref().map(|name| fold_case(name.as_str()));
    [name, email, full_name, display_name].into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prefix_range_ends_right_above() {
        assert_eq!(SearchText("ab".into()).prefix_end(), Some("ac".into()));
        assert_eq!(SearchText("a\u{10FFFF}".into()).prefix_end(), Some("b".into()));
        assert_eq!(SearchText("\u{D7FF}".into()).prefix_end(), Some("\u{E000}".into()));
        assert_eq!(SearchText("\u{10FFFF}".into()).prefix_end(), None);
    }
}
