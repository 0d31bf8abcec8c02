//! What services answer with, beside the entities themselves.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{Email, EndedSession, Token, User, UserError, UserId, UserName, UserSession};

/// A user by whatever the caller has: an id, an email or a name.
///
/// A text may say which it is: `id:`, `email:` or `name:` before it. Otherwise text that is a UUID is an id; text with an `@` is
/// an email, or a name of before names could not hold one; all else is a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserRef {
    /// By id.
    Id(UserId),
    /// By email; by name too, where the text did not say that it is an email.
    Email(Email, Option<UserName>),
    /// By name.
    Name(UserName),
}

impl UserRef {
    /// Reads a reference.
    ///
    /// # Errors
    /// `Validation` of `user` when the text can be nobody's id, email or name.
    pub fn parse(text: &str) -> Result<Self, UserError> {
        let text = text.trim();
        let refused = |what| move |_| UserError::validation("user", format!("expected {what}"));
        if let Some(id) = after(text, "id:") {
            let id = id.parse();
            return id
                .map(Self::Id)
                .map_err(|_| UserError::validation("user", "expected a UUID after id:"));
        }
        if let Some(email) = after(text, "email:") {
            let email = Email::parse(email).map_err(refused("an email after email:"))?;
            return Ok(Self::Email(email, None));
        }
        if let Some(name) = after(text, "name:") {
            return UserName::to_find(name).map(Self::Name).map_err(refused("a name after name:"));
        }
        if let Ok(id) = text.parse() {
            return Ok(Self::Id(id));
        }
        let name = UserName::to_find(text).map_err(refused("an id, an email or a name"));
        match Email::parse(text) {
            Ok(email) => Ok(Self::Email(email, name.ok())),
            Err(_) => name.map(Self::Name),
        }
    }
}

/// What follows `prefix`, in whatever case it is typed.
fn after<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (head, rest) = text.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(rest)
}

impl FromStr for UserRef {
    type Err = UserError;

    fn from_str(text: &str) -> Result<Self, UserError> {
        Self::parse(text)
    }
}

impl From<UserId> for UserRef {
    fn from(id: UserId) -> Self {
        Self::Id(id)
    }
}

/// What a user has been up to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct UserActivity {
    /// Who.
    pub user_id: UserId,
    /// When the user was last seen.
    pub last_active_at: DateTime<Utc>,
    /// Sessions that are kept.
    pub sessions: u64,
    /// Sessions that are live.
    pub live_sessions: u64,
    /// Events about the user.
    pub events: u64,
}

/// A user with the newest of its sessions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UserWithSessions {
    /// The user.
    pub user: User,
    /// The live sessions, used last first, at most 1000.
    pub sessions: Vec<UserSession>,
}

/// A user as one flat row, for export; an import of the row finds the same user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserExport {
    /// The id.
    pub id: UserId,
    /// The handle.
    pub name: String,
    /// The email; empty for anonymous users.
    pub email: Option<String>,
    /// The person's full name.
    pub full_name: Option<String>,
    /// The name shown to others.
    pub display_name: Option<String>,
    /// The address of a picture.
    pub avatar_url: Option<String>,
    /// The status.
    pub status: String,
    /// The roles, separated by commas.
    pub roles: String,
    /// Whether the email is verified.
    pub email_verified: bool,
    /// Whether a program is behind it.
    pub is_bot: bool,
    /// When the user was created.
    pub created_at: DateTime<Utc>,
    /// When the user was last changed.
    pub updated_at: DateTime<Utc>,
    /// When the user was last seen.
    pub last_active_at: DateTime<Utc>,
    /// When the user was deleted.
    pub deleted_at: Option<DateTime<Utc>>,
    /// The user that this one was merged into.
    pub merged_into: Option<UserId>,
    /// Whether a legal hold forbids the purge.
    pub legal_hold: bool,
}

impl From<&User> for UserExport {
    fn from(user: &User) -> Self {
        Self {
            id: user.id,
            name: user.name.as_str().to_owned(),
            email: user.email.as_ref().map(ToString::to_string),
            full_name: user.full_name.as_ref().map(ToString::to_string),
            display_name: user.display_name.as_ref().map(ToString::to_string),
            avatar_url: user.avatar_url.as_ref().map(ToString::to_string),
            status: user.status.to_string(),
            roles: user.roles.to_string(),
            email_verified: user.email_verified,
            is_bot: user.is_bot,
            created_at: user.created_at,
            updated_at: user.updated_at,
            last_active_at: user.last_active_at,
            deleted_at: user.deleted_at,
            merged_into: user.merged_into,
            legal_hold: user.legal_hold,
        }
    }
}

/// A new anonymous user with the token that proves it: shown now and never again.
#[derive(Debug, Clone)]
pub struct NewAnonymous {
    /// The user.
    pub user: User,
    /// The secret; `None` where an existing user was found, whose token was given out before.
    pub token: Option<Token>,
}

/// A new session with its token: shown now and never again.
#[derive(Debug, Clone)]
pub struct StartedSession {
    /// The session.
    pub session: UserSession,
    /// The secret that the client presents from now on.
    pub token: Token,
    /// Older sessions that had to make room under the limit per user.
    pub ended: Vec<EndedSession>,
}

/// What a promotion to admin did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PromoteResult {
    /// The user is an admin now.
    Promoted(User),
    /// The user was one already.
    AlreadyAdmin(User),
}

/// What a demotion from admin did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DemoteResult {
    /// The user is no admin any more.
    Demoted(User),
    /// The user was none.
    NotAdmin(User),
}

/// What a merge may do beyond the ordinary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MergeOptions {
    /// Let live sessions of the source go on as sessions of the target. Ordinarily they are ended, so
    /// that a token of the source does not open the target by accident.
    pub keep_sessions: bool,
    /// Give the target the roles of the source too. Ordinarily a merge gains no roles.
    pub gain_roles: bool,
}

/// What a merge moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MergeResult {
    /// Who is gone; its id still resolves to the target.
    pub source: UserId,
    /// Who has it all now.
    pub target: User,
    /// How many sessions moved, live or over.
    pub sessions_moved: u64,
    /// How many live sessions of the source were ended.
    pub sessions_ended: u64,
    /// How many facts of ban ledgers are associated with the target now.
    pub bans_moved: u64,
}

/// What a purge would remove, or did: rows per table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct PurgePreview {
    /// Users.
    pub users: u64,
    /// Their sessions.
    pub sessions: u64,
    /// Ban facts that lose their association with the user; the facts stay.
    pub ban_associations: u64,
    /// Users merged into these, which no longer resolve.
    pub merged_references: u64,
}
