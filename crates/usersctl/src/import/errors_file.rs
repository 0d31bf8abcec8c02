//! The file that keeps refused rows.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use super::input::is_same_file;
use crate::exit::Failure;
use systemprompt_users_import::{Original, RowError, Rows};

/// Keeps refused rows in a form that can be corrected and imported again.
pub(crate) struct ErrorsFile {
    name: String,
    out: BufWriter<File>,
}

impl ErrorsFile {
    /// Begins the file anew. It must not be the one that is imported, which would be gone.
    pub(crate) fn create<R: Rows>(path: &Path, input: &Path, rows: &R) -> Result<Self, Failure> {
        if is_same_file(path, input) {
            let message = "--errors names the file that is imported: choose another one";
            return Err(Failure::Usage(message.into()));
        }
        let name = path.display().to_string();
        let file = File::create(path).map_err(Failure::io(name.clone()))?;
        let mut out = BufWriter::new(file);
        rows.start_errors(&mut out)
            .and_then(|()| out.flush())
            .map_err(Failure::io(name.clone()))?;
        Ok(Self { name, out })
    }

    /// Keeps a refused row.
    pub(crate) fn keep<R: Rows>(
        &mut self,
        rows: &R,
        row: &Original,
        error: &RowError,
    ) -> Result<(), Failure> {
        rows.keep(row, error, &mut self.out).map_err(Failure::io(self.name.clone()))
    }

    /// Puts what was kept on the disk.
    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        self.out.flush().map_err(Failure::io(self.name.clone()))
    }
}
