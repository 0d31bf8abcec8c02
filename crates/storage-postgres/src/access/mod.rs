//! Ways in beside sessions, and requests that are done once: each port has a file.

mod api_keys;
mod idempotency;
mod sign_in_links;
