//! Finding users: any spelling finds, absence is no error, who is gone is out of sight.

use std::sync::Arc;

use chrono::Duration;
use systemprompt_users::{
    AnonymousPromotion, CreateUserParams, EndReason, RoleProvider, UserId, UserProvider,
    UserProviderImpl, UserRef, UserRole, UserStatus,
};
use systemprompt_users_tests::{Host, field, on_every_backend};

on_every_backend! {
    a_user_is_found_by_id_email_and_name,
    every_spelling_of_an_email_finds_the_user,
    every_spelling_of_a_name_finds_the_user,
    what_is_no_email_and_no_name_is_nobodys,
    a_deleted_user_is_out_of_sight,
    a_suspended_user_is_found_but_not_authenticated,
    by_role_answers_live_users_oldest_first,
    the_first_user_and_the_first_admin_are_the_oldest,
    a_user_comes_with_its_live_sessions,
    activity_counts_sessions_and_events,
    an_operator_finds_by_whatever_is_at_hand,
    a_live_user_comes_before_a_deleted_one_of_the_name,
    missing_ids_keep_their_order_and_count_once,
    the_providers_see_what_the_service_sees,
}

async fn a_user_is_found_by_id_email_and_name(host: &Host) {
    let ada = host.user("ada").await;
    host.user("bob").await;
    assert_eq!(host.users.find_by_id(ada.id).await.unwrap().as_ref(), Some(&ada));
    assert_eq!(host.users.find_by_email("ada@example.com").await.unwrap().as_ref(), Some(&ada));
    assert_eq!(host.users.find_by_name("ada").await.unwrap().as_ref(), Some(&ada));
    assert_eq!(host.users.find_by_email("ad@example.com").await.unwrap(), None);
    assert_eq!(host.users.find_by_name("ad").await.unwrap(), None);
    assert_eq!(host.users.find_by_id(UserId::from_uuid(uuid::Uuid::nil())).await.unwrap(), None);
}

async fn every_spelling_of_an_email_finds_the_user(host: &Host) {
    let jürgen = host.user("jürgen").await;
    let id = jürgen.id;
    host.users.update_email(id, "Jürgen@Bücher.example").await.unwrap();
    for spelling in [
        "jürgen@bücher.example",
        "  JÜRGEN@BÜCHER.EXAMPLE\n",
        "jürgen@xn--bcher-kva.example",
        "ju\u{308}rgen@bu\u{308}cher.example",
        "jürgen@XN--BCHER-KVA.EXAMPLE",
    ] {
        let found = host.users.find_by_email(spelling).await.unwrap();
        assert_eq!(found.map(|user| user.id), Some(id), "{spelling:?}");
    }
    // Another letter, another person.
    assert_eq!(host.users.find_by_email("jurgen@bücher.example").await.unwrap(), None);
}

async fn every_spelling_of_a_name_finds_the_user(host: &Host) {
    let ángela = host.user("Ángela").await;
    assert_eq!(ángela.name.as_str(), "Ángela", "shown as it was typed");
    for spelling in ["Ángela", "ÁNGELA", " ángela ", "a\u{301}ngela", "A\u{301}NGELA"] {
        let found = host.users.find_by_name(spelling).await.unwrap();
        assert_eq!(found.map(|user| user.id), Some(ángela.id), "{spelling:?}");
    }
    assert_eq!(host.users.find_by_name("angela").await.unwrap(), None);
}

async fn what_is_no_email_and_no_name_is_nobodys(host: &Host) {
    host.user("ada").await;
    let long = "x".repeat(10_000);
    for text in ["", " ", "\u{0}", "ada\u{0}", "two words", "' OR ''='", "%", "🦀", &long] {
        assert_eq!(host.users.find_by_email(text).await.unwrap(), None, "{text:?}");
        assert_eq!(host.users.find_by_name(text).await.unwrap(), None, "{text:?}");
    }
}

async fn a_deleted_user_is_out_of_sight(host: &Host) {
    let ada = host.user("ada").await;
    host.users.delete(ada.id).await.unwrap();
    assert_eq!(host.users.find_by_id(ada.id).await.unwrap(), None);
    assert_eq!(host.users.find_by_email("ada@example.com").await.unwrap(), None);
    assert_eq!(host.users.find_by_name("ada").await.unwrap(), None);
    assert_eq!(host.users.find_authenticated_user(ada.id).await.unwrap(), None);
    assert_eq!(host.users.find_with_sessions(ada.id).await.unwrap(), None);
    assert_eq!(host.users.get_activity(ada.id).await.unwrap(), None);
    assert_eq!(host.users.resolve(ada.id).await.unwrap(), None);
    assert_eq!(host.admins.find("ada").await.unwrap(), None);
    assert!(host.users.find_by_role(UserRole::User).await.unwrap().is_empty());
    assert_eq!(host.users.find_first_user().await.unwrap(), None);

    let reference = UserRef::Id(ada.id);
    let any_status = host.users.find_by_reference(&reference).await.unwrap().unwrap();
    assert_eq!((any_status.id, any_status.status), (ada.id, UserStatus::Deleted));
}

async fn a_suspended_user_is_found_but_not_authenticated(host: &Host) {
    let ada = host.user("ada").await;
    assert!(host.users.find_authenticated_user(ada.id).await.unwrap().is_some());
    let suspended = host.users.update_status(ada.id, UserStatus::Suspended).await.unwrap();
    assert_eq!(host.users.find_authenticated_user(ada.id).await.unwrap(), None);
    assert_eq!(host.users.find_by_id(ada.id).await.unwrap().as_ref(), Some(&suspended));
    assert_eq!(host.users.find_by_email("ADA@example.com").await.unwrap(), Some(suspended));
}

async fn by_role_answers_live_users_oldest_first(host: &Host) {
    let [zoe, ada, bob] =
        [host.admin("zoe").await, host.admin("ada").await, host.user("bob").await];
    let gone = host.user("gone").await;
    host.users.delete(gone.id).await.unwrap();
    let visitor = host.visitor("browser").await.user;

    let ids = |users: Vec<systemprompt_users::User>| -> Vec<UserId> {
        users.into_iter().map(|user| user.id).collect()
    };
    let admins = host.users.find_by_role(UserRole::Admin).await.unwrap();
    assert_eq!(ids(admins), [zoe.id, ada.id]);
    let users = host.users.find_by_role(UserRole::User).await.unwrap();
    assert_eq!(ids(users), [zoe.id, ada.id, bob.id]);
    let visitors = host.users.find_by_role(UserRole::Anonymous).await.unwrap();
    assert_eq!(ids(visitors), [visitor.id]);

    // More than one page of them is answered as well.
    let rows: Vec<_> = (0..1500)
        .map(|n| CreateUserParams::new(format!("user{n}"), format!("user{n}@example.com")))
        .collect();
    host.users.bulk_create(&rows, Default::default()).await.unwrap();
    assert_eq!(host.users.find_by_role(UserRole::User).await.unwrap().len(), 1503);
}

async fn the_first_user_and_the_first_admin_are_the_oldest(host: &Host) {
    assert_eq!(host.users.find_first_user().await.unwrap(), None);
    assert_eq!(host.users.find_first_admin().await.unwrap(), None);
    host.visitor("browser").await;
    let zoe = host.user("zoe").await;
    let root = host.admin("root").await;
    host.admin("ada").await;
    assert_eq!(host.users.find_first_user().await.unwrap(), Some(zoe.clone()));
    assert_eq!(host.users.find_first_admin().await.unwrap().map(|user| user.id), Some(root.id));
    host.users.delete(zoe.id).await.unwrap();
    assert_eq!(host.users.find_first_user().await.unwrap().map(|user| user.id), Some(root.id));
}

async fn a_user_comes_with_its_live_sessions(host: &Host) {
    let ada = host.user("ada").await;
    let [first, second, ended] = [
        host.session(ada.id).await.session.id,
        host.session(ada.id).await.session.id,
        host.session(ada.id).await.session.id,
    ];
    host.sessions.end(ended, EndReason::Logout).await.unwrap();
    host.clock.advance(Duration::minutes(1));
    host.sessions.touch(first).await.unwrap();
    let found = host.users.find_with_sessions(ada.id).await.unwrap().unwrap();
    assert_eq!(found.user.id, ada.id);
    let ids: Vec<_> = found.sessions.iter().map(|session| session.id).collect();
    assert_eq!(ids, [first, second], "live ones, used last first");

    host.users.update_status(ada.id, UserStatus::Suspended).await.unwrap();
    let found = host.users.find_with_sessions(ada.id).await.unwrap().unwrap();
    assert!(found.sessions.is_empty(), "nobody who is suspended has a live session");
}

async fn activity_counts_sessions_and_events(host: &Host) {
    let ada = host.user("ada").await;
    let open = host.session(ada.id).await.session;
    let ended = host.session(ada.id).await.session;
    host.sessions.end(ended.id, EndReason::Logout).await.unwrap();
    let seen = host.clock.advance(Duration::hours(2));
    host.sessions.touch(open.id).await.unwrap();

    let activity = host.users.get_activity(ada.id).await.unwrap().unwrap();
    assert_eq!((activity.sessions, activity.live_sessions), (2, 1));
    assert_eq!(activity.last_active_at, seen);
    // Created, two sessions started, one ended.
    assert_eq!(activity.events, 4);
    assert_eq!(host.users.recent_events(ada.id, 10).await.unwrap().len(), 4);

    host.clock.advance(Duration::days(8));
    let activity = host.users.get_activity(ada.id).await.unwrap().unwrap();
    assert_eq!((activity.sessions, activity.live_sessions), (2, 0), "idle for too long");
}

async fn an_operator_finds_by_whatever_is_at_hand(host: &Host) {
    let ada = host.user("ada").await;
    for (reference, id) in [
        (ada.id.to_string(), ada.id),
        (ada.id.to_string().to_uppercase(), ada.id),
        (" Ada@Example.COM ".into(), ada.id),
        ("ADA".into(), ada.id),
        (format!("id:{}", ada.id), ada.id),
        ("email:ADA@example.com".into(), ada.id),
        ("name:Ada".into(), ada.id),
    ] {
        let found = host.admins.find(&reference).await.unwrap();
        assert_eq!(found.map(|user| user.id), Some(id), "{reference:?}");
    }
    assert_eq!(host.admins.find("nobody").await.unwrap(), None);
    assert_eq!(host.admins.find("nobody@example.com").await.unwrap(), None);
    for bad in ["", "  ", "two words", "a\u{0}b"] {
        assert_eq!(field(host.admins.find(bad).await), "user", "{bad:?}");
    }
}

async fn a_live_user_comes_before_a_deleted_one_of_the_name(host: &Host) {
    let first = host.user("ada").await;
    host.users.delete(first.id).await.unwrap();
    host.clock.advance(Duration::hours(1));
    let second = host.user("ada").await;
    host.users.delete(second.id).await.unwrap();
    for reference in ["ada", "ada@example.com"] {
        let found = host.admins.find_any_status(reference).await.unwrap().unwrap();
        assert_eq!(found.id, second.id, "the one deleted last");
    }
    let third = host.user("ada").await;
    for reference in ["ada", "ada@example.com"] {
        let found = host.admins.find_any_status(reference).await.unwrap().unwrap();
        assert_eq!(found.id, third.id);
    }
}

async fn missing_ids_keep_their_order_and_count_once(host: &Host) {
    let ada = host.user("ada").await.id;
    let gone = host.user("gone").await.id;
    host.users.delete(gone).await.unwrap();
    let [one, two] = [9, 3].map(|n| UserId::from_uuid(uuid::Uuid::from_u128(n)));
    let missing = host.users.find_missing_ids(&[one, ada, gone, two, one, ada]).await.unwrap();
    assert_eq!(missing, [one, gone, two]);
    assert!(host.users.find_missing_ids(&[]).await.unwrap().is_empty());
    let too_many = vec![ada; 10_001];
    assert_eq!(field(host.users.find_missing_ids(&too_many).await), "ids");
}

async fn the_providers_see_what_the_service_sees(host: &Host) {
    let wrapped = UserProviderImpl::new(host.users.clone());
    let users: Arc<dyn UserProvider> = Arc::new(wrapped.clone());
    let roles: Arc<dyn RoleProvider> = Arc::new(wrapped);
    let params = CreateUserParams::new("ada", "ada@example.com");
    let ada = users.create_user(&params).await.unwrap();
    assert_eq!(users.find_by_id(ada.id).await.unwrap(), Some(ada.clone()));
    assert_eq!(users.find_by_email("ADA@example.com").await.unwrap(), Some(ada.clone()));
    assert_eq!(users.find_by_name("ADA").await.unwrap(), Some(ada.clone()));
    assert_eq!(users.find_authenticated_user(ada.id).await.unwrap(), Some(ada.clone()));

    assert!(!roles.has_role(ada.id, UserRole::Admin).await.unwrap());
    let promoted = roles.assign_role(ada.id, UserRole::Admin).await.unwrap();
    assert_eq!(roles.roles_of(ada.id).await.unwrap(), Some(promoted.roles));
    assert!(roles.has_role(ada.id, UserRole::Admin).await.unwrap());
    host.admin("root").await;
    host.users.update_status(ada.id, UserStatus::Suspended).await.unwrap();
    assert!(!roles.has_role(ada.id, UserRole::Admin).await.unwrap(), "suspended, it may nothing");
    assert!(!roles.revoke_role(ada.id, UserRole::Admin).await.unwrap().is_active_admin());
    assert_eq!(roles.roles_of(UserId::from_uuid(uuid::Uuid::nil())).await.unwrap(), None);

    // A promoted visitor is nobody else's.
    let visitor = host.visitor("browser").await.user;
    assert!(users.find_by_id(visitor.id).await.unwrap().unwrap().is_anonymous());
    let promotion =
        AnonymousPromotion { name: "vi".into(), email: "vi@example.com".into(), full_name: None };
    host.users.promote_anonymous(visitor.id, &promotion).await.unwrap();
    assert_eq!(users.find_by_name("vi").await.unwrap().map(|user| user.id), Some(visitor.id));
}
