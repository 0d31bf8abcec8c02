//! The rules that every storage keeps.

use systemprompt_users_memory::MemoryStorage;

async fn fresh() -> (MemoryStorage, ()) {
    (MemoryStorage::new(), ())
}

systemprompt_users_contract::storage_contract!(fresh);
