//! The parsing of an import, on a thread of its own.

use std::io;

use systemprompt_users_import::{HeaderError, Lines, Row, Rows, UserCsv, UserJsonl, UserRow};
use tokio::sync::mpsc;

use crate::api::rows::RowFormat;
use crate::api::upload::Upload;

/// How many rows are stored in one unit of work.
const BATCH: usize = 1000;

/// What the parser hands on.
pub(super) enum Batch {
    /// The header is wrong, or could not be read: nothing follows.
    NotBegun(HeaderError),
    /// The next rows, which may be none.
    Rows(Vec<Row<UserRow>>),
    /// All rows were handed on.
    Over,
    /// The body can't be read on.
    Broken(io::Error),
}

/// Reads all rows and hands them on in batches, until nobody takes them any more.
pub(super) fn parse(format: RowFormat, upload: Upload, batches: &mpsc::Sender<Batch>) {
    let lines = Lines::new(Box::new(upload));
    match format {
        RowFormat::Ndjson => read(UserJsonl::new(lines), batches),
        RowFormat::Csv => match UserCsv::open(lines) {
            Ok(rows) => read(rows, batches),
            // Nobody is left to be told when this fails.
            Err(error) => drop(batches.blocking_send(Batch::NotBegun(error))),
        },
    }
}

fn read(mut rows: impl Rows<Item = UserRow>, batches: &mpsc::Sender<Batch>) {
    // So that the answer begins although no row has come.
    if batches.blocking_send(Batch::Rows(Vec::new())).is_err() {
        return;
    }
    let mut batch = Vec::new();
    loop {
        let end = match rows.next() {
            Ok(Some(row)) => {
                batch.push(row);
                None
            }
            Ok(None) => Some(Batch::Over),
            Err(error) => Some(Batch::Broken(error)),
        };
        if batch.len() == BATCH || end.is_some() {
            let rows = Batch::Rows(std::mem::take(&mut batch));
            if batches.blocking_send(rows).is_err() {
                return;
            }
        }
        if let Some(end) = end {
            drop(batches.blocking_send(end));
            return;
        }
    }
}
