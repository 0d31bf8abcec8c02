//! Ways in beside the session's token: API keys, one-time links; and requests that are done once.

mod api_key;
mod idempotency;
mod scope;
mod secret;
mod sign_in_link;

pub use api_key::{ApiKey, IssuedApiKey, MAX_KEY_NAME_CHARS, NewApiKey};
pub use idempotency::{BeginOutcome, IdempotencyKey, MAX_ANSWER_BYTES, RememberedRequest};
pub use scope::{ApiScope, ApiScopes};
pub use secret::ApiKeySecret;
pub use sign_in_link::SignInLink;
