//! API keys, one-time links and requests that are done once, on a large installation.

use systemprompt_users_contract::fixtures::{
    api_key, api_key_id, at, changed_key, remembered, sign_in_link, user_id, uuid,
};
use systemprompt_users_domain::{BeginOutcome, Cursor, PageRequest, Storage};
use systemprompt_users_postgres::PostgresStorage;

use super::explain::Plans;

pub(super) async fn all(storage: &PostgresStorage, plans: &Plans) {
    plans.during("finding API keys");
    let mut unit = storage.read().await.unwrap();
    let keys = unit.api_keys();
    assert_eq!(keys.find_many(&[7, 70].map(api_key_id)).await.unwrap().len(), 2);
    assert!(keys.find_by_prefix("k0000700").await.unwrap().is_some());
    let first = PageRequest::new(20).unwrap();
    assert_eq!(keys.list(&first).await.unwrap().items.len(), 20);
    let deep = first.after(Some(Cursor::at_time(at(600_000), uuid(0))));
    assert_eq!(keys.list(&deep).await.unwrap().items.len(), 20);
    drop(unit);

    plans.during("changing API keys");
    let mut unit = storage.write().await.unwrap();
    let keys = unit.api_keys();
    let new = api_key(1_000_001);
    keys.insert(&new).await.unwrap();
    assert!(keys.insert(&new).await.is_err());
    keys.update(&changed_key(new, |key| key.revoked_at = Some(at(9)))).await.unwrap();
    keys.touch_many(&[(api_key_id(10), at(9)), (api_key_id(20), at(9))]).await.unwrap();

    plans.during("changing one-time links");
    let links = unit.sign_in_links();
    let link = sign_in_link(1_000_001, user_id(11));
    links.insert(&link).await.unwrap();
    assert!(links.take(&link.token_hash, link.created_at).await.unwrap().is_some());
    assert_eq!(links.delete_expired(at(600_000), 20).await.unwrap(), 20);

    plans.during("changing requests");
    let requests = unit.idempotency();
    let request = remembered(1_000_001);
    let lock = request.locked_until;
    for now in [request.created_at, lock] {
        assert_eq!(requests.begin(&request, now).await.unwrap(), BeginOutcome::Started);
    }
    requests.forget(&request.key).await.unwrap();
    requests.finish(&request.key, b"answer").await.unwrap();
    assert_eq!(requests.delete_before(at(600_000), 20).await.unwrap(), 20);
}
