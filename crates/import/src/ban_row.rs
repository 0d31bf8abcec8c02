//! What a row of bans means, with what the file does not say.

use std::io::{self, Write};

use chrono::{DateTime, Utc};
use systemprompt_users_domain::{BanDuration, BanIpParams, BanIpWithMetadataParams, IpTarget};

use crate::HeaderError;
use crate::columns::Columns;
use crate::lines::Lines;
use crate::row::{Original, Row, RowError, Rows};
use crate::table::{Get, Table, TableFormat};

/// The columns of bans: those of an import, of an export, and of a list.
const COLUMNS: Columns = Columns {
    taken: &[
        "target",
        "duration",
        "until",
        "reason",
        "source",
        "fingerprint",
        "offence_path",
        "user_agent",
        "state",
        "in_force",
    ],
    not_taken_over: &["ban_count", "banned_at", "lifted_at", "session_ids", "user_id", "id"],
    required: &["target"],
    flags: &["in_force"],
    lists: &[],
    // As the API writes a ban without an end.
    nulls: &[("until", "permanent")],
    has_comments: true,
};

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

    fn read(&self, get: Get<'_>) -> Result<BanIpWithMetadataParams, RowError> {
        let text = |column: &str| get(column).map(str::to_owned);
        if let Some(state) = get("state").filter(|state| state.trim() != "in_force") {
            let reason = format!("is {state}: only bans in force are imported");
            return Err(RowError::new("state", reason));
        }
        if get("in_force").is_some_and(|yes| yes.trim() != "true") {
            return Err(RowError::new("in_force", "is not true: only bans in force are imported"));
        }
        let mut row = self.ban(text("target").unwrap_or_default());
        row.ban.duration = self.duration_of(get)?;
        row.ban.reason = text("reason").or(row.ban.reason);
        row.ban.source = text("source").or(row.ban.source);
        row.fingerprint = text("fingerprint");
        row.offence_path = text("offence_path");
        row.user_agent = text("user_agent");
        row.parse(self.now)?;
        Ok(row)
    }

    fn duration_of(&self, get: Get<'_>) -> Result<BanDuration, RowError> {
        match (get("until"), get("duration")) {
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

/// Rows of bans.
pub struct BanRows {
    table: Table,
    defaults: BanDefaults,
}

impl BanRows {
    /// Reads what comes before the first row.
    ///
    /// # Errors
    /// `Refused` when the header is not as it has to be, or the file is of another format; `Io` when it can't
    /// be read.
    pub fn open(
        lines: Lines,
        format: TableFormat,
        defaults: BanDefaults,
    ) -> Result<Self, HeaderError> {
        Ok(Self { table: Table::open(lines, format, &COLUMNS)?, defaults })
    }
}

impl Rows for BanRows {
    type Item = BanIpWithMetadataParams;

    fn next(&mut self) -> io::Result<Option<Row<BanIpWithMetadataParams>>> {
        let row = self.table.next(|get| self.defaults.read(get))?;
        Ok(row.map(|(original, parsed)| {
            let note = parsed.as_ref().ok().and_then(|ban| IpTarget::host_bits(&ban.ban.ip));
            Row { original, parsed, note }
        }))
    }

    fn bytes_read(&self) -> u64 {
        self.table.bytes_read()
    }

    fn not_taken_over(&self) -> Vec<&'static str> {
        self.table.not_taken_over()
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
        let mut lines = Lines::new(Box::new(io::Cursor::new(text.as_bytes().to_vec())));
        let format = TableFormat::guess(&mut lines).unwrap();
        let mut rows = BanRows::open(lines, format, defaults).unwrap();
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
        let end = |row: &Result<BanIpWithMetadataParams, RowError>| {
            row.as_ref().unwrap().ban.duration.end(DateTime::UNIX_EPOCH).unwrap()
        };
        let first = BanEnd::At(DateTime::UNIX_EPOCH + Duration::days(1));
        for text in [
            "target,until\n192.0.2.1,1970-01-02T00:00:00Z\n192.0.2.2,permanent\n",
            "{\"target\":\"192.0.2.1\",\"until\":\"1970-01-02T00:00:00Z\"}\n{\"target\":\"192.0.2.2\",\"until\":null}\n",
        ] {
            let rows = read(text);
            assert_eq!([end(&rows[0]), end(&rows[1])], [first, BanEnd::Never], "{text}");
        }
    }

    #[test]
    fn the_field_at_fault_is_named() {
        let text = "target,duration,until,state\nnowhere,1d,,\n192.0.2.1,soon,,\n192.0.2.1,,1969-01-01T00:00:00Z,\n192.0.2.1,1d,permanent,\n192.0.2.1,,,lifted\n";
        let fields: Vec<String> =
            read(text).into_iter().map(|row| row.unwrap_err().field).collect();
        assert_eq!(fields, ["target", "duration", "until", "until", "state"]);
    }
}
