//! The rules that every adapter keeps.

use std::sync::Arc;

use systemprompt_users_domain::Storage;

use crate::database;

async fn fresh() -> (Arc<dyn Storage>, impl Sized) {
    let (storage, guard) = database::migrated().await;
    (Arc::new(storage), guard)
}

systemprompt_users_contract::storage_contract!(fresh);
