//! Before something is destroyed: what it will touch, and whether that is meant.

use std::io::{self, IsTerminal};

use dialoguer::Confirm;

use crate::cli::ConfirmArgs;
use crate::exit::{Failure, note};
use crate::output::{Output, Record, Terminal, table};

/// How many records a preview shows to people.
const MAX_SHOWN: usize = 20;

/// Shows on stderr what will be touched. When that is all that was asked for, programs get it as results.
pub(crate) fn preview<R: Record>(
    output: &mut Output,
    confirm: ConfirmArgs,
    title: &str,
    records: &[R],
) -> Result<(), Failure> {
    if confirm.dry_run && output.is_for_programs() {
        output.all(records)?;
        return Ok(());
    }
    note(title);
    let shown: Vec<_> = records.iter().take(MAX_SHOWN).map(Record::values).collect();
    if !shown.is_empty() {
        note(&table(R::COLUMNS, &shown, &[], true, &Terminal::stderr()));
    }
    if records.len() > MAX_SHOWN {
        note(&format!("and {} more", records.len() - MAX_SHOWN));
    }
    Ok(())
}

impl ConfirmArgs {
    /// Of what destroys nothing, and so is not asked about: whether it only was to be shown.
    pub(crate) fn only_shows<R: Record>(
        self,
        output: &mut Output,
        title: &str,
        records: &[R],
    ) -> Result<bool, Failure> {
        if self.dry_run {
            preview(output, self, title, records)?;
            self.goes_on(title)?;
        }
        Ok(self.dry_run)
    }

    /// Whether to go on. Asks, unless it was said before; where nobody can be asked it refuses.
    pub(crate) fn goes_on(self, question: &str) -> Result<bool, Failure> {
        if self.dry_run {
            note("nothing was changed: this is a dry run");
            return Ok(false);
        }
        if self.yes {
            return Ok(true);
        }
        if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
            let message = format!("{question} Nobody can be asked here: pass --yes to go on");
            return Err(Failure::Usage(message));
        }
        let answer = Confirm::new().with_prompt(question).default(false).wait_for_newline(true);
        match answer.interact() {
            Ok(true) => Ok(true),
            Ok(false) => Err(Failure::Failed("nothing was changed".into())),
            Err(dialoguer::Error::IO(error)) => Err(Failure::Io("the terminal".into(), error)),
        }
    }
}
