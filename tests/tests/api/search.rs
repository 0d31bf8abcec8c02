//! Search: literal, whatever the case, the best match first.

use systemprompt_users::{
    AnonymousScope, CreateUserParams, PageRequest, User, UserFilter, UserRole, UserScope,
    UserStatus,
};
use systemprompt_users_tests::{Host, field, on_every_backend};

on_every_backend! {
    all_four_fields_are_searched,
    every_character_stands_for_itself,
    case_is_ignored_and_accents_count,
    exact_comes_before_prefix_before_substring,
    results_come_in_pages,
    a_search_keeps_to_its_filter,
    a_search_follows_every_change,
    one_letter_is_enough,
    what_can_not_be_searched_is_refused,
}

async fn names(host: &Host, query: &str) -> Vec<String> {
    let page = host.users.search(query, &UserFilter::default(), &PageRequest::default()).await;
    page.unwrap().items.iter().map(|user| user.name.as_str().to_owned()).collect()
}

async fn create(host: &Host, name: &str, email: &str, full: &str, display: &str) -> User {
    host.clock.advance(chrono::Duration::seconds(1));
    let params = CreateUserParams {
        full_name: Some(full.into()),
        display_name: Some(display.into()),
        ..CreateUserParams::new(name, email)
    };
    host.users.create(&params).await.unwrap()
}

async fn all_four_fields_are_searched(host: &Host) {
    create(host, "n1-needle", "a@example.com", "", "").await;
    create(host, "n2", "b-needle@example.com", "", "").await;
    create(host, "n3", "c@needle.example", "", "").await;
    create(host, "n4", "d@example.com", "Mary Needle", "").await;
    create(host, "n5", "e@example.com", "", "the needle").await;
    let avatar = CreateUserParams {
        avatar_url: Some("https://example.com/needle".into()),
        ..CreateUserParams::new("n6", "f@example.com")
    };
    host.users.create(&avatar).await.unwrap();
    let mut found = names(host, "needle").await;
    found.sort();
    assert_eq!(found, ["n1-needle", "n2", "n3", "n4", "n5"]);
    assert_eq!(names(host, "mary n").await, ["n4"], "blanks inside count");
    assert!(names(host, "needles").await.is_empty());
}

async fn every_character_stands_for_itself(host: &Host) {
    create(host, "percent", "p@example.com", "100% sure", "").await;
    create(host, "plain", "q@example.com", "100 sure", "").await;
    create(host, "under", "r@example.com", "snake_case", "").await;
    create(host, "other", "s@example.com", "snakeXcase", "").await;
    create(host, "slash", "t@example.com", r"back\slash", "").await;
    create(host, "quote", "u@example.com", "O'Neil \"x\" [a-z] *?", "").await;
    for (query, expected) in [
        ("%", vec!["percent"]),
        ("100%", vec!["percent"]),
        ("1%0", vec![]),
        ("_", vec!["under"]),
        ("e_c", vec!["under"]),
        ("%_%", vec![]),
        (r"\", vec!["slash"]),
        (r"\%", vec![]),
        (r"k\s", vec!["slash"]),
        ("'", vec!["quote"]),
        ("\"x\"", vec!["quote"]),
        ("[a-z]", vec!["quote"]),
        ("*?", vec!["quote"]),
        ("' OR ''='", vec![]),
        ("'; DROP TABLE users; --", vec![]),
        (".", vec!["percent", "plain", "under", "other", "slash", "quote"]),
    ] {
        let mut found = names(host, query).await;
        found.sort();
        let mut expected = expected;
        expected.sort_unstable();
        assert_eq!(found, expected, "{query:?}");
    }
}

async fn case_is_ignored_and_accents_count(host: &Host) {
    create(host, "jose", "a@example.com", "José ÁLVAREZ", "").await;
    create(host, "plain", "b@example.com", "Jose Alvarez", "").await;
    create(host, "greek", "c@example.com", "ΟΔΥΣΣΕΥΣ", "").await;
    create(host, "kanji", "d@example.com", "山田太郎", "").await;
    create(host, "emoji", "e@example.com", "", "👩‍💻 dev").await;
    for (query, expected) in [
        ("josé", vec!["jose"]),
        ("JOSÉ á", vec!["jose"]),
        ("jose\u{301}", vec!["jose"]),
        ("JOSE A", vec!["plain"]),
        ("alvarez", vec!["plain"]),
        ("οδυ", vec!["greek"]),
        ("田太", vec!["kanji"]),
        ("👩‍💻", vec!["emoji"]),
        ("DEV", vec!["emoji"]),
    ] {
        assert_eq!(names(host, query).await, expected, "{query:?}");
    }
}

async fn exact_comes_before_prefix_before_substring(host: &Host) {
    create(host, "xx-anna", "1@example.com", "", "").await;
    create(host, "annabel", "2@example.com", "", "").await;
    create(host, "other1", "3@example.com", "Anna", "").await;
    create(host, "other2", "4@example.com", "Hanna Anna", "").await;
    create(host, "annab", "5@example.com", "", "").await;
    create(host, "other3", "anna@example.com", "", "Anna Z").await;
    let found = names(host, "ANNA").await;
    assert_eq!(found[0], "other1", "the exact one leads");
    // Then by the field that begins with it: "anna z" < "anna@...", then "annab", "annabel".
    assert_eq!(found[1..4], ["other3", "annab", "annabel"]);
    let mut inside = found[4..].to_vec();
    inside.sort();
    assert_eq!(inside, ["other2", "xx-anna"]);
}

async fn results_come_in_pages(host: &Host) {
    for n in 0..9 {
        create(host, &format!("needle{n}"), &format!("a{n}@example.com"), "", "").await;
        create(host, &format!("x-needle{n}"), &format!("b{n}@example.com"), "", "").await;
        create(host, &format!("hay{n}"), &format!("c{n}@example.com"), "", "").await;
    }
    let whole = names(host, "needle").await;
    assert_eq!(whole.len(), 18);
    assert!(whole[..9].iter().all(|name| name.starts_with("needle")));
    for limit in [1, 4, 9, 18] {
        let mut request = PageRequest::new(limit).unwrap();
        let mut seen = Vec::new();
        loop {
            let page = host.users.search("needle", &UserFilter::default(), &request).await.unwrap();
            seen.extend(page.items.iter().map(|user| user.name.as_str().to_owned()));
            let Some(next) = page.next else { break };
            request = request.after(Some(next.to_string().parse().unwrap()));
        }
        assert_eq!(seen, whole, "by {limit}");
    }
    for wrong in [0, -1, 1_000_000] {
        assert_eq!(field(PageRequest::new(wrong)), "limit");
    }
}

async fn a_search_keeps_to_its_filter(host: &Host) {
    let gone = create(host, "needle-gone", "a@example.com", "", "").await.id;
    host.users.delete(gone).await.unwrap();
    let suspended = create(host, "needle-suspended", "b@example.com", "", "").await.id;
    host.users.update_status(suspended, UserStatus::Suspended).await.unwrap();
    create(host, "needle-active", "c@example.com", "", "").await;
    host.admin("needle-admin").await;
    let visitor = host.visitor("browser").await.user.id;
    host.users.update_display_name(visitor, Some("needle")).await.unwrap();
    let found = |filter: UserFilter| async move {
        let page = host.users.search("needle", &filter, &PageRequest::default()).await.unwrap();
        page.items.len()
    };
    assert_eq!(found(UserFilter::default()).await, 3);
    assert_eq!(found(UserFilter::by_status(UserStatus::Suspended)).await, 1);
    assert_eq!(found(UserFilter::by_role(UserRole::Admin)).await, 1);
    let plain = UserFilter::default;
    assert_eq!(found(UserFilter { scope: UserScope::All, ..plain() }).await, 4);
    assert_eq!(found(UserFilter { scope: UserScope::Deleted, ..plain() }).await, 1);
    assert_eq!(found(UserFilter { anonymous: AnonymousScope::Include, ..plain() }).await, 4);
    assert_eq!(found(UserFilter { anonymous: AnonymousScope::Only, ..plain() }).await, 1);
    assert_eq!(found(UserFilter { is_bot: Some(true), ..plain() }).await, 0);
}

async fn a_search_follows_every_change(host: &Host) {
    let id = create(host, "one", "one@example.com", "needle", "").await.id;
    assert_eq!(names(host, "needle").await, ["one"]);
    host.users.update_full_name(id, Some("thread")).await.unwrap();
    assert!(names(host, "needle").await.is_empty());
    assert_eq!(names(host, "thread").await, ["one"]);
    host.users.update_email(id, "needle@example.com").await.unwrap();
    assert_eq!(names(host, "needle").await, ["one"]);
    host.users.delete(id).await.unwrap();
    assert!(names(host, "needle").await.is_empty());
    host.users.restore(id).await.unwrap();
    assert_eq!(names(host, "needle").await, ["one"]);
    host.users.delete(id).await.unwrap();
    host.users.purge(id).await.unwrap();
    let all = UserFilter { scope: UserScope::All, ..UserFilter::default() };
    let page = host.users.search("needle", &all, &PageRequest::default()).await.unwrap();
    assert!(page.items.is_empty());
}

async fn one_letter_is_enough(host: &Host) {
    create(host, "xyz", "a@b.example", "", "").await;
    create(host, "ayz", "c@d.example", "", "").await;
    assert_eq!(names(host, "x").await[0], "xyz");
    assert_eq!(names(host, "yz").await.len(), 2);
    assert_eq!(names(host, "@d").await, ["ayz"]);
    assert_eq!(names(host, " xyz ").await, ["xyz"], "trimmed");
}

async fn what_can_not_be_searched_is_refused(host: &Host) {
    for wrong in ["", "  ", "\n", "a\u{0}b", "a\u{7}", &"x".repeat(256), &"x".repeat(10_000)] {
        let page = PageRequest::default();
        let refused = host.users.search(wrong, &UserFilter::default(), &page).await;
        assert_eq!(field(refused), "query", "{:?}", &wrong[..wrong.len().min(20)]);
    }
    assert!(names(host, &"é".repeat(255)).await.is_empty());
}
