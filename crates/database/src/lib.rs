//! DbPool: a URL chooses the storage adapter.
