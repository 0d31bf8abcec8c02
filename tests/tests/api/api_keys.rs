//! API keys: what a secret opens, rotation, revocation, the last use.

use chrono::Duration;
use systemprompt_users::{
    Actor, ApiKey, ApiKeyId, ApiKeySecret, ApiKeyService, ApiScope, ApiScopes, EventKind,
    IssuedApiKey, NewApiKey, PageRequest,
};
use systemprompt_users_tests::{Host, at_once, code, field, on_every_backend};

on_every_backend! {
    a_secret_opens_its_key_until_the_key_ends,
    what_is_no_secret_opens_nothing,
    a_rotation_leaves_the_old_key_some_time,
    of_two_rotations_at_once_one_succeeds,
    a_revocation_beside_a_rotation_holds,
    a_use_is_noted_and_changes_nothing,
    keys_are_listed_made_last_first,
    a_key_can_be_the_actor,
}

fn keys(host: &Host) -> ApiKeyService {
    host.context.clone().into()
}

fn params(name: &str, expires_in: Option<Duration>) -> NewApiKey {
    let scopes = ApiScopes::new([ApiScope::Write, ApiScope::Bans]).unwrap();
    NewApiKey { name: name.into(), scopes, expires_in }
}

async fn create(host: &Host, name: &str) -> IssuedApiKey {
    host.clock.advance(Duration::seconds(1));
    keys(host).create(&params(name, None)).await.unwrap()
}

async fn opens(host: &Host, secret: &ApiKeySecret) -> Option<ApiKeyId> {
    let key = keys(host).authenticate(&secret.reveal()).await.unwrap();
    key.map(|key| key.id)
}

async fn a_secret_opens_its_key_until_the_key_ends(host: &Host) {
    let before = host.position().await;
    let day = Some(Duration::days(1));
    let IssuedApiKey { key, secret } = keys(host).create(&params("ci", day)).await.unwrap();
    let found = keys(host).authenticate(&secret.reveal()).await.unwrap();
    assert_eq!(found.as_ref(), Some(&key));
    assert_eq!(key.expires_at, Some(host.now() + Duration::days(1)));
    host.clock.advance(Duration::days(1));
    assert_eq!(opens(host, &secret).await, None, "it has expired");
    assert_eq!(keys(host).find_by_id(key.id).await.unwrap(), Some(key.clone()));

    let endless = create(host, "ci").await;
    let revoked = keys(host).revoke(endless.key.id).await.unwrap();
    assert_eq!(opens(host, &endless.secret).await, None, "it is revoked");
    host.clock.advance(Duration::days(1));
    assert_eq!(keys(host).revoke(endless.key.id).await.unwrap(), revoked, "once");
    let (scopes, key_id) = (key.scopes, endless.key.id);
    let events = [
        EventKind::ApiKeyCreated { key_id: key.id, scopes },
        EventKind::ApiKeyCreated { key_id, scopes },
        EventKind::ApiKeyRevoked { key_id },
    ];
    assert_eq!(host.events_since(before).await, events);
}

async fn what_is_no_secret_opens_nothing(host: &Host) {
    let IssuedApiKey { key, secret } = create(host, "ci").await;
    let text = secret.reveal();
    let other = create(host, "other").await.secret.reveal();
    // The prefix of one key with the secret of another.
    let mixed = text[..13].to_owned() + &other[13..];
    for wrong in ["", "spu_", &text[..55], &format!("{text}A"), &mixed, &text.to_uppercase()] {
        assert_eq!(keys(host).authenticate(wrong).await.unwrap(), None, "{wrong}");
    }
    assert_eq!(opens(host, &secret).await, Some(key.id));
    assert_eq!(field(keys(host).create(&params("", None)).await), "name");
    let never = Some(Duration::zero());
    assert_eq!(field(keys(host).create(&params("ci", never)).await), "expires_in");
    let unknown = ApiKeyId::from_uuid(uuid::Uuid::nil());
    assert_eq!(code(keys(host).revoke(unknown).await), "not_found");
    assert_eq!(code(keys(host).rotate(unknown, Duration::hours(1)).await), "not_found");
}

async fn a_rotation_leaves_the_old_key_some_time(host: &Host) {
    let week = Some(Duration::days(7));
    let old = keys(host).create(&params("ci", week)).await.unwrap();
    host.clock.advance(Duration::days(6));
    let before = host.position().await;
    assert_eq!(field(keys(host).rotate(old.key.id, Duration::seconds(-1)).await), "grace");
    let new = keys(host).rotate(old.key.id, Duration::hours(1)).await.unwrap();
    assert_eq!((&new.key.name, new.key.scopes), (&old.key.name, old.key.scopes));
    assert_eq!(new.key.expires_at, Some(host.now() + Duration::days(7)), "as long again");
    assert_eq!(opens(host, &old.secret).await, Some(old.key.id));
    assert_eq!(opens(host, &new.secret).await, Some(new.key.id));
    assert_eq!(code(keys(host).rotate(old.key.id, Duration::hours(1)).await), "not_allowed");
    host.clock.advance(Duration::hours(1));
    assert_eq!(opens(host, &old.secret).await, None);
    let kept = keys(host).find_by_id(old.key.id).await.unwrap().unwrap();
    assert_eq!((kept.replaced_by, kept.revoked_at), (Some(new.key.id), None));
    let newest = keys(host).rotate(new.key.id, Duration::zero()).await.unwrap();
    assert_eq!(opens(host, &new.secret).await, None, "at once");
    assert_eq!(opens(host, &newest.secret).await, Some(newest.key.id));
    let rotated = |key_id, into| EventKind::ApiKeyRotated { key_id, into };
    let events = [rotated(old.key.id, new.key.id), rotated(new.key.id, newest.key.id)];
    assert_eq!(host.events_since(before).await, events);
}

async fn of_two_rotations_at_once_one_succeeds(host: &Host) {
    let old = create(host, "ci").await.key;
    let rotations = (0..4).map(|_| {
        let (keys, id) = (keys(host), old.id);
        async move { keys.rotate(id, Duration::hours(1)).await }
    });
    let mut new = Vec::new();
    for rotated in at_once(rotations).await {
        match rotated {
            Ok(issued) => new.push(issued.key.id),
            refused => assert!(["stale", "not_allowed"].contains(&code(refused))),
        }
    }
    assert_eq!(new.len(), 1);
    let old = keys(host).find_by_id(old.id).await.unwrap().unwrap();
    assert_eq!(old.replaced_by, new.first().copied());
    let all = keys(host).list(&PageRequest::default()).await.unwrap().items;
    assert_eq!(all.len(), 2, "whoever lost left nothing behind");
}

async fn a_revocation_beside_a_rotation_holds(host: &Host) {
    for _ in 0..5 {
        let old = create(host, "ci").await;
        let change = |revokes: bool| {
            let (keys, id) = (keys(host), old.key.id);
            async move {
                if revokes {
                    keys.revoke(id).await.unwrap();
                } else {
                    // It may find the key revoked.
                    drop(keys.rotate(id, Duration::hours(1)).await);
                }
            }
        };
        at_once([change(true), change(false)]).await;
        assert_eq!(opens(host, &old.secret).await, None);
    }
}

async fn a_use_is_noted_and_changes_nothing(host: &Host) {
    let [one, two] = [create(host, "one").await.key, create(host, "two").await.key];
    let before = host.position().await;
    let now = host.now();
    let seen = [(one.id, now), (one.id, now - Duration::hours(1))];
    keys(host).touch_many(&seen).await.unwrap();
    keys(host).touch_many(&[]).await.unwrap();
    let used = keys(host).find_by_id(one.id).await.unwrap().unwrap();
    assert_eq!(used, ApiKey { last_used_at: Some(now), ..one });
    assert_eq!(keys(host).find_by_id(two.id).await.unwrap(), Some(two));
    assert_eq!(field(keys(host).touch_many(&vec![(used.id, now); 10_001]).await), "seen");
    assert!(host.events_since(before).await.is_empty());
}

async fn keys_are_listed_made_last_first(host: &Host) {
    let mut made = Vec::new();
    for n in 0..5 {
        made.insert(0, create(host, &format!("key{n}")).await.key);
    }
    let mut page = PageRequest::new(2).unwrap();
    let mut listed = Vec::new();
    loop {
        let found = keys(host).list(&page).await.unwrap();
        listed.extend(found.items);
        match found.next {
            Some(next) => page = page.after(Some(next)),
            None => break,
        }
    }
    assert_eq!(listed, made);
    let foreign = systemprompt_users::Cursor::at_id(uuid::Uuid::nil());
    assert_eq!(field(keys(host).list(&page.after(Some(foreign))).await), "after");
}

async fn a_key_can_be_the_actor(host: &Host) {
    let key = create(host, "ci").await.key;
    let before = host.position().await;
    host.as_actor(Actor::ApiKey(key.id)).user("ada").await;
    let events = host.events.read(before, 10).await.unwrap();
    assert_eq!(events[0].event.actor, Actor::ApiKey(key.id));
    assert_eq!(events[0].event.actor.to_string(), format!("api_key:{}", key.id));
}
