//! Every rule of the design, on every backend, through the public API.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails where its steps do"
)]

mod allow_list;
mod anonymous;
mod api_keys;
mod bad_input;
mod ban_lists;
mod bans;
mod builtin_jobs;
mod bulk;
mod bulk_equals_single;
mod busy;
mod create;
mod doctor;
mod edges;
mod enforcer;
mod events;
mod find;
mod hourly;
mod idempotency;
mod job_leases;
mod jobs;
mod lifecycle;
mod lists;
mod merge;
mod model;
mod pool;
mod programs;
mod replicas;
mod roles;
mod search;
mod session_ends;
mod sessions;
mod sign_in_links;
mod stats;
mod status;
mod update;
