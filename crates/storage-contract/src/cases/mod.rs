//! One async function for each rule, by group. A case that `src/list.rs` does not name is dead code.

pub(crate) mod units;
pub(crate) mod users_find;
