//! Which list a page is of: a cursor is good for the list that gave it, and for no other.

use crate::page::{foreign_cursor, sequence_of};
use crate::{Cursor, IpTarget, Page, PageRequest, Result, SessionOrder, SortKey, UserOrder};

/// A list that is read by pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PagedList {
    /// Users in an order.
    Users(UserOrder),
    /// Users that a search found.
    Found,
    /// Anonymous users without activity.
    IdleAnonymous,
    /// Sessions in an order.
    Sessions(SessionOrder),
    /// Bans in force.
    ActiveBans,
    /// Bans in force by where they came from.
    BansByOrigin,
    /// What happened to one target.
    BanHistory,
    /// The allow-list.
    AllowedNetworks,
    /// API keys.
    ApiKeys,
    /// Runs of jobs.
    JobRuns,
}

impl PagedList {
    /// Every list there is.
    pub(crate) const ALL: [Self; 14] = [
        Self::Users(UserOrder::Newest),
        Self::Users(UserOrder::Oldest),
        Self::Users(UserOrder::RecentlyActive),
        Self::Users(UserOrder::Name),
        Self::Found,
        Self::IdleAnonymous,
        Self::Sessions(SessionOrder::Newest),
        Self::Sessions(SessionOrder::RecentlyActive),
        Self::ActiveBans,
        Self::BansByOrigin,
        Self::BanHistory,
        Self::AllowedNetworks,
        Self::ApiKeys,
        Self::JobRuns,
    ];

    /// The letter that stands for it in the text of a cursor.
    pub(crate) const fn letter(self) -> char {
        match self {
            Self::Users(UserOrder::Newest) => 'n',
            Self::Users(UserOrder::Oldest) => 'o',
            Self::Users(UserOrder::RecentlyActive) => 'r',
            Self::Users(UserOrder::Name) => 'a',
            Self::Found => 'f',
            Self::IdleAnonymous => 'i',
            Self::Sessions(SessionOrder::Newest) => 's',
            Self::Sessions(SessionOrder::RecentlyActive) => 'u',
            Self::ActiveBans => 'b',
            Self::BansByOrigin => 'g',
            Self::BanHistory => 'h',
            Self::AllowedNetworks => 'w',
            Self::ApiKeys => 'k',
            Self::JobRuns => 'j',
        }
    }

    /// Whether a place of that kind can be in it.
    fn holds(self, key: &SortKey) -> bool {
        match (self, key) {
            (Self::Found, SortKey::Id) | (Self::BansByOrigin, SortKey::Id) => true,
            (Self::Found | Self::Users(UserOrder::Name), SortKey::Text(text)) => is_plain(text),
            (Self::BanHistory, SortKey::Text(text)) => sequence_of(text).is_some(),
            (Self::AllowedNetworks, SortKey::Text(text)) => {
                text.parse::<IpTarget>().is_ok_and(|target| target.to_string() == *text)
            }
            (
                Self::Users(UserOrder::Newest | UserOrder::Oldest | UserOrder::RecentlyActive)
                | Self::IdleAnonymous
                | Self::Sessions(_)
                | Self::ActiveBans
                | Self::ApiKeys
                | Self::JobRuns,
                SortKey::Time(_),
            ) => true,
            _ => false,
        }
    }

    /// Checks that `cursor` is of this list: the one rule that every service asks before it asks a port.
    ///
    /// # Errors
    /// `Validation` of `after`.
    pub fn check(self, cursor: Option<&Cursor>) -> Result<()> {
        let fits = |cursor: &Cursor| {
            cursor.list().is_none_or(|list| list == self) && self.holds(&cursor.key)
        };
        if cursor.is_none_or(fits) { Ok(()) } else { Err(foreign_cursor()) }
    }
}

impl PageRequest {
    /// Checks that the page is one of `list`.
    ///
    /// # Errors
    /// `Validation` of `after` when the cursor is of another list.
    pub fn check(&self, list: PagedList) -> Result<()> {
        list.check(self.after.as_ref())
    }
}

impl<T> Page<T> {
    /// Marks where the next page begins as a place in `list`.
    #[must_use]
    pub fn of(self, list: PagedList) -> Self {
        Self { items: self.items, next: self.next.map(|cursor| cursor.of(list)) }
    }
}

/// Whether a stored text could be so: nothing stored holds a control character, and some storages can't even
/// compare with one.
fn is_plain(text: &str) -> bool {
    text.len() <= 4096 && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_cursor_is_good_for_its_own_list_only() {
        let id = Uuid::from_u128(7);
        let keys = [
            Cursor::at_id(id),
            Cursor::at_time(DateTime::UNIX_EPOCH, id),
            Cursor::at_text("ada".into(), id),
            Cursor::at_text("0000000001".into(), id),
            Cursor::at_text("10.0.0.0/8".into(), Uuid::nil()),
        ];
        for list in PagedList::ALL {
            let own: Vec<&Cursor> = keys.iter().filter(|key| list.holds(&key.key)).collect();
            assert!(!own.is_empty(), "{list:?}");
            for cursor in own {
                assert!(list.check(Some(cursor)).is_ok(), "one without a mark is taken");
                let text = cursor.clone().of(list).to_string();
                let sent: Cursor = text.parse().unwrap();
                assert_eq!((&sent, sent.list()), (cursor, Some(list)));
                for other in PagedList::ALL {
                    let checked = other.check(Some(&sent));
                    assert_eq!(checked.is_ok(), other == list, "{list:?} {other:?}");
                }
            }
        }
        assert!(PagedList::JobRuns.check(None).is_ok());
    }

    #[test]
    fn a_text_that_nothing_stored_can_be_is_refused() {
        let check = |list: PagedList, text: &str| {
            list.check(Some(&Cursor::at_text(text.to_owned(), Uuid::nil())))
        };
        for list in [PagedList::Found, PagedList::Users(UserOrder::Name)] {
            assert!(check(list, "王").is_ok());
            for bad in ["a\0b", "\n", &"x".repeat(5000)] {
                assert_eq!(check(list, bad).unwrap_err().field(), Some("after"), "{bad:?}");
            }
        }
        for bad in ["", "abc", "\0", " 2", "1", "99999999999999999999", "9999999999", "+000000001"]
        {
            let error = check(PagedList::BanHistory, bad).unwrap_err();
            assert_eq!(error.field(), Some("after"), "{bad:?}");
        }
        for bad in ["", "ada", "10.0.0.1/8", "::FFFF"] {
            assert!(check(PagedList::AllowedNetworks, bad).is_err(), "{bad:?}");
        }
    }
}
