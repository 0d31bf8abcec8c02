//! The networks that no ban touches.

use systemprompt_users_domain::{Actor, AllowedNetwork, Cursor};
use uuid::Uuid;

use crate::Subject;
use crate::fixtures::{allowed, at, long_text, target, tick, user_id};
use crate::subject::{Walk, check_same};

async fn allow(subject: &Subject, network: &AllowedNetwork) -> bool {
    let mut unit = subject.write().await;
    let added = unit.bans().allow(network).await.unwrap();
    unit.commit().await.unwrap();
    added
}

async fn disallow(subject: &Subject, text: &str) -> bool {
    let mut unit = subject.write().await;
    let removed = unit.bans().disallow(&target(text)).await.unwrap();
    unit.commit().await.unwrap();
    removed
}

async fn list(subject: &Subject, limit: u16) -> Vec<AllowedNetwork> {
    let mut unit = subject.read().await;
    let mut walk = Walk::new(limit);
    while let Some(page) = walk.request() {
        let page = unit.bans().list_allowed(&page).await.unwrap();
        walk.take(page, |network| Cursor::at_text(network.target.to_string(), Uuid::nil()));
    }
    walk.items
}

pub(crate) async fn a_network_is_allowed_once(subject: Subject) {
    assert_eq!(list(&subject, 10).await, []);
    let first = AllowedNetwork { note: Some("office".into()), ..allowed("10.0.0.0/8") };
    assert!(allow(&subject, &first).await);
    let again = AllowedNetwork { note: Some("other".into()), added_at: at(9), ..first.clone() };
    assert!(!allow(&subject, &again).await);
    check_same(&list(&subject, 10).await, &vec![first]);
    assert!(allow(&subject, &allowed("10.0.0.0/9")).await);
    assert!(allow(&subject, &allowed("10.0.0.0")).await);
    assert_eq!(list(&subject, 10).await.len(), 3);
}

pub(crate) async fn exactly_that_network_is_taken_off(subject: Subject) {
    allow(&subject, &allowed("10.0.0.0/8")).await;
    allow(&subject, &allowed("10.0.0.0/16")).await;
    for other in ["10.0.0.0", "10.0.0.0/15", "10.0.0.0/17", "::/8", "10.1.0.0/16"] {
        assert!(!disallow(&subject, other).await, "{other}");
    }
    assert!(disallow(&subject, "10.0.0.0/8").await);
    assert!(!disallow(&subject, "10.0.0.0/8").await);
    check_same(&list(&subject, 10).await, &vec![allowed("10.0.0.0/16")]);
    assert!(allow(&subject, &allowed("10.0.0.0/8")).await);
}

pub(crate) async fn every_field_comes_back(subject: Subject) {
    let actors = [
        Actor::System,
        Actor::User(user_id(7)),
        Actor::Operator("Jürgen".into()),
        Actor::Job("import".into()),
        Actor::Service("王".into()),
    ];
    let networks: Vec<_> = (1..)
        .zip(actors)
        .map(|(n, added_by)| AllowedNetwork {
            note: Some(long_text('n')),
            added_at: at(n) + tick(),
            added_by,
            ..allowed(&format!("2001:db8:0:{n}::/64"))
        })
        .collect();
    for network in &networks {
        assert!(allow(&subject, network).await);
    }
    check_same(&list(&subject, 10).await, &networks);
}

/// Networks, in the order of the bytes of their text.
const NETWORKS: [&str; 9] = [
    "0.0.0.0/0",
    "10.0.0.0/16",
    "10.0.0.0/8",
    "100.0.0.1",
    "2.0.0.0/8",
    "2001:db8::/32",
    "::/0",
    "::1",
    "fe80::/10",
];

pub(crate) async fn the_list_is_by_text_page_by_page(subject: Subject) {
    for place in [4, 0, 8, 3, 7, 1, 6, 2, 5] {
        allow(&subject, &allowed(NETWORKS[place])).await;
    }
    let expected = NETWORKS.map(allowed).to_vec();
    for limit in [1, 2, 3, 8, 9, 10] {
        check_same(&list(&subject, limit).await, &expected);
    }
}

pub(crate) async fn networks_around_a_target_are_found_narrowest_first(subject: Subject) {
    for text in NETWORKS {
        allow(&subject, &allowed(text)).await;
    }
    let mut unit = subject.read().await;
    for (text, expected) in [
        ("10.0.1.1", &["10.0.0.0/16", "10.0.0.0/8", "0.0.0.0/0"][..]),
        ("10.1.1.1", &["10.0.0.0/8", "0.0.0.0/0"]),
        ("10.0.0.0/12", &["10.0.0.0/8", "0.0.0.0/0"]),
        ("10.0.0.0/16", &["10.0.0.0/16", "10.0.0.0/8", "0.0.0.0/0"]),
        ("100.0.0.1", &["100.0.0.1", "0.0.0.0/0"]),
        ("::1", &["::1", "::/0"]),
        ("2001:db8::7", &["2001:db8::/32", "::/0"]),
        ("febf::1", &["fe80::/10", "::/0"]),
        ("0.0.0.0/0", &["0.0.0.0/0"]),
        ("::/0", &["::/0"]),
    ] {
        let found = unit.bans().find_allowed(&target(text)).await.unwrap();
        let texts: Vec<_> = found.iter().map(|network| network.target.to_string()).collect();
        assert_eq!(texts, expected, "{text}");
        check_same(&found, &expected.iter().map(|text| allowed(text)).collect());
    }
}
