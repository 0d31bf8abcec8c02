//! How results are shown: every format is made of the same records.

mod list;
mod record;
mod records;
mod table;
mod terminal;

pub(crate) use list::List;
pub(crate) use record::{Column, Object, Record, Tone, Value};
pub(crate) use records::{
    ActivityRow, AdminLinkRow, AllowRow, BanRow, BulkRow, CheckRow, CountRow, EnsuredRow, EventRow,
    FactRow, FindingRow, IssuedKeyRow, JobRow, KeyRow, LiftedRow, MergeRow, NamedCount, PurgeRow,
    RolesRow, RunRow, SchemaRow, SessionRow, StatRow, UserRow,
};
pub(crate) use table::{details, table};
pub(crate) use terminal::{Terminal, printable};

use std::io::{self, BufWriter, Write};

use crate::cli::Format;

/// Where results go.
pub(crate) struct Output {
    pub(crate) format: Format,
    pub(crate) terminal: Terminal,
    out: BufWriter<Box<dyn Write>>,
}

impl Output {
    /// Results to stdout.
    pub(crate) fn stdout(format: Format) -> Self {
        Self::to(Box::new(io::stdout()), format, Terminal::stdout())
    }

    fn to(out: Box<dyn Write>, format: Format, terminal: Terminal) -> Self {
        Self { format, terminal, out: BufWriter::new(out) }
    }

    /// Shows one record: as a table its fields one below the other.
    pub(crate) fn one<R: Record>(&mut self, record: &R) -> io::Result<()> {
        match self.format {
            Format::Table => writeln!(self.out, "{}", details(record, &self.terminal))?,
            Format::Json => {
                serde_json::to_writer_pretty(&mut self.out, &Object(record))?;
                writeln!(self.out)?;
            }
            Format::Jsonl => {
                serde_json::to_writer(&mut self.out, &Object(record))?;
                writeln!(self.out)?;
            }
            Format::Csv => {
                let mut list = self.list(R::COLUMNS);
                list.push(record)?;
                list.finish(None)?;
            }
        }
        self.out.flush()
    }

    /// Shows a list of these columns, record by record.
    pub(crate) fn list(&mut self, columns: &'static [Column]) -> List<'_> {
        List::new(self, columns)
    }

    /// Shows a list that is complete.
    pub(crate) fn all<R: Record>(&mut self, records: &[R]) -> io::Result<()> {
        let mut list = self.list(R::COLUMNS);
        for record in records {
            list.push(record)?;
        }
        list.finish(None)
    }

    /// Writes plain text.
    pub(crate) fn text(&mut self, text: &str) -> io::Result<()> {
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }

    /// Where an export writes to.
    pub(crate) fn writer(&mut self) -> &mut dyn Write {
        &mut self.out
    }

    /// Whether the results are for a program.
    pub(crate) fn is_for_programs(&self) -> bool {
        self.format != Format::Table
    }
}
