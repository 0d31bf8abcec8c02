//! Users as streams of rows, in.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header;
use futures_util::stream;
use serde_json::{Value, json};
use systemprompt_users_domain::{Actor, UserFilter};

use crate::harness::{Answer, Api, request};

async fn import(api: &Api, query: &str, media_type: &str, body: impl Into<Body>) -> Answer {
    let request = request("POST", &format!("/users/import{query}"));
    api.send(request.header(header::CONTENT_TYPE, media_type).body(body.into()).unwrap()).await
}

#[track_caller]
fn lines(answer: &Answer) -> Vec<Value> {
    assert_eq!(answer.status.as_u16(), 200, "{}", answer.text);
    assert_eq!(answer.header("content-type"), "application/x-ndjson");
    answer.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

async fn count(api: &Api) -> u64 {
    api.web.users(Actor::System).count(&UserFilter::default()).await.unwrap()
}

#[tokio::test]
async fn a_broken_row_never_stops_the_others() {
    let api = Api::new().await;
    api.user("ada").await;
    let csv = "email,name,full_name\n\
               grace@example.com,grace,\"Hopper, Grace\"\n\
               nowhere,tony,\n\
               ada@example.com,ada,Ada\n\
               \"open@example.com,open,\n\
               other@example.com,ada,\n\
               too,many,fields,here\n\
               edsger@example.com,edsger,\n";
    let answer = import(&api, "?on_existing=update", "text/csv; charset=utf-8", csv).await;
    let lines = lines(&answer);
    let told: Vec<(u64, &str, &str)> = lines[..7]
        .iter()
        .map(|line| {
            assert_eq!(line["type"], "row");
            let outcome = line["outcome"].as_str().unwrap();
            assert_eq!(line["id"].is_string(), outcome != "refused");
            (line["line"].as_u64().unwrap(), outcome, line["field"].as_str().unwrap_or("-"))
        })
        .collect();
    assert_eq!(
        told,
        [
            (2, "created", "-"),
            (3, "refused", "email"),
            (4, "updated", "-"),
            (5, "refused", "row"),
            (6, "refused", "name"),
            (7, "refused", "row"),
            (8, "created", "-"),
        ]
    );
    let summary = json!({"type": "summary", "rows": 7, "created": 2, "unchanged": 0, "updated": 1, "valid": 0, "refused": 4});
    assert_eq!(lines[7], summary);
    assert_eq!(count(&api).await, 3);
}

#[tokio::test]
async fn what_was_exported_can_be_imported_and_sent_again() {
    let (from, to) = (Api::new().await, Api::new().await);
    from.admin("root").await;
    from.user("ada").await;
    let suspended = from.user("eve").await;
    let users = from.web.users(Actor::System);
    users
        .update_status(suspended.id, systemprompt_users_domain::UserStatus::Suspended)
        .await
        .unwrap();
    for (format, media_type) in [("ndjson", "application/x-ndjson"), ("csv", "text/csv")] {
        let exported = from.get(&format!("/users/export?format={format}")).await.text;
        let answer = import(&to, "", media_type, exported).await;
        let summary = lines(&answer).pop().unwrap();
        let outcome = if format == "ndjson" { "created" } else { "unchanged" };
        assert_eq!(
            (&summary["rows"], &summary[outcome]),
            (&json!(3), &json!(3)),
            "{}",
            answer.text
        );
    }
    assert_eq!(to.get("/users/lookup?reference=eve").await.expect(200)["status"], "suspended");
    assert_eq!(to.get("/users/first-admin").await.expect(200)["name"], "root");
}

#[tokio::test]
async fn a_dry_run_stores_nothing() {
    let api = Api::new().await;
    let rows =
        "{\"name\": \"ada\", \"email\": \"ada@example.com\"}\n# a remark\n{\"name\": \"x\"}\n";
    let answer = import(&api, "?dry_run=true", "application/x-ndjson", rows).await;
    let lines = lines(&answer);
    assert_eq!((&lines[0]["outcome"], &lines[1]["line"]), (&json!("valid"), &json!(3)));
    assert_eq!((&lines[2]["valid"], &lines[2]["refused"]), (&json!(1), &json!(1)));
    assert_eq!(count(&api).await, 0);
}

#[tokio::test]
async fn what_is_no_list_of_rows_is_refused_at_once() {
    let api = Api::new().await;
    import(&api, "", "application/json", "{}").await.refused(415, "unsupported_media_type", "-");
    import(&api, "", "text/csv", "name,phone\n").await.refused(422, "validation", "header");
    import(&api, "?colour=red", "text/csv", "name,email\n").await.refused(
        400,
        "bad_request",
        "colour",
    );
    let empty = import(&api, "", "application/x-ndjson", "").await;
    assert_eq!(lines(&empty)[0]["rows"], 0);
}

#[tokio::test]
async fn rows_are_answered_while_the_next_ones_come() {
    let api = Api::new().await;
    let (sender, receiver) = tokio::sync::mpsc::channel::<Result<Bytes, std::io::Error>>(1);
    let pieces =
        stream::unfold(receiver, async |mut receiver| Some((receiver.recv().await?, receiver)));
    let request =
        request("POST", "/users/import").header(header::CONTENT_TYPE, "application/x-ndjson");
    let row = |number: usize| {
        format!("{{\"name\": \"u{number}\", \"email\": \"u{number}@example.com\"}}\n")
    };
    let thousand: String = (0..1000).map(row).collect();
    sender.send(Ok(Bytes::from(thousand))).await.unwrap();
    let mut answer = api.lines(request.body(Body::from_stream(pieces)).unwrap()).await;
    for number in 0..1000 {
        let line: Value = serde_json::from_str(&answer.next().await.unwrap()).unwrap();
        assert_eq!((&line["line"], &line["outcome"]), (&json!(number + 1), &json!("created")));
    }
    // The client is gone in the middle of a row: what came before it is in, the rest is not.
    sender
        .send(Ok(Bytes::from_static(
            b"{\"name\": \"late\", \"email\": \"late@example.com\"}\n{\"na",
        )))
        .await
        .unwrap();
    sender.send(Err(std::io::Error::other("reset"))).await.unwrap();
    let mut last = Vec::new();
    while let Some(line) = answer.next().await {
        last.push(serde_json::from_str::<Value>(&line).unwrap());
    }
    let error = last.pop().unwrap();
    assert_eq!(
        (&error["type"], &error["problem"]["code"]),
        (&json!("error"), &json!("bad_request"))
    );
    assert_eq!(count(&api).await, 1001);
}

#[tokio::test]
async fn a_client_that_leaves_ends_the_import() {
    let api = Api::new().await;
    let (sender, receiver) = tokio::sync::mpsc::channel::<Result<Bytes, std::io::Error>>(1);
    let pieces =
        stream::unfold(receiver, async |mut receiver| Some((receiver.recv().await?, receiver)));
    let request = request("POST", "/users/import").header(header::CONTENT_TYPE, "text/csv");
    let rows: String = (0..2000).map(|n| format!("u{n},u{n}@example.com\n")).collect();
    let rows = Bytes::from(rows);
    // The body is let go of: nobody takes pieces any more.
    let sent = tokio::spawn(async move {
        sender.send(Ok(Bytes::from_static(b"name,email\n"))).await.unwrap();
        while sender.send(Ok(rows.clone())).await.is_ok() {}
    });
    let answer = api.lines(request.body(Body::from_stream(pieces)).unwrap()).await;
    drop(answer);
    let ended = tokio::time::timeout(Duration::from_secs(60), sent);
    assert!(ended.await.is_ok(), "the body is still read");
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused() {
    let mut options =
        systemprompt_users_web::WebOptions::new(systemprompt_users_web::OnOutage::Refuse);
    options.max_import_body = 4096;
    let api = Api::with_options(options).await;
    let rows: String = (0..200).map(|n| format!("u{n},u{n}@example.com\n")).collect();
    let rows = format!("name,email\n{rows}");
    assert!(rows.len() > 4096);
    import(&api, "", "text/csv", rows.clone()).await.refused(413, "body_too_large", "-");
    // Of a stream nobody knows the length before it comes.
    let pieces: Vec<Result<Bytes, std::io::Error>> =
        rows.as_bytes().chunks(512).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    let answer = import(&api, "", "text/csv", Body::from_stream(stream::iter(pieces))).await;
    assert_eq!(lines(&answer).pop().unwrap()["problem"]["status"], 413);
}

#[tokio::test]
async fn a_dry_run_refuses_what_the_import_would() {
    let api = Api::new().await;
    api.user("bob").await;
    let many: String = (0..1200).map(|n| format!("u{n},u{n}@example.com,\n")).collect();
    let rows = format!(
        "name,email,status\nbob,other@example.com,\nbob,bob@example.com,suspended\neve,eve@example.com,suspended\n\
         {many}eve,eve2@example.com,\nx,u7@example.com,\neve,eve@example.com,\neve,eve@example.com,active\n"
    );
    let mut told = Vec::new();
    for query in ["?dry_run=true&on_existing=update", "?on_existing=update"] {
        let answer = import(&api, query, "text/csv", rows.clone()).await;
        let refused =
            |line: &Value| (line["line"].clone(), line["field"].clone(), line["reason"].clone());
        let lines = lines(&answer);
        told.push(
            lines
                .iter()
                .filter(|line| line["outcome"] == "refused")
                .map(refused)
                .collect::<Vec<_>>(),
        );
        if query.contains("dry") {
            assert_eq!(count(&api).await, 1);
        }
    }
    assert_eq!(told[0], told[1]);
    let fields: Vec<&str> = told[0].iter().map(|(_, field, _)| field.as_str().unwrap()).collect();
    assert_eq!(fields, ["name", "status", "name", "email", "status"]);
}

#[tokio::test]
async fn formulas_do_not_run_and_come_back() {
    let (from, to) = (Api::new().await, Api::new().await);
    let names = ["=cmd()", "+1", "-1", "@x", "'=1", "'a", "＝1"];
    let rows: String = names
        .iter()
        .enumerate()
        .map(|(n, name)| json!({"name": format!("u{n}"), "email": format!("u{n}@example.com"), "full_name": name}).to_string() + "\n")
        .collect();
    lines(&import(&from, "", "application/x-ndjson", rows).await);
    let exported = from.get("/users/export?format=csv&order=oldest").await.text;
    assert!(
        exported.contains(",'=cmd(),") && exported.contains(",''=1,") && exported.contains(",'a,"),
        "{exported}"
    );
    let answer = import(&to, "", "text/csv", exported).await;
    let summary = lines(&answer).pop().unwrap();
    assert_eq!(summary["created"], json!(names.len()));
    assert!(summary["not_taken_over"].as_array().unwrap().contains(&json!("id")), "{summary}");
    for (n, name) in names.iter().enumerate() {
        let user = to.get(&format!("/users/lookup?reference=u{n}")).await.expect(200);
        assert_eq!(user["full_name"], *name);
    }
}

#[tokio::test]
async fn a_member_twice_is_refused_and_a_list_is_read() {
    let api = Api::new().await;
    let body = r#"[{"name": "a", "email": "a@example.com", "name": "b"},
        {"name": "c", "email": "c@example.com"}]"#;
    let lines = lines(&import(&api, "", "application/x-ndjson", body).await);
    assert!(lines[0]["reason"].as_str().unwrap().contains("`name` twice"), "{lines:?}");
    assert_eq!((&lines[1]["outcome"], &lines[1]["line"]), (&json!("created"), &json!(2)));
    let csv = import(&api, "", "text/csv", body).await;
    csv.refused(422, "validation", "header");
}
