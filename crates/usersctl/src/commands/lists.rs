//! What is named on the command line: words and addresses, or `-` for the lines of stdin.

use std::path::Path;

use systemprompt_users::{IpTarget, UserError};
use systemprompt_users_import::{AddressList, References, RowError, Rows};

use crate::exit::{Done, Failure, note};
use crate::import::Input;
use crate::output::printable;

/// A word of a list.
pub(super) struct Word {
    pub(super) text: String,
    /// The line that it stands on; of an argument there is none.
    pub(super) line: Option<u64>,
    /// Why it can't be a word that names something.
    pub(super) fault: Option<RowError>,
}

/// All words, those of stdin in the place of `-`.
pub(super) fn words(arguments: &[String]) -> Result<Vec<Word>, Failure> {
    let mut all = Vec::with_capacity(arguments.len());
    for argument in arguments {
        if argument != "-" {
            all.push(Word { text: argument.clone(), line: None, fault: None });
            continue;
        }
        let mut list = References::open(stdin()?.lines)?;
        while let Some(row) = list.next_line().map_err(Failure::io("stdin"))? {
            let (text, fault) = match row.parsed {
                Ok(text) => (text, None),
                Err(error) => (shortened(&row.original.bytes), Some(error)),
            };
            all.push(Word { text, line: Some(row.original.line), fault });
        }
    }
    Ok(all)
}

/// Addresses and networks.
pub(super) struct Targets {
    pub(super) all: Vec<IpTarget>,
    /// How many lines of stdin were left out.
    refused: u64,
}

impl Targets {
    /// All of them, those of stdin in the place of `-`. What else there is to say is told on stderr: of a line that
    /// names none, and of a network that is written like one address.
    pub(super) fn read(arguments: &[String]) -> Result<Self, Failure> {
        // What stands on the command line is checked before anything is read.
        let mut all = typed(arguments)?;
        let mut refused = 0;
        if arguments.iter().any(|argument| argument == "-") {
            let mut list = addresses()?;
            while let Some(row) = list.next().map_err(Failure::io("stdin"))? {
                tell(row.original.line, &row.parsed, row.note.as_deref(), note);
                match row.parsed {
                    Ok(target) => all.push(target),
                    Err(_) => refused += 1,
                }
            }
        }
        Ok(Self { all, refused })
    }

    /// How a command went that did everything else.
    pub(super) const fn done(&self) -> Done {
        if self.refused == 0 { Done::All } else { Done::SomeRefused }
    }
}

/// The addresses that stand on the command line itself.
pub(super) fn typed(arguments: &[String]) -> Result<Vec<IpTarget>, Failure> {
    let typed = arguments.iter().filter(|argument| *argument != "-");
    let (mut all, mut wrong): (_, Vec<UserError>) = (Vec::new(), Vec::new());
    for text in typed {
        match text.parse() {
            Ok(target) => {
                all.push(target);
                note_host_bits(text);
            }
            Err(error) => wrong.push(error),
        }
    }
    if wrong.len() > 1 {
        let all: Vec<String> = wrong.iter().map(ToString::to_string).collect();
        return Err(Failure::Usage(all.join("; ")));
    }
    wrong.pop().map_or(Ok(all), |error| Err(error.into()))
}

/// The lines of stdin as addresses.
pub(super) fn addresses() -> Result<AddressList, Failure> {
    Ok(AddressList::open(stdin()?.lines)?)
}

/// Says what is wrong with a line, or what is to be noted.
pub(super) fn tell(
    line: u64,
    parsed: &Result<IpTarget, RowError>,
    remark: Option<&str>,
    say: impl Fn(&str),
) {
    match (parsed, remark) {
        (Err(error), _) => say(&printable(&format!("line {line}: {}", error.reason))),
        (Ok(_), Some(remark)) => say(&printable(&format!("line {line}: note: {remark}"))),
        (Ok(_), None) => {}
    }
}

/// Says which network is meant by what looks like one address.
pub(super) fn note_host_bits(text: &str) {
    if let Some(remark) = IpTarget::host_bits(text) {
        note(&printable(&format!("note: {remark}")));
    }
}

fn stdin() -> Result<Input, Failure> {
    Input::open(Path::new("-"))
}

/// Enough of a line to know it again.
fn shortened(bytes: &[u8]) -> String {
    let start = bytes.get(..bytes.len().min(200)).unwrap_or(bytes);
    String::from_utf8_lossy(start).chars().take(40).collect()
}
