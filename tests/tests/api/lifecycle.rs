//! Deletion, restoration, legal hold and purge.

use chrono::Duration;
use systemprompt_users::{
    BanDuration, BanIpParams, BanIpWithMetadataParams, EndReason, EventKind, MergeOptions,
    PageRequest, Policy, PurgePreview, User, UserError, UserId, UserStatus,
};
use systemprompt_users_tests::{Host, at_once, code, field, on_every_backend};

on_every_backend! {
    a_delete_ends_sessions_and_frees_name_and_email,
    a_deleted_user_is_deleted_once,
    a_restore_goes_back_to_the_status_before,
    a_restore_conflicts_with_whoever_took_name_or_email,
    only_deleted_users_are_restored,
    restores_of_two_users_of_one_name_at_once_bring_one_back,
    only_deleted_users_are_purged,
    the_preview_equals_the_purge,
    a_purged_user_is_gone_but_for_its_events,
    a_legal_hold_forbids_every_purge,
    a_legal_hold_placed_during_a_purge_is_respected_or_too_late,
    users_deleted_long_ago_are_purged_in_batches,
    a_retention_that_is_not_positive_is_refused,
}

async fn a_delete_ends_sessions_and_frees_name_and_email(host: &Host) {
    let ada = host.user("ada").await;
    let session = host.session(ada.id).await;
    let start = host.position().await;
    let deleted = host.users.delete(ada.id).await.unwrap();
    assert_eq!(deleted.status, UserStatus::Deleted);
    assert_eq!(deleted.deleted_at, Some(host.now()));
    assert_eq!(host.get(ada.id).await, deleted);
    assert!(host.sessions.validate(&session.token.reveal()).await.unwrap().is_none());
    let ended = host.all_sessions(ada.id).await.remove(0);
    assert_eq!(ended.end_reason, Some(EndReason::Deleted));
    assert_eq!(host.kinds_since(start).await, ["user_deleted", "sessions_ended"]);
    let second = host.user("ada").await;
    assert_ne!(second.id, ada.id);
    assert_eq!(host.users.find_by_name("ada").await.unwrap().map(|user| user.id), Some(second.id));
}

async fn a_deleted_user_is_deleted_once(host: &Host) {
    let ada = host.user("ada").await;
    let answers = at_once((0..6).map(|_| {
        let users = host.users.clone();
        async move { users.delete(ada.id).await }
    }))
    .await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    for refused in answers.into_iter().filter(Result::is_err) {
        assert_eq!(code(refused), "not_found");
    }
    assert_eq!(host.get(ada.id).await.version, 2);
    assert_eq!(code(host.users.delete(UserId::from_uuid(uuid::Uuid::nil())).await), "not_found");
}

async fn a_restore_goes_back_to_the_status_before(host: &Host) {
    let active = host.user("active").await.id;
    let suspended = host.user("suspended").await.id;
    host.users.update_status(suspended, UserStatus::Suspended).await.unwrap();
    let session = host.session(active).await;
    for id in [active, suspended] {
        host.users.delete(id).await.unwrap();
    }
    let start = host.position().await;
    for (id, status) in [(active, UserStatus::Active), (suspended, UserStatus::Suspended)] {
        let restored = host.users.restore(id).await.unwrap();
        assert_eq!((restored.status, restored.deleted_at), (status, None));
        assert_eq!(restored.status_before_delete, None);
        assert_eq!(host.users.find_by_id(id).await.unwrap(), Some(restored));
    }
    let restored = |user_id, status| EventKind::UserRestored { user_id, status };
    assert_eq!(
        host.events_since(start).await,
        [restored(active, UserStatus::Active), restored(suspended, UserStatus::Suspended)]
    );
    assert!(host.sessions.validate(&session.token.reveal()).await.unwrap().is_none());
}

async fn a_restore_conflicts_with_whoever_took_name_or_email(host: &Host) {
    let ada = host.user("ada").await.id;
    let bob = host.user("bob").await.id;
    host.users.delete(ada).await.unwrap();
    host.users.delete(bob).await.unwrap();
    let name_taker = host.user("ada2").await.id;
    let params =
        systemprompt_users::UpdateUserParams { name: Some("ADA".into()), ..Default::default() };
    host.users.update(name_taker, &params).await.unwrap();
    let email_taker = host.user("bob2").await.id;
    host.users.update_email(email_taker, "BOB@example.com").await.unwrap();

    let before = host.get(ada).await;
    let start = host.position().await;
    assert_eq!(code(host.users.restore(ada).await), "name_already_exists");
    assert_eq!(code(host.users.restore(bob).await), "email_already_exists");
    assert_eq!(host.get(ada).await, before);
    assert!(host.kinds_since(start).await.is_empty());
    host.users.delete(name_taker).await.unwrap();
    host.users.restore(ada).await.unwrap();
}

async fn only_deleted_users_are_restored(host: &Host) {
    let ada = host.user("ada").await.id;
    let bob = host.user("bob").await.id;
    assert_eq!(code(host.users.restore(ada).await), "not_allowed");
    assert_eq!(code(host.users.restore(UserId::from_uuid(uuid::Uuid::nil())).await), "not_found");
    host.users.merge_users(bob, ada, MergeOptions::default()).await.unwrap();
    assert_eq!(code(host.users.restore(bob).await), "not_allowed");
}

async fn restores_of_two_users_of_one_name_at_once_bring_one_back(host: &Host) {
    let first = host.user("ada").await.id;
    host.users.delete(first).await.unwrap();
    let second = host.user("ada").await.id;
    host.users.delete(second).await.unwrap();
    for _ in 0..10 {
        let answers = at_once([first, second].map(|id| {
            let users = host.users.clone();
            async move { users.restore(id).await }
        }))
        .await;
        let (restored, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
        assert_eq!(restored.len(), 1);
        for refused in refused {
            let code = code(refused);
            assert!(["name_already_exists", "email_already_exists"].contains(&code), "{code}");
        }
        let live = host.users.find_by_name("ada").await.unwrap().unwrap();
        host.users.delete(live.id).await.unwrap();
    }
}

async fn only_deleted_users_are_purged(host: &Host) {
    let ada = host.user("ada").await.id;
    assert_eq!(code(host.users.preview_purge(ada).await), "not_allowed");
    assert_eq!(code(host.users.purge(ada).await), "not_allowed");
    host.users.update_status(ada, UserStatus::Suspended).await.unwrap();
    assert_eq!(code(host.users.purge(ada).await), "not_allowed");
    host.users.delete(ada).await.unwrap();
    host.users.purge(ada).await.unwrap();
    for gone in [ada, UserId::from_uuid(uuid::Uuid::nil())] {
        assert_eq!(code(host.users.preview_purge(gone).await), "not_found");
        assert_eq!(code(host.users.purge(gone).await), "not_found");
        assert_eq!(code(host.users.restore(gone).await), "not_found");
    }
}

/// A deleted user with three sessions, two ban facts, and two users merged into it.
async fn user_with_everything(host: &Host) -> User {
    let ada = host.user("ada").await;
    for _ in 0..3 {
        host.session(ada.id).await;
    }
    for ip in ["192.0.2.1", "192.0.2.2"] {
        let params = BanIpWithMetadataParams {
            user_id: Some(ada.id),
            ..BanIpParams::new(ip, BanDuration::Permanent).into()
        };
        host.bans.ban_ip_with_metadata(&params).await.unwrap();
    }
    for name in ["old1", "old2"] {
        let old = host.user(name).await;
        host.users.merge_users(old.id, ada.id, MergeOptions::default()).await.unwrap();
    }
    host.users.delete(ada.id).await.unwrap()
}

async fn the_preview_equals_the_purge(host: &Host) {
    let bystander = host.user("bystander").await;
    host.session(bystander.id).await;
    let ada = user_with_everything(host).await;
    let preview = host.users.preview_purge(ada.id).await.unwrap();
    let expected =
        PurgePreview { users: 1, sessions: 3, ban_associations: 2, merged_references: 2 };
    assert_eq!(preview, expected);
    assert_eq!(host.users.preview_purge(ada.id).await.unwrap(), preview, "a preview does nothing");
    assert_eq!(host.users.purge(ada.id).await.unwrap(), preview);
    assert_eq!(host.all_sessions(bystander.id).await.len(), 1);
}

async fn a_purged_user_is_gone_but_for_its_events(host: &Host) {
    let ada = user_with_everything(host).await;
    let old = host.admins.find_any_status("old1").await.unwrap().unwrap();
    assert_eq!(old.merged_into, Some(ada.id));
    let sessions = host.all_sessions(ada.id).await;
    let events = host.users.recent_events(ada.id, 1000).await.unwrap().len();
    host.users.purge(ada.id).await.unwrap();

    assert_eq!(host.admins.find_any_status(&ada.id.to_string()).await.unwrap(), None);
    assert_eq!(host.admins.find_any_status("ada").await.unwrap(), None);
    assert_eq!(host.users.resolve(ada.id).await.unwrap(), None);
    assert!(host.all_sessions(ada.id).await.is_empty());
    assert_eq!(host.sessions.find_by_id(sessions[0].id).await.unwrap(), None);
    let old = host.get(old.id).await;
    assert_eq!(old.merged_into, None, "it points at nobody");
    assert_eq!(host.users.resolve(old.id).await.unwrap(), None);

    // The ban stays in force and keeps its history, without the user.
    assert!(host.bans.is_banned("192.0.2.1").await.unwrap());
    let page = PageRequest::default();
    let facts = host.bans.ban_history("192.0.2.1", &page).await.unwrap().items;
    assert_eq!((facts.len(), facts[0].user_id), (1, None));
    assert_eq!(host.bans.get_ban("192.0.2.1").await.unwrap().unwrap().user_id, None);

    let after = host.users.recent_events(ada.id, 1000).await.unwrap();
    assert_eq!(after.len(), events + 1);
    assert_eq!(after[0].event.kind, EventKind::UserPurged { user_id: ada.id });
    assert_eq!(host.user("ada").await.version, 1, "name and email are free");
}

async fn a_legal_hold_forbids_every_purge(host: &Host) {
    let ada = host.user("ada").await.id;
    let start = host.position().await;
    assert!(host.users.set_legal_hold(ada, true).await.unwrap().legal_hold);
    host.users.delete(ada).await.unwrap();
    assert_eq!(code(host.users.preview_purge(ada).await), "legal_hold");
    assert!(matches!(host.users.purge(ada).await, Err(UserError::LegalHold(id)) if id == ada));
    host.clock.advance(Duration::days(400));
    assert!(host.users.list_purgeable(Duration::days(30)).await.unwrap().is_empty());
    assert_eq!(host.users.purge_deleted(Duration::days(30)).await.unwrap(), 0);
    assert!(host.get(ada).await.legal_hold);
    // It is lifted from a deleted user as well, and then the purge may take place.
    host.users.set_legal_hold(ada, false).await.unwrap();
    assert_eq!(host.users.purge_deleted(Duration::days(30)).await.unwrap(), 1);
    let held = |held| EventKind::LegalHoldChanged { user_id: ada, held };
    let events = host.events_since(start).await;
    let deleted = EventKind::UserDeleted { user_id: ada };
    let purged = EventKind::UserPurged { user_id: ada };
    assert_eq!(events, [held(true), deleted, held(false), purged]);
    assert_eq!(code(host.users.set_legal_hold(ada, true).await), "not_found");
}

async fn a_legal_hold_placed_during_a_purge_is_respected_or_too_late(host: &Host) {
    for round in 0..20 {
        let id = host.user(&format!("ada{round}")).await.id;
        host.users.delete(id).await.unwrap();
        host.clock.advance(Duration::days(31));
        let answers = at_once((0..2).map(|n| {
            let users = host.users.clone();
            async move {
                match n {
                    0 => users.set_legal_hold(id, true).await.is_ok(),
                    _ => users.purge_deleted(Duration::days(30)).await.unwrap() == 1,
                }
            }
        }))
        .await;
        let exists = host.admins.find_any_status(&id.to_string()).await.unwrap().is_some();
        assert_eq!(answers, [exists, !exists], "either is the hold there or the user gone");
        if exists {
            host.users.set_legal_hold(id, false).await.unwrap();
            host.users.purge(id).await.unwrap();
        }
    }
}

async fn users_deleted_long_ago_are_purged_in_batches(host: &Host) {
    let host = host.with_policy(Policy { cleanup_batch: 2, ..Policy::default() });
    let retention = Duration::days(30);
    let mut old = Vec::new();
    for n in 0..5 {
        old.push(host.user(&format!("old{n}")).await.id);
        host.clock.advance(Duration::seconds(1));
        host.users.delete(old[n]).await.unwrap();
    }
    let restored = host.user("restored").await.id;
    host.users.delete(restored).await.unwrap();
    host.users.restore(restored).await.unwrap();
    host.clock.advance(Duration::days(1));
    let young = host.user("young").await.id;
    host.users.delete(young).await.unwrap();
    // Exactly as old as the retention is not older.
    let deleted_at = host.get(old[4]).await.deleted_at.unwrap();
    host.clock.set(deleted_at + retention);

    let listed = host.users.list_purgeable(retention).await.unwrap();
    let ids: Vec<_> = listed.iter().map(|user| user.id).collect();
    assert_eq!(ids, old[..2], "those deleted first, one batch");
    let mut batches = Vec::new();
    loop {
        batches.push(host.users.purge_deleted(retention).await.unwrap());
        if batches.last() == Some(&0) {
            break;
        }
    }
    assert_eq!(batches, [2, 2, 0]);
    for id in [old[4], young, restored] {
        host.get(id).await;
    }
    host.clock.advance(Duration::microseconds(1));
    assert_eq!(host.users.purge_deleted(retention).await.unwrap(), 1);
}

async fn a_retention_that_is_not_positive_is_refused(host: &Host) {
    let ada = host.user("ada").await.id;
    host.users.delete(ada).await.unwrap();
    let visitor = host.visitor("browser").await.user.id;
    host.clock.advance(Duration::days(365));
    for retention in
        [Duration::zero(), Duration::microseconds(-1), Duration::days(-30), Duration::MIN]
    {
        assert_eq!(field(host.users.purge_deleted(retention).await), "retention");
        assert_eq!(field(host.users.list_purgeable(retention).await), "retention");
        assert_eq!(field(host.users.cleanup_anonymous(retention).await), "retention");
        assert_eq!(field(host.users.list_idle_anonymous(retention, None).await), "retention");
    }
    assert_eq!(field(host.users.purge_deleted(Duration::MAX).await), "retention");
    assert_eq!(host.get(ada).await.status, UserStatus::Deleted);
    assert!(host.get(visitor).await.is_live());
    let policies = [
        Policy { anonymous_retention: Duration::zero(), ..Policy::default() },
        Policy { deleted_retention: Duration::days(-1), ..Policy::default() },
        Policy { session_retention: Duration::zero(), ..Policy::default() },
        Policy { ban_retention: Duration::days(-90), ..Policy::default() },
        Policy { event_retention: Duration::zero(), ..Policy::default() },
        Policy { job_run_retention: Duration::days(36_500), ..Policy::default() },
        Policy { session_lifetime: Duration::zero(), ..Policy::default() },
        Policy { session_idle_timeout: Some(Duration::zero()), ..Policy::default() },
        Policy { max_sessions_per_user: 0, ..Policy::default() },
        Policy { cleanup_batch: 1001, ..Policy::default() },
    ];
    for policy in policies {
        assert_eq!(code(host.users.clone().with_policy(policy).map(drop)), "validation");
    }
}
