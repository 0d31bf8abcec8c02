//! What people type: accents, control characters, ten thousand characters, and what is no value at all.

use systemprompt_users::{
    AnonymousPromotion, CreateUserParams, Patch, UpdateUserParams, UserFilter, UserId,
};
use systemprompt_users_tests::{Host, code, field, on_every_backend};

on_every_backend! {
    names_with_accents_are_kept_as_typed,
    a_bad_name_is_refused_by_its_field,
    a_bad_email_is_refused_by_its_field,
    bad_texts_are_refused_by_their_field,
    lengths_are_bounded_and_what_fits_is_kept,
    updates_refuse_what_creation_refuses,
    texts_of_many_scripts_come_back,
    json_that_says_too_much_or_too_little_is_refused,
    what_is_no_id_is_refused,
}

fn params(name: &str, email: &str) -> CreateUserParams {
    CreateUserParams::new(name, email)
}

async fn names_with_accents_are_kept_as_typed(host: &Host) {
    for (n, (typed, kept)) in [
        ("José", "José"),
        ("Jose\u{301}2", "José2"),
        ("ÅSE", "ÅSE"),
        ("Łukasz", "Łukasz"),
        ("naïve-user_1.x", "naïve-user_1.x"),
        ("Straße", "Straße"),
        ("Ωmega", "Ωmega"),
        ("山田", "山田"),
        ("Дмитрий", "Дмитрий"),
        ("محمد", "محمد"),
        ("o'neil", "o'neil"),
    ]
    .into_iter()
    .enumerate()
    {
        let user = host.users.create(&params(typed, &format!("u{n}@example.com"))).await.unwrap();
        assert_eq!(user.name.as_str(), kept);
        assert_eq!(host.get(user.id).await, user);
        for spelling in [typed, kept, &kept.to_lowercase(), &kept.to_uppercase()] {
            // Upper case turns ß into SS, which is another name.
            if spelling.contains("SS") {
                continue;
            }
            let found = host.users.find_by_name(spelling).await.unwrap();
            assert_eq!(found.map(|found| found.id), Some(user.id), "{spelling:?}");
        }
    }
}

async fn a_bad_name_is_refused_by_its_field(host: &Host) {
    let long = "x".repeat(10_000);
    let accents = "e\u{301}".repeat(10_000);
    for bad in [
        "",
        " ",
        "\t\n",
        "two words",
        "a\u{0}b",
        "a\u{7}",
        "a\u{1b}[31m",
        "a\u{7f}",
        "a\u{85}b",
        "a\u{200b}b",
        "a\u{202e}b",
        "a\u{2028}b",
        "a\u{feff}b",
        "a\nb",
        "🦀",
        &long,
        &accents,
    ] {
        let refused = host.users.create(&params(bad, "a@example.com")).await;
        assert_eq!(field(refused), "name", "{:?}", bad.chars().take(20).collect::<String>());
    }
    assert_eq!(host.users.count(&UserFilter::default()).await.unwrap(), 0);
}

async fn a_bad_email_is_refused_by_its_field(host: &Host) {
    let long_local = format!("{}@example.com", "x".repeat(10_000));
    let long_domain = format!("x@{}.com", "x".repeat(10_000));
    for bad in [
        "",
        " ",
        "@",
        "ada",
        "ada@",
        "@example.com",
        "ada@@example.com",
        "a b@example.com",
        "a\u{0}@example.com",
        "ada@exam\u{0}ple.com",
        "a\nb@example.com",
        "\"a b\"@example.com",
        "ada@[127.0.0.1]",
        "Ada <ada@example.com>",
        "ada@example..com",
        "ada@-example.com",
        "ada@exa_mple.com",
        ".ada@example.com",
        "ada@example.com, bob@example.com",
        &long_local,
        &long_domain,
    ] {
        let refused = host.users.create(&params("ada", bad)).await;
        assert_eq!(field(refused), "email", "{:?}", bad.chars().take(40).collect::<String>());
    }
    assert_eq!(host.users.count(&UserFilter::default()).await.unwrap(), 0);
}

async fn bad_texts_are_refused_by_their_field(host: &Host) {
    let long = "é".repeat(10_000);
    let some = |text: &str| Some(text.to_owned());
    for bad in ["a\u{0}b", "a\u{1b}b", "a\u{202e}b", "a\nb", &long, &"x".repeat(256)] {
        let plain = || params("ada", "ada@example.com");
        for (params, expected) in [
            (CreateUserParams { full_name: some(bad), ..plain() }, "full_name"),
            (CreateUserParams { display_name: some(bad), ..plain() }, "display_name"),
            (CreateUserParams { avatar_url: some(bad), ..plain() }, "avatar_url"),
        ] {
            assert_eq!(field(host.users.create(&params).await), expected);
        }
    }
    for bad in [
        "me.png",
        "javascript:alert(1)",
        "data:image/png,x",
        "ftp://example.com/x",
        "https://user:password@example.com/",
        "https://",
        "//example.com/x",
    ] {
        let params = CreateUserParams { avatar_url: some(bad), ..params("ada", "ada@example.com") };
        assert_eq!(field(host.users.create(&params).await), "avatar_url", "{bad:?}");
    }
    assert_eq!(host.users.count(&UserFilter::default()).await.unwrap(), 0);
}

async fn lengths_are_bounded_and_what_fits_is_kept(host: &Host) {
    let longest = "ü".repeat(255);
    let labels = format!("{}.{}.{}", "a".repeat(63), "b".repeat(63), "c".repeat(63));
    let email = format!("{}@{labels}.example", "x".repeat(64));
    let all = CreateUserParams {
        full_name: Some("李".repeat(255)),
        display_name: Some("🦀".repeat(255)),
        avatar_url: Some(format!("https://example.com/{}", "x".repeat(235))),
        ..params(&longest, &email)
    };
    let user = host.users.create(&all).await.unwrap();
    assert_eq!(host.get(user.id).await, user);
    assert_eq!(user.display_name.unwrap().as_str().chars().count(), 255);
    assert_eq!(
        host.users.find_by_name(&longest.to_uppercase()).await.unwrap().unwrap().id,
        user.id
    );
    assert_eq!(host.users.find_by_email(&email.to_uppercase()).await.unwrap().unwrap().id, user.id);
    // Accents that are typed apart count once.
    let apart = params(&"u\u{308}".repeat(255), "other@example.com");
    assert_eq!(code(host.users.create(&apart).await), "name_already_exists");
    assert_eq!(field(host.users.create(&params(&"ü".repeat(256), "o@example.com")).await), "name");
}

async fn updates_refuse_what_creation_refuses(host: &Host) {
    let ada = host.user("ada").await;
    let long = "x".repeat(10_000);
    for bad in ["a\u{0}b", "a\u{202e}b", long.as_str()] {
        let set = || Patch::Set(bad.to_owned());
        let none = UpdateUserParams::default;
        for (params, expected) in [
            (UpdateUserParams { name: Some(bad.into()), ..none() }, "name"),
            (UpdateUserParams { email: Some(bad.into()), ..none() }, "email"),
            (UpdateUserParams { full_name: set(), ..none() }, "full_name"),
            (UpdateUserParams { display_name: set(), ..none() }, "display_name"),
            (UpdateUserParams { avatar_url: set(), ..none() }, "avatar_url"),
        ] {
            assert_eq!(field(host.users.update(ada.id, &params).await), expected);
        }
        assert_eq!(field(host.bans.unban_ip("192.0.2.1", Some(bad)).await), "reason");
    }
    for blank in ["", "  "] {
        let name = UpdateUserParams { name: Some(blank.into()), ..Default::default() };
        assert_eq!(field(host.users.update(ada.id, &name).await), "name");
        assert_eq!(field(host.users.update_email(ada.id, blank).await), "email");
    }
    assert_eq!(host.get(ada.id).await, ada);
}

async fn texts_of_many_scripts_come_back(host: &Host) {
    for (n, text) in [
        "Zoë Müller-Lüdenscheidt",
        "O'Neil \"the\" <b>bold</b> & Co; DROP TABLE users;--",
        "山田 太郎",
        "محمد علي",
        "Ὀδυσσεύς",
        "👩‍👩‍👧‍👦 family",
        r"back\slash %percent _under {brace} $1 ?2 :name",
        "Ω\u{301}",
    ]
    .into_iter()
    .enumerate()
    {
        let params = CreateUserParams {
            full_name: Some(text.into()),
            display_name: Some(text.into()),
            ..params(&format!("user{n}"), &format!("user{n}@example.com"))
        };
        let user = host.users.create(&params).await.unwrap();
        let stored = host.get(user.id).await;
        assert_eq!(stored, user);
        let page = host.users.search(text, &UserFilter::default(), &Default::default()).await;
        let found: Vec<UserId> = page.unwrap().items.iter().map(|user| user.id).collect();
        assert_eq!(found, [user.id], "{text}");
    }
}

async fn json_that_says_too_much_or_too_little_is_refused(_host: &Host) {
    for bad in [
        r#"{"name": "ada"}"#,
        r#"{"name": "ada", "email": "a@example.com", "admin": true}"#,
        r#"{"name": null, "email": "a@example.com"}"#,
        r#"{"name": "ada", "email": "a@example.com", "roles": ["root"]}"#,
        r#"{"name": 7, "email": "a@example.com"}"#,
    ] {
        assert!(serde_json::from_str::<CreateUserParams>(bad).is_err(), "{bad}");
    }
    for bad in [
        r#"{"name": null}"#,
        r#"{"email": null}"#,
        r#"{"email_verified": null}"#,
        r#"{"expected_version": "1"}"#,
        r#"{"fullname": "x"}"#,
    ] {
        assert!(serde_json::from_str::<UpdateUserParams>(bad).is_err(), "{bad}");
    }
    let bad = r#"{"name": "a", "email": "b", "roles": ["admin"]}"#;
    assert!(serde_json::from_str::<AnonymousPromotion>(bad).is_err());
}

async fn what_is_no_id_is_refused(host: &Host) {
    for bad in ["", "ada", "018f3c1e", "018f3c1e-7b1a-7c3d-9e2f-0123456789ag", &"0".repeat(10_000)]
    {
        assert!(bad.parse::<UserId>().is_err(), "{bad:?}");
    }
    let ada = host.user("ada").await;
    let odd = format!("  {}  ", ada.id.to_string().to_uppercase());
    assert_eq!(odd.parse::<UserId>().unwrap(), ada.id);
}
