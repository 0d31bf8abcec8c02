//! The run of an import: batches, a report of each bad row, a summary.

use std::path::Path;

use systemprompt_users::UserError;

use super::errors_file::ErrorsFile;
use crate::exit::{Done, Failure, Outcome, with_causes};
use crate::output::{Column, Output, Record, Terminal, Value, printable};
use crate::progress::Progress;
use systemprompt_users_import::{BATCH, Original, Row, RowError, Rows};

/// How many rows are reported to a terminal; `--errors` keeps all of them.
const MAX_REPORTED: u64 = 20;

/// What became of a row.
pub(crate) enum Stored {
    Created,
    /// It was there already; with what is to be said about that.
    Existing(Option<String>),
    Changed(Option<String>),
    Refused(RowError),
}

/// Stores rows.
pub(crate) trait Sink<T> {
    /// Stores a batch, and says of each row what became of it.
    async fn store(&mut self, rows: Vec<T>) -> Result<Vec<Stored>, UserError>;
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
    /// Whether the sink only tells what it would do.
    pub(crate) is_dry_run: bool,
}

impl Import<'_> {
    /// Reads all rows and stores them.
    pub(crate) async fn run<R: Rows, S: Sink<R::Item>>(
        &self,
        mut rows: R,
        mut sink: S,
        output: &mut Output,
    ) -> Outcome {
        let errors = self.errors.map(|path| ErrorsFile::create(path, self.file, &rows));
        let progress = Progress::bytes("importing", self.size);
        let mut report = Report::new(errors.transpose()?, progress);
        let mut counts = Counts::default();
        report.tell_not_taken_over(&rows);
        loop {
            let (batch, end) = read_batch(&mut rows);
            report.tell_not_taken_over(&rows);
            report.take(&rows, batch, &mut sink, &mut counts).await?;
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
        if self.is_dry_run {
            output.one(&Checked { file: &self.name, counts: &counts })?;
        } else {
            output.one(&Summary { file: &self.name, counts: &counts })?;
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
    refused: u64,
}

/// What is told of a row.
enum Told {
    Refused(RowError),
    Note(String),
}

/// Tells of bad rows as they come.
struct Report {
    errors: Option<ErrorsFile>,
    progress: Progress,
    to_terminal: bool,
    /// The last line that is in.
    last_line: u64,
    /// Columns of which it was said that they are not taken over.
    not_taken_over: Vec<&'static str>,
    /// How many rows were told of.
    told: u64,
}

impl Report {
    fn new(errors: Option<ErrorsFile>, progress: Progress) -> Self {
        let to_terminal = Terminal::stderr().is_terminal();
        Self { errors, progress, to_terminal, last_line: 0, not_taken_over: Vec::new(), told: 0 }
    }

    /// Stores a batch, and tells of the rows that were refused, in their order.
    async fn take<R: Rows, S: Sink<R::Item>>(
        &mut self,
        rows: &R,
        batch: Vec<Row<R::Item>>,
        sink: &mut S,
        counts: &mut Counts,
    ) -> Result<(), Failure> {
        let mut good = Vec::new();
        let mut told: Vec<(Original, Told)> = Vec::new();
        let mut places = Vec::new();
        let mut last_line = self.last_line;
        for row in batch {
            counts.read += 1;
            last_line = row.original.line;
            match row.parsed {
                Ok(item) => {
                    good.push(item);
                    places.push((row.original, row.note));
                }
                Err(error) => told.push((row.original, Told::Refused(error))),
            }
        }
        if !good.is_empty() {
            let stored = sink.store(good).await.map_err(|error| self.stopped(&error, last_line))?;
            for ((original, note), stored) in places.into_iter().zip(stored) {
                let more = match stored {
                    Stored::Created => {
                        counts.created += 1;
                        None
                    }
                    Stored::Existing(more) => {
                        counts.existing += 1;
                        more
                    }
                    Stored::Changed(more) => {
                        counts.changed += 1;
                        more
                    }
                    Stored::Refused(error) => {
                        told.push((original, Told::Refused(error)));
                        continue;
                    }
                };
                if let Some(note) = note.or(more) {
                    told.push((original, Told::Note(note)));
                }
            }
        }
        self.last_line = last_line;
        told.sort_by_key(|(original, _)| original.line);
        for (original, told) in &told {
            self.tell(rows, original, told, counts)?;
        }
        self.errors.as_mut().map_or(Ok(()), ErrorsFile::flush)
    }

    fn tell<R: Rows>(
        &mut self,
        rows: &R,
        original: &Original,
        told: &Told,
        counts: &mut Counts,
    ) -> Result<(), Failure> {
        let (field, reason) = match told {
            Told::Refused(error) => {
                counts.refused += 1;
                (error.field.as_str(), &error.reason)
            }
            Told::Note(note) => ("note", note),
        };
        self.told += 1;
        if !self.to_terminal || self.told <= MAX_REPORTED {
            let line = format!("line {}: {field}: {reason}", original.line);
            self.progress.note(&printable(&line));
        }
        match (&mut self.errors, told) {
            (Some(errors), Told::Refused(error)) => errors.keep(rows, original, error),
            _ => Ok(()),
        }
    }

    /// Nothing of a file is dropped without a word.
    fn tell_not_taken_over<R: Rows>(&mut self, rows: &R) {
        let columns = rows.not_taken_over();
        let new: Vec<&str> = columns
            .iter()
            .copied()
            .filter(|column| !self.not_taken_over.contains(column))
            .collect();
        if !new.is_empty() {
            let line = format!("not taken over, but made anew: {}", new.join(", "));
            self.progress.note(&line);
            self.not_taken_over = columns;
        }
    }

    fn finish(&self, counts: &Counts) {
        if self.to_terminal && self.told > MAX_REPORTED {
            let more = self.told - MAX_REPORTED;
            let hint = match (&self.errors, counts.refused) {
                (Some(_), _) | (_, 0) => "",
                _ => "; --errors FILE keeps all bad rows",
            };
            self.progress.note(&format!("and {more} more rows to be told of{hint}"));
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
            Value::count(self.counts.read - self.counts.refused),
            Value::count(self.counts.refused),
        ]
    }
}
