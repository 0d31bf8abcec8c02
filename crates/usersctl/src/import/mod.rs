//! Reading files of users and of bad addresses: row by row, by batches, and nothing read is lost.

mod addresses;
mod ban_csv;
mod errors_file;
mod input;
mod run;

pub(crate) use addresses::{AddressList, BanList};
pub(crate) use ban_csv::{BanCsv, BanDefaults, EXPORT_COLUMNS as BAN_EXPORT_COLUMNS};
pub(crate) use input::Input;
pub(crate) use run::{Import, Sink, Stored};
