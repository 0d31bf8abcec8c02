//! Bans: check, ban, lift, history, import, allow-list.

use axum::http::Method;
use systemprompt_users_domain::Actor;

use crate::site::{Answer, Site};

async fn is_banned(site: &Site, address: &str) -> bool {
    site.web.bans(Actor::System).is_banned(address).await.unwrap()
}

#[tokio::test]
async fn an_address_is_banned_checked_and_lifted() {
    let site = Site::new().await;
    let form = [("target", "203.0.113.9/24"), ("duration", "7d"), ("reason", "scraping")];
    let page = site.done("/admin/bans", &form).await;
    page.expect(
        200,
        &["203.0.113.0/24 is banned until 2026-03-08 10:00:00 UTC", "scraping", "1 in force"],
    );
    let check = site.get("/admin/bans?address=203.0.113.77").await;
    check.expect(200, &["203.0.113.77 is banned by 203.0.113.0/24, until"]);
    site.get("/admin/bans?address=192.0.2.1").await.expect(200, &["192.0.2.1 is not banned."]);
    site.get("/admin/bans?address=nonsense").await.expect(200, &["neither an IP address nor"]);
    let history = "/admin/bans/history?target=203.0.113.0/24";
    site.get(history).await.expect(200, &["Banned until", "grace", "scraping", "Lift the ban"]);
    let form = [("target", "203.0.113.0/24"), ("reason", "sorry"), ("back", "history")];
    site.done("/admin/bans/lift", &form).await.expect(200, &["was lifted.", "sorry", "not banned"]);
    site.done("/admin/bans/lift", &form).await.expect(200, &["was not found"]);
    assert!(!is_banned(&site, "203.0.113.77").await);
}

#[tokio::test]
async fn a_refused_ban_keeps_what_was_typed() {
    let site = Site::new().await;
    let long = "x".repeat(300);
    for (target, duration, reason, message) in [
        ("10.0.0.256", "7d", "r", "neither an IP address"),
        ("10.0.0.1", "0h", "r", "longer than zero"),
        ("10.0.0.1", "never", "r", "Expected a duration such as 12h or 7d, or permanent"),
        ("10.0.0.1", "7d", &long, "at most 255"),
    ] {
        let form = [("target", target), ("duration", duration), ("reason", reason)];
        let value = format!("value=\"{target}\"");
        site.post("/admin/bans", &form).await.expect(422, &[message, &value, "field-error"]);
    }
}

#[tokio::test]
async fn whoever_bans_their_own_address_is_told_first() {
    let site = Site::new().await;
    for target in ["198.51.100.20", "198.51.100.0/24", "0.0.0.0/0", "::ffff:198.51.100.20"] {
        let form = [("target", target), ("duration", "1h"), ("reason", "odd <reason>")];
        let page = site.post("/admin/bans", &form).await;
        page.expect(
            200,
            &["Ban your own address?", "You come from 198.51.100.20", "odd &#60;reason&#62;"],
        );
        assert!(!is_banned(&site, "198.51.100.20").await);
    }
    let form = [("target", "::/0"), ("duration", "1h")];
    site.post("/admin/bans", &form).await.expect(200, &["Ban ::/0?", "wider than /16"]);
    assert!(!is_banned(&site, "2001:db8::1").await);
    let form = [("target", "198.51.100.20"), ("duration", "1h"), ("confirmed", "yes")];
    site.done("/admin/bans", &form).await.expect(200, &["198.51.100.20 is banned"]);
    assert!(is_banned(&site, "198.51.100.20").await);
}

#[tokio::test]
async fn the_allow_list_wins_and_is_kept_on_the_same_page() {
    let site = Site::new().await;
    let form = [("target", "192.0.2.0/24"), ("note", "the office")];
    site.done("/admin/bans/allow", &form)
        .await
        .expect(200, &["Added to the allow-list", "the office"]);
    site.done("/admin/bans/allow", &form).await.expect(200, &["already"]);
    site.post("/admin/bans/allow", &[("target", "x")])
        .await
        .expect(422, &["neither an IP", "value=\"x\""]);
    let ban = [("target", "192.0.2.7"), ("duration", "permanent")];
    site.done("/admin/bans", &ban).await.expect(200, &["has no effect"]);
    site.done("/admin/bans/disallow", &form).await.expect(200, &["off the allow-list"]);
    site.done("/admin/bans/disallow", &form).await.expect(200, &["was not found"]);
    assert!(is_banned(&site, "192.0.2.7").await);
    let own = [("target", "198.51.100.0/24")];
    site.done("/admin/bans/allow", &own).await.expect(200, &[]);
    site.post("/admin/bans/disallow", &own).await.expect(200, &["Your own address is in it"]);
}

#[tokio::test]
async fn lifting_says_what_still_covers_the_address() {
    let site = Site::new().await;
    for target in ["203.0.113.7", "203.0.113.0/24"] {
        site.done("/admin/bans", &[("target", target), ("duration", "7d")]).await.expect(200, &[]);
    }
    let page = site.done("/admin/bans/lift", &[("target", "203.0.113.7")]).await;
    page.expect(200, &["still covered by 203.0.113.0/24"]);
}

async fn import(site: &Site, file: &str, fields: &[(&str, &str)]) -> Answer {
    let csrf = site.csrf().await;
    let mut body = String::new();
    for (name, value) in fields.iter().chain(&[("csrf", csrf.as_str())]) {
        body.push_str(&format!(
            "--b\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
        ));
    }
    body.push_str("--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"bans.txt\"\r\ncontent-type: text/plain\r\n\r\n");
    body.push_str(file);
    body.push_str("\r\n--b--\r\n");
    let cookie = site.cookie();
    let headers =
        [("cookie", cookie.as_str()), ("content-type", "multipart/form-data; boundary=b")];
    site.send(Method::POST, "/admin/bans/import", &headers, body).await
}

#[tokio::test]
async fn a_file_is_imported_and_each_bad_row_is_told() {
    let site = Site::new().await;
    let file =
        "# list\n203.0.113.1\n203.0.113.0/25 # net\n<script>alert(1)</script>\n203.0.113.1\n";
    let report = import(&site, file, &[("duration", "7d"), ("reason", "list")]).await;
    let report = report.expect(200, &["2 targets banned", "1 banned already", "1 row left out"]);
    report
        .expect(200, &["<td class=\"number\">4</td>", "&#60;script&#62;alert"])
        .lacks("<script>alert");
    assert!(is_banned(&site, "203.0.113.100").await);
    let report =
        import(&site, "target,duration\n203.0.113.200,permanent\n,7d\n", &[("duration", "7d")])
            .await;
    report.expect(200, &["1 target banned", "1 row left out"]);
}

#[tokio::test]
async fn rows_that_hit_what_is_hardly_meant_are_left_out_unless_that_is_wanted() {
    let site = Site::new().await;
    let file = "203.0.113.1\n198.51.0.0/16\n";
    let page = import(&site, file, &[("duration", "7d")]).await;
    page.expect(200, &["1 target banned", "1 row left out", "hits your own address 198.51.100.20"]);
    assert!(is_banned(&site, "203.0.113.1").await);
    assert!(!is_banned(&site, "198.51.100.20").await);
    let page = import(&site, "::/0", &[("duration", "7d")]).await;
    page.expect(200, &["0 targets banned", "a network wider than /16"]);
    let page = import(&site, file, &[("duration", "7d"), ("confirm", "yes")]).await;
    page.expect(200, &["1 target banned", "1 banned already"]);
    assert!(is_banned(&site, "198.51.100.20").await);
}

#[tokio::test]
async fn a_file_that_holds_nothing_is_refused_beside_the_field() {
    let site = Site::new().await;
    for file in ["", "# nothing\n", "\u{feff}\n"] {
        let page = import(&site, file, &[("duration", "7d")]).await;
        page.expect(422, &["Choose a file with at least one address"]);
    }
    import(&site, "10.0.0.1", &[("duration", "x")]).await.expect(422, &["Expected a duration"]);
    let many: String = (0..10_001).map(|n| format!("10.{}.{}.1\n", n / 256, n % 256)).collect();
    import(&site, &many, &[("duration", "7d")]).await.expect(422, &["more than 10000 rows"]);
}
