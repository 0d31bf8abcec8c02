//! A list that is shown while it is read: never more than a chunk of it is held.

use std::io::{self, Write};

use systemprompt_users_import::escape_cell;

use super::{Column, Object, Output, Record, Value, table};
use crate::cli::Format;
use crate::exit::note;

/// After how many records a table is written, so that a long list needs no long memory.
const TABLE_CHUNK: usize = 1000;

/// A list under way. It must be finished.
#[must_use = "a list that is not finished is not complete"]
pub(crate) struct List<'a> {
    output: &'a mut Output,
    columns: &'static [Column],
    hide: &'static [&'static str],
    goes_on_by: &'static str,
    pushed: u64,
    /// Records of a table that are not written yet.
    chunk: Vec<Vec<Value>>,
    chunks: usize,
}

impl<'a> List<'a> {
    pub(super) fn new(output: &'a mut Output, columns: &'static [Column]) -> Self {
        Self {
            output,
            columns,
            hide: &[],
            goes_on_by: "--all, or --after",
            pushed: 0,
            chunk: Vec::new(),
            chunks: 0,
        }
    }

    /// The same without these columns in tables: they say the same in every row.
    pub(crate) fn hiding(mut self, hide: &'static [&'static str]) -> Self {
        self.hide = hide;
        self
    }

    /// The same, of which the next page is asked for by another option.
    pub(crate) fn going_on_by(mut self, option: &'static str) -> Self {
        self.goes_on_by = option;
        self
    }

    /// Shows one more record, of the columns that the list has.
    pub(crate) fn push<R: Record>(&mut self, record: &R) -> io::Result<()> {
        match self.output.format {
            Format::Table => {
                self.chunk.push(record.values());
                if self.chunk.len() >= TABLE_CHUNK {
                    self.write_table()?;
                }
            }
            Format::Json => {
                let lead = if self.pushed == 0 { "{\"items\": [\n" } else { ",\n" };
                write!(self.output.out, "{lead}  ")?;
                serde_json::to_writer(&mut self.output.out, &Object(record))?;
            }
            Format::Jsonl => {
                serde_json::to_writer(&mut self.output.out, &Object(record))?;
                writeln!(self.output.out)?;
            }
            Format::Csv => {
                if self.pushed == 0 {
                    self.write_csv_header()?;
                }
                let values = record.values();
                write_csv(&mut self.output.out, values.iter().map(Value::to_plain))?;
            }
        }
        self.pushed += 1;
        Ok(())
    }

    /// Lets readers see what has been shown so far.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.write_table()?;
        self.output.out.flush()
    }

    /// Ends the list; `next` is where it goes on, if it does.
    pub(crate) fn finish(mut self, next: Option<String>) -> io::Result<()> {
        match self.output.format {
            Format::Table => self.write_table()?,
            Format::Json => {
                let lead = if self.pushed == 0 { "{\"items\": [" } else { "\n" };
                let next_json = serde_json::Value::from(next.clone());
                writeln!(self.output.out, "{lead}], \"next\": {next_json}}}")?;
            }
            Format::Jsonl => {}
            Format::Csv if self.pushed == 0 => self.write_csv_header()?,
            Format::Csv => {}
        }
        self.output.out.flush()?;
        if self.output.format == Format::Table && self.pushed == 0 {
            note("nothing found");
        }
        if let Some(next) = next.filter(|_| self.output.format != Format::Json) {
            note(&format!("there is more: {} {next}", self.goes_on_by));
        }
        Ok(())
    }

    fn write_table(&mut self) -> io::Result<()> {
        if self.chunk.is_empty() {
            return Ok(());
        }
        let is_full = self.chunk.len() >= TABLE_CHUNK;
        let header = self.chunks == 0 || (is_full && self.output.terminal.is_terminal());
        let shown = table(self.columns, &self.chunk, self.hide, header, &self.output.terminal);
        writeln!(self.output.out, "{shown}")?;
        self.chunk.clear();
        self.chunks += 1;
        Ok(())
    }

    fn write_csv_header(&mut self) -> io::Result<()> {
        write_csv(&mut self.output.out, self.columns.iter().map(|column| column.name))
    }
}

/// Writes a row of CSV whose cells no spreadsheet takes for formulas.
fn write_csv<F: AsRef<str>>(
    out: &mut (impl Write + ?Sized),
    fields: impl Iterator<Item = F>,
) -> io::Result<()> {
    let mut writer = csv::Writer::from_writer(out);
    for field in fields {
        writer.write_field(&*escape_cell(field.as_ref())).map_err(into_io)?;
    }
    writer.write_record(None::<&[u8]>).map_err(into_io)?;
    writer.flush()
}

/// A fault of CSV as one of the stream below it, so that a closed pipe is known as one.
fn into_io(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}
