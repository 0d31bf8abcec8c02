//! The rows of an uploaded file: a list of addresses and networks, or CSV with a header.

use std::io::Cursor;

use systemprompt_users_domain::{BanIpWithMetadataParams, IpTarget, Result, UserError};
use systemprompt_users_import::{
    BanDefaults, BanList, BanRows, HeaderError, Lines, Row as FileRow, RowError, Rows, TableFormat,
};

/// A row: where it stands, what it says, and what it means or what is wrong with it.
pub(super) struct Row {
    pub(super) line: u64,
    pub(super) text: String,
    /// What is to be said about it although it is accepted.
    pub(super) note: Option<String>,
    pub(super) ban: Result<BanIpWithMetadataParams, RowError>,
}

/// Reads every row.
///
/// # Errors
/// `Validation` of `file` when it is no text, or its header is not as it has to be.
pub(super) fn read(file: Vec<u8>, defaults: BanDefaults) -> Result<Vec<Row>> {
    let refused = |error: HeaderError| match error {
        HeaderError::Refused(message) => UserError::validation("file", message),
        HeaderError::Io(error) => UserError::validation("file", error.to_string()),
    };
    let mut lines = Lines::new(Box::new(Cursor::new(file)));
    let rows = match format(&mut lines).map_err(refused)? {
        Some(format) => all(BanRows::open(lines, format, defaults).map_err(refused)?),
        None => all(BanList::open(lines, defaults).map_err(refused)?),
    };
    rows.map_err(|error| refused(HeaderError::Io(error)))
}

/// A table where the first line is JSON or names a column `target`; otherwise a list.
fn format(lines: &mut Lines) -> Result<Option<TableFormat>, HeaderError> {
    if TableFormat::guess(lines)? == TableFormat::Json {
        return Ok(Some(TableFormat::Json));
    }
    let first = lines.peek(|line| line.starts_with(b'#'))?;
    let header =
        first.map(|line| String::from_utf8_lossy(&line.bytes).to_lowercase()).unwrap_or_default();
    let mut columns =
        header.split([',', ';', '\t', '|']).map(|column| column.trim().trim_matches('"'));
    let is_table = columns.any(|column| column == "target") || header.starts_with("sep=");
    Ok(is_table.then_some(TableFormat::Csv))
}

fn all(mut rows: impl Rows<Item = BanIpWithMetadataParams>) -> std::io::Result<Vec<Row>> {
    let mut all = Vec::new();
    while let Some(FileRow { original, parsed, note }) = rows.next()? {
        let ban = parsed
            .and_then(|ban| ban.ban.ip.parse::<IpTarget>().map(|_| ban).map_err(RowError::from));
        let text = String::from_utf8_lossy(&original.bytes);
        let text = text.trim().chars().take(120).collect();
        all.push(Row { line: original.line, text, note, ban });
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use systemprompt_users_domain::BanDuration;

    use super::*;

    fn rows(file: &str) -> Vec<(u64, Result<String, String>)> {
        let defaults = BanDefaults {
            duration: BanDuration::Days(7),
            reason: None,
            source: Some("file".into()),
            now: DateTime::UNIX_EPOCH,
        };
        let rows = read(file.into(), defaults).unwrap().into_iter();
        rows.map(|row| {
            let ban = row.ban.map(|ban| format!("{} {:?}", ban.ban.ip, ban.ban.duration));
            (row.line, ban.map_err(|error| error.field))
        })
        .collect()
    }

    #[test]
    fn a_list_is_read_line_by_line() {
        let rows = rows("# bad ones\n10.0.0.1\n\n 10.1.0.0/16 # a network\nnonsense\n");
        let expected = [
            (2, Ok("10.0.0.1 Days(7)".into())),
            (4, Ok("10.1.0.0/16 Days(7)".into())),
            (5, Err("target".into())),
        ];
        assert_eq!(rows, expected);
    }

    #[test]
    fn a_header_makes_it_a_table() {
        let rows = rows("Target,duration\n10.0.0.1,permanent\n10.0.0.3,7x\n");
        let expected = [(2, Ok("10.0.0.1 Permanent".into())), (3, Err("duration".into()))];
        assert_eq!(rows, expected);
    }
}
