//! Records about users.

use systemprompt_users::{
    BulkOutcome, MergeResult, PurgePreview, User, UserActivity, UserError, UserId, UserStatus,
};

use crate::output::{Column, Record, Tone, Value};

/// A user.
pub(crate) struct UserRow<'a>(pub(crate) &'a User);

impl Record for UserRow<'_> {
    const COLUMNS: &'static [Column] = &[
        Column::wide("id"),
        Column::always("name"),
        Column::always("email"),
        Column::always("full_name"),
        Column::data("display_name"),
        Column::always("status"),
        Column::always("roles"),
        Column::data("email_verified"),
        Column::data("is_bot"),
        Column::data("avatar_url"),
        Column::data("fingerprint"),
        Column::wide("created_at"),
        Column::data("updated_at"),
        Column::wide("last_active_at"),
        Column::data("deleted_at"),
        Column::data("merged_into"),
        Column::data("legal_hold"),
        Column::data("version"),
    ];

    fn values(&self) -> Vec<Value> {
        let user = self.0;
        vec![
            Value::text(user.id),
            Value::text(&user.name),
            Value::optional(user.email.as_ref()),
            Value::optional(user.full_name.as_ref()),
            Value::optional(user.display_name.as_ref()),
            status(user.status),
            Value::List(user.roles.iter().map(|role| role.to_string()).collect()),
            Value::Bool(user.email_verified),
            Value::Bool(user.is_bot),
            Value::optional(user.avatar_url.as_ref()),
            Value::optional(user.fingerprint.as_ref()),
            Value::Time(user.created_at),
            Value::Time(user.updated_at),
            Value::Time(user.last_active_at),
            Value::time(user.deleted_at),
            Value::optional(user.merged_into),
            Value::Bool(user.legal_hold),
            Value::Number(user.version),
        ]
    }
}

fn status(status: UserStatus) -> Value {
    let tone = match status {
        UserStatus::Active => Tone::Good,
        UserStatus::Suspended => Tone::Warning,
        UserStatus::Deleted => Tone::Quiet,
    };
    Value::Word(status.to_string(), tone)
}

/// A user, and whether it was created, existing or changed.
pub(crate) struct EnsuredRow<'a> {
    pub(crate) user: &'a User,
    pub(crate) outcome: &'static str,
}

impl Record for EnsuredRow<'_> {
    const COLUMNS: &'static [Column] = &[
        Column::always("outcome"),
        Column::always("id"),
        Column::always("name"),
        Column::always("email"),
        Column::always("status"),
    ];

    fn values(&self) -> Vec<Value> {
        vec![
            Value::Word(self.outcome.into(), Tone::Good),
            Value::text(self.user.id),
            Value::text(&self.user.name),
            Value::optional(self.user.email.as_ref()),
            status(self.user.status),
        ]
    }
}

/// The roles of a user.
pub(crate) struct RolesRow<'a>(pub(crate) &'a User);

impl Record for RolesRow<'_> {
    const COLUMNS: &'static [Column] =
        &[Column::always("id"), Column::always("name"), Column::always("roles")];

    fn values(&self) -> Vec<Value> {
        vec![
            Value::text(self.0.id),
            Value::text(&self.0.name),
            Value::List(self.0.roles.iter().map(|role| role.to_string()).collect()),
        ]
    }
}

/// What became of one item of a bulk operation.
pub(crate) struct BulkRow {
    /// How it was named.
    pub(crate) reference: String,
    /// Who it is, where somebody was found.
    pub(crate) id: Option<UserId>,
    /// What happened.
    pub(crate) outcome: BulkOutcome,
}

impl BulkRow {
    /// Somebody who was not found.
    pub(crate) fn missing(reference: &str) -> Self {
        let outcome = BulkOutcome::Refused(UserError::user_not_found(reference));
        Self { reference: reference.to_owned(), id: None, outcome }
    }

    /// Why it was refused, if it was.
    pub(crate) const fn error(&self) -> Option<&UserError> {
        match &self.outcome {
            BulkOutcome::Refused(error) => Some(error),
            BulkOutcome::Done | BulkOutcome::Unchanged => None,
        }
    }
}

impl Record for BulkRow {
    const COLUMNS: &'static [Column] = &[
        Column::always("user"),
        Column::wide("id"),
        Column::always("outcome"),
        Column::data("code"),
        Column::always("reason"),
    ];

    fn values(&self) -> Vec<Value> {
        let (word, tone, error) = match &self.outcome {
            BulkOutcome::Done => ("done", Tone::Good, None),
            BulkOutcome::Unchanged => ("unchanged", Tone::Quiet, None),
            BulkOutcome::Refused(error) => ("refused", Tone::Bad, Some(error)),
        };
        vec![
            Value::text(&self.reference),
            Value::optional(self.id),
            Value::Word(word.into(), tone),
            Value::optional(error.map(UserError::code)),
            Value::optional(error),
        ]
    }
}

/// What a merge moved.
pub(crate) struct MergeRow<'a>(pub(crate) &'a MergeResult);

impl Record for MergeRow<'_> {
    const COLUMNS: &'static [Column] = &[
        Column::always("source"),
        Column::always("target"),
        Column::always("target_name"),
        Column::always("sessions_moved"),
        Column::always("sessions_ended"),
        Column::always("bans_moved"),
    ];

    fn values(&self) -> Vec<Value> {
        vec![
            Value::text(self.0.source),
            Value::text(self.0.target.id),
            Value::text(&self.0.target.name),
            Value::count(self.0.sessions_moved),
            Value::count(self.0.sessions_ended),
            Value::count(self.0.bans_moved),
        ]
    }
}

/// What a purge removes, or would.
pub(crate) struct PurgeRow {
    pub(crate) user: String,
    pub(crate) id: Option<UserId>,
    pub(crate) rows: Result<PurgePreview, UserError>,
}

impl Record for PurgeRow {
    const COLUMNS: &'static [Column] = &[
        Column::always("user"),
        Column::data("id"),
        Column::always("users"),
        Column::always("sessions"),
        Column::always("ban_associations"),
        Column::always("merged_references"),
        Column::always("refused"),
    ];

    fn values(&self) -> Vec<Value> {
        let (rows, error) = match &self.rows {
            Ok(rows) => (*rows, None),
            Err(error) => (PurgePreview::default(), Some(error)),
        };
        vec![
            Value::text(&self.user),
            Value::optional(self.id),
            Value::count(rows.users),
            Value::count(rows.sessions),
            Value::count(rows.ban_associations),
            Value::count(rows.merged_references),
            error.map_or(Value::Empty, |error| Value::Word(error.to_string(), Tone::Bad)),
        ]
    }
}

/// What a user has been up to.
pub(crate) struct ActivityRow<'a> {
    pub(crate) user: &'a User,
    pub(crate) activity: &'a UserActivity,
}

impl Record for ActivityRow<'_> {
    const COLUMNS: &'static [Column] = &[
        Column::always("user_id"),
        Column::always("name"),
        Column::always("last_active_at"),
        Column::always("sessions"),
        Column::always("live_sessions"),
        Column::always("events"),
    ];

    fn values(&self) -> Vec<Value> {
        vec![
            Value::text(self.activity.user_id),
            Value::text(&self.user.name),
            Value::Time(self.activity.last_active_at),
            Value::count(self.activity.sessions),
            Value::count(self.activity.live_sessions),
            Value::count(self.activity.events),
        ]
    }
}
