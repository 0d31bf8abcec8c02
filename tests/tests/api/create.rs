//! Creating users, and making sure that they exist: names and emails stay unique.

use systemprompt_users::{
    BulkCreateOutcome, CreateUserParams, EnsureResult, OnExisting, Roles, UserRole, UserStatus,
};
use systemprompt_users_tests::{Host, at_once, code, field, on_every_backend};

on_every_backend! {
    a_created_user_is_complete,
    name_and_email_are_unique_in_any_spelling,
    a_suspended_user_holds_name_and_email,
    creates_of_one_email_at_once_make_one_user,
    creates_of_one_name_at_once_make_one_user,
    ensure_creates_finds_and_brings_up_to_date,
    ensure_never_touches_roles_and_status,
    ensure_refuses_what_belongs_to_two,
    ensure_at_once_creates_one,
}

async fn a_created_user_is_complete(host: &Host) {
    let params = CreateUserParams {
        full_name: Some(" Ada Lovelace ".into()),
        display_name: Some("Ada 👩‍💻".into()),
        avatar_url: Some("https://example.com/ada.png".into()),
        roles: vec![UserRole::Admin, UserRole::User, UserRole::Admin],
        email_verified: true,
        is_bot: true,
        ..CreateUserParams::new("Ada", " ADA@Example.com ")
    };
    let start = host.position().await;
    let ada = host.users.create(&params).await.unwrap();
    assert_eq!(host.get(ada.id).await, ada, "what is answered is what is stored");
    assert_eq!(ada.id.as_uuid().get_version_num(), 7);
    assert_eq!(ada.name.as_str(), "Ada");
    assert_eq!(ada.email.as_ref().unwrap().as_str(), "ada@example.com");
    assert_eq!(ada.full_name.as_ref().unwrap().as_str(), "Ada Lovelace");
    assert_eq!(ada.display_name.as_ref().unwrap().as_str(), "Ada 👩‍💻");
    assert_eq!(ada.avatar_url.as_ref().unwrap().as_str(), "https://example.com/ada.png");
    assert_eq!(ada.roles, Roles::new([UserRole::Admin, UserRole::User]).unwrap());
    assert!(ada.email_verified && ada.is_bot);
    assert_eq!((ada.status, ada.version), (UserStatus::Active, 1));
    assert_eq!([ada.created_at, ada.updated_at, ada.last_active_at], [host.now(); 3]);
    assert_eq!((ada.deleted_at, ada.merged_into, ada.legal_hold), (None, None, false));
    assert_eq!(host.kinds_since(start).await, ["user_created"]);

    // No role is the role of a user; blank is none.
    let params = CreateUserParams {
        full_name: Some(" ".into()),
        display_name: Some(String::new()),
        avatar_url: Some("\t".into()),
        ..CreateUserParams::new("bob", "bob@example.com")
    };
    let bob = host.users.create(&params).await.unwrap();
    assert_eq!(bob.roles, Roles::USER);
    assert_eq!((bob.full_name, bob.display_name, bob.avatar_url), (None, None, None));
    let params = CreateUserParams {
        roles: vec![UserRole::Anonymous],
        ..CreateUserParams::new("eve", "eve@example.com")
    };
    assert_eq!(code(host.users.create(&params).await), "invalid_roles");
}

async fn name_and_email_are_unique_in_any_spelling(host: &Host) {
    host.user("jürgen").await;
    let start = host.position().await;
    for name in ["jürgen", "JÜRGEN", "ju\u{308}rgen", " Jürgen "] {
        let params = CreateUserParams::new(name, "other@example.com");
        assert_eq!(code(host.users.create(&params).await), "name_already_exists", "{name:?}");
    }
    for email in ["jürgen@example.com", " JÜRGEN@Example.COM ", "ju\u{308}rgen@example.com"] {
        let params = CreateUserParams::new("other", email);
        assert_eq!(code(host.users.create(&params).await), "email_already_exists", "{email:?}");
    }
    assert!(host.kinds_since(start).await.is_empty());
    assert_eq!(host.users.count(&Default::default()).await.unwrap(), 1);
    host.user("other").await;
}

async fn a_suspended_user_holds_name_and_email(host: &Host) {
    let ada = host.user("ada").await;
    host.users.update_status(ada.id, UserStatus::Suspended).await.unwrap();
    let params = CreateUserParams::new("ada", "new@example.com");
    assert_eq!(code(host.users.create(&params).await), "name_already_exists");
    let params = CreateUserParams::new("new", "ada@example.com");
    assert_eq!(code(host.users.create(&params).await), "email_already_exists");
}

async fn creates_of_one_email_at_once_make_one_user(host: &Host) {
    for round in 0..5 {
        let answers = at_once((0..8).map(|n| {
            let email = format!("{}{round}@example.com", if n % 2 == 0 { "ada" } else { "ADA" });
            let params = CreateUserParams::new(format!("name{round}-{n}"), email);
            let users = host.users.clone();
            async move { users.create(&params).await }
        }))
        .await;
        let (created, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
        assert_eq!(created.len(), 1);
        assert!(refused.into_iter().all(|refused| code(refused) == "email_already_exists"));
        assert_eq!(host.users.count(&Default::default()).await.unwrap(), round + 1);
    }
}

async fn creates_of_one_name_at_once_make_one_user(host: &Host) {
    let answers = at_once((0..8).map(|n| {
        let name = if n % 2 == 0 { "ada" } else { "ADA" };
        let params = CreateUserParams::new(name, format!("ada{n}@example.com"));
        let users = host.users.clone();
        async move { users.create(&params).await }
    }))
    .await;
    let (created, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    assert_eq!(created.len(), 1);
    assert!(refused.into_iter().all(|refused| code(refused) == "name_already_exists"));
}

async fn ensure_creates_finds_and_brings_up_to_date(host: &Host) {
    let params = CreateUserParams::new("ada", "ada@example.com");
    let start = host.position().await;
    let EnsureResult::Created(created) = host.users.ensure(&params).await.unwrap() else {
        panic!("it was not there");
    };
    let EnsureResult::Existing(existing) = host.users.ensure(&params).await.unwrap() else {
        panic!("it was there");
    };
    assert_eq!(existing, created);
    let other_spelling = CreateUserParams {
        full_name: Some("Ada Lovelace".into()),
        is_bot: true,
        ..CreateUserParams::new("ADA", " Ada@Example.com")
    };
    let EnsureResult::Changed(changed) = host.users.ensure(&other_spelling).await.unwrap() else {
        panic!("it was different");
    };
    assert_eq!((changed.id, changed.version, changed.is_bot), (created.id, 2, true));
    assert_eq!(changed.full_name.as_ref().unwrap().as_str(), "Ada Lovelace");
    // What the caller leaves blank stays.
    let again = host.users.ensure(&params).await.unwrap();
    assert_eq!(again, EnsureResult::Existing(changed));
    assert_eq!(host.kinds_since(start).await, ["user_created", "user_updated"]);
    let bad = CreateUserParams::new("ada", "not an email");
    assert_eq!(field(host.users.ensure(&bad).await), "email");
}

async fn ensure_never_touches_roles_and_status(host: &Host) {
    let ada = host.user("ada").await;
    host.users.update_status(ada.id, UserStatus::Suspended).await.unwrap();
    let params = CreateUserParams {
        roles: vec![UserRole::Admin],
        email_verified: true,
        ..CreateUserParams::new("ada", "ada@example.com")
    };
    let user = host.users.ensure(&params).await.unwrap().into_user();
    assert_eq!(
        (user.status, user.roles, user.email_verified),
        (UserStatus::Suspended, Roles::USER, false)
    );
}

async fn ensure_refuses_what_belongs_to_two(host: &Host) {
    host.user("ada").await;
    host.user("bob").await;
    let start = host.position().await;
    for (name, email, expected) in [
        ("ada", "bob@example.com", "name_already_exists"),
        ("ada", "free@example.com", "name_already_exists"),
        ("free", "bob@example.com", "email_already_exists"),
    ] {
        let params = CreateUserParams {
            full_name: Some("Mallory".into()),
            ..CreateUserParams::new(name, email)
        };
        assert_eq!(code(host.users.ensure(&params).await), expected, "{name} {email}");
    }
    assert!(host.kinds_since(start).await.is_empty());
}

async fn ensure_at_once_creates_one(host: &Host) {
    let answers = at_once((0..8).map(|_| {
        let users = host.users.clone();
        let rows = [CreateUserParams::new("ada", "ada@example.com")];
        async move { users.bulk_create(&rows, OnExisting::Update).await }
    }))
    .await;
    let outcomes: Vec<BulkCreateOutcome> =
        answers.into_iter().map(|report| report.unwrap().items.remove(0).outcome).collect();
    let created = outcomes.iter().filter(|outcome| outcome.as_str() == "created").count();
    let existing = outcomes.iter().filter(|outcome| outcome.as_str() == "existing").count();
    assert_eq!((created, existing), (1, 7), "{outcomes:?}");
    let ids: Vec<_> = outcomes.iter().map(BulkCreateOutcome::user_id).collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "all see the same user");
}
