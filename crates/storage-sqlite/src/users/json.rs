//! Users as they are handed over: all rows of a statement in one JSON text, read by `json_each`.

use serde_json::{Value, json};
use systemprompt_users_domain::{TokenHash, User};

use crate::codec::{bytes_hex, hex, micros};

/// A user at a place; the statements name the columns by their position here.
pub(crate) fn to_json(user: &User, place: i64) -> Value {
    json!([
        place,
        hex(user.id.as_uuid()),
        user.name.as_str(),
        user.name.canonical(),
        user.email.as_ref().map(|email| email.as_str()),
        user.email_verified,
        user.full_name.as_ref().map(|name| name.as_str()),
        user.display_name.as_ref().map(|name| name.as_str()),
        user.avatar_url.as_ref().map(|url| url.as_str()),
        user.status.as_str(),
        user.roles.bits(),
        user.is_bot,
        user.fingerprint.as_ref().map(|fingerprint| fingerprint.as_str()),
        user.token_hash.as_ref().map(TokenHash::as_bytes).map(|bytes| bytes_hex(bytes)),
        micros(user.created_at),
        micros(user.updated_at),
        micros(user.last_active_at),
        user.deleted_at.map(micros),
        user.status_before_delete.map(|status| status.as_str()),
        user.merged_into.map(|id| hex(id.as_uuid())),
        user.legal_hold,
        user.version,
    ])
}
