//! Why the daemon did not start, or stopped.

use std::error::Error;
use std::fmt;
use std::process::ExitCode;

use systemprompt_users::{UserError, redact_urls};

/// What an operator is told on stderr.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The configuration makes no sense: 2.
    Config(String),
    /// It can't be done: 1.
    Failed(String),
}

impl Failure {
    /// A setting that is not acceptable.
    pub(crate) fn setting(key: &str, message: impl std::fmt::Display) -> Self {
        Self::Config(format!("{key}: {message}"))
    }

    /// Something failed while `what` was done.
    pub(crate) fn because<E: Error>(what: impl std::fmt::Display) -> impl FnOnce(E) -> Self {
        move |error| Self::Failed(format!("{what}: {}", with_causes(&error)))
    }

    /// The storage could not be opened. `shown` is its URL without secrets.
    pub(crate) fn of_database(shown: &str, error: UserError) -> Self {
        match Self::from(error) {
            Self::Failed(message) => Self::Failed(format!("database {shown}: {message}")),
            config => config,
        }
    }

    /// Tells it, and answers with the exit code.
    pub(crate) fn report(&self) -> ExitCode {
        let code = match self {
            Self::Config(_) => 2,
            Self::Failed(_) => 1,
        };
        eprintln!("usersd: {self}");
        ExitCode::from(code)
    }
}

impl fmt::Display for Failure {
    /// Without passwords of URLs, whoever put them into the message.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Config(message) | Self::Failed(message)) = self;
        f.write_str(&redact_urls(message))
    }
}

impl From<UserError> for Failure {
    fn from(error: UserError) -> Self {
        match error {
            UserError::Validation { .. } => Self::Config(error.to_string()),
            _ => Self::Failed(with_causes(&error)),
        }
    }
}

/// The error with its causes, on one line.
fn with_causes(error: &dyn Error) -> String {
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
