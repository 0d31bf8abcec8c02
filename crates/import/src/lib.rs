#![doc = include_str!("../README.md")]

mod address_list;
mod ban_csv;
mod csv_table;
mod lines;
mod row;
mod store;
mod user_csv;
mod user_jsonl;
mod user_row;

use std::io;

pub use address_list::{AddressList, BanList};
pub use ban_csv::{BAN_EXPORT_COLUMNS, BanCsv, BanDefaults};
pub use csv_table::{CsvTable, Fields};
pub use lines::{Line, Lines, MAX_LINE};
pub use row::{ERROR_COLUMNS, Original, Row, RowError, Rows, parse_bool};
pub use store::{UserStore, UserStored};
pub use user_csv::UserCsv;
pub use user_jsonl::UserJsonl;
pub use user_row::UserRow;

/// How many rows are stored in one unit: enough that a commit, and what a text index writes with each, weighs
/// little; few enough that nobody else who writes waits for long.
pub const BATCH: usize = 2_000;

/// Why the rows of a file could not be begun.
#[derive(Debug, thiserror::Error)]
pub enum HeaderError {
    /// The header is not as it has to be.
    #[error("{0}")]
    Refused(String),
    /// The file could not be read.
    #[error("the file could not be read")]
    Io(#[from] io::Error),
}
