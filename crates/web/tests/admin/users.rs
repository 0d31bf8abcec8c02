//! Users: list, create, edit, roles, status, sessions, merge, purge.

use axum::body::Body;
use axum::http::Method;
use systemprompt_users_domain::{
    Actor, EventKind, RefusedOperation, UserRef, UserRole, UserStatus,
};

use crate::site::Site;

#[tokio::test]
async fn users_are_listed_searched_and_filtered() {
    let site = Site::new().await;
    for name in ["ada", "alan", "barbara"] {
        site.user(name).await;
    }
    site.users().update_status(site.find("alan").await.id, UserStatus::Suspended).await.unwrap();
    site.get("/admin/users").await.expect(200, &["4 users", "barbara@example.com"]);
    let found = site.get("/admin/users?q=BARB").await.expect(200, &["1 user found", "barbara"]);
    found.lacks("alan@example.com");
    let found = site.get("/admin/users?status=suspended").await.expect(200, &["alan@example.com"]);
    found.lacks("ada@example.com");
    site.get("/admin/users?role=admin").await.expect(200, &["grace@"]).lacks("ada@");
    site.get("/admin/users?q=%00").await.expect(200, &["role=\"alert\""]);
    let cookie = site.cookie();
    let headers = [("cookie", cookie.as_str()), ("x-fragment", "1")];
    let part = site.send(Method::GET, "/admin/users?q=ada", &headers, Body::empty()).await;
    part.expect(200, &["ada@example.com"]).lacks("<html");
}

#[tokio::test]
async fn long_lists_have_pages_that_keep_the_filter() {
    let site = Site::new().await;
    for number in 0..60 {
        site.user(&format!("user-{number:02}")).await;
    }
    let first =
        site.get("/admin/users?order=name&role=user").await.expect(200, &["61 users", "user-48"]);
    let (_, rest) = first.text.split_once("rel=\"next\" href=\"").unwrap();
    let next = rest.split('"').next().unwrap().replace("&#38;", "&");
    assert!(next.contains("order=name") && next.contains("role=user"), "{next}");
    site.get(&next).await.expect(200, &["user-59"]).lacks("user-48<");
}

#[tokio::test]
async fn a_user_is_created_by_the_admin_who_sent_the_form() {
    let site = Site::new().await;
    let page = site
        .done(
            "/admin/users/new",
            &[
                ("name", "ada"),
                ("email", "ada@example.com"),
                ("full_name", "Ada Lovelace"),
                ("role", "user"),
                ("role", "admin"),
                ("email_verified", "yes"),
            ],
        )
        .await;
    page.expect(200, &["ada was created.", "Ada Lovelace"]);
    let user = site.find("ada").await;
    assert!(user.email_verified && user.roles.contains(UserRole::Admin));
    let events = site.users().recent_events(user.id, 1).await.unwrap();
    assert_eq!(events[0].event.actor, Actor::User(site.me.id));
}

#[tokio::test]
async fn a_refused_form_keeps_what_was_typed_and_marks_the_field() {
    let site = Site::new().await;
    let typed = [
        ("name", "grace"),
        ("email", "new@example.com"),
        ("display_name", "G & H"),
        ("role", "user"),
    ];
    let page = site.post("/admin/users/new", &typed).await;
    let page =
        page.expect(409, &["value=\"new@example.com\"", "value=\"G &#38; H\"", "another user"]);
    let (before, _) = page.text.split_once("belongs to another user").unwrap();
    assert!(before.ends_with("id=\"name-note\"><span class=\"field-error\">The name "), "{before}");
    site.post("/admin/users/new", &[("name", "x"), ("email", "x@example.com"), ("role", "king")])
        .await
        .expect(422, &["is no role", "value=\"x@example.com\""]);
    site.post("/admin/users/new", &[("name", ""), ("email", "")])
        .await
        .expect(422, &["aria-invalid"]);
}

#[tokio::test]
async fn a_profile_is_saved_and_a_stale_one_is_not() {
    let site = Site::new().await;
    let ada = site.user("ada").await;
    let path = format!("/admin/users/{}/profile", ada.id);
    let version = ada.version.to_string();
    let form = |name: &'static str| {
        [("name", "ada"), ("email", "ada@example.com"), ("full_name", name), ("version", &version)]
    };
    site.done(&path, &form("Ada L.")).await.expect(200, &["The profile was saved.", "Ada L."]);
    let stale = site.post(&path, &form("Ada B.")).await;
    stale.expect(412, &["Somebody else has changed it", "value=\"Ada B.\""]);
    assert_eq!(site.find("ada").await.full_name.unwrap().as_str(), "Ada L.");
    let page = site.post(&path, &[("name", "ada"), ("email", "nonsense"), ("version", "2")]).await;
    page.expect(422, &["value=\"nonsense\"", "email-note\"><span class=\"field-error\""]);
}

#[tokio::test]
async fn a_new_email_is_not_verified_unless_that_is_ticked_anew() {
    let site = Site::new().await;
    let ada = site.user("ada").await;
    let email = ada.email.unwrap();
    let ada = site.users().update_email_verified(ada.id, email.as_str(), true).await.unwrap();
    let (path, version) = (format!("/admin/users/{}/profile", ada.id), ada.version.to_string());
    let form = [
        ("name", "ada"),
        ("email", "ada@new.example"),
        ("version", version.as_str()),
        ("was_verified", "yes"),
        ("email_verified", "yes"),
    ];
    site.done(&path, &form).await.expect(200, &[]);
    assert!(!site.find("ada").await.email_verified);
}

#[tokio::test]
async fn the_last_admin_stays_and_the_page_says_why() {
    let site = Site::new().await;
    let path = format!("/admin/users/{}", site.me.id);
    let why = "The last active admin can&#39;t be removed; make another user an admin first.";
    for (button, fields) in [
        ("suspend", vec![("confirmed", "yes")]),
        ("delete", vec![("confirmed", "yes")]),
        ("roles", vec![("role", "user"), ("confirmed", "yes")]),
    ] {
        site.done(&format!("{path}/{button}"), &fields).await.expect(200, &[why, "flash-error"]);
    }
    let heir = site.user("heir").await;
    site.done(&format!("{path}/merge"), &[("into", &heir.id.to_string())])
        .await
        .expect(200, &[why]);
    assert_eq!(site.find("grace").await, site.me);
    let events = site.users().recent_events(site.me.id, 1).await.unwrap();
    let EventKind::ChangeRefused { operation, .. } = events[0].event.kind else {
        panic!("{events:?}")
    };
    assert_eq!(operation, RefusedOperation::Merge);
    // The refusal can be read in the log, too.
    site.get("/admin/events").await.expect(200, &["refused", "last admin"]);
}

#[tokio::test]
async fn whoever_takes_their_own_place_away_is_asked_first() {
    let site = Site::new().await;
    let heir = site.user("heir").await;
    site.users().assign_role(heir.id, UserRole::Admin).await.unwrap();
    let path = format!("/admin/users/{}", site.me.id);
    site.post(&format!("{path}/suspend"), &[]).await.expect(200, &["Suspend yourself?"]);
    site.post(&format!("{path}/delete"), &[]).await.expect(200, &["That is you"]);
    site.post(&format!("{path}/roles"), &[("role", "user")]).await.expect(200, &["your own role?"]);
    assert_eq!(site.find("grace").await, site.me);
    site.post(&format!("{path}/suspend"), &[("confirmed", "yes")]).await.expect(303, &[]);
    site.get("/admin").await.expect(401, &[]);
}

#[tokio::test]
async fn others_are_suspended_and_activated_at_once() {
    let site = Site::new().await;
    let ada = site.user("ada").await;
    let token = site.session_of(ada.id).await;
    let path = format!("/admin/users/{}", ada.id);
    let page = site.done(&format!("{path}/suspend"), &[]).await;
    page.expect(200, &["status-suspended", "Activate", "Suspended, and signed out everywhere."]);
    assert_eq!(site.web.sessions(Actor::System).validate(&token).await.unwrap(), None);
    site.done(&format!("{path}/activate"), &[]).await.expect(200, &["status-active"]);
}

#[tokio::test]
async fn deletion_restore_hold_and_purge_follow_one_another() {
    let site = Site::new().await;
    let ada = site.user("ada").await;
    let path = format!("/admin/users/{}", ada.id);
    site.session_of(ada.id).await;
    site.post(&format!("{path}/delete"), &[]).await.expect(200, &["Delete ada?", "1 live session"]);
    site.post(&format!("{path}/purge"), &[("confirmed", "yes")]).await.expect(303, &[]);
    let confirmed = [("confirmed", "yes")];
    site.done(&format!("{path}/delete"), &confirmed)
        .await
        .expect(200, &["status-deleted", "Restore"]);
    site.done(&format!("{path}/restore"), &[]).await.expect(200, &["status-active"]);
    site.done(&format!("{path}/delete"), &confirmed).await.expect(200, &["1 user and 1 sessions"]);
    site.done(&format!("{path}/hold"), &[("held", "yes")]).await.expect(200, &["legal hold"]);
    site.done(&format!("{path}/purge"), &confirmed).await.expect(200, &["under a legal hold"]);
    site.done(&format!("{path}/hold"), &[("held", "no")]).await.expect(200, &["was lifted"]);
    site.post(&format!("{path}/purge"), &[])
        .await
        .expect(200, &["can&#39;t be undone", "1 session"]);
    site.done(&format!("{path}/purge"), &confirmed).await.expect(200, &["ada was purged."]);
    site.get(&path).await.expect(404, &["no such user"]);
    site.get(&format!("/admin/events?user={}", ada.id)).await.expect(200, &["User purged"]);
}

#[tokio::test]
async fn roles_are_changed_and_impossible_ones_are_refused() {
    let site = Site::new().await;
    let ada = site.user("ada").await;
    let path = format!("/admin/users/{}/roles", ada.id);
    site.done(&path, &[("role", "user"), ("role", "admin")])
        .await
        .expect(200, &["The roles were saved."]);
    assert!(site.find("ada").await.roles.contains(UserRole::Admin));
    site.done(&path, &[]).await.expect(200, &["flash-error", "at least one role"]);
    site.done(&path, &[("role", "king")]).await.expect(200, &["flash-error", "is no role"]);
}

#[tokio::test]
async fn sessions_are_ended_one_by_one_or_all_but_the_own() {
    let site = Site::new().await;
    let ada = site.user("ada").await;
    let (first, second) = (site.session_of(ada.id).await, site.session_of(ada.id).await);
    let sessions = site.web.sessions(Actor::System);
    let id = sessions.validate(&first).await.unwrap().unwrap().session.id.to_string();
    let path = format!("/admin/users/{}/sessions", ada.id);
    site.get(&format!("/admin/users/{}", ada.id)).await.expect(200, &[&id, "End all"]);
    // A session is ended on the page of its own user only.
    let other = format!("/admin/users/{}/sessions/end", site.me.id);
    site.post(&other, &[("session", &id)]).await.expect(404, &[]);
    site.done(&format!("{path}/end"), &[("session", &id)])
        .await
        .expect(200, &["The session was ended."]);
    site.done(&format!("{path}/end"), &[("session", &id)]).await.expect(200, &["was over already"]);
    site.done(&format!("{path}/end-all"), &[]).await.expect(200, &["1 session ended."]);
    assert_eq!(sessions.validate(&second).await.unwrap(), None);
    site.session_of(site.me.id).await;
    let mine = format!("/admin/users/{}/sessions/end-all", site.me.id);
    site.done(&mine, &[]).await.expect(200, &["1 session ended.", "this one"]);
}

#[tokio::test]
async fn a_merge_shows_what_moves_before_it_does() {
    let site = Site::new().await;
    let (source, target) = (site.user("old").await, site.user("new").await);
    site.session_of(source.id).await;
    let path = format!("/admin/users/{}/merge", source.id);
    for (into, message) in
        [("nobody", "no user of that name"), ("old", "merged into itself"), ("", "Expected")]
    {
        let answer = site.get(&format!("{path}?into={into}")).await.expect(303, &[]);
        let flash = answer.header("set-cookie").split(';').next().unwrap().to_owned();
        let cookie = format!("{}; {flash}", site.cookie());
        let headers = [("cookie", cookie.as_str())];
        let page = site.send(Method::GET, answer.header("location"), &headers, Body::empty()).await;
        page.expect(200, &[message]);
    }
    let preview = site.get(&format!("{path}?into=new@example.com")).await;
    preview.expect(200, &["Merge old into new?", "1 session of history", "1 live one"]);
    assert!(site.find("old").await.is_live());
    let page = site.done(&path, &[("into", &target.id.to_string())]).await;
    page.expect(200, &["Merged: 1 session", "<h1>new</h1>"]);
    let gone = site.users().find_by_reference(&UserRef::Id(source.id)).await.unwrap().unwrap();
    assert_eq!(gone.merged_into, Some(target.id));
    site.get(&format!("/admin/users/{}", source.id)).await.expect(200, &["Merged into"]);
}
