//! SQL whose shape depends on what is asked for. Every value is bound; only the shape is text.

use sqlx::query::QueryAs;
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Arguments, AssertSqlSafe, Encode, FromRow, Sqlite, Type};
use systemprompt_users_domain::StorageResult;

use crate::error::other;

/// A statement under construction.
#[derive(Default)]
pub(crate) struct Sql {
    text: String,
    arguments: SqliteArguments,
}

impl Sql {
    /// Adds text of the statement; never a value.
    pub(crate) fn push(&mut self, text: &str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    /// Binds a value and gives its name, which may be used any number of times.
    pub(crate) fn bind<'v, T>(&mut self, value: T) -> StorageResult<String>
    where
        T: Encode<'v, Sqlite> + Type<Sqlite>,
    {
        self.arguments.add(value).map_err(other)?;
        Ok(format!("?{}", self.arguments.len()))
    }

    /// The statement, for rows of `R`.
    pub(crate) fn rows<R>(self) -> QueryAs<'static, Sqlite, R, SqliteArguments>
    where
        R: for<'r> FromRow<'r, SqliteRow>,
    {
        sqlx::query_as_with(AssertSqlSafe(self.text), self.arguments)
    }
}
