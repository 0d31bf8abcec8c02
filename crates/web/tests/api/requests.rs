//! What holds for requests to every route: how bodies, queries, paths and cursors are read, and what may be kept.

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};
use systemprompt_users_domain::{ApiScope, BanDuration, BanIpParams};
use systemprompt_users_web::api;

use crate::harness::{Answer, Api, request};

#[tokio::test]
async fn no_answer_is_kept_for_others_whatever_shows_who_asks() {
    let api = Api::new().await;
    let user = api.user("ada").await;
    let secret = api.key([ApiScope::Admin]).await;
    for path in [
        "/users",
        &format!("/users/{}", user.id),
        "/users/export",
        "/bans/export",
        "/sessions",
        "/events",
        "/events/stream",
        "/api-keys",
        "/nothing",
        "/users?limit=x",
    ] {
        let by_header = Request::get(format!("{}{path}", api::PREFIX))
            .header("x-api-key", &secret)
            .header("authorization", "Basic eDp5");
        let by_bearer = request("GET", path);
        let wrong = request("GET", path).header("x-api-key", "spu_wrong");
        for request in [by_header, by_bearer, wrong] {
            let answer = api.ask(request.body(Body::empty()).unwrap()).await;
            let header = |name| answer.headers().get(name).map(|value| value.to_str().unwrap());
            assert_eq!(header("cache-control"), Some("no-store"), "{path}");
            assert_eq!(header("vary"), Some("Authorization, X-Api-Key"), "{path}");
        }
    }
    let known = request("GET", &format!("/users/{}", user.id)).header("if-none-match", "*");
    let answer = api.send(known.body(Body::empty()).unwrap()).await;
    assert_eq!((answer.status.as_u16(), &*answer.header("cache-control")), (304, "no-store"));
}

#[tokio::test]
async fn a_body_is_read_as_what_it_says_it_is() {
    let api = Api::new().await;
    let body = || Body::from(json!({"name": "ada", "email": "ada@example.com"}).to_string());
    let send = async |headers: &[(&str, &str)]| {
        let request = headers.iter().fold(request("POST", "/users"), |request, (name, value)| {
            request.header(*name, *value)
        });
        api.send(request.body(body()).unwrap()).await
    };
    let json = ("content-type", "application/json");
    for encoding in ["gzip", "identity, gzip", "br", "x"] {
        let answer = send(&[json, ("content-encoding", encoding)]).await;
        assert_eq!(answer.header("accept-encoding"), "identity");
        answer.refused(415, "unsupported_encoding", "Content-Encoding");
    }
    for headers in [
        &[][..],
        &[("content-type", "text/plain")],
        &[json, json],
        &[json, ("content-type", "text/plain")],
        &[("content-type", "application/json; charset=utf-16")],
        &[("content-type", "application/json;charset=\"latin1\"")],
        &[("content-type", "")],
    ] {
        send(headers).await.refused(415, "unsupported_media_type", "-");
    }
    for (path, media_type) in
        [("/users/import", "text/csv; charset=utf-16"), ("/bans/import", "text/csv; charset=x")]
    {
        let request = request("POST", path).header("content-type", media_type);
        let answer = api.send(request.body(Body::from("name,email\n")).unwrap()).await;
        answer.refused(415, "unsupported_media_type", "-");
    }
    let fine =
        [("content-type", "Application/JSON; Charset=\"UTF-8\""), ("content-encoding", "identity")];
    send(&fine).await.expect(201);
}

#[tokio::test]
async fn a_query_says_what_it_means() {
    let api = Api::new().await;
    for (query, field) in [
        ("status=,", "status"),
        ("status=", "status"),
        ("status=active,,suspended", "status"),
        ("role=admin,", "role"),
        ("role=emperor", "role"),
        ("status=active&status=deleted", "status"),
        ("limit=1&limit=2", "limit"),
        ("limit=%2B5", "limit"),
        ("limit=+5", "limit"),
        ("limit=05", "limit"),
        ("limit=1e2", "limit"),
        ("limit=", "limit"),
        ("email_verified=yes", "email_verified"),
        ("is_bot=True", "is_bot"),
        ("is_bot=1", "is_bot"),
        ("colour=red", "colour"),
        ("order=Name", "order"),
        ("created_from=2026-01-01T00:00:00+02:00", "created_from"),
        ("after=%ff", "after"),
        ("limit=%zz", "limit"),
    ] {
        let answer = api.get(&format!("/users?{query}")).await;
        let text = answer.text.clone();
        assert_eq!(answer.status, 400, "{query}: {text}");
        answer.refused(400, "bad_request", field);
        let is_hinted = text.contains("`%2B`");
        assert_eq!(is_hinted, query.contains('+'), "{query}: {text}");
    }
    api.get("/users?created_from=2026-01-01T00:00:00%2B02:00&status=active,%20suspended&limit=5")
        .await
        .expect(200);
    for (path, field) in [
        ("/users/search?q=a%00b", "q"),
        ("/users?after=%00", "after"),
        ("/jobs/runs?job=%00", "job"),
    ] {
        api.get(path).await.refused(422, "validation", field);
    }
}

#[tokio::test]
async fn a_path_is_text_and_not_endless() {
    let api = Api::new().await;
    for path in ["/bans/%ff", "/users/%ff", "/bans/1.2.3.4%00", "/bans/a%00/history"] {
        assert_eq!(api.get(path).await.status, 400, "{path}");
    }
    let long = api.get(&format!("/nothing/{}", "a".repeat(20_000))).await;
    assert_eq!(long.status, 404);
    assert!(long.text.len() < 1000, "{}", long.text.len());
    let long = api.get(&format!("/bans/{}", "1".repeat(20_000))).await;
    assert!(long.status.is_client_error() && long.text.len() < 1000, "{}", long.text);
}

#[tokio::test]
async fn a_cursor_is_of_one_list_in_one_order() {
    let api = Api::new().await;
    let (ada, bob) = (api.user("ada").await, api.user("bob").await);
    for user in [&ada, &ada, &bob, &bob] {
        api.session(user).await;
    }
    let bans = api.web.bans(systemprompt_users_domain::Actor::System);
    for address in ["10.0.0.1", "10.0.0.2"] {
        let params = BanIpParams::new(address, BanDuration::Days(1));
        bans.ban_ip(&params).await.unwrap();
        bans.ban_ip(&BanIpParams::new(address, BanDuration::Days(2))).await.unwrap();
        api.key([ApiScope::Read]).await;
    }
    let lists = [
        "/users?limit=1",
        "/users?limit=1&order=oldest",
        "/users?limit=1&order=name",
        "/users?limit=1&order=recently_active",
        "/users/search?limit=1&q=example",
        "/users/search?limit=1&q=e",
        "/sessions?limit=1",
        "/sessions?limit=1&state=live",
        &format!("/users/{}/sessions?limit=1", ada.id),
        &format!("/users/{}/sessions?limit=1", bob.id),
        "/bans?limit=1",
        "/bans/10.0.0.1/history?limit=1",
        "/bans/10.0.0.2/history?limit=1",
        "/api-keys?limit=1",
    ];
    let mut cursors = Vec::new();
    for list in lists {
        let page: Value = api.get(list).await.expect(200);
        cursors.push(page["next"].as_str().unwrap_or_else(|| panic!("{list}: {page}")).to_owned());
    }
    for (at, list) in lists.into_iter().enumerate() {
        for (of, cursor) in cursors.iter().enumerate() {
            let answer: Answer = api.get(&format!("{list}&after={cursor}")).await;
            if at == of {
                answer.expect(200);
            } else {
                answer.refused(422, "validation", "after");
            }
        }
    }
}
