//! Ways in beside sessions, and requests that are done once: each port has a file.

mod api_keys;
mod idempotency;
mod sign_in_links;

pub(crate) use api_keys::ApiKeyTable;
pub(crate) use idempotency::RequestTable;
pub(crate) use sign_in_links::SignInLinkTable;
