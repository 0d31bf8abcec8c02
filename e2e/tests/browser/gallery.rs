//! Pictures of every page for people to look at, and the browser's word that it complains about none.

use std::sync::Arc;

use systemprompt_users::{CreateUserParams, UserStatus};

use crate::run::{Stage, run};

const PAGES: [(&str, &str); 4] = [
    ("users", "/admin/users"),
    ("user", "/admin/users/{me}"),
    ("user-new", "/admin/users/new"),
    ("bans", "/admin/bans?address=203.0.113.9"),
];

#[test]
fn every_page_is_shown_without_complaints() {
    run(true, |stage| async move {
        furnish(&stage).await;
        let Stage { server, browser } = &*stage;
        let client = &browser.client;
        client.goto(&server.link().await).await.unwrap();
        browser.picture("sign-in").await;
        client.find(fantoccini::Locator::Css("button.primary")).await.unwrap().click().await.unwrap();
        for (name, path) in PAGES {
            let path = path.replace("{me}", &server.admin.to_string());
            for (look, scheme, width) in [("light", "light", 1280), ("dark", "dark", 1280), ("phone", "light", 390)] {
                browser.resize(width, 900).await;
                browser.prefer(scheme).await;
                client.goto(&format!("{}{path}", server.base)).await.unwrap();
                browser.picture(&format!("{name}-{look}")).await;
            }
            assert_eq!(browser.complaints().await, Vec::<String>::new(), "{path}");
        }
    });
}

async fn furnish(stage: &Arc<Stage>) {
    let people = [("ada", "Ada Lovelace"), ("alan", "Alan Turing"), ("katherine", "Katherine Johnson"), ("edsger", "Edsger W. Dijkstra"), ("barbara", "Barbara Liskov")];
    for (name, full_name) in people {
        let params = CreateUserParams {
            full_name: Some(full_name.into()),
            email_verified: name.len() > 4,
            ..CreateUserParams::new(name, format!("{name}@example.com"))
        };
        let user = stage.server.users.create(&params).await.unwrap();
        if name == "edsger" {
            stage.server.users.update_status(user.id, UserStatus::Suspended).await.unwrap();
        }
    }
}
