//! A user as it is kept, and the keys under which indexes hold it.

use std::sync::Arc;

use systemprompt_users_domain::{SearchMatch, SearchText, User, UserTally, search_fields};
use uuid::Uuid;

use crate::place::{Identified, Spot, bare_pointer, headed_pointer, ordered_by_spot};
use crate::time::{micros, moment};

/// Parts the folded fields of a row; no field holds it, since it is a control character.
const SEPARATOR: char = '\n';

/// A user with what indexes read of it.
///
/// `user.last_active_at` is as it was when the row was made. What counts stands beside the row, so that
/// a visit changes two indexes and not all of them.
pub(crate) struct UserRow {
    pub(crate) user: User,
    folded: Box<str>,
    /// By what number the index of what fields hold inside knows the folded fields.
    text_number: u64,
}

impl UserRow {
    /// Where the folded fields are those of `before`, their number is too, and `number` is not asked.
    pub(crate) fn new(user: User, before: Option<&Self>, number: impl FnOnce() -> u64) -> Self {
        let folded = search_fields(&user).join("\n").into_boxed_str();
        let same = before.filter(|before| before.folded == folded);
        let text_number = same.map_or_else(number, |before| before.text_number);
        Self { user, folded, text_number }
    }

    /// The group that it belongs to.
    pub(crate) fn group(&self) -> UserTally {
        UserTally::of(&self.user)
    }

    pub(crate) fn created(&self) -> i64 {
        micros(self.user.created_at)
    }

    fn deleted(&self) -> i64 {
        self.user.deleted_at.map_or(0, micros)
    }

    fn email(&self) -> &str {
        self.user.email.as_ref().map_or("", |email| email.as_str())
    }

    /// The user as it is now.
    pub(crate) fn to_user(&self, seen: i64) -> User {
        User { last_active_at: moment(seen), ..self.user.clone() }
    }

    /// Whether and how well it matches: [`SearchText::rank`], without folding anything anew.
    pub(crate) fn rank(&self, text: &SearchText) -> Option<SearchMatch> {
        if !self.holds(text.as_str()) {
            return None;
        }
        let prefix = self.fields().filter(|field| field.starts_with(text.as_str())).min();
        Some(prefix.map_or(SearchMatch::Substring, |field| SearchMatch::Prefix(field.to_owned())))
    }

    /// Whether one of the folded fields holds this text.
    pub(crate) fn holds(&self, text: &str) -> bool {
        #[cfg(test)]
        LOOKED_AT.with(|count| count.set(count.get() + 1));
        self.folded.contains(text)
    }

    pub(crate) fn text_number(&self) -> u64 {
        self.text_number
    }

    /// The folded fields.
    pub(crate) fn fields(&self) -> impl Iterator<Item = &str> {
        self.folded.split(SEPARATOR)
    }

    /// One key for each folded field.
    pub(crate) fn texts(self: &Arc<Self>) -> impl Iterator<Item = ByText> {
        let mut start = 0;
        self.fields().map(move |field| {
            let key = ByText { row: Arc::clone(self), start, length: narrow(field.len()) };
            start += key.length + 1;
            key
        })
    }
}

#[cfg(test)]
thread_local! {
    /// How many rows have been compared with a text, in this thread.
    pub(crate) static LOOKED_AT: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

impl Identified for UserRow {
    fn uuid(&self) -> Uuid {
        self.user.id.as_uuid()
    }
}

/// Four fields of at most 320 characters always fit.
fn narrow(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// A folded field of a user.
#[derive(Clone)]
pub(crate) struct ByText {
    pub(crate) row: Arc<UserRow>,
    start: u32,
    length: u32,
}

impl ByText {
    pub(crate) fn text(&self) -> &str {
        let start = self.start as usize;
        self.row.folded.get(start..start + self.length as usize).unwrap_or_default()
    }
}

ordered_by_spot!(ByText, |key| Spot::at_text(key.text(), key.row.uuid()));

bare_pointer! {
    /// By id, to walk.
    ById, |row: &UserRow| Spot::at_id(row.uuid())
}

bare_pointer! {
    /// By creation.
    ByCreated, |row: &UserRow| Spot::at_time(row.created(), row.uuid())
}

bare_pointer! {
    /// By canonical name, to walk.
    ByName, |row: &UserRow| Spot::at_text(row.user.name.canonical(), row.uuid())
}

bare_pointer! {
    /// By fingerprint and creation.
    ByFingerprint, |row: &UserRow| {
        let text = row.user.fingerprint.as_ref().map_or("", |print| print.as_str());
        Spot { time: row.created(), ..Spot::at_text(text, row.uuid()) }
    }
}

bare_pointer! {
    /// A deleted user by canonical name and deletion.
    ByDeletedName, |row: &UserRow| {
        Spot { time: row.deleted(), ..Spot::at_text(row.user.name.canonical(), row.uuid()) }
    }
}

bare_pointer! {
    /// A deleted user by canonical email and deletion.
    ByDeletedEmail, |row: &UserRow| {
        Spot { time: row.deleted(), ..Spot::at_text(row.email(), row.uuid()) }
    }
}

bare_pointer! {
    /// A deleted user by deletion.
    ByDeletion, |row: &UserRow| Spot::at_time(row.deleted(), row.uuid())
}

headed_pointer! {
    /// Any user by id, to find.
    Known, |row: &UserRow| Spot::hashed_id(row.uuid())
}

headed_pointer! {
    /// A live user by canonical name, to find.
    LiveName, |row: &UserRow| Spot::hashed_text(row.user.name.canonical())
}

headed_pointer! {
    /// A live user by canonical email, to find.
    LiveEmail, |row: &UserRow| Spot::hashed_text(row.email())
}

headed_pointer! {
    /// A user by the hash of its token.
    HeldToken, |row: &UserRow| {
        row.user.token_hash.as_ref().map_or(Spot::at_id(row.uuid()), |hash| {
            Spot::hashed_bytes(hash.as_bytes())
        })
    }
}
