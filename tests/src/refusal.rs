//! Looking at refusals: the word for programs, and the field at fault.

use std::fmt::Debug;

use systemprompt_users::{Result, UserError};

/// The code of the error.
///
/// # Panics
/// When there is none.
#[track_caller]
pub fn code<T: Debug>(result: Result<T>) -> &'static str {
    result.expect_err("it should be refused").code()
}

/// The field that a value was refused for.
///
/// # Panics
/// When it was not refused, or for another reason than its value.
#[track_caller]
pub fn field<T: Debug>(result: Result<T>) -> &'static str {
    match result.expect_err("it should be refused") {
        UserError::Validation { field, .. } => field,
        other => other.field().expect("it should be refused for a field"),
    }
}
