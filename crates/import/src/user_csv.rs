//! Users from CSV.

use std::io::{self, Write};

use crate::HeaderError;
use crate::csv_table::CsvTable;
use crate::lines::Lines;
use crate::row::{Original, Row, RowError, Rows};
use crate::user_row::{COLUMNS, EXPORTED, UserRow};

/// Rows of a CSV file with a header.
pub struct UserCsv {
    table: CsvTable,
    lines: Lines,
}

impl UserCsv {
    /// Reads the header.
    pub fn open(mut lines: Lines) -> Result<Self, HeaderError> {
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
