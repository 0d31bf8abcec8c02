//! What is promised when processes are killed, connections hang, disks fill up and clocks go back.
//! Run by `cargo xtask faults`.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a scenario fails where its steps do"
)]

mod clock_back;
mod disk_full;
mod host_killed;
mod import_over_api;
mod job_hosts;
mod postgres_killed;
mod stalled;
mod storage_gone;
mod support;
mod told_to_stop;
