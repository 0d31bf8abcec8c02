//! CSV with a header in any order, read so that one broken row takes no other with it.

use csv::{ByteRecord, ReaderBuilder, Terminator};

use super::RowError;
use super::lines::{Line, Lines, MAX_LINE, ReadError};

/// How the rows of a file with a header are read. Lines that begin with `#` are comments.
pub(crate) struct CsvTable {
    columns: Vec<String>,
}

/// The fields of a row by name.
pub(crate) struct Fields<'a> {
    columns: &'a [String],
    record: ByteRecord,
}

impl CsvTable {
    /// Reads the header.
    ///
    /// # Errors
    /// What is wrong with the header, for the client; the outer one when the body can't be read.
    pub(crate) async fn open(
        lines: &mut Lines,
        known: &[&str],
        required: &[&str],
    ) -> Result<Result<Self, String>, ReadError> {
        let mut table = Self { columns: Vec::new() };
        let header = match table.read(lines).await? {
            None => return Ok(Err("the body is empty: expected a header".into())),
            Some((_, Err(error))) => return Ok(Err(format!("the header: {}", error.reason))),
            Some((_, Ok(header))) => header,
        };
        let name = |field: &[u8]| String::from_utf8_lossy(field).trim().to_lowercase();
        table.columns = header.iter().map(name).collect();
        let is_known = |column: &&String| known.contains(&column.as_str());
        if let Some(unknown) = table.columns.iter().find(|column| !is_known(column)) {
            let unknown: String = unknown.chars().take(64).collect();
            let known = known.join(", ");
            return Ok(Err(format!("the column `{unknown}` is unknown; known are: {known}")));
        }
        let has = |wanted: &&&str| table.columns.iter().any(|column| column == *wanted);
        if let Some(missing) = required.iter().find(|wanted| !has(wanted)) {
            return Ok(Err(format!("the header lacks `{missing}`")));
        }
        let mut seen = std::collections::HashSet::new();
        if let Some(twice) = table.columns.iter().find(|column| !seen.insert(column.as_str())) {
            return Ok(Err(format!("the header names `{twice}` twice")));
        }
        Ok(Ok(table))
    }

    /// The next row: the line that it begins on, and its fields.
    pub(crate) async fn next(
        &self,
        lines: &mut Lines,
    ) -> Result<Option<(u64, Result<Fields<'_>, RowError>)>, ReadError> {
        let Some((line, record)) = self.read(lines).await? else { return Ok(None) };
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
        Ok(Some((line, fields)))
    }

    /// The next record, of as many lines as its quotes need.
    ///
    /// A quote that is opened and never closed is the fault of its line alone: what follows is read again.
    async fn read(
        &self,
        lines: &mut Lines,
    ) -> Result<Option<(u64, Result<ByteRecord, RowError>)>, ReadError> {
        let first = loop {
            match lines.next().await? {
                None => return Ok(None),
                Some(line) if line.is_blank() || line.starts_with(b'#') => {}
                Some(line) => break line,
            }
        };
        if first.is_too_long {
            let error = RowError::row("the line is longer than 64 KiB");
            return Ok(Some((first.number, Err(error))));
        }
        let Joined { bytes, more, quotes } = join(&first, lines).await?;
        let record = parse(&bytes);
        let is_header = self.columns.is_empty();
        let fits = more.is_empty() || is_header || record.len() == self.columns.len();
        let wrong = match quotes {
            Quotes::Broken if more.is_empty() => "something stands behind a closing quote",
            Quotes::Broken | Quotes::Open => "a quote is opened and never closed",
            _ if !fits => "a quote is opened and never closed",
            _ => return Ok(Some((first.number, Ok(record)))),
        };
        lines.put_back(more);
        Ok(Some((first.number, Err(RowError::row(wrong)))))
    }
}

impl Fields<'_> {
    /// What stands in a column; blank is nothing.
    pub(crate) fn get(&self, column: &str) -> Option<&str> {
        let at = self.columns.iter().position(|name| name == column)?;
        let text = std::str::from_utf8(self.record.get(at)?).ok()?;
        Some(text).filter(|text| !text.trim().is_empty())
    }
}

/// A line and those that its quotes go on in.
struct Joined {
    bytes: Vec<u8>,
    more: Vec<Line>,
    quotes: Quotes,
}

/// Reads on until the quotes of a line are closed, or there is no hope for that.
async fn join(first: &Line, lines: &mut Lines) -> Result<Joined, ReadError> {
    let mut joined =
        Joined { bytes: first.bytes.clone(), more: Vec::new(), quotes: Quotes::default() };
    joined.quotes.read(&first.bytes);
    while joined.quotes == Quotes::Open {
        let Some(line) = lines.next().await? else { break };
        if line.is_too_long || joined.bytes.len() + line.bytes.len() >= MAX_LINE {
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

fn parse(bytes: &[u8]) -> ByteRecord {
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .terminator(Terminator::Any(b'\n'))
        .buffer_capacity(bytes.len().max(1))
        .from_reader(bytes);
    let mut record = ByteRecord::new();
    // Bytes in memory are always read, and a flexible record of any form is one.
    let _ = reader.read_byte_record(&mut record);
    record
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
                (Self::FieldStart | Self::MaybeClosed, b'"') => Self::Open,
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
mod tests {
    use axum::body::Body;

    use super::*;

    async fn read(text: &'static str) -> Result<Vec<Result<String, String>>, String> {
        let mut lines = Lines::new(Body::from(text), 1024 * 1024);
        let table = CsvTable::open(&mut lines, &["a", "b"], &["a"]).await.unwrap()?;
        let mut rows = Vec::new();
        while let Some((line, row)) = table.next(&mut lines).await.unwrap() {
            let text = |row: Fields<'_>| {
                format!("{line}:{}|{}", row.get("a").unwrap_or("-"), row.get("b").unwrap_or("-"))
            };
            rows.push(row.map(text).map_err(|error| format!("{line}:{}", error.reason)));
        }
        Ok(rows)
    }

    #[tokio::test]
    async fn one_broken_row_takes_no_other_with_it() {
        let rows = read("B,A\n# remark\n1,2\n\n3\n\"x\ny\",4\n\"5,6\n7,8\n").await.unwrap();
        let expected: [Result<&str, &str>; 5] = [
            Ok("3:2|1"),
            Err("5:has 1 fields, the header has 2"),
            Ok("6:4|x\ny"),
            Err("8:a quote is opened and never closed"),
            Ok("9:8|7"),
        ];
        let expected: Vec<Result<String, String>> =
            expected.iter().map(|row| row.map(str::to_owned).map_err(str::to_owned)).collect();
        assert_eq!(rows, expected);
    }

    #[tokio::test]
    async fn a_header_is_what_it_must_be() {
        for (text, wrong) in [
            ("", "empty"),
            ("b\n1\n", "lacks `a`"),
            ("a,c\n", "`c` is unknown"),
            ("a,a\n", "twice"),
            ("\"a\n", "never closed"),
        ] {
            let error = read(text).await.unwrap_err();
            assert!(error.contains(wrong), "{text:?}: {error}");
        }
    }
}
