//! A user as it is kept, and the keys under which indexes hold it.

use std::sync::Arc;

use systemprompt_users_domain::{
    AvatarUrl, DisplayName, Email, Fingerprint, FullName, Roles, SearchMatch, SearchText,
    TokenHash, User, UserId, UserName, UserStatus, UserTally, search_fields,
};
use uuid::Uuid;

use crate::lookup::keyed_pointer;
use crate::place::{Identified, Spot, bare_pointer, ordered_by_spot};
use crate::time::{micros, moment};

/// Parts the folded fields of a row; no field holds it, since it is a control character.
const SEPARATOR: &str = "\n";

/// A user but for when it was last seen, which stands beside the row: a visit changes two indexes and not all
/// of them.
pub(crate) struct UserRow {
    pub(crate) id: UserId,
    pub(crate) name: UserName,
    pub(crate) email: Option<Email>,
    full_name: Option<FullName>,
    display_name: Option<DisplayName>,
    /// Boxed, since most users have none of it.
    rare: Option<Box<Rare>>,
    created: i64,
    updated: i64,
    pub(crate) version: i64,
    /// By what number the index of what fields hold inside knows the folded fields.
    text_number: u64,
    /// The folded fields that are not what they were before.
    folded: Box<str>,
    /// Which ones these are, a bit for each field.
    folds: u8,
    pub(crate) status: UserStatus,
    roles: Roles,
    email_verified: bool,
    is_bot: bool,
    pub(crate) legal_hold: bool,
}

/// What few users have.
#[derive(Default, PartialEq)]
struct Rare {
    avatar_url: Option<AvatarUrl>,
    fingerprint: Option<Fingerprint>,
    token_hash: Option<TokenHash>,
    deleted: Option<i64>,
    status_before_delete: Option<UserStatus>,
    merged_into: Option<UserId>,
}

impl UserRow {
    /// Where the folded fields are those of `before`, their number is too, and `number` is not asked.
    pub(crate) fn new(user: &User, before: Option<&Self>, number: impl FnOnce() -> u64) -> Self {
        let rare = Rare {
            avatar_url: user.avatar_url.clone(),
            fingerprint: user.fingerprint.clone(),
            token_hash: user.token_hash,
            deleted: user.deleted_at.map(micros),
            status_before_delete: user.status_before_delete,
            merged_into: user.merged_into,
        };
        let mut row = Self {
            id: user.id,
            name: user.name.clone(),
            email: user.email.clone(),
            full_name: user.full_name.clone(),
            display_name: user.display_name.clone(),
            rare: (rare != Rare::default()).then(|| Box::new(rare)),
            created: micros(user.created_at),
            updated: micros(user.updated_at),
            version: user.version,
            text_number: 0,
            folded: Box::default(),
            folds: 0,
            status: user.status,
            roles: user.roles,
            email_verified: user.email_verified,
            is_bot: user.is_bot,
            legal_hold: user.legal_hold,
        };
        row.fold(&search_fields(user));
        let same = before.filter(|before| before.fields().eq(row.fields()));
        row.text_number = same.map_or_else(number, |before| before.text_number);
        row
    }

    fn fold(&mut self, folded: &[String]) {
        let mut differing = Vec::new();
        let mut folds = 0;
        for (place, (plain, folded)) in self.plain_fields().zip(folded).enumerate() {
            if plain != folded {
                folds |= 1 << place;
                differing.push(folded.as_str());
            }
        }
        self.folded = differing.join(SEPARATOR).into_boxed_str();
        self.folds = folds;
    }

    /// The fields that a search looks at, as they were written, in the order of `search_fields`.
    fn plain_fields(&self) -> impl Iterator<Item = &str> {
        let name = Some(self.name.as_str());
        let email = self.email.as_ref().map(Email::as_str);
        let full_name = self.full_name.as_ref().map(FullName::as_str);
        let display_name = self.display_name.as_ref().map(DisplayName::as_str);
        [name, email, full_name, display_name].into_iter().flatten()
    }

    /// The group that it belongs to.
    pub(crate) fn group(&self) -> UserTally {
        UserTally {
            status: self.status,
            roles: self.roles,
            email_verified: self.email_verified,
            is_bot: self.is_bot,
            count: 1,
        }
    }

    pub(crate) fn is_live(&self) -> bool {
        self.status != UserStatus::Deleted
    }

    pub(crate) const fn is_anonymous(&self) -> bool {
        self.roles.is_anonymous()
    }

    pub(crate) const fn created(&self) -> i64 {
        self.created
    }

    pub(crate) fn token_hash(&self) -> Option<&TokenHash> {
        self.rare.as_ref()?.token_hash.as_ref()
    }

    pub(crate) fn fingerprint(&self) -> Option<&Fingerprint> {
        self.rare.as_ref()?.fingerprint.as_ref()
    }

    pub(crate) fn merged_into(&self) -> Option<UserId> {
        self.rare.as_ref()?.merged_into
    }

    fn deleted(&self) -> i64 {
        self.rare.as_ref().and_then(|rare| rare.deleted).unwrap_or_default()
    }

    fn email_text(&self) -> &str {
        self.email.as_ref().map_or("", Email::as_str)
    }

    /// Whether both take the same keys from others.
    pub(crate) fn holds_keys_of(&self, user: &User) -> bool {
        self.is_live() == user.is_live()
            && self.name == user.name
            && self.email == user.email
            && self.token_hash() == user.token_hash.as_ref()
    }

    /// The user as it is now.
    pub(crate) fn to_user(&self, seen: i64) -> User {
        let rare = self.rare.as_deref();
        User {
            id: self.id,
            name: self.name.clone(),
            email: self.email.clone(),
            email_verified: self.email_verified,
            full_name: self.full_name.clone(),
            display_name: self.display_name.clone(),
            avatar_url: rare.and_then(|rare| rare.avatar_url.clone()),
            status: self.status,
            roles: self.roles,
            is_bot: self.is_bot,
            fingerprint: rare.and_then(|rare| rare.fingerprint.clone()),
            token_hash: rare.and_then(|rare| rare.token_hash),
            created_at: moment(self.created),
            updated_at: moment(self.updated),
            last_active_at: moment(seen),
            deleted_at: rare.and_then(|rare| rare.deleted).map(moment),
            status_before_delete: rare.and_then(|rare| rare.status_before_delete),
            merged_into: rare.and_then(|rare| rare.merged_into),
            legal_hold: self.legal_hold,
            version: self.version,
        }
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
        self.fields().any(|field| field.contains(text))
    }

    pub(crate) const fn text_number(&self) -> u64 {
        self.text_number
    }

    /// The folded fields.
    pub(crate) fn fields(&self) -> impl Iterator<Item = &str> {
        let mut folded = self.folded.split(SEPARATOR);
        let fields = self.plain_fields().enumerate();
        fields.filter_map(move |(place, plain)| match self.is_folded(place) {
            true => folded.next(),
            false => Some(plain),
        })
    }

    const fn is_folded(&self, place: usize) -> bool {
        self.folds >> place & 1 == 1
    }

    /// One key for each folded field.
    pub(crate) fn texts(self: &Arc<Self>) -> impl Iterator<Item = ByText> {
        let mut start = 0;
        self.fields().enumerate().map(move |(place, field)| {
            let length = narrow(field.len());
            let key = ByText { row: Arc::clone(self), place: place as u8, start, length };
            if self.is_folded(place) {
                start += length + 1;
            }
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
        self.id.as_uuid()
    }
}

/// Four fields of at most 320 characters always fit.
fn narrow(length: usize) -> u16 {
    u16::try_from(length).unwrap_or(u16::MAX)
}

/// A folded field of a user.
#[derive(Clone)]
pub(crate) struct ByText {
    pub(crate) row: Arc<UserRow>,
    /// Which of the fields.
    place: u8,
    /// Where it stands among those that folding changed, if it did.
    start: u16,
    length: u16,
}

impl ByText {
    pub(crate) fn text(&self) -> &str {
        let (place, start) = (usize::from(self.place), usize::from(self.start));
        if self.row.is_folded(place) {
            return self
                .row
                .folded
                .get(start..start + usize::from(self.length))
                .unwrap_or_default();
        }
        self.row.plain_fields().nth(place).unwrap_or_default()
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
    ByName, |row: &UserRow| Spot::at_text(row.name.canonical(), row.uuid())
}

bare_pointer! {
    /// By fingerprint and creation.
    ByFingerprint, |row: &UserRow| {
        let text = row.fingerprint().map_or("", Fingerprint::as_str);
        Spot { time: row.created(), ..Spot::at_text(text, row.uuid()) }
    }
}

bare_pointer! {
    /// A deleted user by canonical name and deletion.
    ByDeletedName, |row: &UserRow| {
        Spot { time: row.deleted(), ..Spot::at_text(row.name.canonical(), row.uuid()) }
    }
}

bare_pointer! {
    /// A deleted user by canonical email and deletion.
    ByDeletedEmail, |row: &UserRow| {
        Spot { time: row.deleted(), ..Spot::at_text(row.email_text(), row.uuid()) }
    }
}

bare_pointer! {
    /// A deleted user by deletion.
    ByDeletion, |row: &UserRow| Spot::at_time(row.deleted(), row.uuid())
}

keyed_pointer! {
    /// A live user by canonical name, to find.
    LiveName, |row: &UserRow| row.name.canonical().as_bytes()
}

keyed_pointer! {
    /// A live user by canonical email, to find.
    LiveEmail, |row: &UserRow| row.email_text().as_bytes()
}

keyed_pointer! {
    /// A user by the hash of its token.
    HeldToken, |row: &UserRow| row.token_hash().map_or(&[], |hash| hash.as_bytes())
}
