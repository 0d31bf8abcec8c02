//! API keys.

use systemprompt_users_domain::{ApiKey, ApiKeyId, Cursor, StorageError, StorageResult, UniqueKey};

use crate::Subject;
use crate::fixtures::{
    api_key, api_key_id, at, changed_key, fullest_api_key, tick, token_hash, uuid,
};
use crate::overlap::Beside;
use crate::subject::{Walk, check_same, conflict_key};

async fn store(subject: &Subject, keys: &[ApiKey]) {
    let mut unit = subject.write().await;
    for key in keys {
        unit.api_keys().insert(key).await.unwrap();
    }
    unit.commit().await.unwrap();
}

async fn find(subject: &Subject, ids: &[ApiKeyId]) -> Vec<ApiKey> {
    let mut found = subject.read().await.api_keys().find_many(ids).await.unwrap();
    found.sort_by_key(|key| key.id);
    found
}

async fn by_prefix(subject: &Subject, prefix: &str) -> Option<ApiKey> {
    subject.read().await.api_keys().find_by_prefix(prefix).await.unwrap()
}

async fn update(subject: &Subject, key: &ApiKey) -> StorageResult<()> {
    let mut unit = subject.write().await;
    let updated = unit.api_keys().update(key).await;
    unit.commit().await.unwrap();
    updated
}

async fn list(subject: &Subject, limit: u16) -> Vec<ApiKey> {
    let mut unit = subject.read().await;
    let mut walk = Walk::new(limit);
    while let Some(page) = walk.request() {
        let page = unit.api_keys().list(&page).await.unwrap();
        walk.take(page, |key| Cursor::at_time(key.created_at, key.id.as_uuid()));
    }
    walk.items
}

pub(crate) async fn nothing_is_found_for_nothing(subject: Subject) {
    assert!(find(&subject, &[]).await.is_empty());
    assert!(list(&subject, 1).await.is_empty());
    store(&subject, &[api_key(1)]).await;
    assert!(find(&subject, &[]).await.is_empty());
    for prefix in ["", "k", "K0000001", "k0000001 ", "k_______", "k%"] {
        assert_eq!(by_prefix(&subject, prefix).await, None, "{prefix}");
    }
}

pub(crate) async fn unknown_keys_are_left_out_and_doubles_are_one(subject: Subject) {
    store(&subject, &[api_key(1), api_key(2)]).await;
    let found = find(&subject, &[2, 3, 1, 2].map(api_key_id)).await;
    check_same(&found, &vec![api_key(1), api_key(2)]);
}

pub(crate) async fn every_field_comes_back(subject: Subject) {
    let keys = [api_key(1), fullest_api_key(2)];
    store(&subject, &keys).await;
    check_same(&find(&subject, &[1, 2].map(api_key_id)).await, &keys.to_vec());
    for key in keys {
        check_same(&by_prefix(&subject, &key.prefix).await, &Some(key));
    }
}

pub(crate) async fn a_taken_id_or_prefix_is_a_conflict(subject: Subject) {
    store(&subject, &[api_key(1)]).await;
    let mut unit = subject.write().await;
    let same_id = ApiKey { id: api_key_id(1), ..api_key(2) };
    let refused = unit.api_keys().insert(&same_id).await.unwrap_err();
    assert_eq!(conflict_key(&refused), UniqueKey::Id);
    let same_prefix = ApiKey { prefix: api_key(1).prefix, ..api_key(2) };
    let refused = unit.api_keys().insert(&same_prefix).await.unwrap_err();
    assert_eq!(conflict_key(&refused), UniqueKey::Prefix);
    // The unit is usable, and another key may share all else.
    let alike = ApiKey { id: api_key_id(3), prefix: "k_______".into(), ..api_key(1) };
    unit.api_keys().insert(&alike).await.unwrap();
    unit.commit().await.unwrap();
    check_same(&find(&subject, &[1, 2, 3].map(api_key_id)).await, &vec![api_key(1), alike]);
}

fn insert_beside(subject: &Subject, key: ApiKey) -> Beside<StorageResult<()>> {
    let subject = subject.clone();
    Beside::start(async move {
        let mut unit = subject.write().await;
        let inserted = unit.api_keys().insert(&key).await;
        unit.commit().await.unwrap();
        inserted
    })
}

pub(crate) async fn one_prefix_is_given_to_one(subject: Subject) {
    let rival = |n| ApiKey { prefix: api_key(1).prefix, ..api_key(n) };
    let mut unit = subject.write().await;
    unit.api_keys().insert(&api_key(1)).await.unwrap();
    let mut beside = insert_beside(&subject, rival(2));
    beside.let_run().await;
    drop(unit);
    beside.end().await.expect("the other one was dropped");
    let mut unit = subject.write().await;
    unit.api_keys().insert(&api_key(3)).await.unwrap();
    let mut beside = insert_beside(&subject, ApiKey { prefix: api_key(3).prefix, ..api_key(4) });
    beside.let_run().await;
    unit.commit().await.unwrap();
    let refused = beside.end().await.expect_err("the other one was stored");
    assert_eq!(conflict_key(&refused), UniqueKey::Prefix);
    check_same(&list(&subject, 10).await, &vec![api_key(3), rival(2)]);
}

pub(crate) async fn an_update_replaces_all_but_the_last_use(subject: Subject) {
    let used = ApiKey { last_used_at: Some(at(50)), ..api_key(2) };
    store(&subject, &[api_key(1), used.clone()]).await;
    let next = ApiKey { version: 2, last_used_at: Some(at(9)), ..fullest_api_key(2) };
    let next = ApiKey { prefix: "another0".into(), secret_hash: token_hash(9), ..next };
    update(&subject, &next).await.unwrap();
    let stored = ApiKey { last_used_at: Some(at(50)), ..next };
    check_same(&find(&subject, &[1, 2].map(api_key_id)).await, &vec![api_key(1), stored.clone()]);
    check_same(&by_prefix(&subject, "another0").await, &Some(stored.clone()));
    assert_eq!(by_prefix(&subject, &used.prefix).await, None, "the old prefix finds nothing");
    check_same(&list(&subject, 1).await, &vec![stored, api_key(1)]);
}

pub(crate) async fn any_other_version_is_stale(subject: Subject) {
    store(&subject, &[api_key(1)]).await;
    for version in [1, 3, 0, i64::MAX] {
        let key = ApiKey { version, name: "stale".into(), ..api_key(1) };
        let refused = update(&subject, &key).await.unwrap_err();
        assert!(matches!(refused, StorageError::Stale), "{version}: {refused:?}");
    }
    let unknown = update(&subject, &changed_key(api_key(2), |_| {})).await.unwrap_err();
    assert!(matches!(unknown, StorageError::Stale), "{unknown:?}");
    check_same(&find(&subject, &[1, 2].map(api_key_id)).await, &vec![api_key(1)]);
}

pub(crate) async fn of_two_changes_from_one_version_one_is_stale(subject: Subject) {
    store(&subject, &[api_key(1)]).await;
    let revoked = changed_key(api_key(1), |key| key.revoked_at = Some(at(9)));
    let mut unit = subject.write().await;
    unit.api_keys().update(&revoked).await.unwrap();
    let mut beside = Beside::start({
        let subject = subject.clone();
        async move {
            let mut unit = subject.write().await;
            let expiring = changed_key(api_key(1), |key| key.expires_at = Some(at(99)));
            let refused = unit.api_keys().update(&expiring).await.unwrap_err();
            unit.api_keys().insert(&api_key(2)).await.unwrap();
            unit.commit().await.unwrap();
            refused
        }
    });
    beside.let_run().await;
    unit.commit().await.unwrap();
    let refused = beside.end().await;
    assert!(matches!(refused, StorageError::Stale), "{refused:?}");
    check_same(&find(&subject, &[1, 2].map(api_key_id)).await, &vec![revoked, api_key(2)]);
}

pub(crate) async fn the_list_is_made_last_first_page_by_page(subject: Subject) {
    // Several share a time: the id breaks the tie.
    let key = |n| ApiKey { created_at: at(i64::from(n) / 3), ..api_key(n) };
    let keys: Vec<ApiKey> = [5, 2, 7, 1, 4, 6, 3].map(key).to_vec();
    store(&subject, &keys).await;
    let newest_first: Vec<ApiKey> = (1..=7).rev().map(key).collect();
    for limit in [1, 2, 3, 6, 7, 8] {
        check_same(&list(&subject, limit).await, &newest_first);
    }
}

pub(crate) async fn a_touch_moves_only_the_last_use_and_never_back(subject: Subject) {
    store(&subject, &[api_key(1), api_key(2), api_key(3)]).await;
    let touch = async |seen: &[(ApiKeyId, i64)]| {
        let seen: Vec<_> = seen.iter().map(|(id, second)| (*id, at(*second))).collect();
        let mut unit = subject.write().await;
        unit.api_keys().touch_many(&seen).await.unwrap();
        unit.commit().await.unwrap();
    };
    touch(&[]).await;
    let [one, two, unknown] = [1, 2, 9].map(api_key_id);
    // The latest of several counts, wherever it stands.
    touch(&[(one, 40), (unknown, 41), (two, 44), (two, 45), (two, 43)]).await;
    touch(&[(one, 39), (two, 45)]).await;
    let used = |n, second| ApiKey { last_used_at: Some(at(second)), ..api_key(n) };
    let expected = vec![used(1, 40), used(2, 45), api_key(3)];
    check_same(&find(&subject, &[1, 2, 3, 9].map(api_key_id)).await, &expected);
    // It made no version stale.
    let revoked = changed_key(used(1, 40), |key| key.revoked_at = Some(at(50)));
    update(&subject, &revoked).await.unwrap();
    check_same(&by_prefix(&subject, &revoked.prefix).await, &Some(revoked));
}

pub(crate) async fn many_are_touched_at_once(subject: Subject) {
    let keys: Vec<ApiKey> = (1..=1_000).map(api_key).collect();
    store(&subject, &keys).await;
    let seen: Vec<_> = keys.iter().map(|key| (key.id, key.created_at + tick())).collect();
    let mut unit = subject.write().await;
    unit.api_keys().touch_many(&seen).await.unwrap();
    unit.commit().await.unwrap();
    let ids: Vec<ApiKeyId> = keys.iter().map(|key| key.id).collect();
    let touched = find(&subject, &ids).await;
    assert_eq!(touched.len(), keys.len());
    for key in touched {
        assert_eq!(key.last_used_at, Some(key.created_at + tick()));
    }
    let at_the_ends = [uuid::Uuid::nil(), uuid(5), uuid::Uuid::max()].map(ApiKeyId::from_uuid);
    assert_eq!(find(&subject, &at_the_ends).await.len(), 1);
}
