//! Bans from CSV, with what the file does not say.

use std::io::{self, Write};

use chrono::{DateTime, Utc};
use systemprompt_users_domain::{BanDuration, BanIpParams, BanIpWithMetadataParams};

use crate::HeaderError;
use crate::csv_table::{CsvTable, Fields};
use crate::lines::Lines;
use crate::row::{Original, Row, RowError, Rows};

/// The columns that an import understands.
const COLUMNS: [&str; 8] = [
    "target",
    "duration",
    "until",
    "reason",
    "source",
    "fingerprint",
    "offence_path",
    "user_agent",
];

/// The columns of an export, the last two of which say nothing to an import.
pub const BAN_EXPORT_COLUMNS: [&str; 9] = [
    "target",
    "until",
    "reason",
    "source",
    "fingerprint",
    "offence_path",
    "user_agent",
    "ban_count",
    "banned_at",
];

/// What holds for rows that do not say otherwise.
#[derive(Debug, Clone)]
pub struct BanDefaults {
    /// How long.
    pub duration: BanDuration,
    /// Why.
    pub reason: Option<String>,
    /// What reported them.
    pub source: Option<String>,
    /// From when on.
    pub now: DateTime<Utc>,
}

impl BanDefaults {
    /// A ban of `target` as the defaults say.
    pub fn ban(&self, target: String) -> BanIpWithMetadataParams {
        BanIpWithMetadataParams::from(BanIpParams {
            ip: target,
            duration: self.duration,
            reason: self.reason.clone(),
            source: self.source.clone(),
        })
    }

    fn read(&self, fields: &Fields<'_>) -> Result<BanIpWithMetadataParams, RowError> {
        let text = |column: &str| fields.get(column).map(str::to_owned);
        let mut row = self.ban(text("target").unwrap_or_default());
        row.ban.duration = self.duration_of(fields)?;
        row.ban.reason = text("reason").or(row.ban.reason);
        row.ban.source = text("source").or(row.ban.source);
        row.fingerprint = text("fingerprint");
        row.offence_path = text("offence_path");
        row.user_agent = text("user_agent");
        row.parse(self.now)?;
        Ok(row)
    }

    fn duration_of(&self, fields: &Fields<'_>) -> Result<BanDuration, RowError> {
        match (fields.get("until"), fields.get("duration")) {
            (Some(_), Some(_)) => {
                Err(RowError::new("until", "a row has either a duration or an end, not both"))
            }
            (Some(until), None) if until.trim() == "permanent" => Ok(BanDuration::Permanent),
            (Some(until), None) => {
                let end = DateTime::parse_from_rfc3339(until.trim()).map_err(|_| {
                    RowError::new(
                        "until",
                        "expected permanent, or a time such as 2026-01-31T12:00:00Z",
                    )
                })?;
                let rest = end.to_utc() - self.now;
                if rest <= chrono::Duration::zero() {
                    return Err(RowError::new("until", "is over already"));
                }
                Ok(BanDuration::For(rest))
            }
            (None, Some(text)) => text.parse().map_err(RowError::from),
            (None, None) => Ok(self.duration),
        }
    }
}

/// Rows of a CSV file with a header.
pub struct BanCsv {
    table: CsvTable,
    lines: Lines,
    defaults: BanDefaults,
}

impl BanCsv {
    /// Reads the header.
    ///
    /// # Errors
    /// When the header is not as it has to be, or can't be read.
    pub fn open(mut lines: Lines, defaults: BanDefaults) -> Result<Self, HeaderError> {
        let known = [COLUMNS.as_slice(), &["ban_count", "banned_at"]].concat();
        let table = CsvTable::open(&mut lines, &known, &["target"], true)?;
        Ok(Self { table, lines, defaults })
    }
}

impl Rows for BanCsv {
    type Item = BanIpWithMetadataParams;

    fn next(&mut self) -> io::Result<Option<Row<BanIpWithMetadataParams>>> {
        let Some((original, fields)) = self.table.next(&mut self.lines)? else { return Ok(None) };
        let parsed = fields.and_then(|fields| self.defaults.read(&fields));
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

#[cfg(test)]
mod tests {
    use chrono::Duration;
    use systemprompt_users_domain::BanEnd;

    use super::*;

    fn read(text: &str) -> Vec<Result<BanIpWithMetadataParams, RowError>> {
        let defaults = BanDefaults {
            duration: BanDuration::Days(1),
            reason: Some("listed".into()),
            source: None,
            now: DateTime::UNIX_EPOCH,
        };
        let lines = Lines::new(Box::new(io::Cursor::new(text.as_bytes().to_vec())));
        let mut rows = BanCsv::open(lines, defaults).unwrap();
        std::iter::from_fn(|| rows.next().unwrap()).map(|row| row.parsed).collect()
    }

    #[test]
    fn a_row_says_more_than_the_defaults() {
        let rows = read("reason,target,duration\n# a remark\nspam,192.0.2.1,7d\n,192.0.2.0/24,\n");
        let first = rows[0].as_ref().unwrap();
        assert_eq!(first.ban.reason.as_deref(), Some("spam"));
        assert_eq!(first.ban.duration, BanDuration::For(Duration::days(7)));
        let second = rows[1].as_ref().unwrap();
        assert_eq!(second.ban.reason.as_deref(), Some("listed"));
        assert_eq!(second.ban.duration, BanDuration::Days(1));
    }

    #[test]
    fn an_end_stays_the_end() {
        let rows = read("target,until\n192.0.2.1,1970-01-02T00:00:00Z\n192.0.2.2,permanent\n");
        let end = |row: &Result<BanIpWithMetadataParams, RowError>| {
            row.as_ref().unwrap().ban.duration.end(DateTime::UNIX_EPOCH).unwrap()
        };
        assert_eq!(end(&rows[0]), BanEnd::At(DateTime::UNIX_EPOCH + Duration::days(1)));
        assert_eq!(end(&rows[1]), BanEnd::Never);
    }

    #[test]
    fn the_field_at_fault_is_named() {
        let text = "target,duration,until\nnowhere,1d,\n192.0.2.1,soon,\n192.0.2.1,,1969-01-01T00:00:00Z\n192.0.2.1,1d,permanent\n";
        let fields: Vec<String> =
            read(text).into_iter().map(|row| row.unwrap_err().field).collect();
        assert_eq!(fields, ["target", "duration", "until", "until"]);
    }
}
