//! Many rows at a time, by `COPY`.
//!
//! In its binary form: the driver's own encoding of each value, so that nothing is written as text and read
//! again. The server adds rows a page at a time and asks for no conflicts in advance, so this is for rows
//! that can have none, or behind a savepoint.

use sqlx::encode::{Encode, IsNull};
use sqlx::error::BoxDynError;
use sqlx::postgres::PgArgumentBuffer;
use sqlx::{PgConnection, Postgres};
use systemprompt_users_domain::{StorageError, StorageResult};

/// From how many rows on they are copied: fewer go in with a round trip less.
pub(crate) const MANY: usize = 64;

/// What the binary form begins with: its signature, no flags, no extension.
const BEGIN: &[u8; 19] = b"PGCOPY\n\xFF\r\n\0\0\0\0\0\0\0\0\0";

/// What it ends with, where the count of a row's fields would stand.
const END: i16 = -1;

/// Rows in the binary form.
pub(crate) struct CopyRows {
    bytes: PgArgumentBuffer,
    fields: i16,
}

impl CopyRows {
    /// No rows yet, of `fields` fields each.
    pub(crate) fn new(fields: i16) -> Self {
        let mut bytes = PgArgumentBuffer::default();
        bytes.extend_from_slice(BEGIN);
        Self { bytes, fields }
    }

    /// Begins a row; its fields follow, in the order of the statement's columns and of their types.
    pub(crate) fn row(&mut self) {
        self.bytes.extend_from_slice(&self.fields.to_be_bytes());
    }

    /// The next field.
    pub(crate) fn field<'q>(&mut self, value: impl Encode<'q, Postgres>) -> StorageResult<()> {
        self.encode(&value).map_err(StorageError::Other)
    }

    fn encode<'q>(&mut self, value: &impl Encode<'q, Postgres>) -> Result<(), BoxDynError> {
        const NULL: i32 = -1;
        let before = self.bytes.len();
        self.bytes.extend_from_slice(&NULL.to_be_bytes());
        let begin = self.bytes.len();
        if let IsNull::No = value.encode_by_ref(&mut self.bytes)? {
            let length = i32::try_from(self.bytes.len() - begin)?;
            let place = self.bytes.get_mut(before..begin);
            place.into_iter().for_each(|place| place.copy_from_slice(&length.to_be_bytes()));
        }
        Ok(())
    }

    /// Adds the rows to the table and columns that `statement` names.
    pub(crate) async fn send(
        mut self,
        connection: &mut PgConnection,
        statement: &'static str,
    ) -> sqlx::Result<()> {
        self.bytes.extend_from_slice(&END.to_be_bytes());
        let mut copy = connection.copy_in_raw(statement).await?;
        copy.send(self.bytes.as_slice()).await?;
        copy.finish().await.map(|_| ())
    }
}
