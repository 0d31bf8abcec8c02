//! Cursors as places in an index.

use systemprompt_users_domain::{Cursor, SortKey, StorageError, StorageResult, UserError};

use crate::place::Spot;
use crate::time::micros;

/// The place of a cursor of a list that is ordered by time.
pub(crate) fn time_of(cursor: Option<&Cursor>) -> StorageResult<Option<Spot<'static>>> {
    let Some(cursor) = cursor else { return Ok(None) };
    let time = cursor.time().map_err(foreign)?;
    Ok(Some(Spot::at_time(micros(time), cursor.id)))
}

/// The place of a cursor of a list that is ordered by text.
pub(crate) fn text_of(cursor: Option<&Cursor>) -> StorageResult<Option<Spot<'_>>> {
    let Some(cursor) = cursor else { return Ok(None) };
    let text = cursor.text().map_err(foreign)?;
    Ok(Some(Spot::at_text(text, cursor.id)))
}

/// The place of a cursor of a list that is ordered by id alone.
pub(crate) fn id_of(cursor: Option<&Cursor>) -> StorageResult<Option<Spot<'static>>> {
    let Some(cursor) = cursor else { return Ok(None) };
    match cursor.key {
        SortKey::Id => Ok(Some(Spot::at_id(cursor.id))),
        _ => Err(foreign(UserError::validation("after", "this is not a cursor of this list"))),
    }
}

pub(crate) fn foreign(error: UserError) -> StorageError {
    StorageError::Other(error.into())
}
