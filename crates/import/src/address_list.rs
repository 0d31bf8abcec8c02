//! Lists of addresses and networks: one a line, with comments.

use std::io::{self, Write};

use systemprompt_users_domain::{BanIpWithMetadataParams, IpTarget};

use crate::HeaderError;
use crate::ban_row::BanDefaults;
use crate::lines::{Line, Lines};
use crate::row::{Original, Row, RowError, Rows};

/// What a kept line ends with: a comment, which the next import passes over.
const ERROR_MARK: &[u8] = b" # error_line=";

/// Rows of a list of addresses and networks.
pub struct AddressList {
    lines: Lines,
}

impl AddressList {
    /// Looks at what the file begins with.
    ///
    /// # Errors
    /// `Refused` when it is no list of lines; `Io` when it can't be read.
    pub fn open(mut lines: Lines) -> Result<Self, HeaderError> {
        check_list(&mut lines)?;
        Ok(Self { lines })
    }
}

impl Rows for AddressList {
    type Item = IpTarget;

    fn next(&mut self) -> io::Result<Option<Row<IpTarget>>> {
        loop {
            let Some(line) = self.lines.read_line()? else { return Ok(None) };
            let (parsed, note) = match parse(&line) {
                Ok(None) => continue,
                Ok(Some((target, note))) => (Ok(target), note),
                Err(error) => (Err(error), None),
            };
            return Ok(Some(Row { original: line.into(), parsed, note }));
        }
    }

    fn bytes_read(&self) -> u64 {
        self.lines.bytes_read()
    }

    fn not_taken_over(&self) -> Vec<&'static str> {
        Vec::new()
    }

    fn start_errors(&self, _: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }

    fn keep(&self, row: &Original, error: &RowError, out: &mut dyn Write) -> io::Result<()> {
        let known = row.bytes.windows(ERROR_MARK.len()).position(|part| part == ERROR_MARK);
        out.write_all(known.and_then(|at| row.bytes.get(..at)).unwrap_or(&row.bytes))?;
        out.write_all(ERROR_MARK)?;
        writeln!(out, "{} error_field={} error_reason={}", row.line, error.field, error.reason)
    }
}

/// Rows of a list, each a ban.
pub struct BanList {
    list: AddressList,
    defaults: BanDefaults,
}

impl BanList {
    /// Looks at what the file begins with.
    ///
    /// # Errors
    /// As for [`AddressList::open`].
    pub fn open(lines: Lines, defaults: BanDefaults) -> Result<Self, HeaderError> {
        Ok(Self { list: AddressList::open(lines)?, defaults })
    }
}

impl Rows for BanList {
    type Item = BanIpWithMetadataParams;

    fn next(&mut self) -> io::Result<Option<Row<BanIpWithMetadataParams>>> {
        let Some(row) = self.list.next()? else { return Ok(None) };
        let parsed = row.parsed.and_then(|target| {
            let ban = self.defaults.ban(target.to_string());
            ban.parse(self.defaults.now)?;
            Ok(ban)
        });
        Ok(Some(Row { original: row.original, parsed, note: row.note }))
    }

    fn bytes_read(&self) -> u64 {
        self.list.bytes_read()
    }

    fn not_taken_over(&self) -> Vec<&'static str> {
        self.list.not_taken_over()
    }

    fn start_errors(&self, out: &mut dyn Write) -> io::Result<()> {
        self.list.start_errors(out)
    }

    fn keep(&self, row: &Original, error: &RowError, out: &mut dyn Write) -> io::Result<()> {
        self.list.keep(row, error, out)
    }
}

/// JSON has no address a line, and each line would say so.
fn check_list(lines: &mut Lines) -> Result<(), HeaderError> {
    match lines.peek(is_comment)? {
        Some(first) if first.starts_with(b'{') || first.starts_with(b'[') => {
            let message = "the file begins like JSON, not like a list of one address a line: import it as JSONL";
            Err(HeaderError::Refused(message.into()))
        }
        _ => Ok(()),
    }
}

fn is_comment(line: &Line) -> bool {
    line.starts_with(b'#') || line.starts_with(b';')
}

/// What a line names, and what is to be said about it; nothing when it is blank or a comment.
fn parse(line: &Line) -> Result<Option<(IpTarget, Option<String>)>, RowError> {
    if line.is_blank() || is_comment(line) {
        return Ok(None);
    }
    if line.is_too_long() {
        return Err(RowError::too_long());
    }
    let text = std::str::from_utf8(&line.bytes)
        .map_err(|_| RowError::new("target", "is not valid UTF-8"))?;
    let content = text.split(['#', ';']).next().unwrap_or_default();
    let mut words = content.split_whitespace();
    let word = words.next().unwrap_or_default();
    let target: IpTarget = word.parse()?;
    // Words behind it are a remark, unless they would change what is banned.
    if words.any(|word| word.starts_with('/') || word.parse::<IpTarget>().is_ok()) {
        return Err(RowError::new("target", "expected one address or network a line"));
    }
    Ok(Some((target, IpTarget::host_bits(word))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Option<String>, String> {
        let line = Line { number: 1, bytes: text.as_bytes().to_vec() };
        parse(&line)
            .map(|found| found.map(|(target, _)| target.to_string()))
            .map_err(|error| error.reason)
    }

    #[test]
    fn remarks_are_passed_over() {
        for text in ["", "  ", "# all", " ; all", "#1.2.3.4"] {
            assert_eq!(read(text), Ok(None), "{text:?}");
        }
        for text in [
            "192.0.2.1",
            " 192.0.2.1\t",
            "192.0.2.1 # a",
            "192.0.2.1#a",
            "192.0.2.1 ; SBL1",
            "192.0.2.1\t8",
        ] {
            assert_eq!(read(text), Ok(Some("192.0.2.1".into())), "{text:?}");
        }
        assert_eq!(read("2001:DB8::/32 ; x"), Ok(Some("2001:db8::/32".into())));
    }

    #[test]
    fn two_targets_on_a_line_are_not_one() {
        for text in [
            "192.0.2.1 192.0.2.2",
            "192.0.2.1 - 192.0.2.9",
            "192.0.2.0 255.255.255.0",
            "192.0.2.0 /24",
        ] {
            assert!(read(text).unwrap_err().contains("one address"), "{text:?}");
        }
        for text in ["192.0.2.1-192.0.2.9", "192.0.2.256", "example.com", "192.0.2.1,192.0.2.2"] {
            assert!(read(text).unwrap_err().contains("neither"), "{text:?}");
        }
    }

    #[test]
    fn a_kept_line_can_be_read_again() {
        let list = AddressList::open(Lines::new(Box::new(io::empty()))).unwrap();
        let error = RowError::new("target", "no # address");
        let mut first = Vec::new();
        let row = Original { line: 4, bytes: b"192.0.2.999 # bad one".into() };
        list.keep(&row, &error, &mut first).unwrap();
        assert_eq!(
            String::from_utf8(first.clone()).unwrap(),
            "192.0.2.999 # bad one # error_line=4 error_field=target error_reason=no # address\n"
        );
        let mut again = Vec::new();
        first.pop();
        list.keep(&Original { line: 4, bytes: first.clone() }, &error, &mut again).unwrap();
        again.pop();
        assert_eq!(again, first);
    }
}
