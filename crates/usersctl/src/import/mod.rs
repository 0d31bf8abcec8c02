//! Reading files of users and of bad addresses: row by row, by batches, and nothing read is lost.

mod addresses;
mod ban_csv;
mod csv_table;
mod errors_file;
mod input;
mod lines;
mod row;
mod run;
mod user_csv;
mod user_jsonl;
mod user_row;

pub(crate) use addresses::{AddressList, BanList};
pub(crate) use ban_csv::{BanCsv, BanDefaults, EXPORT_COLUMNS as BAN_EXPORT_COLUMNS};
pub(crate) use input::Input;
pub(crate) use row::{RowError, Rows};
pub(crate) use run::{Import, Sink, Stored};
pub(crate) use user_csv::UserCsv;
pub(crate) use user_jsonl::UserJsonl;
pub(crate) use user_row::UserRow;
