//! Lines of a file, whatever is in them: bounded, numbered, and put back when they were read too far.

use std::collections::VecDeque;
use std::io::{self, BufRead};

use crate::encoding::in_utf8;

/// The longest line that is understood, in bytes.
pub const MAX_LINE: usize = 64 * 1024;

/// How much of a line that is too long is kept for the file of errors, in bytes.
const MAX_KEPT: usize = 16 * 1024 * 1024;

/// How many lines are looked at to know what a file is.
const MAX_PEEKED: usize = 1000;

/// The mark that some programs put before UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// One line without its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its number, from 1.
    pub number: u64,
    /// What is in it.
    pub bytes: Vec<u8>,
}

impl Line {
    /// Whether it is too long to be understood.
    pub fn is_too_long(&self) -> bool {
        self.bytes.len() > MAX_LINE
    }

    /// Whether nothing is in it.
    pub fn is_blank(&self) -> bool {
        self.bytes.iter().all(u8::is_ascii_whitespace)
    }

    /// Whether it begins with that character, blanks aside.
    pub fn starts_with(&self, wanted: u8) -> bool {
        self.bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&wanted)
    }
}

/// Reads lines of UTF-8 or UTF-16 that end with LF, CRLF or CR: whatever the first one ends with.
pub struct Lines {
    reader: Reader,
    number: u64,
    bytes_read: u64,
    put_back: VecDeque<Line>,
    end: LineEnd,
}

enum Reader {
    /// Nothing has been read yet.
    Unread(Box<dyn BufRead>),
    InUtf8(Box<dyn BufRead>),
}

/// What lines end with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LineEnd {
    /// The first line has not ended yet.
    Unknown,
    /// LF, with or without a CR before it.
    Lf,
    /// CR, as on old systems.
    Cr,
}

impl Lines {
    /// The lines of what `reader` reads.
    pub fn new(reader: Box<dyn BufRead>) -> Self {
        Self {
            reader: Reader::Unread(reader),
            number: 0,
            bytes_read: 0,
            put_back: VecDeque::new(),
            end: LineEnd::Unknown,
        }
    }

    /// How much of the file has been read, in bytes of UTF-8.
    pub const fn bytes_read(&self) -> u64 {
        self.bytes_read
    }

    /// The first line that is not blank and that `is_passed_over` does not know, without reading it.
    pub fn peek(&mut self, is_passed_over: impl Fn(&Line) -> bool) -> io::Result<Option<Line>> {
        let mut read = Vec::new();
        let found = loop {
            match self.read_line()? {
                None => break None,
                Some(line) => {
                    let passed = line.is_blank() || is_passed_over(&line);
                    read.push(line);
                    if !passed || read.len() == MAX_PEEKED {
                        break read.last().cloned();
                    }
                }
            }
        };
        self.put_back(read);
        Ok(found)
    }

    /// The next line.
    pub fn read_line(&mut self) -> io::Result<Option<Line>> {
        match self.put_back.pop_front() {
            Some(line) => Ok(Some(line)),
            None => self.read(),
        }
    }

    /// Takes lines back that were read last; they come again in the same order.
    pub fn put_back(&mut self, lines: Vec<Line>) {
        for line in lines.into_iter().rev() {
            self.put_back.push_front(line);
        }
    }

    fn read(&mut self) -> io::Result<Option<Line>> {
        let mut bytes = Vec::new();
        let mut has_read = false;
        // Whether the last byte was a CR of which it is not known yet what it ends.
        let mut after_cr = false;
        loop {
            let reader = self.reader.text()?;
            let available = match reader.fill_buf() {
                Ok(available) => available,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if after_cr && available.first() != Some(&b'\n') {
                self.end = LineEnd::Cr;
                break;
            }
            if available.is_empty() {
                break;
            }
            has_read = true;
            let end = available.iter().position(|byte| match self.end {
                LineEnd::Lf => *byte == b'\n',
                LineEnd::Cr | LineEnd::Unknown => matches!(byte, b'\n' | b'\r'),
            });
            let part = end.and_then(|end| available.get(..end)).unwrap_or(available);
            let ended_by = end.and_then(|end| available.get(end)).copied();
            let room = MAX_KEPT.saturating_sub(bytes.len());
            bytes.extend(part.iter().take(room));
            let used = end.map_or(available.len(), |end| end + 1);
            reader.consume(used);
            self.bytes_read += u64::try_from(used).unwrap_or_default();
            match (ended_by, self.end) {
                (None, _) => {}
                (Some(b'\r'), LineEnd::Unknown) => after_cr = true,
                (Some(_), LineEnd::Unknown) => {
                    self.end = LineEnd::Lf;
                    break;
                }
                (Some(_), LineEnd::Lf | LineEnd::Cr) => break,
            }
        }
        if !has_read {
            return Ok(None);
        }
        self.number += 1;
        if self.end == LineEnd::Lf && bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
        if self.number == 1 && bytes.starts_with(BYTE_ORDER_MARK) {
            bytes.drain(..BYTE_ORDER_MARK.len());
        }
        Ok(Some(Line { number: self.number, bytes }))
    }
}

impl Reader {
    fn text(&mut self) -> io::Result<&mut Box<dyn BufRead>> {
        if let Self::Unread(reader) = self {
            let unread = std::mem::replace(reader, Box::new(io::empty()));
            *self = Self::InUtf8(in_utf8(unread)?);
        }
        match self {
            Self::Unread(reader) | Self::InUtf8(reader) => Ok(reader),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &[u8]) -> Vec<(u64, Vec<u8>)> {
        let mut lines = Lines::new(Box::new(io::Cursor::new(text.to_vec())));
        let mut all = Vec::new();
        while let Some(line) = lines.read_line().unwrap() {
            all.push((line.number, line.bytes));
        }
        all
    }

    #[test]
    fn ends_and_marks_are_no_content() {
        let expected: Vec<(u64, Vec<u8>)> =
            vec![(1, b"a".into()), (2, vec![]), (3, b"b\r".into()), (4, b"c".into())];
        assert_eq!(lines(b"\xEF\xBB\xBFa\r\n\nb\r\r\nc"), expected);
        assert_eq!(
            lines(b"a\rb\r\rc"),
            [(1, b"a".into()), (2, b"b".into()), (3, vec![]), (4, b"c".into())]
        );
        assert_eq!(lines(b"a\r"), [(1, b"a".into())]);
        assert_eq!(lines(b"a\r\n"), [(1, b"a".into())]);
        assert_eq!(lines(b"\xFF\xFEa\0\r\0\n\0b\0"), [(1, b"a".into()), (2, b"b".into())]);
        assert_eq!(lines(b""), []);
        assert_eq!(lines(b"\n"), [(1, vec![])]);
    }

    #[test]
    fn a_line_too_long_is_kept_and_known() {
        let long = vec![b'x'; MAX_LINE + 1];
        let mut text = long.clone();
        text.extend(b"\nnext");
        let mut lines =
            Lines::new(Box::new(io::BufReader::with_capacity(7, io::Cursor::new(text))));
        let line = lines.read_line().unwrap().unwrap();
        assert!(line.is_too_long());
        assert_eq!(line.bytes, long);
        assert_eq!(lines.read_line().unwrap().unwrap(), Line { number: 2, bytes: b"next".into() });
    }

    #[test]
    fn what_is_put_back_comes_again_in_order() {
        let mut lines = Lines::new(Box::new(io::Cursor::new(b"1\n2\n3\n4\n".to_vec())));
        let read: Vec<Line> = (0..3).map(|_| lines.read_line().unwrap().unwrap()).collect();
        lines.put_back(read.iter().skip(1).cloned().collect());
        let numbers: Vec<u64> =
            std::iter::from_fn(|| lines.read_line().unwrap()).map(|line| line.number).collect();
        assert_eq!(numbers, [2, 3, 4]);
    }
}
