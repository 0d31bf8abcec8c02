//! Statements that only read: repeated on a new connection where the server has ended the old one.

use std::fmt;

use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream};
use futures_util::{FutureExt, StreamExt, TryFutureExt, TryStreamExt};
use sqlx::postgres::{PgArguments, PgQueryResult, PgRow, PgStatement, PgTypeInfo};
use sqlx::{Describe, Either, Execute, Executor, PgConnection, Postgres, SqlStr};
use systemprompt_users_domain::StorageError;

use crate::pool::Lease;

/// The connection of a unit, for one statement that has no effect but its answer. Outside of a transaction it
/// may be given twice: the rows are handed on only when all are there.
pub(crate) struct Reader<'c> {
    lease: &'c mut Lease,
    may_repeat: bool,
}

impl<'c> Reader<'c> {
    /// For a statement that is no part of a transaction.
    pub(crate) fn alone(lease: &'c mut Lease) -> Self {
        Self { lease, may_repeat: true }
    }

    /// For a statement of a transaction, which ends with its connection.
    pub(crate) fn in_transaction(lease: &'c mut Lease) -> Self {
        Self { lease, may_repeat: false }
    }

    fn connection(&mut self) -> sqlx::Result<&mut PgConnection> {
        self.lease.begin_statement().map_err(driver_error)
    }

    /// Whether to ask again, on a new connection that is there by then.
    async fn is_to_repeat<T>(&mut self, answer: &sqlx::Result<T>) -> sqlx::Result<bool> {
        if !self.may_repeat || !self.lease.is_to_repeat(answer) {
            return Ok(false);
        }
        self.lease.renew().await.map_err(driver_error)?;
        Ok(true)
    }
}

/// An error of the port in the words of the driver, from which [`Lease::done`] makes the same again.
fn driver_error(error: StorageError) -> sqlx::Error {
    match error {
        StorageError::Unavailable(source) => sqlx::Error::Io(std::io::Error::other(source)),
        other => sqlx::Error::Configuration(Box::new(other)),
    }
}

/// A statement that can be given more than once.
#[derive(Clone)]
struct Statement {
    sql: SqlStr,
    arguments: Option<PgArguments>,
    is_kept: bool,
}

impl Statement {
    fn of<'q>(mut query: impl Execute<'q, Postgres>) -> sqlx::Result<Self> {
        let arguments = query.take_arguments().map_err(sqlx::Error::Encode)?;
        let is_kept = query.persistent();
        Ok(Self { sql: query.sql(), arguments, is_kept })
    }
}

impl<'q> Execute<'q, Postgres> for Statement {
    fn sql(self) -> SqlStr {
        self.sql
    }

    fn statement(&self) -> Option<&PgStatement> {
        None
    }

    fn take_arguments(&mut self) -> Result<Option<PgArguments>, sqlx::error::BoxDynError> {
        Ok(self.arguments.take())
    }

    fn persistent(&self) -> bool {
        self.is_kept
    }
}

type Item = sqlx::Result<Either<PgQueryResult, PgRow>>;

impl<'c> Executor<'c> for Reader<'c> {
    type Database = Postgres;

    fn fetch_many<'e, 'q: 'e, E>(mut self, query: E) -> BoxStream<'e, Item>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let statement = Statement::of(query);
        let items = async move {
            let statement = statement?;
            let asked = self.connection()?.fetch_many(statement.clone());
            let mut items = asked.try_collect::<Vec<_>>().await;
            if self.is_to_repeat(&items).await? {
                items = self.connection()?.fetch_many(statement).try_collect().await;
            }
            Ok(stream::iter(items?).map(Ok))
        };
        items.try_flatten_stream().boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(
        mut self,
        query: E,
    ) -> BoxFuture<'e, sqlx::Result<Option<PgRow>>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let statement = Statement::of(query);
        let row = async move {
            let statement = statement?;
            let mut row = self.connection()?.fetch_optional(statement.clone()).await;
            if self.is_to_repeat(&row).await? {
                row = self.connection()?.fetch_optional(statement).await;
            }
            row
        };
        row.boxed()
    }

    fn prepare_with<'e>(
        mut self,
        sql: SqlStr,
        parameters: &'e [PgTypeInfo],
    ) -> BoxFuture<'e, sqlx::Result<PgStatement>>
    where
        'c: 'e,
    {
        async move { self.connection()?.prepare_with(sql, parameters).await }.boxed()
    }

    fn describe<'e>(mut self, sql: SqlStr) -> BoxFuture<'e, sqlx::Result<Describe<Postgres>>>
    where
        'c: 'e,
    {
        async move { self.connection()?.describe(sql).await }.boxed()
    }
}

impl fmt::Debug for Reader<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").finish_non_exhaustive()
    }
}
