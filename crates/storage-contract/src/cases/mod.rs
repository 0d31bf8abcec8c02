//! One async function for each rule, by group. A case that `src/list.rs` does not name is dead code.

pub(crate) mod admins;
pub(crate) mod allow_list;
pub(crate) mod ban_lists;
pub(crate) mod bans;
pub(crate) mod counts;
pub(crate) mod events;
pub(crate) mod haystacks;
pub(crate) mod idle_anonymous;
pub(crate) mod jobs;
pub(crate) mod late_events;
pub(crate) mod lists;
pub(crate) mod locking;
pub(crate) mod purge;
pub(crate) mod races;
pub(crate) mod search;
pub(crate) mod session_ends;
pub(crate) mod session_upkeep;
pub(crate) mod sessions;
pub(crate) mod units;
pub(crate) mod users_find;
pub(crate) mod users_insert;
pub(crate) mod users_lookup;
pub(crate) mod users_touch;
pub(crate) mod users_update;
