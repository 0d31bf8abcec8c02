//! What only a storage that fails at the right moment can show.

mod retries;
mod silence;
