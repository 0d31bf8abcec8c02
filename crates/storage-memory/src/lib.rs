#![doc = include_str!("../README.md")]

mod access;
mod bans;
mod cursor;
mod events;
mod histogram;
mod index;
mod jobs;
mod lookup;
mod place;
mod sessions;
mod signal;
mod state;
mod storage;
#[cfg(test)]
mod tests;
mod time;
mod users;
mod walk;

pub use storage::{MemoryOptions, MemoryStorage};

/// Ids without doubles, in order.
fn distinct<T: Ord + Copy>(ids: &[T]) -> Vec<T> {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    ids
}
