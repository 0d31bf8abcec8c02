//! Users from CSV.

use std::io::{self, Write};

use super::csv_table::CsvTable;
use super::lines::Lines;
use super::row::{Original, Row, RowError, Rows};
use super::user_row::{COLUMNS, EXPORTED, UserRow};
use crate::exit::Failure;

/// Rows of a CSV file with a header.
pub(crate) struct UserCsv {
    table: CsvTable,
    lines: Lines,
}

impl UserCsv {
    /// Reads the header.
    pub(crate) fn open(mut lines: Lines) -> Result<Self, Failure> {
        let known = [COLUMNS.as_slice(), &EXPORTED].concat();
        let table = CsvTable::open(&mut lines, &known, &["name", "email"], false)?;
        Ok(Self { table, lines })
    }
}

impl Rows for UserCsv {
    type Item = UserRow;

    fn next(&mut self) -> io::Result<Option<Row<UserRow>>> {
        let Some((original, fields)) = self.table.next(&mut self.lines)? else { return Ok(None) };
        let parsed = fields.and_then(|fields| UserRow::read(|column| fields.get(column)));
        Ok(Some(Row { original, parsed }))
    }

    fn bytes_read(&self) -> u64 {
        self.lines.bytes_read()
    }

    fn start_errors(&self, out: &mut dyn Write) -> io::Result<()> {
        self.table.start_errors(out)
    }

    fn keep(&self, row: &Original, error: &RowError, out: &mut dyn Write) -> io::Result<()> {
        self.table.keep(row, error, out)
    }
}
