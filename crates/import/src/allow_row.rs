//! What a row of the allow-list means.

use std::io::{self, Write};

use systemprompt_users_domain::IpTarget;

use crate::HeaderError;
use crate::address_list::AddressList;
use crate::columns::Columns;
use crate::lines::Lines;
use crate::row::{Original, Row, RowError, Rows};
use crate::table::{Get, Table, TableFormat};

const COLUMNS: Columns = Columns {
    taken: &["target", "note"],
    not_taken_over: &["added_at", "added_by"],
    required: &["target"],
    flags: &[],
    lists: &[],
    nulls: &[],
    has_comments: true,
};

/// A network to be allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowRow {
    /// The address or network.
    pub target: IpTarget,
    /// Why, for people.
    pub note: Option<String>,
}

/// Rows of the allow-list: a table, or a list without notes.
pub enum AllowRows {
    /// Rows with fields.
    Table(AllowTable),
    /// One address or network a line.
    List(AddressList),
}

/// Rows of a table.
pub struct AllowTable(Table);

impl AllowRows {
    /// Reads what comes before the first row; without a format it is a list.
    ///
    /// # Errors
    /// `Refused` when the header is not as it has to be, or the file is of another format; `Io` when it can't
    /// be read.
    pub fn open(lines: Lines, format: Option<TableFormat>) -> Result<Self, HeaderError> {
        Ok(match format {
            Some(format) => Self::Table(AllowTable(Table::open(lines, format, &COLUMNS)?)),
            None => Self::List(AddressList::open(lines)?),
        })
    }
}

impl Rows for AllowRows {
    type Item = AllowRow;

    fn next(&mut self) -> io::Result<Option<Row<AllowRow>>> {
        match self {
            Self::Table(table) => {
                let row = table.0.next(read)?;
                Ok(row.map(|(original, parsed)| {
                    let (parsed, note) = match parsed {
                        Ok((row, note)) => (Ok(row), note),
                        Err(error) => (Err(error), None),
                    };
                    Row { original, parsed, note }
                }))
            }
            Self::List(list) => {
                let row = list.next()?;
                Ok(row.map(|Row { original, parsed, note }| {
                    let parsed = parsed.map(|target| AllowRow { target, note: None });
                    Row { original, parsed, note }
                }))
            }
        }
    }

    fn bytes_read(&self) -> u64 {
        match self {
            Self::Table(table) => table.0.bytes_read(),
            Self::List(list) => list.bytes_read(),
        }
    }

    fn not_taken_over(&self) -> Vec<&'static str> {
        match self {
            Self::Table(table) => table.0.not_taken_over(),
            Self::List(_) => Vec::new(),
        }
    }

    fn start_errors(&self, out: &mut dyn Write) -> io::Result<()> {
        match self {
            Self::Table(table) => table.0.start_errors(out),
            Self::List(list) => list.start_errors(out),
        }
    }

    fn keep(&self, row: &Original, error: &RowError, out: &mut dyn Write) -> io::Result<()> {
        match self {
            Self::Table(table) => table.0.keep(row, error, out),
            Self::List(list) => list.keep(row, error, out),
        }
    }
}

fn read(get: Get<'_>) -> Result<(AllowRow, Option<String>), RowError> {
    let text = get("target").unwrap_or_default();
    let row = AllowRow { target: text.parse()?, note: get("note").map(str::to_owned) };
    Ok((row, IpTarget::host_bits(text)))
}
