//! Merging one user into another.

use systemprompt_users::{
    BanDuration, BanIpParams, BanIpWithMetadataParams, CreateUserParams, EndReason, EventKind,
    MergeOptions, PageRequest, Patch, ProfileField, Roles, UpdateUserParams, UserError, UserId,
    UserRole, UserStatus,
};
use systemprompt_users_tests::{Host, at_once, code, on_every_backend};

on_every_backend! {
    everything_moves_and_is_counted,
    a_token_of_the_source_does_not_open_the_target,
    live_sessions_go_on_where_asked_for,
    a_suspended_target_takes_no_live_sessions,
    blanks_are_filled_and_nothing_is_overwritten,
    roles_do_not_gain_unless_asked_for,
    a_visitor_merges_into_a_registered_user,
    a_registered_user_never_merges_into_a_visitor,
    what_the_target_gains_is_told,
    only_two_different_live_users_merge,
    the_last_admin_is_not_merged_away,
    an_admin_who_hands_its_role_on_may_go,
    an_old_id_resolves_along_any_chain,
    name_and_email_of_the_source_are_free,
    merges_in_both_directions_at_once_leave_one,
    a_ring_of_merges_at_once_leaves_one,
    merges_of_one_source_at_once_take_place_once,
    a_merge_and_a_deletion_at_once_agree,
}

const PLAIN: MergeOptions = MergeOptions { keep_sessions: false, gain_roles: false };
const KEEP: MergeOptions = MergeOptions { keep_sessions: true, gain_roles: false };
const GAIN: MergeOptions = MergeOptions { keep_sessions: false, gain_roles: true };

async fn ban_of(host: &Host, ip: &str, user: UserId) {
    let params = BanIpWithMetadataParams {
        user_id: Some(user),
        ..BanIpParams::new(ip, BanDuration::Permanent).into()
    };
    host.bans.ban_ip_with_metadata(&params).await.unwrap();
}

async fn everything_moves_and_is_counted(host: &Host) {
    let [source, target] = [host.user("old").await, host.user("new").await];
    let ended = host.session(source.id).await.session;
    host.sessions.end(ended.id, EndReason::Logout).await.unwrap();
    let live = host.session(source.id).await.session;
    let own = host.session(target.id).await.session;
    ban_of(host, "192.0.2.1", source.id).await;
    ban_of(host, "192.0.2.1", source.id).await;
    ban_of(host, "192.0.2.2", target.id).await;

    let start = host.position().await;
    let result = host.users.merge_users(source.id, target.id, PLAIN).await.unwrap();
    assert_eq!((result.source, result.target.id), (source.id, target.id));
    let counts = (result.sessions_moved, result.sessions_ended, result.bans_moved);
    assert_eq!(counts, (2, 1, 2));
    assert_eq!(result.target, host.get(target.id).await);
    assert_eq!(result.target.version, target.version + 1);

    let gone = host.get(source.id).await;
    assert_eq!((gone.status, gone.merged_into), (UserStatus::Deleted, Some(target.id)));
    assert_eq!(gone.deleted_at, Some(host.now()));
    let ids = |sessions: Vec<systemprompt_users::UserSession>| {
        sessions.into_iter().map(|session| session.id).collect::<Vec<_>>()
    };
    assert_eq!(ids(host.all_sessions(target.id).await), [own.id, live.id, ended.id]);
    assert!(host.all_sessions(source.id).await.is_empty());
    let page = PageRequest::default();
    let facts = host.bans.ban_history("192.0.2.1", &page).await.unwrap().items;
    assert!(facts.iter().all(|fact| fact.user_id == Some(target.id)) && facts.len() == 2);
    assert_eq!(host.bans.get_ban("192.0.2.1").await.unwrap().unwrap().user_id, Some(target.id));
    let events = host.events_since(start).await;
    let merged =
        EventKind::UserMerged { user_id: source.id, into: target.id, sessions: 2, bans: 2 };
    assert_eq!(events[1], merged);
    let ended = EventKind::SessionsEnded {
        user_id: source.id,
        session_ids: vec![live.id],
        reason: EndReason::Merged,
    };
    assert_eq!((&events[0], events.len()), (&ended, 2));
}

async fn a_token_of_the_source_does_not_open_the_target(host: &Host) {
    let [source, target] = [host.user("old").await.id, host.user("new").await.id];
    let token = host.session(source).await.token.reveal();
    host.users.merge_users(source, target, PLAIN).await.unwrap();
    assert!(host.sessions.validate(&token).await.unwrap().is_none());
    assert_eq!(host.all_sessions(target).await[0].end_reason, Some(EndReason::Merged));
}

async fn live_sessions_go_on_where_asked_for(host: &Host) {
    let [source, target] = [host.user("old").await.id, host.user("new").await.id];
    let token = host.session(source).await.token.reveal();
    let result = host.users.merge_users(source, target, KEEP).await.unwrap();
    assert_eq!((result.sessions_moved, result.sessions_ended), (1, 0));
    let valid = host.sessions.validate(&token).await.unwrap().unwrap();
    assert_eq!(valid.user.id, target);
}

async fn a_suspended_target_takes_no_live_sessions(host: &Host) {
    let [source, target] = [host.user("old").await.id, host.user("new").await.id];
    host.users.update_status(target, UserStatus::Suspended).await.unwrap();
    let token = host.session(source).await.token.reveal();
    let result = host.users.merge_users(source, target, KEEP).await.unwrap();
    assert_eq!((result.sessions_moved, result.sessions_ended), (1, 1));
    host.users.update_status(target, UserStatus::Active).await.unwrap();
    assert!(host.sessions.validate(&token).await.unwrap().is_none());
}

async fn blanks_are_filled_and_nothing_is_overwritten(host: &Host) {
    let [source, target] = [host.user("old").await.id, host.user("new").await.id];
    let full = UpdateUserParams {
        full_name: Patch::Set("Old Name".into()),
        display_name: Patch::Set("Old".into()),
        avatar_url: Patch::Set("https://example.com/old.png".into()),
        email_verified: Some(true),
        verified_email: Some("old@example.com".into()),
        ..Default::default()
    };
    host.users.update(source, &full).await.unwrap();
    host.users.update_full_name(target, Some("New Name")).await.unwrap();
    let seen = host.session(source).await.session.last_activity_at;
    let merged = host.users.merge_users(source, target, PLAIN).await.unwrap().target;
    assert_eq!(merged.full_name.unwrap().as_str(), "New Name");
    assert_eq!(merged.display_name.unwrap().as_str(), "Old");
    assert_eq!(merged.avatar_url.unwrap().as_str(), "https://example.com/old.png");
    assert_eq!(merged.email.unwrap().as_str(), "new@example.com");
    assert!(!merged.email_verified, "the other address was verified, not this one");
    assert_eq!(merged.last_active_at, seen);
}

async fn roles_do_not_gain_unless_asked_for(host: &Host) {
    host.admin("root").await;
    let [one, two, target] =
        [host.admin("one").await.id, host.admin("two").await.id, host.user("new").await.id];
    let merged = host.users.merge_users(one, target, PLAIN).await.unwrap().target;
    assert_eq!(merged.roles, Roles::USER);
    let merged = host.users.merge_users(two, target, GAIN).await.unwrap().target;
    assert!(merged.roles.contains(UserRole::Admin));
}

async fn a_visitor_merges_into_a_registered_user(host: &Host) {
    let visitor = host.visitor("browser").await;
    let token = visitor.token.unwrap().reveal();
    let ada = host.user("ada").await.id;
    let refused = host.users.merge_users(visitor.user.id, ada, GAIN).await;
    assert_eq!(code(refused), "invalid_roles");
    assert!(host.get(visitor.user.id).await.is_live(), "nothing has happened");
    let merged = host.users.merge_users(visitor.user.id, ada, KEEP).await.unwrap();
    assert_eq!(merged.target.roles, Roles::USER);
    assert_eq!(host.users.find_by_anonymous_token(&token).await.unwrap(), None);
    assert_eq!(host.users.resolve(visitor.user.id).await.unwrap().map(|user| user.id), Some(ada));
}

async fn a_registered_user_never_merges_into_a_visitor(host: &Host) {
    host.admin("root").await;
    let visitor = host.visitor("browser").await.user.id;
    let other = host.visitor("other").await.user.id;
    let bot = CreateUserParams { is_bot: true, ..CreateUserParams::new("bot", "bot@example.com") };
    let bot = host.users.create(&bot).await.unwrap().id;
    let suspended = host.user("suspended").await.id;
    host.users.update_status(suspended, UserStatus::Suspended).await.unwrap();
    let start = host.position().await;
    let registered = [host.user("ada").await.id, host.admin("second").await.id, bot, suspended];
    for source in registered {
        let before = host.get(source).await;
        for options in [PLAIN, KEEP, GAIN] {
            let refused = host.users.merge_users(source, visitor, options).await;
            assert!(refused.as_ref().unwrap_err().to_string().contains("anonymous"));
            assert_eq!(code(refused), "not_allowed");
        }
        assert_eq!(host.get(source).await, before);
    }
    assert_eq!(host.kinds_since(start).await, ["user_created"; 2]);
    // Two visits of one browser, or a visit of somebody who is registered, are one user.
    host.users.merge_users(other, visitor, PLAIN).await.unwrap();
    host.users.merge_users(visitor, registered[0], PLAIN).await.unwrap();
}

async fn what_the_target_gains_is_told(host: &Host) {
    let [root, ada] = [host.admin("root").await.id, host.user("ada").await.id];
    host.users.update_full_name(root, Some("Root")).await.unwrap();
    host.users.update_avatar(root, Some("https://example.com/r.png")).await.unwrap();
    host.users.update_avatar(ada, Some("https://example.com/a.png")).await.unwrap();
    let start = host.position().await;
    let merged = host.users.merge_users(root, ada, GAIN).await.unwrap().target;
    let both = Roles::new([UserRole::Admin, UserRole::User]).unwrap();
    assert_eq!(merged.roles, both);
    let events = host.events_since(start).await;
    assert_eq!(
        events[1..],
        [
            EventKind::RolesChanged { user_id: ada, from: Roles::USER, to: both },
            EventKind::UserUpdated { user_id: ada, fields: vec![ProfileField::FullName] },
        ]
    );
    assert_eq!(events[0].name(), "user_merged");
}

async fn only_two_different_live_users_merge(host: &Host) {
    let [ada, gone] = [host.user("ada").await.id, host.user("gone").await.id];
    host.users.delete(gone).await.unwrap();
    let unknown = UserId::from_uuid(uuid::Uuid::nil());
    let start = host.position().await;
    assert_eq!(code(host.users.merge_users(ada, ada, PLAIN).await), "not_allowed");
    for other in [gone, unknown] {
        assert_eq!(code(host.users.merge_users(ada, other, PLAIN).await), "not_found");
        assert_eq!(code(host.users.merge_users(other, ada, PLAIN).await), "not_found");
    }
    assert_eq!(host.get(ada).await.version, 1);
    assert!(host.kinds_since(start).await.is_empty());
}

async fn the_last_admin_is_not_merged_away(host: &Host) {
    let [root, ada] = [host.admin("root").await.id, host.user("ada").await.id];
    host.session(root).await;
    for options in [PLAIN, KEEP] {
        assert_eq!(code(host.users.merge_users(root, ada, options).await), "last_admin");
    }
    assert!(host.get(root).await.is_active_admin());
    assert_eq!(host.live_sessions(root).await.len(), 1);
    // A suspended target does not become an active admin.
    host.users.update_status(ada, UserStatus::Suspended).await.unwrap();
    assert_eq!(code(host.users.merge_users(root, ada, GAIN).await), "last_admin");
    assert_eq!(host.get(ada).await.roles, Roles::USER);
}

async fn an_admin_who_hands_its_role_on_may_go(host: &Host) {
    let [root, ada] = [host.admin("root").await.id, host.user("ada").await.id];
    host.users.merge_users(root, ada, GAIN).await.unwrap();
    assert!(host.get(ada).await.is_active_admin());
    let bob = host.admin("bob").await.id;
    host.users.merge_users(ada, bob, PLAIN).await.unwrap();
    assert_eq!(host.users.find_by_role(UserRole::Admin).await.unwrap().len(), 1);
}

async fn an_old_id_resolves_along_any_chain(host: &Host) {
    let mut chain = vec![host.user("user0").await.id];
    for n in 1..80 {
        let next = host.user(&format!("user{n}")).await.id;
        host.users.merge_users(chain[n - 1], next, PLAIN).await.unwrap();
        chain.push(next);
    }
    let last = chain[79];
    for id in [chain[0], chain[40], last] {
        let resolved = host.users.resolve(id).await.unwrap();
        assert_eq!(resolved.map(|user| user.id), Some(last));
    }
    host.users.delete(last).await.unwrap();
    assert_eq!(host.users.resolve(chain[0]).await.unwrap(), None);
    assert_eq!(host.users.resolve(UserId::from_uuid(uuid::Uuid::nil())).await.unwrap(), None);
}

async fn name_and_email_of_the_source_are_free(host: &Host) {
    let [source, target] = [host.user("old").await.id, host.user("new").await.id];
    host.users.merge_users(source, target, PLAIN).await.unwrap();
    host.users.update_email(target, "old@example.com").await.unwrap();
    assert_eq!(host.users.find_by_email("old@example.com").await.unwrap().unwrap().id, target);
    assert_eq!(code(host.users.restore(source).await), "not_allowed");
}

/// Live among these.
async fn live(host: &Host, ids: &[UserId]) -> usize {
    let mut live = 0;
    for id in ids {
        live += usize::from(host.get(*id).await.is_live());
    }
    live
}

async fn merges_in_both_directions_at_once_leave_one(host: &Host) {
    for round in 0..30 {
        let one = host.user(&format!("one{round}")).await.id;
        let two = host.user(&format!("two{round}")).await.id;
        host.session(one).await;
        host.session(two).await;
        let answers = at_once([(one, two), (two, one)].map(|(source, target)| {
            let users = host.users.clone();
            async move { users.merge_users(source, target, KEEP).await }
        }))
        .await;
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1, "{answers:?}");
        for refused in answers.into_iter().filter(Result::is_err) {
            assert_eq!(code(refused), "not_found");
        }
        assert_eq!(live(host, &[one, two]).await, 1);
        let survivor = host.users.resolve(one).await.unwrap().unwrap().id;
        assert_eq!(host.users.resolve(two).await.unwrap().unwrap().id, survivor);
        assert_eq!(host.live_sessions(survivor).await.len(), 2);
    }
}

async fn a_ring_of_merges_at_once_leaves_one(host: &Host) {
    for round in 0..10 {
        let mut ids = Vec::new();
        for n in 0..4 {
            ids.push(host.user(&format!("user{round}-{n}")).await.id);
        }
        let ring = ids.clone().into_iter().zip(ids.clone().into_iter().cycle().skip(1));
        let answers = at_once(ring.map(|(source, target)| {
            let users = host.users.clone();
            async move { users.merge_users(source, target, PLAIN).await }
        }))
        .await;
        let merged = answers.iter().filter(|answer| answer.is_ok()).count();
        assert_eq!(live(host, &ids).await, 4 - merged);
        assert!((1..=3).contains(&merged), "{answers:?}");
        for id in ids {
            assert!(host.users.resolve(id).await.unwrap().is_some(), "no old id is lost");
        }
    }
}

async fn merges_of_one_source_at_once_take_place_once(host: &Host) {
    let source = host.user("old").await.id;
    host.session(source).await;
    let mut targets = Vec::new();
    for n in 0..6 {
        targets.push(host.user(&format!("new{n}")).await.id);
    }
    let answers = at_once(targets.iter().map(|target| {
        let (users, target) = (host.users.clone(), *target);
        async move { users.merge_users(source, target, PLAIN).await }
    }))
    .await;
    let merged: Vec<_> = answers.into_iter().filter_map(Result::ok).collect();
    assert_eq!(merged.len(), 1);
    assert_eq!(host.get(source).await.merged_into, Some(merged[0].target.id));
    assert_eq!(host.all_sessions(merged[0].target.id).await.len(), 1);
}

async fn a_merge_and_a_deletion_at_once_agree(host: &Host) {
    for round in 0..20 {
        let source = host.user(&format!("old{round}")).await.id;
        let target = host.user(&format!("new{round}")).await.id;
        let answers = at_once((0..2).map(|n| {
            let users = host.users.clone();
            async move {
                let result = match n {
                    0 => users.merge_users(source, target, PLAIN).await.map(drop),
                    _ => users.bulk_delete(&[target]).await.map(drop),
                };
                match result {
                    Ok(()) => true,
                    Err(UserError::NotFound { .. }) => false,
                    Err(other) => panic!("{other}"),
                }
            }
        }))
        .await;
        assert!(answers[1]);
        assert!(!host.get(target).await.is_live());
        let source = host.get(source).await;
        assert_eq!(source.merged_into, answers[0].then_some(target), "merged before it was gone");
        assert_eq!(source.is_live(), !answers[0]);
    }
}
