//! The suite itself: it passes on a storage that keeps the rules.

use std::sync::Arc;

use systemprompt_users_domain::Storage;
use systemprompt_users_memory::MemoryStorage;

async fn fresh() -> (Arc<dyn Storage>, ()) {
    (Arc::new(MemoryStorage::new()), ())
}

systemprompt_users_contract::storage_contract!(fresh);
