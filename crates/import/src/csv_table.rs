//! CSV with a header in any order, read so that one broken row takes no other with it.

use std::io::{self, Write};

use csv::{ByteRecord, ReaderBuilder, Terminator};

use crate::HeaderError;
use crate::lines::{Line, Lines, MAX_LINE};
use crate::row::{ERROR_COLUMNS, Original, RowError};

/// The header of a file, and how its rows are read.
pub struct CsvTable {
    /// The names as they were read, for a file of refused rows.
    header: ByteRecord,
    /// The names as they are known.
    columns: Vec<String>,
    has_comments: bool,
}

/// The fields of a row by name.
pub struct Fields<'a> {
    columns: &'a [String],
    record: ByteRecord,
}

impl CsvTable {
    /// Reads the header.
    pub fn open(
        lines: &mut Lines,
        known: &[&str],
        required: &[&str],
        has_comments: bool,
    ) -> Result<Self, HeaderError> {
        let mut table = Self { header: ByteRecord::new(), columns: Vec::new(), has_comments };
        let first = table.read(lines)?;
        let (_, header) = first
            .ok_or_else(|| HeaderError::Refused("the file is empty: expected a header".into()))?;
        table.header = header
            .map_err(|error| HeaderError::Refused(format!("the header: {}", error.reason)))?;
        let name = |field: &[u8]| String::from_utf8_lossy(field).trim().to_lowercase();
        table.columns = table.header.iter().map(name).collect();
        let is_known = |column: &str| known.contains(&column) || ERROR_COLUMNS.contains(&column);
        let unknown: Vec<&str> =
            table.columns.iter().map(String::as_str).filter(|column| !is_known(column)).collect();
        if !unknown.is_empty() {
            let message = format!(
                "the header names unknown columns: {}; known are: {}",
                quoted(&unknown),
                known.join(", ")
            );
            return Err(HeaderError::Refused(message));
        }
        let missing: Vec<&str> = required
            .iter()
            .copied()
            .filter(|wanted| !table.columns.iter().any(|column| column == wanted))
            .collect();
        if !missing.is_empty() {
            return Err(HeaderError::Refused(format!("the header lacks {}", quoted(&missing))));
        }
        let twice = table.columns.iter().enumerate();
        let mut twice =
            twice.filter(|(at, column)| table.columns.iter().take(*at).any(|c| c == *column));
        if let Some((_, column)) = twice.next() {
            return Err(HeaderError::Refused(format!("the header names `{column}` twice")));
        }
        Ok(table)
    }

    /// The next row: what was read, and its fields.
    pub fn next(
        &self,
        lines: &mut Lines,
    ) -> io::Result<Option<(Original, Result<Fields<'_>, RowError>)>> {
        let Some((original, record)) = self.read(lines)? else { return Ok(None) };
        let fields = record.and_then(|record| {
            if record.len() != self.columns.len() {
                let (has, header) = (record.len(), self.columns.len());
                let reason = format!("has {has} fields, the header has {header}");
                return Err(RowError::row(reason));
            }
            for (column, field) in self.columns.iter().zip(&record) {
                if std::str::from_utf8(field).is_err() {
                    return Err(RowError::new(column, "is not valid UTF-8"));
                }
            }
            Ok(Fields { columns: &self.columns, record })
        });
        Ok(Some((original, fields)))
    }

    /// Writes the header of a file of refused rows. What is wrong stands first, so that the rest of a row
    /// can be kept as it is, however many fields it has.
    pub fn start_errors(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut header = ByteRecord::from(ERROR_COLUMNS.to_vec());
        self.without_error_columns(&self.header).for_each(|field| header.push_field(field));
        write(&header, out)
    }

    /// Writes a refused row.
    pub fn keep(&self, row: &Original, error: &RowError, out: &mut dyn Write) -> io::Result<()> {
        let line = row.line.to_string();
        let mut record = ByteRecord::from(vec![line.as_str(), &error.field, &error.reason]);
        let had_errors = self.columns.iter().any(|column| is_error_column(column));
        if had_errors && let Ok(fields) = parse(&row.bytes) {
            self.without_error_columns(&fields).for_each(|field| record.push_field(field));
            return write(&record, out);
        }
        // The line is kept to the letter, also where no program could read it.
        let mut lead = Vec::new();
        write(&record, &mut lead)?;
        lead.pop();
        out.write_all(&lead)?;
        out.write_all(b",")?;
        out.write_all(&row.bytes)?;
        out.write_all(b"\n")
    }

    fn without_error_columns<'a>(
        &'a self,
        record: &'a ByteRecord,
    ) -> impl Iterator<Item = &'a [u8]> {
        record.iter().enumerate().filter_map(|(at, field)| {
            let column = self.columns.get(at);
            (!column.is_some_and(|column| is_error_column(column))).then_some(field)
        })
    }

    /// The next record, of as many lines as its quotes need.
    ///
    /// A quote that is opened and never closed is the fault of its line alone: what follows is read again.
    fn read(
        &self,
        lines: &mut Lines,
    ) -> io::Result<Option<(Original, Result<ByteRecord, RowError>)>> {
        let first = loop {
            match lines.read_line()? {
                None => return Ok(None),
                Some(line) if line.is_blank() => {}
                Some(line) if self.has_comments && line.starts_with(b'#') => {}
                Some(line) => break line,
            }
        };
        if first.is_too_long() {
            return Ok(Some((first.into(), Err(RowError::too_long()))));
        }
        let Joined { bytes, more, quotes } = join(&first, lines)?;
        let record = parse(&bytes)?;
        let is_header = self.columns.is_empty();
        let has_right_count = more.is_empty() || is_header || record.len() == self.columns.len();
        let wrong = match quotes {
            Quotes::Broken if more.is_empty() => "something stands behind a closing quote",
            Quotes::Broken | Quotes::Open => "a quote is opened and never closed",
            _ if !has_right_count => "a quote is opened and never closed",
            _ => "",
        };
        if !wrong.is_empty() {
            lines.put_back(more);
            return Ok(Some((first.into(), Err(RowError::row(wrong)))));
        }
        Ok(Some((Original { line: first.number, bytes }, Ok(record))))
    }
}

/// A line and those that its quotes go on in.
struct Joined {
    bytes: Vec<u8>,
    more: Vec<Line>,
    quotes: Quotes,
}

/// Reads on until the quotes of a line are closed, or there is no hope for that.
fn join(first: &Line, lines: &mut Lines) -> io::Result<Joined> {
    let mut joined =
        Joined { bytes: first.bytes.clone(), more: Vec::new(), quotes: Quotes::default() };
    joined.quotes.read(&first.bytes);
    while joined.quotes == Quotes::Open {
        let Some(line) = lines.read_line()? else { break };
        if joined.bytes.len() + line.bytes.len() >= MAX_LINE {
            joined.more.push(line);
            break;
        }
        joined.bytes.push(b'\n');
        joined.bytes.extend(&line.bytes);
        joined.quotes.read(b"\n");
        joined.quotes.read(&line.bytes);
        joined.more.push(line);
    }
    Ok(joined)
}

impl Fields<'_> {
    /// What stands in a column; blank is nothing.
    pub fn get(&self, column: &str) -> Option<&str> {
        let at = self.columns.iter().position(|name| name == column)?;
        let text = std::str::from_utf8(self.record.get(at)?).ok()?;
        Some(text).filter(|text| !text.trim().is_empty())
    }
}

fn parse(bytes: &[u8]) -> io::Result<ByteRecord> {
    if !bytes.contains(&b'"') {
        // Most rows. A reader costs several times what it reads here.
        return Ok(bytes.split(|byte| *byte == b',').collect());
    }
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .terminator(Terminator::Any(b'\n'))
        .buffer_capacity(bytes.len().max(1))
        .from_reader(bytes);
    let mut record = ByteRecord::new();
    reader.read_byte_record(&mut record).map_err(into_io)?;
    Ok(record)
}

fn write(record: &ByteRecord, out: &mut dyn Write) -> io::Result<()> {
    let mut writer = csv::Writer::from_writer(out);
    writer.write_byte_record(record).map_err(into_io)?;
    writer.flush()
}

/// A fault of CSV as one of the stream below it, so that a closed pipe is known as one.
fn into_io(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

fn is_error_column(column: &str) -> bool {
    ERROR_COLUMNS.contains(&column)
}

fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// Follows the quotes of a record, to know whether a line ends inside of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Quotes {
    /// A field begins here; only here a quote opens.
    #[default]
    FieldStart,
    /// In a field without quotes.
    Plain,
    /// Inside of quotes.
    Open,
    /// Behind a quote inside of quotes: the end of them, or the first half of a quote that is meant.
    MaybeClosed,
    /// Something stood behind the end of quotes: whatever was meant, it is not what is read.
    Broken,
}

impl Quotes {
    fn read(&mut self, bytes: &[u8]) {
        for byte in bytes {
            *self = match (*self, byte) {
                (Self::FieldStart, b'"') | (Self::MaybeClosed, b'"') => Self::Open,
                (Self::Open, b'"') => Self::MaybeClosed,
                (Self::Open, _) => Self::Open,
                (Self::Broken, _) => Self::Broken,
                (_, b',') => Self::FieldStart,
                (Self::MaybeClosed, _) => Self::Broken,
                _ => Self::Plain,
            };
        }
    }
}

#[cfg(test)]
mod tests;
