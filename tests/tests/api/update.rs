//! Changing users: nothing is lost, nothing is stored in vain.

use chrono::Duration;
use systemprompt_users::{
    EventKind, Patch, ProfileField, UpdateUserParams, UserId, UserRole, UserStatus,
};
use systemprompt_users_tests::{Host, TestClock, at_once, code, field, on_every_backend};

on_every_backend! {
    absent_is_untouched_and_null_is_cleared,
    each_field_has_a_method_of_its_own,
    another_email_is_not_verified,
    only_the_address_that_was_verified_is_verified,
    another_spelling_of_the_email_is_no_change,
    another_spelling_of_the_name_is_kept,
    a_taken_name_or_email_is_refused_and_nothing_changes,
    every_change_bumps_version_and_time,
    nothing_is_stored_where_nothing_differs,
    a_change_from_an_older_version_is_stale,
    of_two_changes_from_one_version_one_is_stale,
    changes_of_different_fields_at_once_are_all_kept,
    a_deleted_or_unknown_user_is_not_found,
    a_visitor_gets_no_email_by_update,
}

async fn absent_is_untouched_and_null_is_cleared(host: &Host) {
    let id = host.user("ada").await.id;
    let set: UpdateUserParams = serde_json::from_str(
        r#"{"full_name": "Ada Lovelace", "display_name": "Ada",
            "avatar_url": "https://example.com/a.png", "is_bot": true}"#,
    )
    .unwrap();
    let start = host.position().await;
    let ada = host.users.update(id, &set).await.unwrap();
    assert_eq!(ada.full_name.as_ref().unwrap().as_str(), "Ada Lovelace");
    assert!(ada.is_bot);
    let cleared: UpdateUserParams =
        serde_json::from_str(r#"{"full_name": null, "avatar_url": " ", "name": "lovelace"}"#)
            .unwrap();
    let ada = host.users.update(id, &cleared).await.unwrap();
    assert_eq!((ada.full_name.clone(), ada.avatar_url.clone()), (None, None));
    assert_eq!(ada.display_name.as_ref().unwrap().as_str(), "Ada", "untouched");
    assert_eq!(ada.name.as_str(), "lovelace");
    assert!(ada.is_bot);
    assert_eq!(host.get(id).await, ada);

    let fields: Vec<Vec<ProfileField>> = host
        .events_since(start)
        .await
        .into_iter()
        .map(|kind| match kind {
            EventKind::UserUpdated { user_id, fields } if user_id == id => fields,
            other => panic!("{other:?}"),
        })
        .collect();
    use ProfileField::{AvatarUrl, DisplayName, FullName, IsBot, Name};
    assert_eq!(
        fields,
        [vec![FullName, DisplayName, AvatarUrl, IsBot], vec![Name, FullName, AvatarUrl]]
    );
}

async fn each_field_has_a_method_of_its_own(host: &Host) {
    let id = host.user("ada").await.id;
    host.users.update_full_name(id, Some("Ada Lovelace")).await.unwrap();
    host.users.update_display_name(id, Some("Ada")).await.unwrap();
    host.users.update_avatar(id, Some("https://example.com/a.png")).await.unwrap();
    host.users.update_email(id, "ada@home.example").await.unwrap();
    let ada = host.users.update_email_verified(id, "ada@home.example", true).await.unwrap();
    assert_eq!(ada.full_name.as_ref().unwrap().as_str(), "Ada Lovelace");
    assert_eq!(ada.display_name.as_ref().unwrap().as_str(), "Ada");
    assert_eq!(ada.avatar_url.as_ref().unwrap().as_str(), "https://example.com/a.png");
    assert_eq!(ada.email.as_ref().unwrap().as_str(), "ada@home.example");
    assert!(ada.email_verified);
    assert_eq!(ada.version, 6);
    host.users.update_full_name(id, None).await.unwrap();
    host.users.update_display_name(id, None).await.unwrap();
    let ada = host.users.update_avatar(id, None).await.unwrap();
    assert_eq!((ada.full_name, ada.display_name, ada.avatar_url), (None, None, None));
    assert!(host.users.find_by_email("ada@example.com").await.unwrap().is_none());
    assert!(host.users.find_by_email("ada@home.example").await.unwrap().is_some());
}

async fn another_email_is_not_verified(host: &Host) {
    let id = host.user("ada").await.id;
    host.users.update_email_verified(id, "ada@example.com", true).await.unwrap();
    let ada = host.users.update_email(id, "new@example.com").await.unwrap();
    assert!(!ada.email_verified);
    // Whoever says both at once has verified the new one.
    let both = UpdateUserParams {
        email: Some("newer@example.com".into()),
        email_verified: Some(true),
        ..Default::default()
    };
    let ada = host.users.update(id, &both).await.unwrap();
    assert!(ada.email_verified);
    assert_eq!(ada.email.unwrap().as_str(), "newer@example.com");
}

async fn only_the_address_that_was_verified_is_verified(host: &Host) {
    let id = host.user("ada").await.id;
    let ada = host.users.update_email(id, "new@example.com").await.unwrap();
    for verified in [true, false] {
        let refused = host.users.update_email_verified(id, "ada@example.com", verified).await;
        assert_eq!(refused.as_ref().unwrap_err().field(), Some("email"));
        assert_eq!(code(refused), "stale");
    }
    let nameless = UpdateUserParams { email_verified: Some(true), ..Default::default() };
    assert_eq!(field(host.users.update(id, &nameless).await), "email_verified");
    let alone =
        UpdateUserParams { verified_email: Some("new@example.com".into()), ..Default::default() };
    assert_eq!(field(host.users.update(id, &alone).await), "verified_email");
    let refused = host.users.update_email_verified(id, "new", true).await;
    assert_eq!(field(refused), "verified_email");
    let both = UpdateUserParams {
        email: Some("newer@example.com".into()),
        verified_email: Some("new@example.com".into()),
        ..nameless.clone()
    };
    assert_eq!(code(host.users.update(id, &both).await), "stale");
    assert_eq!(host.get(id).await, ada, "nothing was changed");

    // Whoever saw the version saw the address.
    let seen = UpdateUserParams { expected_version: Some(ada.version), ..nameless };
    assert!(host.users.update(id, &seen).await.unwrap().email_verified);
    let unknown = UpdateUserParams { email_verified: Some(false), ..Default::default() };
    assert!(!host.users.update(id, &unknown).await.unwrap().email_verified);
    let spelt = host.users.update_email_verified(id, " NEW@EXAMPLE.com ", true).await.unwrap();
    assert!(spelt.email_verified);
}

async fn another_spelling_of_the_email_is_no_change(host: &Host) {
    let id = host.user("ada").await.id;
    let verified = host.users.update_email_verified(id, "ada@example.com", true).await.unwrap();
    host.clock.advance(Duration::minutes(1));
    let same = host.users.update_email(id, " ADA@EXAMPLE.com ").await.unwrap();
    assert_eq!(same, verified);
}

async fn another_spelling_of_the_name_is_kept(host: &Host) {
    let id = host.user("ada").await.id;
    let params = UpdateUserParams { name: Some("ADA".into()), ..Default::default() };
    let ada = host.users.update(id, &params).await.unwrap();
    assert_eq!((ada.name.as_str(), ada.version), ("ADA", 2));
    assert_eq!(host.get(id).await.name.as_str(), "ADA");
    assert!(host.users.find_by_name("ada").await.unwrap().is_some());
}

async fn a_taken_name_or_email_is_refused_and_nothing_changes(host: &Host) {
    let ada = host.user("ada").await;
    host.user("bob").await;
    let start = host.position().await;
    assert_eq!(
        code(host.users.update_email(ada.id, "BOB@example.com").await),
        "email_already_exists"
    );
    let params = UpdateUserParams {
        name: Some("BOB".into()),
        full_name: Patch::Set("Ada".into()),
        ..Default::default()
    };
    assert_eq!(code(host.users.update(ada.id, &params).await), "name_already_exists");
    let params = UpdateUserParams {
        name: Some("ok".into()),
        avatar_url: Patch::Set("javascript:alert(1)".into()),
        ..Default::default()
    };
    assert_eq!(field(host.users.update(ada.id, &params).await), "avatar_url");
    assert_eq!(host.get(ada.id).await, ada);
    assert!(host.kinds_since(start).await.is_empty());
}

async fn every_change_bumps_version_and_time(host: &Host) {
    host.admin("root").await;
    let id = host.user("ada").await.id;
    let mut version = 1;
    macro_rules! check {
        ($change:expr) => {{
            let now = host.clock.advance(Duration::seconds(1));
            let user = $change.await.unwrap();
            version += 1;
            assert_eq!((user.version, user.updated_at), (version, now), stringify!($change));
            assert_eq!(host.get(id).await, user);
        }};
    }
    check!(host.users.update_full_name(id, Some("Ada")));
    check!(host.users.update_email_verified(id, "ada@example.com", true));
    check!(host.users.assign_role(id, UserRole::Admin));
    check!(host.users.revoke_role(id, UserRole::Admin));
    check!(host.users.assign_roles(id, &[UserRole::Admin]));
    check!(host.users.update_status(id, UserStatus::Suspended));
    check!(host.users.update_status(id, UserStatus::Active));
    check!(host.users.set_legal_hold(id, true));
    check!(host.users.set_legal_hold(id, false));
    check!(host.users.delete(id));
    check!(host.users.restore(id));
    let created = host.get(id).await.created_at;
    assert_eq!(created, TestClock::START + Duration::seconds(2));
}

async fn nothing_is_stored_where_nothing_differs(host: &Host) {
    let ada = host.user("ada").await;
    let start = host.position().await;
    host.clock.advance(Duration::minutes(1));
    let id = ada.id;
    for same in [
        host.users.update(id, &UpdateUserParams::default()).await,
        host.users.update_full_name(id, None).await,
        host.users.update_email(id, "ada@example.com").await,
        host.users.update_email_verified(id, "ada@example.com", false).await,
        host.users.update_status(id, UserStatus::Active).await,
        host.users.assign_role(id, UserRole::User).await,
        host.users.revoke_role(id, UserRole::Admin).await,
        host.users.assign_roles(id, &[UserRole::User, UserRole::User]).await,
        host.users.set_legal_hold(id, false).await,
    ] {
        assert_eq!(same.unwrap(), ada);
    }
    assert_eq!(host.get(id).await, ada);
    assert!(host.kinds_since(start).await.is_empty());
}

async fn a_change_from_an_older_version_is_stale(host: &Host) {
    let ada = host.user("ada").await;
    let change = |name: &str, version| UpdateUserParams {
        display_name: Patch::Set(name.into()),
        expected_version: Some(version),
        ..Default::default()
    };
    let second = host.users.update(ada.id, &change("Ada", 1)).await.unwrap();
    assert_eq!(second.version, 2);
    for old in [1, 0, 3, -1, i64::MAX] {
        assert_eq!(code(host.users.update(ada.id, &change("Eve", old)).await), "stale");
    }
    assert_eq!(host.get(ada.id).await, second);
}

async fn of_two_changes_from_one_version_one_is_stale(host: &Host) {
    let id = host.user("ada").await.id;
    for version in 1..=10 {
        let answers = at_once(["one", "two"].map(|word| {
            let users = host.users.clone();
            let params = UpdateUserParams {
                display_name: Patch::Set(format!("{word} {version}")),
                expected_version: Some(version),
                ..Default::default()
            };
            async move { users.update(id, &params).await }
        }))
        .await;
        let (stored, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
        assert_eq!(stored.len(), 1);
        assert!(refused.into_iter().all(|refused| code(refused) == "stale"));
        assert_eq!(host.get(id).await.version, version + 1);
    }
}

async fn changes_of_different_fields_at_once_are_all_kept(host: &Host) {
    let id = host.user("ada").await.id;
    for round in 0..20 {
        let text = format!("round {round}");
        let patch = |n: usize| {
            let mut params = UpdateUserParams::default();
            match n {
                0 => params.full_name = Patch::Set(text.clone()),
                1 => params.display_name = Patch::Set(text.clone()),
                2 => params.is_bot = Some(round % 2 == 0),
                _ => params.email = Some(format!("ada{round}@example.com")),
            }
            params
        };
        let answers = at_once((0..4).map(|n| {
            let (users, params) = (host.users.clone(), patch(n));
            async move { users.update(id, &params).await }
        }))
        .await;
        for answer in answers {
            answer.unwrap();
        }
        let ada = host.get(id).await;
        assert_eq!(ada.full_name.unwrap().as_str(), text);
        assert_eq!(ada.display_name.unwrap().as_str(), text);
        assert_eq!(ada.is_bot, round % 2 == 0);
        assert_eq!(ada.email.unwrap().as_str(), format!("ada{round}@example.com"));
        assert_eq!(ada.version, 1 + 4 * (round + 1));
    }
}

async fn a_deleted_or_unknown_user_is_not_found(host: &Host) {
    let gone = host.user("gone").await.id;
    host.users.delete(gone).await.unwrap();
    for id in [gone, UserId::from_uuid(uuid::Uuid::nil())] {
        assert_eq!(code(host.users.update_full_name(id, Some("x")).await), "not_found");
        assert_eq!(code(host.users.update_email(id, "x@example.com").await), "not_found");
        assert_eq!(
            code(host.users.update_email_verified(id, "ada@example.com", true).await),
            "not_found"
        );
        assert_eq!(code(host.users.update(id, &UpdateUserParams::default()).await), "not_found");
    }
}

async fn a_visitor_gets_no_email_by_update(host: &Host) {
    let visitor = host.visitor("browser").await.user;
    assert_eq!(field(host.users.update_email(visitor.id, "v@example.com").await), "email");
    assert_eq!(
        field(host.users.update_email_verified(visitor.id, "v@example.com", true).await),
        "email_verified"
    );
    let named = host.users.update_display_name(visitor.id, Some("Guest")).await.unwrap();
    assert!(named.is_anonymous());
}
