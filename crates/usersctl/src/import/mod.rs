//! Storing what is read from files: by batches, and nothing read is lost.

mod errors_file;
mod input;
mod run;

pub(crate) use input::Input;
pub(crate) use run::{Import, Sink, Stored};
