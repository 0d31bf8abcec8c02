//! The live users whose names rows of an import ask for again.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use systemprompt_users_domain::{
    EventKind, NewUser, OnExisting, ProfileField, Result, UnitOfWork, User, UserId, UserName,
    UserStatus,
};

use super::bulk_create::bring_up_to_date;

/// A user who has the name of a row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    pub(super) id: UserId,
    pub(super) has_same_email: bool,
    pub(super) status: UserStatus,
    pub(super) legal_hold: bool,
}

/// The live users that hold names of refused rows.
pub(super) struct Holders {
    pub(super) on_existing: OnExisting,
    by_name: HashMap<UserName, User>,
    /// Fields brought up to date so far; the user in `by_name` has them already.
    changed: HashMap<UserName, Vec<ProfileField>>,
}

impl Holders {
    pub(super) async fn load<'a>(
        unit: &mut dyn UnitOfWork,
        rows: impl Iterator<Item = &'a NewUser>,
        on_existing: OnExisting,
    ) -> Result<Self> {
        let names: Vec<UserName> = rows.map(|new| new.name.clone()).collect();
        let mut users = Vec::new();
        if !names.is_empty() {
            users = unit.users().find_by_names(&names).await?;
        }
        if on_existing == OnExisting::Update && !users.is_empty() {
            let ids: Vec<_> = users.iter().map(|user| user.id).collect();
            users = unit.users().lock_many(&ids).await?;
        }
        let by_name =
            users.into_iter().filter(User::is_live).map(|user| (user.name.clone(), user)).collect();
        Ok(Self { on_existing, by_name, changed: HashMap::new() })
    }

    /// The user of that name as it is by now.
    pub(super) fn get(&self, name: &UserName) -> Option<&User> {
        self.by_name.get(name)
    }

    /// Who has the name of a row.
    pub(super) fn find(&self, new: &NewUser) -> Option<Found> {
        self.get(&new.name).map(|user| Found {
            id: user.id,
            has_same_email: user.email.as_ref() == Some(&new.email),
            status: user.status,
            legal_hold: user.legal_hold,
        })
    }

    /// Whether the row says anything new of the user.
    pub(super) fn would_change(&self, new: &NewUser) -> bool {
        let user = self.get(&new.name).cloned();
        user.is_some_and(|mut user| !bring_up_to_date(&mut user, new).is_empty())
    }

    /// Takes over what the row says: nothing, or whether it is the first row that changes this user.
    pub(super) fn bring_up_to_date(&mut self, new: &NewUser, now: DateTime<Utc>) -> Option<bool> {
        let user = self.by_name.get_mut(&new.name)?;
        let fields = bring_up_to_date(user, new);
        if fields.is_empty() {
            return None;
        }
        let known = self.changed.entry(new.name.clone()).or_default();
        let is_first = known.is_empty();
        if is_first {
            user.mark_changed(now);
        }
        for field in fields {
            if !known.contains(&field) {
                known.push(field);
            }
        }
        Some(is_first)
    }

    /// The users that were changed.
    pub(super) fn changed(&self) -> Vec<User> {
        self.changed.keys().filter_map(|name| self.by_name.get(name)).cloned().collect()
    }

    /// The event of a user that was changed.
    pub(super) fn updated(&self, name: &UserName) -> Option<EventKind> {
        let (user, fields) = (self.by_name.get(name)?, self.changed.get(name)?);
        Some(EventKind::UserUpdated { user_id: user.id, fields: fields.clone() })
    }
}
