//! CSV with a header in any order, read so that one broken row takes no other with it.

use std::io::{self, Write};

use csv::{ByteRecord, ReaderBuilder, Terminator, WriterBuilder};

use crate::HeaderError;
use crate::cell::unescape_cell;
use crate::columns::Columns;
use crate::lines::{Line, Lines, MAX_LINE};
use crate::row::{ERROR_COLUMNS, Original, RowError};

/// What stands between fields: a comma, or what spreadsheets write where a comma is a decimal sign.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// The header of a file, and how its rows are read.
pub(crate) struct CsvTable {
    /// The names as they were read, for a file of refused rows.
    header: ByteRecord,
    /// The names as they are known.
    columns: Vec<String>,
    delimiter: u8,
    has_comments: bool,
}

/// The fields of a row by name.
pub(crate) struct Fields<'a> {
    columns: &'a [String],
    record: ByteRecord,
}

impl CsvTable {
    /// Reads the header.
    pub(crate) fn open(lines: &mut Lines, known: &Columns) -> Result<Self, HeaderError> {
        let mut table = Self {
            header: ByteRecord::new(),
            columns: Vec::new(),
            delimiter: b',',
            has_comments: known.has_comments,
        };
        table.choose_delimiter(lines, known)?;
        let first = table.read(lines)?;
        let (_, header) = first
            .ok_or_else(|| HeaderError::Refused("the file is empty: expected a header".into()))?;
        table.header = header
            .map_err(|error| HeaderError::Refused(format!("the header: {}", error.reason)))?;
        let name = |field: &[u8]| String::from_utf8_lossy(field).trim().to_lowercase();
        table.columns = table.header.iter().map(name).collect();
        // Spreadsheets write columns that are empty from top to bottom.
        while table.columns.last().is_some_and(String::is_empty) {
            table.columns.pop();
        }
        table.header.truncate(table.columns.len());
        table.check(known)?;
        Ok(table)
    }

    /// By a first line such as `sep=;`, or else the one by which most columns of the header are known.
    fn choose_delimiter(&mut self, lines: &mut Lines, known: &Columns) -> Result<(), HeaderError> {
        let passed = |line: &Line| known.has_comments && line.starts_with(b'#');
        let Some(mut first) = lines.peek(passed)? else { return Ok(()) };
        if let Some(delimiter) = said_delimiter(&first.bytes)? {
            while lines.read_line()?.is_some_and(|line| line.number < first.number) {}
            self.delimiter = delimiter;
            return Ok(());
        }
        if first.starts_with(b'{') || first.starts_with(b'[') {
            let message =
                "the file begins like JSON, not like the header of a CSV file: import it as JSONL";
            return Err(HeaderError::Refused(message.into()));
        }
        first.bytes.make_ascii_lowercase();
        let columns_known = |delimiter: &u8| {
            let names = first.bytes.split(|byte| byte == delimiter);
            names
                .map(|name| {
                    String::from_utf8_lossy(name).trim().trim_matches('"').trim().to_owned()
                })
                .filter(|name| known.is_known(name))
                .count()
        };
        // Of several that know as many, the first one: a comma.
        let best = DELIMITERS.iter().rev().max_by_key(|delimiter| columns_known(delimiter));
        self.delimiter = best.copied().unwrap_or(b',');
        Ok(())
    }

    fn check(&self, known: &Columns) -> Result<(), HeaderError> {
        let columns = || self.columns.iter().map(String::as_str);
        let unknown: Vec<&str> = columns().filter(|column| !known.is_known(column)).collect();
        if !unknown.is_empty() {
            let message = format!(
                "the header names unknown columns: {}; known are: {}",
                quoted(&unknown),
                known.all().collect::<Vec<_>>().join(", ")
            );
            return Err(HeaderError::Refused(message));
        }
        let missing: Vec<&str> = known
            .required
            .iter()
            .copied()
            .filter(|wanted| !columns().any(|column| column == *wanted))
            .collect();
        if !missing.is_empty() {
            return Err(HeaderError::Refused(format!("the header lacks {}", quoted(&missing))));
        }
        let mut twice =
            columns().enumerate().filter(|(at, column)| columns().take(*at).any(|c| c == *column));
        if let Some((_, column)) = twice.next() {
            return Err(HeaderError::Refused(format!("the header names `{column}` twice")));
        }
        Ok(())
    }

    /// The columns of the header that say nothing to an import.
    pub(crate) fn not_taken_over(&self, known: &Columns) -> Vec<&'static str> {
        let is_there = |name: &&str| self.columns.iter().any(|column| column == name);
        known.not_taken_over.iter().copied().filter(is_there).collect()
    }

    /// The next row: what was read, and its fields.
    pub(crate) fn next(
        &self,
        lines: &mut Lines,
    ) -> io::Result<Option<(Original, Result<Fields<'_>, RowError>)>> {
        let (original, record) = loop {
            match self.read(lines)? {
                None => return Ok(None),
                // Spreadsheets write rows that are empty from left to right.
                Some((_, Ok(record))) if record.iter().all(is_blank) => {}
                Some(row) => break row,
            }
        };
        let fields = record.and_then(|mut record| {
            while record.len() > self.columns.len()
                && record.iter().next_back().is_some_and(is_blank)
            {
                record.truncate(record.len() - 1);
            }
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
    pub(crate) fn start_errors(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut header = ByteRecord::from(ERROR_COLUMNS.to_vec());
        self.without_error_columns(&self.header).for_each(|field| header.push_field(field));
        write(&header, self.delimiter, out)
    }

    /// Writes a refused row.
    pub(crate) fn keep(
        &self,
        row: &Original,
        error: &RowError,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let line = row.line.to_string();
        let mut record = ByteRecord::from(vec![line.as_str(), &error.field, &error.reason]);
        let had_errors = self.columns.iter().any(|column| is_error_column(column));
        if had_errors && let Ok(fields) = parse(&row.bytes, self.delimiter) {
            self.without_error_columns(&fields).for_each(|field| record.push_field(field));
            return write(&record, self.delimiter, out);
        }
        // The line is kept to the letter, also where no program could read it.
        let mut lead = Vec::new();
        write(&record, self.delimiter, &mut lead)?;
        lead.pop();
        out.write_all(&lead)?;
        out.write_all(&[self.delimiter])?;
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
        let Joined { bytes, more, quotes } = join(&first, self.delimiter, lines)?;
        let record = parse(&bytes, self.delimiter)?;
        let is_header = self.columns.is_empty();
        let has_right_count = more.is_empty() || is_header || record.len() >= self.columns.len();
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
fn join(first: &Line, delimiter: u8, lines: &mut Lines) -> io::Result<Joined> {
    let mut joined =
        Joined { bytes: first.bytes.clone(), more: Vec::new(), quotes: Quotes::default() };
    joined.quotes.read(&first.bytes, delimiter);
    while joined.quotes == Quotes::Open {
        let Some(line) = lines.read_line()? else { break };
        if joined.bytes.len() + line.bytes.len() >= MAX_LINE {
            joined.more.push(line);
            break;
        }
        joined.bytes.push(b'\n');
        joined.bytes.extend(&line.bytes);
        joined.quotes.read(b"\n", delimiter);
        joined.quotes.read(&line.bytes, delimiter);
        joined.more.push(line);
    }
    Ok(joined)
}

impl Fields<'_> {
    /// What stands in a column; blank is nothing.
    pub(crate) fn get(&self, column: &str) -> Option<&str> {
        let at = self.columns.iter().position(|name| name == column)?;
        let text = unescape_cell(std::str::from_utf8(self.record.get(at)?).ok()?);
        Some(text).filter(|text| !text.trim().is_empty())
    }
}

fn parse(bytes: &[u8], delimiter: u8) -> io::Result<ByteRecord> {
    if !bytes.contains(&b'"') {
        // Most rows. A reader costs several times what it reads here.
        return Ok(bytes.split(|byte| *byte == delimiter).collect());
    }
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .terminator(Terminator::Any(b'\n'))
        .buffer_capacity(bytes.len().max(1))
        .from_reader(bytes);
    let mut record = ByteRecord::new();
    reader.read_byte_record(&mut record).map_err(into_io)?;
    Ok(record)
}

fn write(record: &ByteRecord, delimiter: u8, out: &mut dyn Write) -> io::Result<()> {
    let mut writer = WriterBuilder::new().delimiter(delimiter).from_writer(out);
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

/// What a first line such as `sep=;` says, as Excel understands it.
fn said_delimiter(line: &[u8]) -> Result<Option<u8>, HeaderError> {
    let text = String::from_utf8_lossy(line);
    let text = text.trim_matches([' ', '"']);
    let said = match text.get(..4).filter(|word| word.eq_ignore_ascii_case("sep=")) {
        Some(_) => text.get(4..).unwrap_or_default(),
        None => return Ok(None),
    };
    match said.as_bytes() {
        [one] if DELIMITERS.contains(one) => Ok(Some(*one)),
        _ => {
            let message =
                format!("`{text}`: expected a comma, a semicolon, a tab or a bar behind `sep=`");
            Err(HeaderError::Refused(message))
        }
    }
}

fn is_blank(field: &[u8]) -> bool {
    field.iter().all(u8::is_ascii_whitespace)
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
    fn read(&mut self, bytes: &[u8], delimiter: u8) {
        for byte in bytes {
            *self = match (*self, byte) {
                (Self::FieldStart, b'"') | (Self::MaybeClosed, b'"') => Self::Open,
                (Self::Open, b'"') => Self::MaybeClosed,
                (Self::Open, _) => Self::Open,
                (Self::Broken, _) => Self::Broken,
                (_, byte) if *byte == delimiter => Self::FieldStart,
                (Self::MaybeClosed, _) => Self::Broken,
                _ => Self::Plain,
            };
        }
    }
}

#[cfg(test)]
mod tests;
