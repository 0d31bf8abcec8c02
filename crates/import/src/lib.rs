#![doc = include_str!("../README.md")]

mod address_list;
mod allow_row;
mod ban_row;
mod cell;
mod columns;
mod csv_table;
mod encoding;
mod export;
mod json_lines;
mod json_object;
mod lines;
mod references;
mod row;
mod store;
mod table;
mod user_row;

use std::io;

pub use address_list::{AddressList, BanList};
pub use allow_row::{AllowRow, AllowRows, AllowTable};
pub use ban_row::{BanDefaults, BanRows};
pub use cell::{escape_cell, unescape_cell};
pub use export::{BAN_EXPORT_COLUMNS, USER_EXPORT_COLUMNS, ban_cells, csv_row, user_cells};
pub use lines::{Line, Lines, MAX_LINE};
pub use references::References;
pub use row::{ERROR_COLUMNS, Original, Row, RowError, Rows, parse_bool};
pub use store::{UserStore, UserStored};
pub use table::TableFormat;
pub use user_row::{UserRow, UserRows};

/// How many rows are stored in one unit: enough that a commit, and what a text index writes with each, weighs
/// little; few enough that nobody else who writes waits for long.
pub const BATCH: usize = 2_000;

/// Why the rows of a file could not be begun.
#[derive(Debug, thiserror::Error)]
pub enum HeaderError {
    /// The file, or its header, is not as it has to be.
    #[error("{0}")]
    Refused(String),
    /// The file could not be read.
    #[error("the file could not be read")]
    Io(#[source] io::Error),
}

impl From<io::Error> for HeaderError {
    fn from(error: io::Error) -> Self {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<encoding::Foreign>()) {
            Some(foreign) => Self::Refused(foreign.to_string()),
            None => Self::Io(error),
        }
    }
}
