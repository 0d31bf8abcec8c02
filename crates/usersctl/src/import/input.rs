//! Opening what is imported: a file or stdin.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use crate::exit::Failure;
use systemprompt_users_import::Lines;

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

    /// What it begins with, blanks aside, without reading it.
    pub(crate) fn peek(&mut self) -> Result<String, Failure> {
        let bytes = self.lines.peek().map_err(Failure::io(self.name.clone()))?;
        let start = bytes.get(..bytes.len().min(256)).unwrap_or(bytes);
        Ok(String::from_utf8_lossy(start).trim_start().to_owned())
    }
}

/// Whether both paths are the same file.
pub(crate) fn is_same_file(a: &Path, b: &Path) -> bool {
    let real = |path: &Path| -> Option<PathBuf> { path.canonicalize().ok() };
    real(a).is_some_and(|a| real(b) == Some(a))
}
