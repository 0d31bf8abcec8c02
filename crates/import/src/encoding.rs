//! What a file begins with: text in UTF-8 or UTF-16, or something that is no text at all.

use std::io::{self, BufRead, Cursor, Read};

/// How many bytes are looked at.
const LOOKED_AT: u64 = 16;

/// What files begin with that hold no lines, and what to do about each.
const FOREIGN: [(&[u8], &str); 9] = [
    (b"\x1F\x8B", "the file is compressed with gzip: unpack it first (gzip -dc FILE)"),
    (b"BZh", "the file is compressed with bzip2: unpack it first (bzip2 -dc FILE)"),
    (b"\xFD7zXZ\x00", "the file is compressed with xz: unpack it first (xz -dc FILE)"),
    (b"\x28\xB5\x2F\xFD", "the file is compressed with zstd: unpack it first (zstd -dc FILE)"),
    (
        b"PK\x03\x04",
        "the file is a ZIP archive, as .xlsx and .ods files are: save the sheet as CSV, or unpack the archive",
    ),
    (b"\xD0\xCF\x11\xE0", "the file is an old Excel workbook (.xls): save the sheet as CSV"),
    (b"SQLite format 3", "the file is a SQLite database: export its rows first"),
    (b"%PDF-", "the file is a PDF: export its rows as CSV first"),
    (b"\xFF\xFE\x00\x00", "the file is in UTF-32: save it in UTF-8"),
];

/// Why a file can't be read as lines; found behind an `io::Error` of reading.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Foreign(pub(crate) &'static str);

/// A reader of the same text in UTF-8.
pub(crate) fn in_utf8(mut reader: Box<dyn BufRead>) -> io::Result<Box<dyn BufRead>> {
    let mut start = Vec::new();
    reader.by_ref().take(LOOKED_AT).read_to_end(&mut start)?;
    if let Some((_, what)) = FOREIGN.iter().find(|(magic, _)| start.starts_with(magic)) {
        return Err(io::Error::new(io::ErrorKind::InvalidData, Foreign(what)));
    }
    let order = ByteOrder::of(&start);
    let all = Cursor::new(start).chain(reader);
    Ok(match order {
        None => Box::new(all),
        Some(order) => Box::new(Utf16 { inner: all, order, text: Vec::new(), at: 0 }),
    })
}

/// Which byte of a UTF-16 unit comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ByteOrder {
    Big,
    Little,
}

impl ByteOrder {
    /// By the mark, or by the zeroes that Latin letters have. `None` is no UTF-16.
    fn of(start: &[u8]) -> Option<Self> {
        match start {
            [0xFF, 0xFE, ..] => Some(Self::Little),
            [0xFE, 0xFF, ..] => Some(Self::Big),
            [a, 0, b, 0, ..] if *a != 0 && *b != 0 => Some(Self::Little),
            [0, a, 0, b, ..] if *a != 0 && *b != 0 => Some(Self::Big),
            _ => None,
        }
    }

    const fn unit(self, bytes: [u8; 2]) -> u16 {
        match self {
            Self::Big => u16::from_be_bytes(bytes),
            Self::Little => u16::from_le_bytes(bytes),
        }
    }
}

/// Reads UTF-16 as UTF-8. What is no UTF-16 becomes a byte that is no UTF-8, so that its line is refused.
struct Utf16<R> {
    inner: R,
    order: ByteOrder,
    text: Vec<u8>,
    at: usize,
}

/// How many units are decoded at once.
const UNITS: usize = 4096;

impl<R: Read> Utf16<R> {
    fn unit(&mut self) -> io::Result<Option<u16>> {
        let mut bytes = [0_u8; 2];
        match self.inner.read_exact(&mut bytes) {
            Ok(()) => Ok(Some(self.order.unit(bytes))),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn decode(&mut self) -> io::Result<()> {
        self.text.clear();
        self.at = 0;
        let mut units = Vec::with_capacity(UNITS + 1);
        while units.len() < UNITS
            && let Some(unit) = self.unit()?
        {
            units.push(unit);
        }
        // The other half of a character must not be left behind.
        if units.last().is_some_and(|unit| (0xD800..0xDC00).contains(unit)) {
            units.extend(self.unit()?);
        }
        for decoded in char::decode_utf16(units) {
            match decoded {
                Ok(c) => self.text.extend(c.encode_utf8(&mut [0; 4]).bytes()),
                Err(_) => self.text.push(0xFF),
            }
        }
        Ok(())
    }
}

impl<R: Read> Read for Utf16<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(out)?;
        self.consume(read);
        Ok(read)
    }
}

impl<R: Read> BufRead for Utf16<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.at >= self.text.len() {
            self.decode()?;
        }
        Ok(self.text.get(self.at..).unwrap_or_default())
    }

    fn consume(&mut self, count: usize) {
        self.at += count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: Vec<u8>) -> io::Result<Vec<u8>> {
        let mut text = Vec::new();
        let reader = io::BufReader::with_capacity(3, Cursor::new(bytes));
        in_utf8(Box::new(reader))?.read_to_end(&mut text)?;
        Ok(text)
    }

    #[test]
    fn utf_16_is_read_in_both_orders() {
        let text = "näme,email\r\n𝒜da,".to_owned() + &"𝒜".repeat(5000);
        for marked in ["\u{feff}", ""] {
            let text = format!("{marked}{}", if marked.is_empty() { &text[3..] } else { &text });
            let units = || text.encode_utf16();
            let little = units().flat_map(u16::to_le_bytes).collect();
            let big = units().flat_map(u16::to_be_bytes).collect();
            assert_eq!(read(little).unwrap(), text.as_bytes());
            assert_eq!(read(big).unwrap(), text.as_bytes());
        }
        assert_eq!(
            read(b"\xFF\xFEa\0\x00\xD8b\0".into()).unwrap(),
            "\u{feff}a".bytes().chain([0xFF, b'b']).collect::<Vec<_>>()
        );
    }

    #[test]
    fn what_is_no_text_is_called_by_its_name() {
        for (magic, what) in FOREIGN {
            let error = read([magic, b"rest of it"].concat()).unwrap_err();
            assert_eq!(error.to_string(), what);
        }
        for text in ["", "n", "name,email\n", "PK,email\n", "\0\0\0\0"] {
            assert_eq!(read(text.into()).unwrap(), text.as_bytes());
        }
    }
}
