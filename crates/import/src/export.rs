//! Rows of CSV as exports write them, in a form that an import takes.

use chrono::{DateTime, SecondsFormat, Utc};
use systemprompt_users_domain::{BannedIp, User, UserExport};

use crate::cell::escape_cell;

/// The columns of an export of users.
pub const USER_EXPORT_COLUMNS: [&str; 16] = [
    "id",
    "name",
    "email",
    "full_name",
    "display_name",
    "avatar_url",
    "status",
    "roles",
    "email_verified",
    "is_bot",
    "created_at",
    "updated_at",
    "last_active_at",
    "deleted_at",
    "merged_into",
    "legal_hold",
];

/// The columns of an export of bans, the last two of which say nothing to an import.
pub const BAN_EXPORT_COLUMNS: [&str; 9] = [
    "target",
    "until",
    "reason",
    "source",
    "fingerprint",
    "offence_path",
    "user_agent",
    "ban_count",
    "banned_at",
];

/// A user as a row of [`USER_EXPORT_COLUMNS`].
pub fn user_cells(user: &User) -> [String; 16] {
    let user = UserExport::from(user);
    [
        user.id.to_string(),
        user.name,
        user.email.unwrap_or_default(),
        user.full_name.unwrap_or_default(),
        user.display_name.unwrap_or_default(),
        user.avatar_url.unwrap_or_default(),
        user.status,
        user.roles,
        user.email_verified.to_string(),
        user.is_bot.to_string(),
        time(user.created_at),
        time(user.updated_at),
        time(user.last_active_at),
        user.deleted_at.map(time).unwrap_or_default(),
        user.merged_into.map(|id| id.to_string()).unwrap_or_default(),
        user.legal_hold.to_string(),
    ]
}

/// A ban as a row of [`BAN_EXPORT_COLUMNS`].
pub fn ban_cells(ban: &BannedIp) -> [String; 9] {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    [
        ban.target.to_string(),
        ban.until.time().map_or_else(|| "permanent".into(), time),
        text(&ban.reason),
        text(&ban.source),
        ban.fingerprint.as_ref().map(ToString::to_string).unwrap_or_default(),
        text(&ban.offence_path),
        text(&ban.user_agent),
        ban.ban_count.to_string(),
        time(ban.banned_at),
    ]
}

/// A row of CSV with its end, of whose cells a spreadsheet takes none for a formula ([`escape_cell`]).
pub fn csv_row<T: AsRef<str>>(fields: &[T]) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let cells = fields.iter().map(|field| escape_cell(field.as_ref()).into_owned());
    // A vector takes all that is written to it.
    let _ = writer.write_record(cells.map(String::into_bytes));
    writer.into_inner().unwrap_or_default()
}

fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}
