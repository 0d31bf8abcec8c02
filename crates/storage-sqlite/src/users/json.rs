//! Users as they are handed over: all rows of a statement in one JSON text, read by `json_each`.

use serde::ser::{Serialize, SerializeSeq, Serializer};
use systemprompt_users_domain::{StorageResult, TokenHash, User};

use crate::codec::{bytes_hex, hex, micros};
use crate::error::other;

/// Users at their places, as one text.
pub(crate) fn to_json<'u>(
    users: impl IntoIterator<Item = (&'u User, i64)>,
) -> StorageResult<String> {
    let rows: Vec<Row<'u>> = users.into_iter().map(|(user, place)| Row { user, place }).collect();
    // Straight into the text: a tree of values would cost as much again as the statement.
    serde_json::to_string(&rows).map_err(other)
}

/// A user at a place; the statements name the columns by their position here.
struct Row<'u> {
    user: &'u User,
    place: i64,
}

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let user = self.user;
        let token_hash = user.token_hash.as_ref().map(TokenHash::as_bytes);
        let mut row = serializer.serialize_seq(None)?;
        row.serialize_element(&self.place)?;
        row.serialize_element(&hex(user.id.as_uuid()))?;
        row.serialize_element(user.name.as_str())?;
        row.serialize_element(user.name.canonical())?;
        row.serialize_element(&user.email.as_ref().map(|email| email.as_str()))?;
        row.serialize_element(&user.email_verified)?;
        row.serialize_element(&user.full_name.as_ref().map(|name| name.as_str()))?;
        row.serialize_element(&user.display_name.as_ref().map(|name| name.as_str()))?;
        row.serialize_element(&user.avatar_url.as_ref().map(|url| url.as_str()))?;
        row.serialize_element(user.status.as_str())?;
        row.serialize_element(&user.roles.bits())?;
        row.serialize_element(&user.is_bot)?;
        row.serialize_element(&user.fingerprint.as_ref().map(|it| it.as_str()))?;
        row.serialize_element(&token_hash.map(|bytes| bytes_hex(bytes)))?;
        row.serialize_element(&micros(user.created_at))?;
        row.serialize_element(&micros(user.updated_at))?;
        row.serialize_element(&micros(user.last_active_at))?;
        row.serialize_element(&user.deleted_at.map(micros))?;
        row.serialize_element(&user.status_before_delete.map(|status| status.as_str()))?;
        row.serialize_element(&user.merged_into.map(|id| hex(id.as_uuid())))?;
        row.serialize_element(&user.legal_hold)?;
        row.serialize_element(&user.version)?;
        row.end()
    }
}
