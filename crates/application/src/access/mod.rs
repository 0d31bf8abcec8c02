//! Ways in beside sessions: API keys, one-time links; and requests that are done once.

mod api_keys;
mod idempotency;
mod sign_in_links;

pub use api_keys::ApiKeyService;
pub use idempotency::IdempotencyService;
pub use sign_in_links::SignInLinkService;
