//! The run of an import: batches, a report of each bad row, a summary.

use std::path::Path;

use systemprompt_users::UserError;

use super::errors_file::ErrorsFile;
use crate::exit::{Done, Failure, Outcome, with_causes};
use crate::output::{Column, Output, Record, Terminal, Value, printable};
use crate::progress::Progress;
use systemprompt_users_import::{BATCH, Original, Row, RowError, Rows};

/// How many bad rows are reported to a terminal; `--errors` keeps all of them.
const MAX_REPORTED: u64 = 20;

/// What became of a row.
pub(crate) enum Stored {
    Created,
    Existing,
    Changed,
    Refused(RowError),
}

/// Stores rows.
pub(crate) trait Sink<T> {
    /// Stores a batch, and says of each row what became of it.
    async fn store(&self, rows: Vec<T>) -> Result<Vec<Stored>, UserError>;
}

/// An import that was asked for.
pub(crate) struct Import<'a> {
    /// How the input is called.
    pub(crate) name: String,
    /// The size of the input in bytes, where it is known.
    pub(crate) size: Option<u64>,
    /// The file that is read.
    pub(crate) file: &'a Path,
    /// The file that keeps refused rows.
    pub(crate) errors: Option<&'a Path>,
}

impl Import<'_> {
    /// Reads all rows and stores them; without a sink it only checks them.
    pub(crate) async fn run<R: Rows, S: Sink<R::Item>>(
        &self,
        mut rows: R,
        sink: Option<&S>,
        output: &mut Output,
    ) -> Outcome {
        let errors = self.errors.map(|path| ErrorsFile::create(path, self.file, &rows));
        let progress = Progress::bytes("importing", self.size);
        let mut report = Report::new(errors.transpose()?, progress);
        let mut counts = Counts::default();
        loop {
            let (batch, end) = read_batch(&mut rows);
            report.take(&rows, batch, sink, &mut counts).await?;
            report.progress.rows(rows.bytes_read(), counts.read);
            match end {
                End::More => {}
                End::Over => break,
                End::Failed(error) => {
                    let what = format!("{}, behind line {}", self.name, report.last_line);
                    return Err(Failure::Io(what, error));
                }
            }
        }
        report.finish(&counts);
        if sink.is_some() {
            output.one(&Summary { file: &self.name, counts: &counts })?;
        } else {
            output.one(&Checked { file: &self.name, counts: &counts })?;
        }
        Ok(if counts.refused == 0 { Done::All } else { Done::SomeRefused })
    }
}

/// Why a batch ended.
enum End {
    More,
    Over,
    Failed(std::io::Error),
}

fn read_batch<R: Rows>(rows: &mut R) -> (Vec<Row<R::Item>>, End) {
    let mut batch = Vec::new();
    while batch.len() < BATCH {
        match rows.next() {
            Ok(Some(row)) => batch.push(row),
            Ok(None) => return (batch, End::Over),
            Err(error) => return (batch, End::Failed(error)),
        }
    }
    (batch, End::More)
}

/// What became of the rows so far.
#[derive(Debug, Default)]
struct Counts {
    read: u64,
    created: u64,
    existing: u64,
    changed: u64,
    valid: u64,
    refused: u64,
}

/// Tells of bad rows as they come.
struct Report {
    errors: Option<ErrorsFile>,
    progress: Progress,
    to_terminal: bool,
    /// The last line that is in.
    last_line: u64,
}

impl Report {
    fn new(errors: Option<ErrorsFile>, progress: Progress) -> Self {
        let to_terminal = Terminal::stderr().is_terminal();
        Self { errors, progress, to_terminal, last_line: 0 }
    }

    /// Stores a batch, and tells of the rows that were refused, in their order.
    async fn take<R: Rows, S: Sink<R::Item>>(
        &mut self,
        rows: &R,
        batch: Vec<Row<R::Item>>,
        sink: Option<&S>,
        counts: &mut Counts,
    ) -> Result<(), Failure> {
        let mut good = Vec::new();
        let mut refused: Vec<(Original, RowError)> = Vec::new();
        let mut originals = Vec::new();
        let mut last_line = self.last_line;
        for row in batch {
            counts.read += 1;
            last_line = row.original.line;
            match row.parsed {
                Ok(item) => {
                    good.push(item);
                    originals.push(row.original);
                }
                Err(error) => refused.push((row.original, error)),
            }
        }
        match sink {
            None => counts.valid += u64::try_from(good.len()).unwrap_or_default(),
            Some(_) if good.is_empty() => {}
            Some(sink) => {
                let stored =
                    sink.store(good).await.map_err(|error| self.stopped(&error, last_line))?;
                for (original, stored) in originals.into_iter().zip(stored) {
                    match stored {
                        Stored::Created => counts.created += 1,
                        Stored::Existing => counts.existing += 1,
                        Stored::Changed => counts.changed += 1,
                        Stored::Refused(error) => refused.push((original, error)),
                    }
                }
            }
        }
        self.last_line = last_line;
        refused.sort_by_key(|(original, _)| original.line);
        for (original, error) in &refused {
            self.tell(rows, original, error, counts)?;
        }
        self.errors.as_mut().map_or(Ok(()), ErrorsFile::flush)
    }

    fn tell<R: Rows>(
        &mut self,
        rows: &R,
        original: &Original,
        error: &RowError,
        counts: &mut Counts,
    ) -> Result<(), Failure> {
        counts.refused += 1;
        if !self.to_terminal || counts.refused <= MAX_REPORTED {
            let line = format!("line {}: {}: {}", original.line, error.field, error.reason);
            self.progress.note(&printable(&line));
        }
        match &mut self.errors {
            Some(errors) => errors.keep(rows, original, error),
            None => Ok(()),
        }
    }

    fn finish(&self, counts: &Counts) {
        if self.to_terminal && counts.refused > MAX_REPORTED {
            let more = counts.refused - MAX_REPORTED;
            let hint = if self.errors.is_some() { "" } else { "; --errors FILE keeps all of them" };
            self.progress.note(&format!("and {more} more bad rows{hint}"));
        }
    }

    /// What is in, and what is not, when the storage failed.
    fn stopped(&self, error: &UserError, last_line: u64) -> Failure {
        let is_in = match self.last_line {
            0 => "nothing is in yet".to_owned(),
            line => format!("everything up to line {line} is in"),
        };
        Failure::Failed(format!(
            "{is_in}, what follows up to line {last_line} may not be: {}; run the same import again, it \
             passes over what is in",
            with_causes(error)
        ))
    }
}

/// What became of all rows.
struct Summary<'a> {
    file: &'a str,
    counts: &'a Counts,
}

impl Record for Summary<'_> {
    const COLUMNS: &'static [Column] = &[
        Column::always("file"),
        Column::always("read"),
        Column::always("created"),
        Column::always("existing"),
        Column::always("changed"),
        Column::always("refused"),
    ];

    fn values(&self) -> Vec<Value> {
        let counts = self.counts;
        vec![
            Value::text(self.file),
            Value::count(counts.read),
            Value::count(counts.created),
            Value::count(counts.existing),
            Value::count(counts.changed),
            Value::count(counts.refused),
        ]
    }
}

/// What a check of all rows came to.
struct Checked<'a> {
    file: &'a str,
    counts: &'a Counts,
}

impl Record for Checked<'_> {
    const COLUMNS: &'static [Column] = &[
        Column::always("file"),
        Column::always("read"),
        Column::always("valid"),
        Column::always("refused"),
    ];

    fn values(&self) -> Vec<Value> {
        vec![
            Value::text(self.file),
            Value::count(self.counts.read),
            Value::count(self.counts.valid),
            Value::count(self.counts.refused),
        ]
    }
}
