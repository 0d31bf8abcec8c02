//! Lists of users, or of whatever else is named by a word: one a line.

use std::io;

use crate::HeaderError;
use crate::lines::{Line, Lines};
use crate::row::{Row, RowError};

/// Lines of a list of names, emails or ids.
///
/// A name may begin with `#`, so only a line of `#` alone, or of `#` and a blank, is a comment.
pub struct References {
    lines: Lines,
}

impl References {
    /// Looks at what the list begins with.
    ///
    /// # Errors
    /// `Refused` when it is no list of lines; `Io` when it can't be read.
    pub fn open(mut lines: Lines) -> Result<Self, HeaderError> {
        lines.peek(is_comment)?;
        Ok(Self { lines })
    }

    /// The next line that is not blank and no comment.
    ///
    /// # Errors
    /// When the list can't be read on.
    pub fn next_line(&mut self) -> io::Result<Option<Row<String>>> {
        loop {
            match self.lines.read_line()? {
                None => return Ok(None),
                Some(line) if line.is_blank() || is_comment(&line) => {}
                Some(line) => {
                    let parsed = parse(&line);
                    return Ok(Some(Row { original: line.into(), parsed, note: None }));
                }
            }
        }
    }
}

fn is_comment(line: &Line) -> bool {
    let text = line.bytes.trim_ascii();
    text.strip_prefix(b"#").is_some_and(|rest| rest.first().is_none_or(u8::is_ascii_whitespace))
}

fn parse(line: &Line) -> Result<String, RowError> {
    if line.is_too_long() {
        return Err(RowError::too_long());
    }
    let text = std::str::from_utf8(&line.bytes)
        .map_err(|_| RowError::row("is not valid UTF-8: save the list in UTF-8"))?
        .trim();
    match text.chars().find(|c| c.is_control()) {
        Some(control) => {
            let reason = format!(
                "holds the control character {}: expected one name, email or id a line",
                control.escape_unicode()
            );
            Err(RowError::row(reason))
        }
        None => Ok(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Vec<(u64, Result<String, String>)> {
        let mut list =
            References::open(Lines::new(Box::new(io::Cursor::new(bytes.to_vec())))).unwrap();
        std::iter::from_fn(|| list.next_line().unwrap())
            .map(|row| (row.original.line, row.parsed.map_err(|error| error.reason)))
            .collect()
    }

    #[test]
    fn every_line_is_a_name_or_is_told() {
        let found = read(
            b"\xEF\xBB\xBFada \r\n#ops\r\n# a remark\n#\n\t\n bob@example.com\na\0b\nb\xFF\nx y\n",
        );
        let names: Vec<(u64, Result<&str, bool>)> = found
            .iter()
            .map(|(line, name)| {
                (
                    *line,
                    name.as_deref()
                        .map_err(|reason| reason.contains("\\u{0}") || reason.contains("UTF-8")),
                )
            })
            .collect();
        assert_eq!(
            names,
            [
                (1, Ok("ada")),
                (2, Ok("#ops")),
                (6, Ok("bob@example.com")),
                (7, Err(true)),
                (8, Err(true)),
                (9, Ok("x y")),
            ]
        );
        assert_eq!(read(b"a\rb\r"), [(1, Ok("a".into())), (2, Ok("b".into()))]);
    }
}
