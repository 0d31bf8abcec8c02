//! Bulk operations: the same as single ones, and a word on each item.

use systemprompt_users::{
    BulkCreateOutcome, BulkOutcome, BulkReport, CreateUserParams, EndReason, EventKind, OnExisting,
    Roles, UserError, UserFilter, UserId, UserRole, UserStatus,
};
use systemprompt_users_tests::{Host, at_once, field, on_every_backend};

on_every_backend! {
    each_item_says_what_happened,
    an_id_given_twice_is_changed_once,
    nothing_is_done_for_nothing,
    too_many_items_are_refused_as_a_whole,
    bulk_suspension_ends_sessions,
    bulk_deletion_ends_sessions_and_frees_names,
    of_all_admins_the_last_one_stays,
    a_bulk_suspension_and_a_demotion_at_once_leave_an_admin,
    bulk_operations_on_the_same_users_at_once_change_each_once,
    roles_are_assigned_in_bulk,
    users_are_created_in_bulk,
    the_same_rows_again_change_nothing,
    existing_users_are_brought_up_to_date_on_request,
    rows_of_one_batch_conflict_like_stored_ones,
    imports_of_the_same_rows_at_once_create_each_user_once,
    thousands_of_users_in_one_go,
}

fn words<T>(report: &BulkReport<T>, word: impl Fn(&T) -> &'static str) -> Vec<&'static str> {
    report.items.iter().map(word).collect()
}

fn outcomes(report: &BulkReport<systemprompt_users::BulkItem>) -> Vec<&'static str> {
    words(report, |item| match &item.outcome {
        BulkOutcome::Done => "done",
        BulkOutcome::Unchanged => "unchanged",
        BulkOutcome::Refused(error) => error.code(),
    })
}

fn created(report: &BulkReport<systemprompt_users::BulkCreateItem>) -> Vec<&'static str> {
    words(report, |item| match &item.outcome {
        BulkCreateOutcome::Refused(error) => error.code(),
        other => other.as_str(),
    })
}

fn unknown() -> UserId {
    UserId::from_uuid(uuid::Uuid::nil())
}

fn row(name: &str) -> CreateUserParams {
    CreateUserParams::new(name, format!("{name}@example.com"))
}

async fn each_item_says_what_happened(host: &Host) {
    let root = host.admin("root").await.id;
    let [ada, bob, gone] =
        [host.user("ada").await.id, host.user("bob").await.id, host.user("gone").await.id];
    host.users.update_status(bob, UserStatus::Suspended).await.unwrap();
    host.users.delete(gone).await.unwrap();
    let ids = [gone, ada, unknown(), root, bob];
    let report = host.users.bulk_update_status(&ids, UserStatus::Suspended).await.unwrap();
    assert!(report.items.iter().map(|item| item.id).eq(ids), "in the order given");
    assert_eq!(outcomes(&report), ["not_found", "done", "not_found", "last_admin", "unchanged"]);
    assert_eq!((report.done(), report.unchanged(), report.refused()), (1, 1, 3));
    let report = host.users.bulk_delete(&ids).await.unwrap();
    assert_eq!(outcomes(&report), ["not_found", "done", "not_found", "last_admin", "done"]);
    assert!(host.get(root).await.is_active_admin());
}

async fn an_id_given_twice_is_changed_once(host: &Host) {
    let ada = host.user("ada").await.id;
    let start = host.position().await;
    let report =
        host.users.bulk_update_status(&[ada, ada, ada], UserStatus::Suspended).await.unwrap();
    assert_eq!(outcomes(&report), ["done", "unchanged", "unchanged"]);
    assert_eq!(host.get(ada).await.version, 2);
    assert_eq!(host.kinds_since(start).await, ["status_changed"]);
    let report = host.users.bulk_delete(&[ada, ada]).await.unwrap();
    assert_eq!(outcomes(&report), ["done", "not_found"]);
}

async fn nothing_is_done_for_nothing(host: &Host) {
    let start = host.position().await;
    assert!(host.users.bulk_delete(&[]).await.unwrap().items.is_empty());
    assert!(host.users.bulk_update_status(&[], UserStatus::Active).await.unwrap().items.is_empty());
    assert!(host.users.bulk_assign_role(&[], UserRole::Admin).await.unwrap().items.is_empty());
    assert!(host.users.bulk_create(&[], OnExisting::Update).await.unwrap().items.is_empty());
    assert!(host.bans.bulk_ban(&[]).await.unwrap().items.is_empty());
    assert!(host.sessions.end_many(&[], EndReason::Revoked).await.unwrap().is_empty());
    host.sessions.touch_many(&[]).await.unwrap();
    assert!(host.kinds_since(start).await.is_empty());
}

async fn too_many_items_are_refused_as_a_whole(host: &Host) {
    let ada = host.user("ada").await.id;
    let ids = vec![ada; 10_001];
    assert_eq!(field(host.users.bulk_delete(&ids).await), "ids");
    assert_eq!(field(host.users.bulk_update_status(&ids, UserStatus::Suspended).await), "ids");
    assert_eq!(field(host.users.bulk_assign_role(&ids, UserRole::Admin).await), "ids");
    let rows = vec![row("new"); 10_001];
    assert_eq!(field(host.users.bulk_create(&rows, OnExisting::Keep).await), "rows");
    assert_eq!(host.get(ada).await.version, 1);
    assert_eq!(host.users.count(&UserFilter::default()).await.unwrap(), 1);
    assert_eq!(host.users.bulk_delete(&ids[..10_000]).await.unwrap().done(), 1);
}

async fn bulk_suspension_ends_sessions(host: &Host) {
    let [ada, bob, eve] =
        [host.user("ada").await.id, host.user("bob").await.id, host.user("eve").await.id];
    let mut tokens = Vec::new();
    for id in [ada, ada, bob, eve] {
        tokens.push(host.session(id).await.token.reveal());
    }
    let start = host.position().await;
    host.users.bulk_update_status(&[ada, bob], UserStatus::Suspended).await.unwrap();
    for (n, token) in tokens.iter().enumerate() {
        assert_eq!(host.sessions.validate(token).await.unwrap().is_some(), n == 3);
    }
    for session in host.all_sessions(ada).await {
        assert_eq!(session.end_reason, Some(EndReason::Suspended));
    }
    let events = host.events_since(start).await;
    let ended = |id| {
        events.iter().find_map(|event| match event {
            EventKind::SessionsEnded { user_id, session_ids, reason } if *user_id == id => {
                Some((session_ids.len(), *reason))
            }
            _ => None,
        })
    };
    assert_eq!(ended(ada), Some((2, EndReason::Suspended)));
    assert_eq!(ended(bob), Some((1, EndReason::Suspended)));
    assert_eq!((ended(eve), events.len()), (None, 4));
}

async fn bulk_deletion_ends_sessions_and_frees_names(host: &Host) {
    let [ada, bob] = [host.user("ada").await.id, host.user("bob").await.id];
    host.session(ada).await;
    let report = host.users.bulk_delete(&[ada, bob]).await.unwrap();
    assert_eq!(report.done(), 2);
    assert_eq!(host.all_sessions(ada).await[0].end_reason, Some(EndReason::Deleted));
    host.user("ada").await;
    host.user("bob").await;
}

async fn of_all_admins_the_last_one_stays(host: &Host) {
    let mut ids = Vec::new();
    for name in ["ada", "bob", "eve"] {
        ids.push(host.admin(name).await.id);
    }
    let start = host.position().await;
    let report = host.users.bulk_update_status(&ids, UserStatus::Suspended).await.unwrap();
    assert_eq!(outcomes(&report), ["done", "done", "last_admin"], "as if one after the other");
    let kinds = host.kinds_since(start).await;
    assert_eq!(kinds, ["status_changed", "status_changed", "change_refused"]);
    let report = host.users.bulk_update_status(&ids, UserStatus::Active).await.unwrap();
    assert_eq!(outcomes(&report), ["done", "done", "unchanged"]);
    let report = host.users.bulk_delete(&ids).await.unwrap();
    assert_eq!(outcomes(&report), ["done", "done", "last_admin"]);
    host.admin("root").await;
    assert_eq!(outcomes(&host.users.bulk_delete(&ids[2..]).await.unwrap()), ["done"]);
}

async fn a_bulk_suspension_and_a_demotion_at_once_leave_an_admin(host: &Host) {
    let ids = [host.admin("ada").await.id, host.admin("bob").await.id];
    for _ in 0..30 {
        at_once((0..2).map(|n| {
            let users = host.users.clone();
            async move {
                match n {
                    0 => users.bulk_update_status(&ids, UserStatus::Suspended).await.map(drop),
                    _ => match users.revoke_role(ids[1], UserRole::Admin).await {
                        Ok(_) | Err(UserError::LastAdmin) => Ok(()),
                        Err(other) => Err(other),
                    },
                }
            }
        }))
        .await
        .into_iter()
        .for_each(|answer| answer.unwrap());
        let mut admins = 0;
        for id in ids {
            admins += usize::from(host.get(id).await.is_active_admin());
            host.users.update_status(id, UserStatus::Active).await.unwrap();
            host.users.assign_role(id, UserRole::Admin).await.unwrap();
        }
        assert_eq!(admins, 1);
    }
}

async fn bulk_operations_on_the_same_users_at_once_change_each_once(host: &Host) {
    let mut ids = Vec::new();
    for n in 0..20 {
        ids.push(host.user(&format!("user{n}")).await.id);
    }
    let answers = at_once((0..4).map(|n| {
        let (users, mut ids) = (host.users.clone(), ids.clone());
        // Each in another order, so that units that locked as they go would wait for each other.
        ids.rotate_left(n * 5);
        if n % 2 == 0 {
            ids.reverse();
        }
        async move { users.bulk_delete(&ids).await.unwrap().done() }
    }))
    .await;
    assert_eq!(answers.iter().sum::<usize>(), 20);
    for id in ids {
        assert_eq!(host.get(id).await.version, 2);
    }
}

async fn roles_are_assigned_in_bulk(host: &Host) {
    let [ada, root] = [host.user("ada").await.id, host.admin("root").await.id];
    let visitor = host.visitor("browser").await.user.id;
    let ids = [ada, root, visitor, unknown()];
    let report = host.users.bulk_assign_role(&ids, UserRole::Admin).await.unwrap();
    assert_eq!(outcomes(&report), ["done", "unchanged", "invalid_roles", "not_found"]);
    assert!(host.get(ada).await.is_active_admin());
    assert_eq!(host.get(visitor).await.roles, Roles::ANONYMOUS);
}

async fn users_are_created_in_bulk(host: &Host) {
    host.user("taken").await;
    let rows = [
        row("ada"),
        CreateUserParams { roles: vec![UserRole::Admin], ..row("bob") },
        row("taken"),
        CreateUserParams::new("two words", "x@example.com"),
        CreateUserParams::new("eve", "no address"),
        CreateUserParams::new("TAKEN", "other@example.com"),
        CreateUserParams::new("other", "TAKEN@example.com"),
        CreateUserParams { roles: vec![UserRole::Anonymous], ..row("anon") },
        row("zoe"),
    ];
    let start = host.position().await;
    let report = host.users.bulk_create(&rows, OnExisting::Keep).await.unwrap();
    assert!(report.items.iter().map(|item| item.row).eq(0..rows.len()));
    assert_eq!(
        created(&report),
        [
            "created",
            "created",
            "existing",
            "validation",
            "validation",
            "name_already_exists",
            "email_already_exists",
            "invalid_roles",
            "created",
        ]
    );
    assert_eq!(host.kinds_since(start).await, ["user_created"; 3]);
    let bob = host.users.find_by_name("bob").await.unwrap().unwrap();
    assert_eq!(report.items[1].outcome.user_id(), Some(bob.id));
    assert!(bob.is_active_admin());
    assert!(host.users.find_by_name("zoe").await.unwrap().is_some());
}

async fn the_same_rows_again_change_nothing(host: &Host) {
    let rows: Vec<_> = (0..50).map(|n| row(&format!("user{n}"))).collect();
    let report = host.users.bulk_create(&rows, OnExisting::Keep).await.unwrap();
    assert_eq!(created(&report), ["created"; 50]);
    let start = host.position().await;
    for on_existing in [OnExisting::Keep, OnExisting::Update] {
        let report = host.users.bulk_create(&rows, on_existing).await.unwrap();
        assert_eq!(created(&report), ["existing"; 50]);
    }
    assert!(host.kinds_since(start).await.is_empty());
    // A user who was deleted since holds nothing.
    let first = host.users.find_by_name("user0").await.unwrap().unwrap();
    host.users.delete(first.id).await.unwrap();
    let report = host.users.bulk_create(&rows[..2], OnExisting::Keep).await.unwrap();
    assert_eq!(created(&report), ["created", "existing"]);
}

async fn existing_users_are_brought_up_to_date_on_request(host: &Host) {
    let ada = host.user("ada").await;
    host.users.update_status(ada.id, UserStatus::Suspended).await.unwrap();
    let rows = [CreateUserParams {
        display_name: Some("Ada".into()),
        avatar_url: Some("https://example.com/a.png".into()),
        roles: vec![UserRole::Admin],
        ..row("ada")
    }];
    let report = host.users.bulk_create(&rows, OnExisting::Keep).await.unwrap();
    assert_eq!(created(&report), ["existing"]);
    let report = host.users.bulk_create(&rows, OnExisting::Update).await.unwrap();
    assert_eq!(created(&report), ["changed"]);
    let ada = host.get(ada.id).await;
    assert_eq!(ada.display_name.unwrap().as_str(), "Ada");
    assert_eq!((ada.status, ada.roles, ada.version), (UserStatus::Suspended, Roles::USER, 3));
}

async fn rows_of_one_batch_conflict_like_stored_ones(host: &Host) {
    let rows = [
        row("ada"),
        row("ADA"),
        CreateUserParams::new("ada", "other@example.com"),
        CreateUserParams::new("other", "ada@example.com"),
        CreateUserParams { full_name: Some("Ada L".into()), ..row("ada") },
    ];
    let expected =
        ["created", "existing", "name_already_exists", "email_already_exists", "existing"];
    let report = host.users.bulk_create(&rows, OnExisting::Keep).await.unwrap();
    assert_eq!(created(&report), expected);
    let rows = rows.map(|params| CreateUserParams {
        name: params.name.to_lowercase().replace("ada", "bob"),
        email: params.email.to_lowercase().replace("ada", "bob"),
        ..params
    });
    let report = host.users.bulk_create(&rows, OnExisting::Update).await.unwrap();
    let expected =
        ["created", "existing", "name_already_exists", "email_already_exists", "changed"];
    assert_eq!(created(&report), expected);
    let bob = host.users.find_by_name("bob").await.unwrap().unwrap();
    assert_eq!(bob.full_name.unwrap().as_str(), "Ada L");
}

async fn imports_of_the_same_rows_at_once_create_each_user_once(host: &Host) {
    let rows: Vec<_> = (0..40).map(|n| row(&format!("user{n}"))).collect();
    let answers = at_once((0..4).map(|n| {
        let (users, mut rows) = (host.users.clone(), rows.clone());
        // In other orders, so that their locks would cross.
        rows.rotate_left(n * 10);
        if n % 2 == 1 {
            rows.reverse();
        }
        async move {
            let report = users.bulk_create(&rows, OnExisting::Keep).await.unwrap();
            let words = created(&report);
            assert!(words.iter().all(|word| ["created", "existing"].contains(word)), "{words:?}");
            words.iter().filter(|word| **word == "created").count()
        }
    }))
    .await;
    assert_eq!(answers.iter().sum::<usize>(), 40);
    assert_eq!(host.users.count(&UserFilter::default()).await.unwrap(), 40);
}

async fn thousands_of_users_in_one_go(host: &Host) {
    host.admin("root").await;
    let rows: Vec<_> = (0..5000).map(|n| row(&format!("user{n}"))).collect();
    let report = host.users.bulk_create(&rows, OnExisting::Keep).await.unwrap();
    let ids: Vec<UserId> = report.items.iter().filter_map(|item| item.outcome.user_id()).collect();
    assert_eq!(ids.len(), 5000);
    let report = host.users.bulk_update_status(&ids, UserStatus::Suspended).await.unwrap();
    assert_eq!(report.done(), 5000);
    let suspended = host.users.count_by_status(UserStatus::Suspended).await.unwrap();
    assert_eq!(suspended, 5000);
    assert_eq!(host.users.bulk_delete(&ids).await.unwrap().done(), 5000);
    assert_eq!(host.users.count(&UserFilter::default()).await.unwrap(), 1);
}
