//! API keys in memory: what becomes of one on host A is decided by on host B.

use std::sync::Arc;

use chrono::Duration;
use systemprompt_users::{
    ApiKey, ApiKeyService, ApiScope, ApiScopes, Enforcer, EnforcerOptions, IssuedApiKey, NewApiKey,
};
use systemprompt_users_tests::{Host, on_every_backend};

use super::{Pair, caught_up, enforcer, patient, until};

on_every_backend! {
    a_key_that_is_revoked,
    a_key_that_is_rotated_at_once,
    a_key_that_is_rotated_with_grace,
    a_key_expires,
    only_its_secret_opens_a_key,
    no_more_than_may_be_are_in_memory,
}

fn service(host: &Host) -> ApiKeyService {
    host.context.clone().into()
}

async fn issue(host: &Host, expires_in: Option<Duration>) -> IssuedApiKey {
    let scopes = ApiScopes::new([ApiScope::Read]).unwrap();
    let params = NewApiKey { name: "ci".into(), scopes, expires_in };
    service(host).create(&params).await.unwrap()
}

async fn ask(enforcer: &Enforcer, issued: &IssuedApiKey) -> Option<Arc<ApiKey>> {
    enforcer.authenticate_key(&issued.secret.reveal()).await.unwrap()
}

/// Lets the enforcer read a key, and checks that it is in memory then.
async fn remember(enforcer: &Enforcer, issued: &IssuedApiKey) {
    // A revocation that it reads at the same moment may keep the key out of memory once.
    until("the key is in memory", async || {
        let hits = enforcer.stats().hits;
        let found = ask(enforcer, issued).await;
        assert_eq!(found.map(|key| key.id), Some(issued.key.id));
        enforcer.stats().hits > hits
    })
    .await;
}

async fn a_key_that_is_revoked(host: &Host) {
    let pair = Pair::on(host).await;
    let (revoked, other) = (issue(&pair.a, None).await, issue(&pair.a, None).await);
    remember(&pair.b, &revoked).await;
    remember(&pair.b, &other).await;
    service(&pair.a).revoke(revoked.key.id).await.unwrap();
    pair.caught_up().await;
    assert_eq!(ask(&pair.b, &revoked).await, None);
    let hits = pair.b.stats().hits;
    assert!(ask(&pair.b, &other).await.is_some());
    assert_eq!(pair.b.stats().hits, hits + 1, "the other one stays in memory");
    pair.b.shutdown().await;
}

async fn a_key_that_is_rotated_at_once(host: &Host) {
    let pair = Pair::on(host).await;
    let old = issue(&pair.a, None).await;
    remember(&pair.b, &old).await;
    let new = service(&pair.a).rotate(old.key.id, Duration::zero()).await.unwrap();
    pair.caught_up().await;
    assert_eq!(ask(&pair.b, &old).await, None);
    remember(&pair.b, &new).await;
    pair.b.shutdown().await;
}

async fn a_key_that_is_rotated_with_grace(host: &Host) {
    let pair = Pair::on(host).await;
    let old = issue(&pair.a, None).await;
    remember(&pair.b, &old).await;
    let end = pair.a.now() + Duration::hours(1);
    service(&pair.a).rotate(old.key.id, Duration::hours(1)).await.unwrap();
    pair.caught_up().await;
    remember(&pair.b, &old).await;
    host.clock.set(end);
    assert_eq!(ask(&pair.b, &old).await, None);
    pair.b.shutdown().await;
}

async fn a_key_expires(host: &Host) {
    let enforcer = enforcer(host).await;
    let issued = issue(host, Some(Duration::hours(1))).await;
    remember(&enforcer, &issued).await;
    let end = issued.key.expires_at.unwrap();
    host.clock.set(end - Duration::microseconds(1));
    assert!(ask(&enforcer, &issued).await.is_some());
    host.clock.set(end);
    assert_eq!(ask(&enforcer, &issued).await, None);
    enforcer.shutdown().await;
}

async fn only_its_secret_opens_a_key(host: &Host) {
    let enforcer = enforcer(host).await;
    let (one, other) = (issue(host, None).await, issue(host, None).await);
    let mixed = one.secret.reveal().replace(one.secret.prefix(), other.secret.prefix());
    for text in ["", "spu_", "spu_abcdefgh_", &mixed] {
        assert_eq!(enforcer.authenticate_key(text).await.unwrap(), None, "{text}");
    }
    assert_eq!(enforcer.stats().cached_keys, 0, "what opens nothing takes no room");
    remember(&enforcer, &other).await;
    assert_eq!(enforcer.authenticate_key(&mixed).await.unwrap(), None, "from memory");
    assert!(ask(&enforcer, &other).await.is_some());
    enforcer.shutdown().await;
}

async fn no_more_than_may_be_are_in_memory(host: &Host) {
    let options = EnforcerOptions { cache_keys: 4, ..patient() };
    let enforcer = Enforcer::start_in(host.context.clone(), options).await.unwrap();
    let mut all = Vec::new();
    for _ in 0..20 {
        all.push(issue(host, None).await);
    }
    caught_up(&enforcer).await;
    for issued in &all {
        assert!(ask(&enforcer, issued).await.is_some());
    }
    assert!((1..=4).contains(&enforcer.stats().cached_keys), "{:?}", enforcer.stats());
    enforcer.shutdown().await;
}
