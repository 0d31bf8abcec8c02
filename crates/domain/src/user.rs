//! The user and the rules of its life.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    AvatarUrl, DisplayName, Email, Fingerprint, FullName, ProfileField, Result, Roles, TokenHash,
    UserError, UserId, UserName, UserRole,
};

/// Where a user stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserStatus {
    /// May sign in.
    Active,
    /// Is kept out, but holds name and email.
    Suspended,
    /// Is gone for everybody; name and email are free for others.
    Deleted,
}

impl UserStatus {
    /// Every status there is.
    pub const ALL: [Self; 3] = [Self::Active, Self::Suspended, Self::Deleted];

    /// The status as text: `active`, `suspended`, `deleted`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Deleted => "deleted",
        }
    }
}

impl fmt::Display for UserStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for UserStatus {
    type Err = UserError;

    fn from_str(text: &str) -> Result<Self> {
        let wanted = text.trim();
        Self::ALL
            .into_iter()
            .find(|status| status.as_str().eq_ignore_ascii_case(wanted))
            .ok_or_else(|| UserError::InvalidStatus(wanted.chars().take(64).collect()))
    }
}

/// A user, complete: what a storage keeps and a service answers with.
///
/// The methods that change it are the rules. They leave `version` alone: a service calls
/// [`User::mark_changed`] once for each change that it stores.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The identity, for ever.
    pub id: UserId,
    /// The handle, unique among live users.
    pub name: UserName,
    /// Unique among live users; absent only for anonymous ones.
    pub email: Option<Email>,
    /// Whether the user has proved that the email is theirs.
    pub email_verified: bool,
    /// The person's full name.
    pub full_name: Option<FullName>,
    /// The name shown to others.
    pub display_name: Option<DisplayName>,
    /// The address of a picture.
    pub avatar_url: Option<AvatarUrl>,
    /// Where the user stands.
    pub status: UserStatus,
    /// What the user may do.
    pub roles: Roles,
    /// Whether a program is behind it.
    pub is_bot: bool,
    /// The browser's fingerprint of an anonymous user: a hint.
    pub fingerprint: Option<Fingerprint>,
    /// The hash of the token that an anonymous user was created with; never serialized.
    #[serde(skip)]
    pub token_hash: Option<TokenHash>,
    /// When the user was created.
    pub created_at: DateTime<Utc>,
    /// When any of the fields was last changed.
    pub updated_at: DateTime<Utc>,
    /// When the user was last seen; no change, so it does not bump the version.
    pub last_active_at: DateTime<Utc>,
    /// When the user was deleted, while it is.
    pub deleted_at: Option<DateTime<Utc>>,
    /// The status that a restore goes back to, while it is deleted.
    pub status_before_delete: Option<UserStatus>,
    /// The user that this one was merged into.
    pub merged_into: Option<UserId>,
    /// Whether a legal hold forbids the purge.
    pub legal_hold: bool,
    /// Counts the changes from 1; a change made from an older version is refused as stale.
    pub version: i64,
}

impl User {
    /// Whether the user is not deleted.
    pub fn is_live(&self) -> bool {
        self.status != UserStatus::Deleted
    }

    /// Whether the user may sign in.
    pub fn is_active(&self) -> bool {
        self.status == UserStatus::Active
    }

    /// Whether the user is a visitor who has not registered.
    pub const fn is_anonymous(&self) -> bool {
        self.roles.is_anonymous()
    }

    /// Whether the user counts against the rule that one active admin stays.
    pub fn is_active_admin(&self) -> bool {
        self.is_active() && self.roles.contains(UserRole::Admin)
    }

    /// Counts one change made at `now`.
    pub fn mark_changed(&mut self, now: DateTime<Utc>) {
        self.version += 1;
        self.updated_at = now;
    }

    /// Moves between `Active` and `Suspended`. Answers whether anything changes.
    ///
    /// # Errors
    /// `NotFound` for a deleted user, `NotAllowed` when asked for `Deleted`: delete and restore do that.
    pub fn set_status(&mut self, status: UserStatus) -> Result<bool> {
        if !self.is_live() {
            return Err(UserError::user_not_found(self.id));
        }
        if status == UserStatus::Deleted {
            let message = "a status update can't delete; use delete, which ends the sessions and frees the name";
            return Err(UserError::NotAllowed(message.into()));
        }
        let changes = self.status != status;
        self.status = status;
        Ok(changes)
    }

    /// Takes another set of roles. Answers whether anything changes.
    ///
    /// # Errors
    /// `NotFound` for a deleted user, `InvalidRoles` when it would turn a visitor into a registered user
    /// or back, which only promotion does.
    pub fn set_roles(&mut self, roles: Roles) -> Result<bool> {
        if !self.is_live() {
            return Err(UserError::user_not_found(self.id));
        }
        if self.roles.is_anonymous() != roles.is_anonymous() {
            let message = "an anonymous user gets other roles by promotion only, and nobody becomes anonymous";
            return Err(UserError::InvalidRoles(message.into()));
        }
        let changes = self.roles != roles;
        self.roles = roles;
        Ok(changes)
    }

    /// Takes another email, which nobody has verified yet. Answers whether anything changes.
    pub fn set_email(&mut self, email: Email) -> bool {
        if self.email.as_ref() == Some(&email) {
            return false;
        }
        self.email = Some(email);
        self.email_verified = false;
        true
    }

    /// Deletes softly: restorable, out of sight, name and email free.
    ///
    /// # Errors
    /// `NotFound` when it is deleted already.
    pub fn delete(&mut self, now: DateTime<Utc>) -> Result<()> {
        if !self.is_live() {
            return Err(UserError::user_not_found(self.id));
        }
        self.status_before_delete = Some(self.status);
        self.status = UserStatus::Deleted;
        self.deleted_at = Some(now);
        Ok(())
    }

    /// Goes back to the status before the deletion.
    ///
    /// # Errors
    /// `NotAllowed` when it is not deleted, or was merged into another user.
    pub fn restore(&mut self) -> Result<()> {
        if self.is_live() {
            return Err(UserError::NotAllowed(format!("user `{}` is not deleted", self.id)));
        }
        if let Some(target) = self.merged_into {
            let message =
                format!("user `{}` was merged into `{target}`; it can't be restored", self.id);
            return Err(UserError::NotAllowed(message));
        }
        self.status = self.status_before_delete.take().unwrap_or(UserStatus::Suspended);
        self.deleted_at = None;
        Ok(())
    }

    /// Turns a visitor into a registered user, in place.
    ///
    /// # Errors
    /// `NotFound` when deleted, `NotAllowed` when suspended or registered already.
    pub fn promote(&mut self, name: UserName, email: Email) -> Result<()> {
        if !self.is_live() {
            return Err(UserError::user_not_found(self.id));
        }
        if !self.is_anonymous() || !self.is_active() {
            let message = format!("user `{}` is not an active anonymous user", self.id);
            return Err(UserError::NotAllowed(message));
        }
        self.name = name;
        self.email = Some(email);
        self.email_verified = false;
        self.roles = Roles::USER;
        self.token_hash = None;
        Ok(())
    }

    /// Checks that this user may be merged into `target`: both live and different, and never a registered
    /// user into an anonymous one, which would lose the registered name and email.
    ///
    /// # Errors
    /// `NotFound` for the one that is deleted, `NotAllowed` otherwise.
    pub fn check_merge_into(&self, target: &Self) -> Result<()> {
        for user in [self, target] {
            if !user.is_live() {
                return Err(UserError::user_not_found(user.id));
            }
        }
        if self.id == target.id {
            return Err(UserError::NotAllowed("a user can't be merged into itself".into()));
        }
        if target.is_anonymous() && !self.is_anonymous() {
            let message = format!(
                "user `{}` is registered and `{}` is anonymous: its name and email would be lost; merge \
                 the anonymous user into the registered one",
                self.id, target.id
            );
            return Err(UserError::NotAllowed(message));
        }
        Ok(())
    }

    /// Fills the blanks of this user from `source`, which is being merged into it: full name, display
    /// name, avatar. Returns the fields that were filled.
    pub fn fill_blanks_from(&mut self, source: &Self) -> Vec<ProfileField> {
        fn fill<T: Clone>(blank: &mut Option<T>, from: Option<&T>) -> bool {
            let fills = blank.is_none() && from.is_some();
            if fills {
                *blank = from.cloned();
            }
            fills
        }
        self.last_active_at = self.last_active_at.max(source.last_active_at);
        [
            (fill(&mut self.full_name, source.full_name.as_ref()), ProfileField::FullName),
            (fill(&mut self.display_name, source.display_name.as_ref()), ProfileField::DisplayName),
            (fill(&mut self.avatar_url, source.avatar_url.as_ref()), ProfileField::AvatarUrl),
        ]
        .into_iter()
        .filter_map(|(filled, field)| filled.then_some(field))
        .collect()
    }
}
