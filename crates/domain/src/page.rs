//! Keyset pages: the cost of a page never depends on how deep it lies.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::moment::whole_micros;
use crate::paged_list::PagedList;
use crate::{Result, UserError};

/// The largest page there is.
pub const MAX_PAGE_LIMIT: u16 = 1000;

/// How many items a page holds at the most: 1 to [`MAX_PAGE_LIMIT`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PageLimit(u16);

impl PageLimit {
    /// The largest page.
    pub const MAX: Self = Self(MAX_PAGE_LIMIT);

    /// Checks a limit; it is never silently cut.
    ///
    /// # Errors
    /// `Validation` of `limit` outside of `1..=1000`.
    pub fn new(limit: i64) -> Result<Self> {
        u16::try_from(limit)
            .ok()
            .filter(|limit| (1..=MAX_PAGE_LIMIT).contains(limit))
            .map(Self)
            .ok_or_else(|| {
                UserError::validation(
                    "limit",
                    format!("expected 1 to {MAX_PAGE_LIMIT}, got {limit}"),
                )
            })
    }

    /// The number.
    pub const fn get(self) -> u16 {
        self.0
    }
}

impl Default for PageLimit {
    /// 50.
    fn default() -> Self {
        Self(50)
    }
}

/// Which page is wanted: at most `limit` items behind `after`.
///
/// ```
/// # use systemprompt_users_domain::PageRequest;
/// let page = PageRequest::new(100)?;
/// assert!(page.after.is_none());
/// assert!(PageRequest::new(0).is_err());
/// assert!(PageRequest::new(1_000_000).is_err());
/// # Ok::<(), systemprompt_users_domain::UserError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PageRequest {
    /// The last item of the page before, as [`Page::next`] gave it.
    pub after: Option<Cursor>,
    /// How many items at the most.
    pub limit: PageLimit,
}

impl PageRequest {
    /// The first page.
    ///
    /// # Errors
    /// As for [`PageLimit::new`].
    pub fn new(limit: i64) -> Result<Self> {
        Ok(Self { after: None, limit: PageLimit::new(limit)? })
    }

    /// The same, behind `cursor`; `None` is the first page.
    #[must_use]
    pub fn after(mut self, cursor: Option<Cursor>) -> Self {
        self.after = cursor;
        self
    }
}

/// One page and where the next begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Page<T> {
    /// The items, in the order of the list.
    pub items: Vec<T>,
    /// What to ask the next page with; `None` on the last page.
    pub next: Option<Cursor>,
}

impl<T> Page<T> {
    /// A page out of up to `limit + 1` rows: the row too many only tells that more follow.
    pub fn from_rows(mut rows: Vec<T>, limit: PageLimit, cursor: impl Fn(&T) -> Cursor) -> Self {
        let limit = usize::from(limit.get());
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = if more { rows.last().map(cursor) } else { None };
        Self { items: rows, next }
    }

    /// The same page of other items.
    pub fn map<U>(self, change: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(change).collect(), next: self.next }
    }
}

/// A place in an ordered list: the value that the list is ordered by, and the id that breaks ties.
///
/// As text it is opaque to clients: hand it back as it came.
/// It is of one list, whose service tells it by the mark that [`Page::of`] leaves; two places are equal
/// whether they are marked or not.
#[derive(Debug, Clone)]
pub struct Cursor {
    /// The value of the order at this place.
    pub key: SortKey,
    /// The id of the item at this place.
    pub id: Uuid,
    list: Option<PagedList>,
}

impl PartialEq for Cursor {
    fn eq(&self, other: &Self) -> bool {
        (&self.key, self.id) == (&other.key, other.id)
    }
}

impl Eq for Cursor {}

impl Cursor {
    /// A place in a list that is ordered by time; what is finer than a microsecond is cut.
    pub fn at_time(time: DateTime<Utc>, id: Uuid) -> Self {
        Self { key: SortKey::Time(whole_micros(time)), id, list: None }
    }

    /// A place in a list that is ordered by text.
    pub const fn at_text(text: String, id: Uuid) -> Self {
        Self { key: SortKey::Text(text), id, list: None }
    }

    /// A place in a list that is ordered by id alone.
    pub const fn at_id(id: Uuid) -> Self {
        Self { key: SortKey::Id, id, list: None }
    }

    /// The sequence of a cursor of the history of a ban, which is written as ten digits.
    ///
    /// # Errors
    /// `Validation` of `after` when the cursor is of another list.
    pub fn sequence(&self) -> Result<u32> {
        sequence_of(self.text()?).ok_or_else(foreign_cursor)
    }

    /// The same place, marked as one in `list`.
    #[must_use]
    pub(crate) fn of(self, list: PagedList) -> Self {
        Self { list: Some(list), ..self }
    }

    /// The list that it is marked with.
    pub(crate) const fn list(&self) -> Option<PagedList> {
        self.list
    }

    /// The time of a cursor of a list that is ordered by time.
    ///
    /// # Errors
    /// `Validation` of `after` when the cursor is of another list.
    pub fn time(&self) -> Result<DateTime<Utc>> {
        match &self.key {
            SortKey::Time(time) => Ok(whole_micros(*time)),
            _ => Err(foreign_cursor()),
        }
    }

    /// The text of a cursor of a list that is ordered by text.
    ///
    /// # Errors
    /// `Validation` of `after` when the cursor is of another list.
    pub fn text(&self) -> Result<&str> {
        match &self.key {
            SortKey::Text(text) => Ok(text),
            _ => Err(foreign_cursor()),
        }
    }
}

/// What a list can be ordered by.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SortKey {
    /// The id alone.
    Id,
    /// A time, to the microsecond.
    Time(DateTime<Utc>),
    /// A text, compared by its bytes.
    Text(String),
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = self.id.simple();
        let (kind, value) = match &self.key {
            SortKey::Id => ('i', String::new()),
            SortKey::Time(time) => ('t', time.timestamp_micros().to_string()),
            SortKey::Text(text) => ('s', text.clone()),
        };
        // A large letter says that the list comes behind it.
        let head = match self.list {
            None => kind.to_string(),
            Some(list) => format!("{}{}", kind.to_ascii_uppercase(), list.letter()),
        };
        f.write_str(&URL_SAFE_NO_PAD.encode(format!("{head}{id}{value}")))
    }
}

impl FromStr for Cursor {
    type Err = UserError;

    fn from_str(text: &str) -> Result<Self> {
        parse_cursor(text).ok_or_else(foreign_cursor)
    }
}

impl Serialize for Cursor {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Cursor {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

fn parse_cursor(text: &str) -> Option<Cursor> {
    if text.len() > 8192 {
        return None;
    }
    let plain = String::from_utf8(URL_SAFE_NO_PAD.decode(text.trim()).ok()?).ok()?;
    let mut rest = plain.chars();
    let kind = rest.next()?;
    let mut list = None;
    if kind.is_ascii_uppercase() {
        let letter = rest.next()?;
        list = Some(PagedList::ALL.into_iter().find(|list| list.letter() == letter)?);
    }
    let (id, value) = rest.as_str().split_at_checked(32)?;
    let id = Uuid::try_parse(id).ok()?;
    let key = match kind.to_ascii_lowercase() {
        'i' => value.is_empty().then_some(SortKey::Id)?,
        't' => SortKey::Time(DateTime::from_timestamp_micros(value.parse().ok()?)?),
        's' => SortKey::Text(value.to_owned()),
        _ => return None,
    };
    Some(Cursor { key, id, list })
}

pub(crate) fn sequence_of(text: &str) -> Option<u32> {
    let is_one = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_one)
}

pub(crate) fn foreign_cursor() -> UserError {
    UserError::validation(
        "after",
        "this is not a cursor of this list; take `next` of the page before",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_survive_text() {
        let id = Uuid::from_u128(42);
        let time = DateTime::from_timestamp_micros(1_700_000_000_123_456).unwrap();
        for cursor in
            [Cursor::at_id(id), Cursor::at_time(time, id), Cursor::at_text("jürgen, 王".into(), id)]
        {
            assert_eq!(cursor.to_string().parse::<Cursor>().unwrap(), cursor);
        }
    }

    #[test]
    fn what_is_no_cursor_is_refused_by_its_field() {
        for text in ["", "x", "AAAA", "dGVzdA", "🦀"] {
            let error = text.parse::<Cursor>().unwrap_err();
            assert_eq!(error.field(), Some("after"), "{text:?}");
        }
        assert!(Cursor::at_id(Uuid::nil()).time().is_err());
    }

    #[test]
    fn limits_are_one_to_a_thousand() {
        for wrong in [0, -1, 1001, 1_000_000, i64::MIN] {
            assert_eq!(PageLimit::new(wrong).unwrap_err().field(), Some("limit"));
        }
        assert_eq!(PageLimit::new(1000).unwrap(), PageLimit::MAX);
    }
}
