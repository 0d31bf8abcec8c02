//! The way of a newcomer through the pages, as a person goes it: by links, fields and buttons.

use crate::browser::Browser;
use crate::run::{Stage, run};

#[test]
fn a_newcomer_manages_users_within_minutes() {
    run(true, |stage| async move {
        walk(&stage).await;
        let Stage { server, browser } = &*stage;
        // What is typed is looked for without a button.
        sign_in(&stage).await;
        browser.goto(&server.base, "/admin/users").await;
        browser.type_into("#q", "ada").await;
        browser.wait_for_text("#results .summary", "1 user found").await;
        assert_eq!(browser.texts("#results tbody th a").await, ["ada"]);
        // One box selects all rows.
        browser.click("[data-all]").await;
        browser.wait_for_text("[data-selected]", "With the 1 selected:").await;
        // Events come by themselves.
        browser.goto(&server.base, "/admin/events").await;
        browser.wait_for_text("#live-state", "Live").await;
        let name = "grown <b>bold</b>";
        let params = systemprompt_users::UpdateUserParams {
            expected_version: None,
            full_name: systemprompt_users::Patch::Set(name.into()),
            ..Default::default()
        };
        server.users.update(server.admin, &params).await.unwrap();
        browser.wait_for_text("tr.new th", "User updated").await;
        assert_eq!(browser.complaints().await, Vec::<String>::new());
    });
}

#[test]
fn the_same_way_can_be_gone_without_javascript() {
    run(false, |stage| async move { walk(&stage).await });
}

async fn sign_in(stage: &Stage) {
    let link = stage.server.link().await;
    stage.browser.client.goto(&link).await.unwrap();
    stage.browser.click("button.primary").await;
    stage.browser.wait_for_text("h1", "Overview").await;
}

/// Sign in, create, search, suspend, end a session, ban, check, sign out.
async fn walk(stage: &Stage) {
    let Stage { server, browser } = stage;
    sign_in(stage).await;
    browser.follow("Create a user").await;
    create(browser).await;
    browser.click("nav a[href='/admin/users']").await;
    browser.type_into("#q", "lovel").await;
    browser.send_form("form[role=search]").await;
    browser.wait_for_text("#results .summary", "1 user found").await;
    browser.follow("ada").await;
    browser.press("Suspend").await;
    browser.wait_for_text("#flash p", "Suspended, and signed out everywhere.").await;
    browser.wait_for_text(".lead .badge", "suspended").await;

    browser.goto(&server.base, &format!("/admin/users/{}", server.admin)).await;
    let other = systemprompt_users::NewSession::default();
    let sessions = server.web.sessions(systemprompt_users::Actor::System);
    sessions.create(server.admin, &other).await.unwrap();
    browser.goto(&server.base, &format!("/admin/users/{}", server.admin)).await;
    browser.press("End").await;
    browser.wait_for_text("#flash p", "The session was ended.").await;

    browser.follow("Bans").await;
    browser.type_into("#target", "203.0.113.0/24").await;
    browser.type_into("#reason", "scraping").await;
    browser.press("Ban").await;
    browser.wait_for_text("#flash p", "203.0.113.0/24 is banned until").await;
    browser.type_into("#address", "203.0.113.77").await;
    browser.press("Check").await;
    browser.wait_for_text(".verdict", "203.0.113.77 is banned by 203.0.113.0/24").await;
    // Whoever bans the address they come from is asked first.
    browser.type_into("#target", "127.0.0.0/8").await;
    browser.press("Ban").await;
    browser.wait_for_text("h1", "Ban your own address?").await;
    browser.follow("Cancel").await;

    browser.press("Sign out").await;
    browser.wait_for_text("h1", "Sign in").await;
    browser.goto(&server.base, "/admin").await;
    browser.wait_for_text("h1", "Sign in").await;
    // The page of somebody who is not signed in is a 401, which the browser notes.
    let complaints = browser.complaints().await;
    assert!(complaints.iter().all(|line| line.contains("status of 401")), "{complaints:?}");
}

async fn create(browser: &Browser) {
    browser.type_into("#name", "ada").await;
    browser.type_into("#email", "no email").await;
    browser.press("Create").await;
    // What is wrong stands beside the field, and what was typed is still there.
    browser.wait_for_text("#email-note", "Expected an address").await;
    assert_eq!(browser.value("#name").await, "ada");
    // The browser notes that the form was refused, and nothing else.
    let complaints = browser.complaints().await;
    assert!(complaints.iter().all(|line| line.contains("status of 422")), "{complaints:?}");
    browser.type_into("#email", "ada@example.com").await;
    browser.type_into("#full-name", "Ada <script>alert(1)</script> Lovelace").await;
    browser.press("Create").await;
    browser.wait_for_text("#flash p", "ada was created.").await;
}
