//! A user as it is kept, and the keys under which indexes hold it.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use systemprompt_users_domain::{SearchMatch, SearchText, User, UserId, UserTally, search_fields};
use uuid::Uuid;

use crate::place::{Spot, hashed_by_field, ordered_by_spot};
use crate::time::{micros, moment};

/// Parts the folded fields of a row; no field holds it, since it is a control character.
const SEPARATOR: char = '\n';

/// A user with what indexes read of it.
///
/// `user.last_active_at` is as it was when the row was made. What counts stands beside the row, so that
/// a visit changes two indexes and not all of them.
pub(crate) struct UserRow {
    pub(crate) user: User,
    pub(crate) created: i64,
    pub(crate) group: UserTally,
    folded: Box<str>,
}

impl UserRow {
    pub(crate) fn new(user: User) -> Self {
        let mut folded = search_fields(&user).join("\n");
        folded.shrink_to_fit();
        Self {
            created: micros(user.created_at),
            group: UserTally::of(&user),
            folded: folded.into_boxed_str(),
            user,
        }
    }

    pub(crate) fn id(&self) -> Uuid {
        self.user.id.as_uuid()
    }

    /// The user as it is now.
    pub(crate) fn to_user(&self, seen: i64) -> User {
        User { last_active_at: self.seen_at(seen), ..self.user.clone() }
    }

    /// When the user was last seen, given what stands beside the row.
    pub(crate) fn seen_at(&self, seen: i64) -> DateTime<Utc> {
        moment(seen)
    }

    /// Whether and how well it matches: [`SearchText::rank`], without folding anything anew.
    pub(crate) fn rank(&self, text: &SearchText) -> Option<SearchMatch> {
        if !self.folded.contains(text.as_str()) {
            return None;
        }
        let fields = self.folded.split(SEPARATOR);
        let prefix = fields.filter(|field| field.starts_with(text.as_str())).min();
        Some(prefix.map_or(SearchMatch::Substring, |field| SearchMatch::Prefix(field.to_owned())))
    }

    /// One key for each folded field.
    pub(crate) fn texts(self: &Arc<Self>) -> impl Iterator<Item = ByText> {
        let mut start = 0;
        self.folded.split(SEPARATOR).map(move |field| {
            let key = ByText { row: Arc::clone(self), start, length: narrow(field.len()) };
            start += key.length + 1;
            key
        })
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

ordered_by_spot!(ByText, |key| Spot::at_text(key.text(), key.row.id()));

macro_rules! pointer {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone)]
        pub(crate) struct $name(pub(crate) Arc<UserRow>);
    };
}

pointer! {
    /// By id, ordered.
    ById
}
ordered_by_spot!(ById, |key| Spot::at_id(key.0.id()));

pointer! {
    /// By creation.
    ByCreated
}
ordered_by_spot!(ByCreated, |key| Spot::at_time(key.0.created, key.0.id()));

pointer! {
    /// By canonical name, ordered.
    ByName
}
ordered_by_spot!(ByName, |key| Spot::at_text(key.0.user.name.canonical(), key.0.id()));

pointer! {
    /// By fingerprint and creation.
    ByFingerprint
}
ordered_by_spot!(ByFingerprint, |key| {
    let text = key.0.user.fingerprint.as_ref().map_or("", |print| print.as_str());
    Spot { text, ..Spot::at_time(key.0.created, key.0.id()) }
});

pointer! {
    /// A deleted user by canonical name and deletion.
    ByDeletedName
}
ordered_by_spot!(ByDeletedName, |key| {
    Spot { text: key.0.user.name.canonical(), ..deletion(&key.0) }
});

pointer! {
    /// A deleted user by canonical email and deletion.
    ByDeletedEmail
}
ordered_by_spot!(ByDeletedEmail, |key| Spot { text: email(&key.0), ..deletion(&key.0) });

pointer! {
    /// A deleted user by deletion.
    ByDeletion
}
ordered_by_spot!(ByDeletion, |key| deletion(&key.0));

pointer! {
    /// Any user by id.
    Known
}
hashed_by_field!(Known, UserId, |key| &key.0.user.id);

pointer! {
    /// A live user by canonical name.
    LiveName
}
hashed_by_field!(LiveName, str, |key| key.0.user.name.canonical());

pointer! {
    /// A live user by canonical email.
    LiveEmail
}
hashed_by_field!(LiveEmail, str, |key| email(&key.0));

pointer! {
    /// A user by the hash of its token.
    HeldToken
}
hashed_by_field!(HeldToken, [u8], |key| {
    key.0.user.token_hash.as_ref().map_or(&[], |hash| hash.as_bytes())
});

fn deletion(row: &UserRow) -> Spot<'_> {
    Spot::at_time(row.user.deleted_at.map_or(0, micros), row.id())
}

fn email(row: &UserRow) -> &str {
    row.user.email.as_ref().map_or("", |email| email.as_str())
}
