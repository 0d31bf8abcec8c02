//! The rows of an uploaded file: a list of addresses and networks, or CSV with a header.

use std::io::Cursor;

use systemprompt_users_domain::{BanIpWithMetadataParams, IpTarget, Result, UserError};
use systemprompt_users_import::{
    BanCsv, BanDefaults, BanList, HeaderError, Lines, Row as FileRow, RowError, Rows,
};

/// A row: where it stands, what it says, and what it means or what is wrong with it.
pub(super) struct Row {
    pub(super) line: u64,
    pub(super) text: String,
    pub(super) ban: Result<(IpTarget, BanIpWithMetadataParams), RowError>,
}

/// Reads every row.
///
/// # Errors
/// `Validation` of `file` when it is no text, or its header is not as it has to be.
pub(super) fn read(file: Vec<u8>, defaults: BanDefaults) -> Result<Vec<Row>> {
    let refused = |message: String| UserError::validation("file", message);
    let text = std::str::from_utf8(&file)
        .map_err(|_| refused("must be a text file in UTF-8".to_owned()))?;
    let is_csv = has_header(text);
    let lines = Lines::new(Box::new(Cursor::new(file)));
    if is_csv {
        let rows = BanCsv::open(lines, defaults).map_err(|error| match error {
            HeaderError::Refused(message) => refused(message),
            HeaderError::Io(error) => refused(error.to_string()),
        })?;
        all(rows)
    } else {
        all(BanList::new(lines, defaults))
    }
    .map_err(|error| refused(error.to_string()))
}

/// Whether the first line names a column `target`.
fn has_header(text: &str) -> bool {
    let text = text.trim_start_matches('\u{feff}');
    let header = text.lines().find(|line| !line.trim().is_empty()).unwrap_or("");
    let mut columns = header.split(',').map(|column| column.trim().trim_matches('"'));
    columns.any(|column| column.eq_ignore_ascii_case("target"))
}

fn all(mut rows: impl Rows<Item = BanIpWithMetadataParams>) -> std::io::Result<Vec<Row>> {
    let mut all = Vec::new();
    while let Some(FileRow { original, parsed }) = rows.next()? {
        let ban = parsed.and_then(|ban| Ok((ban.ban.ip.parse::<IpTarget>()?, ban)));
        let text = String::from_utf8_lossy(&original.bytes);
        let text = text.trim().chars().take(120).collect();
        all.push(Row { line: original.line, text, ban });
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
            let ban = row.ban.map(|(target, ban)| format!("{target} {:?}", ban.ban.duration));
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
