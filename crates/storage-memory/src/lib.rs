//! In-memory adapter: lock-free snapshots for readers, for tests and demos.
