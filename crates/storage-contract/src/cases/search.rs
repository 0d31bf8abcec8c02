//! Searches: literal, without regard to case, best match first, page by page.

use systemprompt_users_domain::{
    AnonymousScope, DisplayName, FullName, SearchText, User, UserFilter, UserScope, UserStatus,
};

use crate::Subject;
use crate::fixtures::{changed, email, name, user, user_id};
use crate::population::{expected_search, filters, population, search_cursor};
use crate::subject::{Walk, check_same, request};

fn text(query: &str) -> SearchText {
    SearchText::parse(query).unwrap()
}

async fn search(subject: &Subject, query: &str, filter: &UserFilter, limit: u16) -> Vec<User> {
    let text = text(query);
    let mut unit = subject.read().await;
    let mut walk = Walk::new(limit);
    while let Some(page) = walk.request() {
        let page = unit.users().search(&text, filter, &page).await.unwrap();
        walk.take(page, |user| search_cursor(&text, user));
    }
    walk.items
}

/// Searches for `query` in pages of several sizes and compares with the meaning of a search.
async fn check(subject: &Subject, users: &[User], query: &str, filter: &UserFilter) {
    let expected = expected_search(users, &text(query), filter);
    for limit in [1000, 3, 1] {
        let found = search(subject, query, filter, limit).await;
        let names = |users: &[User]| {
            users.iter().map(|user| user.name.as_str().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(names(&found), names(&expected), "{query:?} by {limit}");
        check_same(&found, &expected);
    }
}

fn everybody() -> UserFilter {
    UserFilter {
        scope: UserScope::All,
        anonymous: AnonymousScope::Include,
        ..UserFilter::default()
    }
}

/// Users by full name, with a display name where there is one.
fn people(names: &[(&str, &str)]) -> Vec<User> {
    names
        .iter()
        .zip(1..)
        .map(|((full, display), n)| User {
            full_name: Some(FullName::parse(full).unwrap()),
            display_name: DisplayName::parse(display).ok(),
            ..user(n)
        })
        .collect()
}

async fn check_all(subject: &Subject, users: &[User], queries: &[&str]) {
    subject.store(users).await;
    for query in queries {
        check(subject, users, query, &UserFilter::default()).await;
    }
}

pub(crate) async fn an_empty_storage_finds_nobody(subject: Subject) {
    check_all(&subject, &[], &["a", "anna"]).await;
}

pub(crate) async fn what_nobody_holds_is_not_found(subject: Subject) {
    let users = population(20);
    check_all(&subject, &users, &["q", "qx", "qxz", "no such thing", "\u{1F980}"]).await;
}

pub(crate) async fn all_four_fields_are_looked_at(subject: Subject) {
    let users = [
        User { name: name("NeedleName"), ..user(1) },
        User { email: Some(email("needle.mail@example.com")), ..user(2) },
        User { full_name: Some(FullName::parse("A Needle Person").unwrap()), ..user(3) },
        User { display_name: Some(DisplayName::parse("needle").unwrap()), ..user(4) },
        User { email: Some(email("x@needle.example")), ..user(5) },
        user(6),
    ];
    check_all(&subject, &users, &["needle", "NEEDLE", "eedl", "needle.", "example", "@"]).await;
    let found = search(&subject, "needle", &UserFilter::default(), 10).await;
    assert_eq!(found.len(), 5);
    assert_eq!(found[0].id, user_id(4), "the exact match leads");
}

pub(crate) async fn wildcards_and_quotes_are_themselves(subject: Subject) {
    let users = people(&[
        ("100% sure", "a_b"),
        ("100 sure", "axb"),
        ("a*b?", "[abc]"),
        ("O'Brien", "\"quoted\""),
        ("back\\slash", "double\\\\slash"),
        ("semi;colon--", "(paren)"),
        ("AND OR NOT", "NEAR(a b)"),
        ("full_name:x", "^start$"),
        ("dots...", "a-b+c|d"),
        ("{curly}", "#hash&amp"),
        ("%", "_"),
        ("percent%25", "' OR '1'='1"),
    ]);
    let queries = [
        "%",
        "_",
        "*",
        "?",
        "'",
        "\"",
        "\\",
        "\\\\",
        "%%",
        "__",
        "a_b",
        "100%",
        "0%",
        "a*b",
        "[",
        "]",
        "[abc]",
        "o'b",
        "\"quoted\"",
        "k\\s",
        "\\%",
        "\\_",
        "or",
        "and or",
        "near(",
        "full_name:x",
        "^start",
        "t$",
        "...",
        "..",
        ".",
        "a-b",
        "b+c",
        "c|d",
        "--",
        ";",
        "(",
        ")",
        "{curly}",
        "&",
        "#",
        "%25",
        "' or '1",
        "= '",
        "''",
    ];
    check_all(&subject, &users, &queries).await;
}

pub(crate) async fn one_and_two_letters_are_found(subject: Subject) {
    let users = people(&[
        ("Ann", ""),
        ("Bo", "O"),
        ("xAn", "nA"),
        ("X", "aX"),
        ("Y Z", ""),
        ("é", "aé"),
        ("王", "小王"),
    ]);
    let queries = [
        "a", "A", "an", "x", "o", "b", "y z", "é", "É", "王", "小", "aé", "小王", "e", "1", "m",
        "om",
    ];
    check_all(&subject, &users, &queries).await;
}

pub(crate) async fn accents_count_and_case_does_not(subject: Subject) {
    let users = people(&[
        ("José García", "Jose"),
        ("JOSÉ", "Jos\u{65}\u{301} Décomposé"),
        ("Ångström", "ANGSTROM"),
        ("ÅNGSTRÖM", "ångström"),
        ("Straße", "STRASSE"),
        ("İstanbul", "Istanbul"),
        ("ΣΊΣΥΦΟΣ", "Σίσυφος"),
        ("Жанна", "ЖАННА Д'АРК"),
        ("Ǆungla", "ǆungla"),
    ]);
    let queries = [
        "josé",
        "JOSÉ",
        "jose",
        "jose\u{301}",
        "osé",
        "gar",
        "garcía",
        "garcia",
        "ångström",
        "ÅNGSTRÖM",
        "angstrom",
        "ström",
        "straße",
        "STRASSE",
        "ß",
        "istanbul",
        "İstanbul",
        "i",
        "σίσυφος",
        "ΣΊΣΥΦΟΣ",
        "σίσυφοσ",
        "жан",
        "ЖАН",
        "анна",
        "ǆ",
        "é d",
    ];
    check_all(&subject, &users, &queries).await;
}

pub(crate) async fn letters_outside_of_the_latin_script_are_found(subject: Subject) {
    let users = people(&[
        ("王小明", "小明"),
        ("王 大明", "明"),
        ("佐藤さくら", "さくら"),
        ("김민준", "민준"),
        ("🦀 Ferris 🦀", "🦀"),
        ("𠮷野家", "吉野家"),
        ("محمد", "עברית"),
    ]);
    let queries = [
        "王",
        "小明",
        "王小",
        "王小明",
        "明",
        "さくら",
        "藤さ",
        "민준",
        "김",
        "🦀",
        "🦀 f",
        "𠮷",
        "野家",
        "محم",
        "ברית",
    ];
    check_all(&subject, &users, &queries).await;
}

pub(crate) async fn the_longest_query_is_a_query(subject: Subject) {
    let long = "é".repeat(255);
    let users = people(&[(&long, "short"), ("other", &format!("a{}", "é".repeat(254)))]);
    check_all(&subject, &users, &[&long, &"é".repeat(254), &"é".repeat(200), &"x".repeat(255)])
        .await;
}

pub(crate) async fn the_smallest_prefix_ranks_a_user(subject: Subject) {
    let users = people(&[
        ("anna zz", "anna aa"),
        ("anna b", "Anna"),
        ("ANNA", "annabel"),
        ("Anna b", "xx anna"),
        ("x anna", "y anna"),
        ("anna", "anna"),
        ("hanna", "johanna"),
        ("annb", "anmz"),
    ]);
    check_all(&subject, &users, &["anna", "ann", "anna ", "an", "a", "nna", "anna b", "na"]).await;
}

/// Prefix matches are followed by substring matches in the same walk, wherever a page ends.
pub(crate) async fn pages_cross_from_prefix_to_substring(subject: Subject) {
    let people: Vec<User> = (1..=24)
        .map(|n| {
            let full = if n % 2 == 0 { format!("Max {}", n % 5) } else { format!("Dr. Max {n}") };
            User { full_name: Some(FullName::parse(&full).unwrap()), ..user(n) }
        })
        .collect();
    subject.store(&people).await;
    for query in ["max", "ma", "m", "max ", "dr. max", "r"] {
        let expected = expected_search(&people, &text(query), &UserFilter::default());
        for limit in [1, 2, 5, 11, 12, 13, 23, 24, 25] {
            let found = search(&subject, query, &UserFilter::default(), limit).await;
            check_same(&found, &expected);
        }
    }
}

pub(crate) async fn a_search_keeps_to_its_filter(subject: Subject) {
    let users = population(48);
    subject.store(&users).await;
    let mut unit = subject.read().await;
    for (filter, query) in
        filters().iter().zip(["a", "zo", "example", "öm", "1"].into_iter().cycle())
    {
        let text = text(query);
        let page = unit.users().search(&text, filter, &request(1000, None)).await.unwrap();
        let expected = expected_search(&users, &text, filter);
        assert_eq!(page.items, expected, "{query:?}, {filter:?}");
        assert_eq!(page.next, None);
    }
}

pub(crate) async fn pages_of_a_filtered_search_join_without_a_seam(subject: Subject) {
    let users = population(48);
    subject.store(&users).await;
    for filter in filters().iter().step_by(31).chain([&everybody()]) {
        for query in ["a", "zoé", "user"] {
            check(&subject, &users, query, filter).await;
        }
    }
}

pub(crate) async fn a_search_follows_changes(subject: Subject) {
    let mut users = people(&[("Old Name", "Nick"), ("Other", ""), ("Third", "nick two")]);
    subject.store(&users).await;
    users[0] = changed(users[0].clone(), |user| {
        user.full_name = Some(FullName::parse("New Name").unwrap());
        user.display_name = None;
        user.email = Some(email("new@example.com"));
    });
    users[2] = changed(users[2].clone(), |user| user.status = UserStatus::Suspended);
    subject.update(&[users[0].clone(), users[2].clone()]).await;
    for query in ["old", "nick", "new", "name", "user1", "new@", "third"] {
        check(&subject, &users, query, &UserFilter::default()).await;
    }
    subject.purge(&[users.remove(0).id]).await;
    for query in ["new", "name", "user", "e"] {
        check(&subject, &users, query, &UserFilter::default()).await;
    }
}

pub(crate) async fn a_walk_through_a_search_loses_nobody(subject: Subject) {
    let settled: Vec<User> = (1..=20)
        .map(|n| {
            let full = if n % 2 == 0 { format!("Eve {n}") } else { format!("The Eve {n}") };
            User { full_name: Some(FullName::parse(&full).unwrap()), ..user(n) }
        })
        .collect();
    subject.store(&settled).await;
    let text = text("eve");
    let mut walk = Walk::new(2);
    let mut touched = Vec::new();
    let mut round = 0;
    while let Some(page) = walk.request() {
        let mut unit = subject.read().await;
        let page = unit.users().search(&text, &UserFilter::default(), &page).await.unwrap();
        drop(unit);
        walk.take(page, |user| search_cursor(&text, user));
        round += 1;
        let last = walk.items.last().unwrap().clone();
        touched.push(last.id);
        let full = ["Eve 0", "Eve 9", "An Eve"][(round % 3) as usize];
        let full_name = Some(FullName::parse(full).unwrap());
        subject.store(&[User { full_name: full_name.clone(), ..user(100 + round) }]).await;
        if round % 2 == 0 {
            subject.purge(&[last.id]).await;
        } else {
            subject.update(&[changed(last, |user| user.full_name = full_name)]).await;
        }
    }
    for user in settled.iter().filter(|user| !touched.contains(&user.id)) {
        assert_eq!(walk.items.iter().filter(|item| item.id == user.id).count(), 1, "{user:?}");
    }
}
