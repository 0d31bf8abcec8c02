//! Many users at once: preview, deed, refusals told.

use systemprompt_users_domain::{UserRole, UserStatus};

use crate::site::Site;

const PATH: &str = "/admin/users/bulk";

#[tokio::test]
async fn nothing_happens_before_the_preview_is_confirmed() {
    let site = Site::new().await;
    let (ada, alan) = (site.user("ada").await, site.user("alan").await);
    site.users().update_status(alan.id, UserStatus::Suspended).await.unwrap();
    let (ada_id, alan_id) = (ada.id.to_string(), alan.id.to_string());
    let mut form = vec![("action", "suspend"), ("id", &ada_id), ("id", &alan_id)];
    let preview = site.post(PATH, &form).await;
    preview.expect(200, &["Suspend 2 users?", "ada@example.com", "is so already", &ada_id]);
    assert_eq!(site.find("ada").await, ada);
    form.push(("confirmed", "yes"));
    site.done(PATH, &form).await.expect(200, &["1 user suspended, 1 so already."]);
    assert_eq!(site.find("ada").await.status, UserStatus::Suspended);
}

#[tokio::test]
async fn every_action_does_what_it_says() {
    let site = Site::new().await;
    let id = site.user("ada").await.id;
    let text = id.to_string();
    for (action, message) in [
        ("suspend", "1 user suspended."),
        ("activate", "1 user activated."),
        ("admin", "1 user given the role."),
        ("user", "0 users given the role, 1 so already."),
        ("delete", "1 user deleted."),
    ] {
        let form = [("action", action), ("id", &text), ("confirmed", "yes")];
        site.done(PATH, &form).await.expect(200, &[message]);
    }
    site.post(PATH, &[("action", "explode"), ("id", &text)]).await.expect(400, &[]);
    site.post(PATH, &[("action", "delete"), ("id", "no-id")]).await.expect(400, &[]);
}

#[tokio::test]
async fn the_last_admin_is_left_out_and_named() {
    let site = Site::new().await;
    let (me, ada) = (site.me.id.to_string(), site.user("ada").await.id.to_string());
    let form = [("action", "delete"), ("id", &me), ("id", &ada)];
    site.post(PATH, &form).await.expect(200, &["You are among them", "that is you"]);
    let form = [("action", "delete"), ("id", &me), ("id", &ada), ("confirmed", "yes")];
    let page = site.done(PATH, &form).await;
    page.expect(200, &["1 user deleted. 1 refused: the last active admin", "flash-error"]);
    assert!(site.find("grace").await.roles.contains(UserRole::Admin));
}

#[tokio::test]
async fn too_many_at_once_are_refused() {
    let site = Site::new().await;
    let ids: Vec<String> =
        (0..201).map(|number| format!("01a205cc-678b-7787-95e4-{number:012}")).collect();
    let mut form = vec![("action", "delete")];
    form.extend(ids.iter().map(|id| ("id", id.as_str())));
    site.post(PATH, &form).await.expect(400, &["At most 200 users"]);
}
