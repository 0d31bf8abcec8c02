//! Opening what is imported: a file or stdin.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use crate::exit::Failure;
use systemprompt_users_import::{HeaderError, Lines, TableFormat};

/// How much is read at once, in bytes.
const BUFFER: usize = 128 * 1024;

/// A file or stdin.
pub(crate) struct Input {
    /// How it is called in messages and results.
    pub(crate) name: String,
    /// Its size in bytes, where it is known.
    pub(crate) size: Option<u64>,
    pub(crate) lines: Lines,
}

impl Input {
    /// Opens a file; `-` is stdin.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        if path == Path::new("-") {
            let lines = Lines::new(Box::new(BufReader::with_capacity(BUFFER, io::stdin())));
            return Ok(Self { name: "stdin".into(), size: None, lines });
        }
        let name = path.display().to_string();
        let file = File::open(path).map_err(Failure::io(name.clone()))?;
        let metadata = file.metadata().map_err(Failure::io(name.clone()))?;
        let size = metadata.is_file().then_some(metadata.len());
        Ok(Self { name, size, lines: Lines::new(Box::new(BufReader::with_capacity(BUFFER, file))) })
    }

    /// The extension of the file's name in small letters.
    pub(crate) fn extension(path: &Path) -> Option<String> {
        Some(path.extension()?.to_str()?.to_ascii_lowercase())
    }

    /// The first line that is not blank and no comment, without reading it.
    pub(crate) fn peek(&mut self) -> Result<String, Failure> {
        let first = self.lines.peek(|line| line.starts_with(b'#')).map_err(HeaderError::from)?;
        Ok(first
            .map(|line| String::from_utf8_lossy(&line.bytes).trim().to_lowercase())
            .unwrap_or_default())
    }

    /// Whether it begins like JSON, or like a header with that column.
    pub(crate) fn looks_like(&mut self, column: &str) -> Result<Option<TableFormat>, Failure> {
        let first = self.peek()?;
        if first.starts_with(['{', '[']) {
            return Ok(Some(TableFormat::Json));
        }
        let mut names = first.split([',', ';', '\t', '|']);
        let is_header = names.any(|name| name.trim().trim_matches('"') == column);
        Ok((is_header || first.starts_with("sep=")).then_some(TableFormat::Csv))
    }
}

/// Whether both paths are the same file.
pub(crate) fn is_same_file(a: &Path, b: &Path) -> bool {
    let real = |path: &Path| -> Option<PathBuf> { path.canonicalize().ok() };
    real(a).is_some_and(|a| real(b) == Some(a))
}
