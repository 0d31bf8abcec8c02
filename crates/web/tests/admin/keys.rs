//! API keys: a secret is shown once, by the page that made it.

use systemprompt_users_domain::Actor;

use crate::site::{Answer, Site};

fn secret(page: &Answer) -> String {
    let (_, rest) = page.text.split_once("id=\"secret\">").unwrap();
    rest.split('<').next().unwrap().to_owned()
}

async fn works(site: &Site, secret: &str) -> bool {
    site.web.api_keys(Actor::System).authenticate(secret).await.unwrap().is_some()
}

#[tokio::test]
async fn a_key_is_made_shown_once_rotated_and_revoked() {
    let site = Site::new().await;
    let form = [("name", "the shop"), ("scope", "read"), ("scope", "bans"), ("lifetime", "30")];
    let page =
        site.post("/admin/keys", &form).await.expect(200, &["shown this once", "read, bans"]);
    let first = secret(&page);
    assert!(works(&site, &first).await);
    let list = site.get("/admin/keys").await.expect(200, &["the shop", "usable", "read, bans"]);
    let list = list.lacks(&first);
    let (_, rest) = list.text.split_once("name=\"key\" value=\"").unwrap();
    let key = rest.split('"').next().unwrap().to_owned();

    site.post("/admin/keys/rotate", &[("key", &key)]).await.expect(200, &["Rotate this key?"]);
    let form = [("key", key.as_str()), ("grace", "day"), ("confirmed", "yes")];
    let page = site.post("/admin/keys/rotate", &form).await.expect(200, &["goes on for a day"]);
    let second = secret(&page);
    assert!(works(&site, &first).await && works(&site, &second).await && first != second);
    site.done("/admin/keys/rotate", &form).await.expect(200, &["has been rotated already"]);

    site.post("/admin/keys/revoke", &[("key", &key)]).await.expect(200, &["Revoke this key?"]);
    let form = [("key", key.as_str()), ("confirmed", "yes")];
    site.done("/admin/keys/revoke", &form).await.expect(200, &["the shop was revoked."]);
    assert!(!works(&site, &first).await && works(&site, &second).await);
}

#[tokio::test]
async fn a_refused_key_keeps_what_was_typed() {
    let site = Site::new().await;
    let page = site.post("/admin/keys", &[("name", "shop"), ("lifetime", "30")]).await;
    page.expect(422, &["value=\"shop\"", "at least one scope"]);
    let page =
        site.post("/admin/keys", &[("name", " "), ("scope", "admin"), ("lifetime", "never")]).await;
    page.expect(422, &["name-note\"><span class=\"field-error\"", "value=\"admin\" checked"]);
    site.post("/admin/keys", &[("name", "x"), ("scope", "king")]).await.expect(422, &[]);
    site.post("/admin/keys", &[("name", "x"), ("scope", "read"), ("lifetime", "1e9")])
        .await
        .expect(422, &[]);
    site.post("/admin/keys/revoke", &[("key", "x")]).await.expect(404, &[]);
    let gone = [("key", "01a205cc-678b-7787-95e4-776b8f124f1d"), ("confirmed", "yes")];
    site.done("/admin/keys/revoke", &gone).await.expect(200, &["was not found"]);
}
