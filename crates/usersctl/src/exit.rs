//! How a command ends: the exit code, and what is said on stderr.

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use owo_colors::OwoColorize;
use systemprompt_users::UserError;
use systemprompt_users_import::HeaderError;

use crate::output::{Terminal, printable};

/// What every command answers with.
pub(crate) type Outcome = Result<Done, Failure>;

/// How a command that ran to its end went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Done {
    /// Everything was done: 0.
    All,
    /// The only things that were not done were not found: 3.
    SomeNotFound,
    /// Something was refused, or is off: 4.
    SomeRefused,
    /// Something failed: 1.
    SomeFailed,
}

/// Why a command did not run to its end.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A service refused or failed.
    Users(UserError),
    /// The arguments make no sense, or a confirmation is missing: 2.
    Usage(String),
    /// It can't be done, or was called off: 1.
    Failed(String),
    /// A file or a stream failed: 1, or 0 when nobody reads what is written any more.
    Io(String, io::Error),
}

impl Failure {
    /// A failure of the file or stream of that name.
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |error| Self::Io(what, error)
    }

    fn code(&self) -> u8 {
        match self {
            Self::Users(error) => code_of(error),
            Self::Usage(_) => 2,
            Self::Failed(_) | Self::Io(..) => 1,
        }
    }

    fn message(&self) -> String {
        match self {
            Self::Users(error) => with_causes(error),
            Self::Usage(message) | Self::Failed(message) => message.clone(),
            Self::Io(what, error) => format!("{what}: {error}"),
        }
    }
}

impl From<UserError> for Failure {
    fn from(error: UserError) -> Self {
        Self::Users(error)
    }
}

impl From<HeaderError> for Failure {
    fn from(error: HeaderError) -> Self {
        match error {
            HeaderError::Io(error) => Self::Io("the file".into(), error),
            HeaderError::Refused(message) => Self::Usage(message),
        }
    }
}

impl From<io::Error> for Failure {
    /// A bare error is one of stdout; everything else is named by [`Failure::io`].
    fn from(error: io::Error) -> Self {
        Self::Io("stdout".into(), error)
    }
}

/// The exit code that an error of a service stands for.
pub(crate) const fn code_of(error: &UserError) -> u8 {
    match error {
        UserError::Validation { .. }
        | UserError::InvalidStatus(_)
        | UserError::InvalidRole(_)
        | UserError::InvalidRoles(_)
        | UserError::InvalidIp(_) => 2,
        UserError::NotFound { .. } => 3,
        UserError::EmailAlreadyExists
        | UserError::NameAlreadyExists
        | UserError::LastAdmin
        | UserError::Stale
        | UserError::StaleEmail
        | UserError::NotAllowed(_)
        | UserError::Unconfirmed(_)
        | UserError::AdminsOnly
        | UserError::LegalHold(_) => 4,
        _ => 1,
    }
}

/// The error with its causes, on one line.
pub(crate) fn with_causes(error: &UserError) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

/// Says what went wrong and turns it into the exit code.
pub(crate) fn report(outcome: Outcome) -> ExitCode {
    let failure = match outcome {
        Ok(Done::All) => return ExitCode::SUCCESS,
        Ok(Done::SomeNotFound) => return ExitCode::from(3),
        Ok(Done::SomeRefused) => return ExitCode::from(4),
        Ok(Done::SomeFailed) => return ExitCode::from(1),
        Err(Failure::Io(_, error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            return ExitCode::SUCCESS;
        }
        Err(failure) => failure,
    };
    let message = printable(&failure.message());
    if Terminal::stderr().color {
        note(&format!("{} {message}", "error:".red().bold()));
    } else {
        note(&format!("error: {message}"));
    }
    ExitCode::from(failure.code())
}

/// Writes a line to stderr; that nobody reads it is no failure.
pub(crate) fn note(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_have_the_code_of_what_a_caller_can_do() {
        for (error, code) in [
            (UserError::validation("limit", "no"), 2),
            (UserError::InvalidIp("x".into()), 2),
            (UserError::user_not_found("x"), 3),
            (UserError::LastAdmin, 4),
            (UserError::Stale, 4),
            (UserError::EmailAlreadyExists, 4),
            (UserError::NotAllowed("x".into()), 4),
        ] {
            assert_eq!(code_of(&error), code, "{error}");
        }
    }
}
