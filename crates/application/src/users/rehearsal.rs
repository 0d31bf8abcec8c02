//! What a rehearsal of an import would have stored so far.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};

use systemprompt_users_domain::{Email, NewUser, UniqueKey, UserId, UserName, UserStatus};

use super::bulk_create::Parsed;
use super::holders::Found;

/// An import that stores nothing: it goes on from batch to batch, so that rows which repeat or contradict earlier
/// ones are found. It takes about 100 bytes for each new user, whatever the rows hold.
#[derive(Debug, Default)]
pub struct Rehearsal {
    hasher: RandomState,
    names: HashMap<u64, Kept>,
    emails: HashSet<u64>,
}

#[derive(Debug)]
struct Kept {
    id: UserId,
    email: u64,
    status: UserStatus,
    legal_hold: bool,
}

impl Rehearsal {
    /// Before the first row.
    pub fn new() -> Self {
        Self::default()
    }

    /// What of a row an earlier one would have taken.
    pub(super) fn conflict(&self, new: &NewUser) -> Option<UniqueKey> {
        if self.names.contains_key(&self.name(&new.name)) {
            return Some(UniqueKey::Name);
        }
        self.emails.contains(&self.email(&new.email)).then_some(UniqueKey::Email)
    }

    /// Who would have the name of a row.
    pub(super) fn find(&self, new: &NewUser) -> Option<Found> {
        self.names.get(&self.name(&new.name)).map(|kept| Found {
            id: kept.id,
            has_same_email: kept.email == self.email(&new.email),
            status: kept.status,
            legal_hold: kept.legal_hold,
        })
    }

    /// The row would have been stored.
    pub(super) fn remember(&mut self, row: &Parsed, id: UserId) {
        let email = self.email(&row.new.email);
        self.emails.insert(email);
        let status = row.status.unwrap_or(UserStatus::Active);
        let legal_hold = row.legal_hold.unwrap_or(false);
        self.names.insert(self.name(&row.new.name), Kept { id, email, status, legal_hold });
    }

    fn name(&self, name: &UserName) -> u64 {
        self.hasher.hash_one(name.canonical())
    }

    fn email(&self, email: &Email) -> u64 {
        self.hasher.hash_one(email.as_str())
    }
}
