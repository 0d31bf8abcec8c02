//! Rows with named fields, from CSV or from JSON.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use serde_json::Value;

use crate::HeaderError;
use crate::columns::Columns;
use crate::csv_table::CsvTable;
use crate::json_lines::JsonLines;
use crate::json_object;
use crate::lines::{Line, Lines};
use crate::row::{ERROR_COLUMNS, Original, RowError};

/// What a file of rows is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableFormat {
    /// CSV with a header in any order, of commas, semicolons, tabs or bars.
    Csv,
    /// One JSON object a line, a list of objects, or a document `{"items": [...]}`.
    Json,
}

impl TableFormat {
    /// By what the file begins with, without reading it.
    ///
    /// # Errors
    /// `Refused` when it is no text; `Io` when it can't be read.
    pub fn guess(lines: &mut Lines) -> Result<Self, HeaderError> {
        let first = lines.peek(|line| line.starts_with(b'#'))?;
        let is_json = first.is_some_and(|line| line.starts_with(b'{') || line.starts_with(b'['));
        Ok(if is_json { Self::Json } else { Self::Csv })
    }
}

/// Reads the fields of rows.
pub(crate) struct Table {
    source: Source,
    columns: &'static Columns,
}

enum Source {
    Csv { table: CsvTable, lines: Lines },
    Json { lines: JsonLines, not_taken_over: BTreeSet<&'static str> },
}

/// The fields of a row: a name, and what stands there.
pub(crate) type Get<'a> = &'a dyn Fn(&str) -> Option<&'a str>;

impl Table {
    /// Reads what comes before the first row.
    pub(crate) fn open(
        mut lines: Lines,
        format: TableFormat,
        columns: &'static Columns,
    ) -> Result<Self, HeaderError> {
        let source = match format {
            TableFormat::Csv => {
                let table = CsvTable::open(&mut lines, columns)?;
                Source::Csv { table, lines }
            }
            TableFormat::Json => {
                let mut lines = JsonLines::open(lines)?;
                if let Some(first) = lines.peek()? {
                    check_json(&first, columns)?;
                }
                Source::Json { lines, not_taken_over: BTreeSet::new() }
            }
        };
        Ok(Self { source, columns })
    }

    /// The next row, and what `read` makes of its fields.
    pub(crate) fn next<T>(
        &mut self,
        read: impl FnOnce(Get<'_>) -> Result<T, RowError>,
    ) -> io::Result<Option<(Original, Result<T, RowError>)>> {
        match &mut self.source {
            Source::Csv { table, lines } => {
                let Some((original, fields)) = table.next(lines)? else { return Ok(None) };
                let parsed = match &fields {
                    Ok(fields) => read(&|column| fields.get(column)),
                    Err(error) => Err(error.clone()),
                };
                Ok(Some((original, parsed)))
            }
            Source::Json { lines, not_taken_over } => {
                let Some((line, whole)) = lines.next()? else { return Ok(None) };
                let members = whole.and_then(|()| members(&line, self.columns, not_taken_over));
                let parsed = match &members {
                    Ok(members) => read(&|name| {
                        members.get(name).map(String::as_str).filter(|text| !text.trim().is_empty())
                    }),
                    Err(error) => Err(error.clone()),
                };
                Ok(Some((line.into(), parsed)))
            }
        }
    }

    pub(crate) fn bytes_read(&self) -> u64 {
        match &self.source {
            Source::Csv { lines, .. } => lines.bytes_read(),
            Source::Json { lines, .. } => lines.bytes_read(),
        }
    }

    /// The columns that were there so far and are not taken over.
    pub(crate) fn not_taken_over(&self) -> Vec<&'static str> {
        match &self.source {
            Source::Csv { table, .. } => table.not_taken_over(self.columns),
            Source::Json { not_taken_over, .. } => not_taken_over.iter().copied().collect(),
        }
    }

    pub(crate) fn start_errors(&self, out: &mut dyn Write) -> io::Result<()> {
        match &self.source {
            Source::Csv { table, .. } => table.start_errors(out),
            Source::Json { .. } => Ok(()),
        }
    }

    pub(crate) fn keep(
        &self,
        row: &Original,
        error: &RowError,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        match &self.source {
            Source::Csv { table, .. } => table.keep(row, error, out),
            Source::Json { .. } => keep_json(row, error, out),
        }
    }
}

/// A file that begins like CSV is no JSON, and every row would say so.
fn check_json(first: &Line, columns: &Columns) -> Result<(), HeaderError> {
    if first.starts_with(b'{') || first.starts_with(b'[') {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&first.bytes).to_lowercase();
    let names = text.split([',', ';', '\t', '|']).map(|name| name.trim().trim_matches('"'));
    if names.filter(|name| columns.is_known(name)).count() > 0 {
        let message =
            "the file begins like the header of a CSV file, not like JSON: import it as CSV";
        return Err(HeaderError::Refused(message.into()));
    }
    Ok(())
}

/// The members of an object as the texts that a CSV file would have.
fn members(
    line: &Line,
    columns: &Columns,
    not_taken_over: &mut BTreeSet<&'static str>,
) -> Result<BTreeMap<String, String>, RowError> {
    if line.is_too_long() {
        return Err(RowError::too_long());
    }
    let members = json_object::parse(&line.bytes)?;
    let unknown: Vec<&str> =
        members.keys().map(String::as_str).filter(|name| !columns.is_known(name)).collect();
    if let Some(first) = unknown.first() {
        let reason = match unknown.len() {
            1 => "is not a member that is known".to_owned(),
            _ => format!("are not members that are known: {}", unknown.join(", ")),
        };
        return Err(RowError::new(
            *first,
            format!("{reason}; known are: {}", columns.all().collect::<Vec<_>>().join(", ")),
        ));
    }
    let mut fields = BTreeMap::new();
    for (name, value) in members {
        if columns.taken.contains(&name.as_str()) {
            if let Some(text) = plain(&name, value, columns)? {
                fields.insert(name, text);
            }
        } else if let Some(known) = columns.not_taken_over.iter().find(|known| **known == name)
            && !value.is_null()
        {
            not_taken_over.insert(known);
        }
    }
    Ok(fields)
}

/// A member as text; null is nothing, or what the column says.
fn plain(name: &str, value: Value, columns: &Columns) -> Result<Option<String>, RowError> {
    let is_flag = columns.flags.contains(&name);
    match value {
        Value::Null => {
            let meant = columns.nulls.iter().find(|(column, _)| *column == name);
            Ok(meant.map(|(_, text)| (*text).to_owned()))
        }
        Value::String(text) => Ok(Some(text)),
        Value::Bool(yes) if is_flag => Ok(Some(yes.to_string())),
        Value::Array(words) if columns.lists.contains(&name) => {
            let words: Option<Vec<&str>> = words.iter().map(Value::as_str).collect();
            let words = words.ok_or_else(|| RowError::new(name, "expected a list of words"))?;
            Ok(Some(words.join(",")))
        }
        _ if is_flag => Err(RowError::new(name, "expected true or false")),
        _ => Err(RowError::new(name, "expected a text")),
    }
}

fn keep_json(row: &Original, error: &RowError, out: &mut dyn Write) -> io::Result<()> {
    let values: [Value; 3] =
        [row.line.into(), error.field.clone().into(), error.reason.clone().into()];
    let errors = ERROR_COLUMNS.into_iter().zip(values);
    if let Ok(mut members) = json_object::parse(&row.bytes) {
        for (name, value) in errors {
            members.insert(name.to_owned(), value);
        }
        serde_json::to_writer(&mut *out, &members)?;
    } else {
        // It is no object that could hold members: what is wrong goes into a comment above it.
        out.write_all(b"#")?;
        for (name, value) in errors {
            write!(out, " {name}={value}")?;
        }
        out.write_all(b"\n")?;
        let one_line = row.bytes.iter().map(|byte| if *byte == b'\n' { b' ' } else { *byte });
        out.write_all(&one_line.collect::<Vec<u8>>())?;
    }
    out.write_all(b"\n")
}
