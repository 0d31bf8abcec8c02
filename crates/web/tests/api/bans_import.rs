//! Lists of bans as streams, in and out.

use axum::body::{Body, Bytes};
use axum::http::header;
use serde_json::{Value, json};

use crate::harness::{Answer, Api, request};

async fn import(api: &Api, query: &str, media_type: &str, body: impl Into<Body>) -> Answer {
    let request = request("POST", &format!("/bans/import{query}"));
    api.send(request.header(header::CONTENT_TYPE, media_type).body(body.into()).unwrap()).await
}

#[track_caller]
fn lines(answer: &Answer) -> Vec<Value> {
    assert_eq!(answer.status.as_u16(), 200, "{}", answer.text);
    assert_eq!(answer.header("content-type"), "application/x-ndjson");
    answer.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn a_list_is_banned_row_by_row() {
    let api = Api::new().await;
    let list = "# bad\n192.0.2.1\n\n10.1.2.3/8 ; SBL1\nnowhere\n192.0.2.1 # again\r\n2001:DB8::/32";
    let answer = import(&api, "?duration=7d&source=list&reason=bad", "text/plain", list).await;
    let lines = lines(&answer);
    let row = |line: u64, outcome: &str, target: &str| json!({"type": "row", "line": line, "outcome": outcome, "target": target});
    assert_eq!(lines[0], row(2, "banned", "192.0.2.1"));
    let mut wide = row(4, "banned", "10.0.0.0/8");
    wide["note"] = json!(
        "`10.1.2.3/8` is taken as the network 10.0.0.0/8; for the one address write 10.1.2.3"
    );
    assert_eq!(lines[1], wide);
    assert_eq!(lines[2]["outcome"], "refused");
    assert_eq!(lines[2]["field"], "target");
    assert!(lines[2]["reason"].as_str().unwrap().contains("nowhere"));
    assert_eq!(lines[3], row(6, "existing", "192.0.2.1"));
    assert_eq!(lines[4], row(7, "banned", "2001:db8::/32"));
    let summary = json!({"type": "summary", "rows": 5, "banned": 3, "extended": 0, "existing": 1, "refused": 1});
    assert_eq!(lines[5], summary);
    let ban = api.get("/bans/10.0.0.0%2F8").await.expect(200);
    assert_eq!((ban["source"].as_str(), ban["reason"].as_str()), (Some("list"), Some("bad")));
}

#[tokio::test]
async fn csv_says_more_than_the_defaults() {
    let api = Api::new().await;
    let csv = "reason,target,duration\n\"spam, \"\"much\"\"\",192.0.2.1,12h\n,192.0.2.2,\nx,192.0.2.3,soon\n\"open,192.0.2.4,1d\ny,192.0.2.5,permanent\n";
    let answer = import(&api, "?duration=1d", "text/csv; charset=utf-8", csv).await;
    let lines = lines(&answer);
    let outcomes: Vec<&Value> = lines.iter().map(|line| &line["outcome"]).collect();
    let refused = (&lines[2]["field"], &lines[3]["field"]);
    assert_eq!(outcomes[..5], ["banned", "banned", "refused", "refused", "banned"]);
    assert_eq!(refused, (&json!("duration"), &json!("row")));
    let ban = api.get("/bans/192.0.2.1").await.expect(200);
    assert_eq!(ban["reason"], "spam, \"much\"");
    assert!(api.get("/bans/192.0.2.5").await.expect(200)["until"].is_null());
}

#[tokio::test]
async fn what_was_exported_can_be_imported() {
    let api = Api::new().await;
    let csv = "target,until,reason,source\n192.0.2.1,permanent,\"a\nb\",x\n10.0.0.0/8,9000-01-01T00:00:00Z,plain,y\n";
    let answer = import(&api, "", "text/csv", csv).await;
    // A reason is one line.
    assert_eq!(lines(&answer)[0]["field"], "reason");
    import(&api, "?duration=permanent", "text/plain", "192.0.2.1\n").await;
    let exported = api.get("/bans/export?format=csv").await;
    assert!(exported.header("content-type").starts_with("text/csv"));
    let other = Api::new().await;
    let again = import(&other, "", "text/csv", exported.text.clone()).await;
    assert_eq!(lines(&again).last().unwrap()["banned"], 2);
    // The time that is left is stored, so that ends differ by what the clock moved on in between.
    let without_time = |text: &str| {
        let row = |line: &str| {
            let (row, _banned_at) = line.rsplit_once(',').unwrap();
            let fields: Vec<&str> = row.split(',').collect();
            let until = fields[1].split('.').next().unwrap();
            [&[fields[0], until], &fields[2..]].concat().join(",")
        };
        text.lines().map(row).collect::<Vec<_>>()
    };
    let exported_again = other.get("/bans/export?format=csv").await;
    let (mut first, mut second) =
        (without_time(&exported.text), without_time(&exported_again.text));
    first.sort();
    second.sort();
    assert_eq!(first, second);

    let list = api.get("/bans/export?format=list&source=y").await.text;
    assert_eq!(list, "10.0.0.0/8\n");
    let ndjson = api.get("/bans/export").await;
    assert_eq!(ndjson.header("content-type"), "application/x-ndjson");
    let targets = ndjson.text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    assert!(targets.clone().all(|ban| ban["in_force"] == true));
    assert_eq!(targets.count(), 2);
    // JSON comes back as well, also as one list.
    let list = format!("[{}]", ndjson.text.trim().replace('\n', ","));
    for body in [ndjson.text.clone(), list] {
        let third = Api::new().await;
        let again = import(&third, "?duration=1d", "application/x-ndjson", body).await;
        let summary = lines(&again).pop().unwrap();
        assert_eq!(
            (&summary["banned"], &summary["refused"]),
            (&json!(2), &json!(0)),
            "{}",
            again.text
        );
        assert!(summary["not_taken_over"].as_array().unwrap().contains(&json!("ban_count")));
        assert!(
            third.get("/bans/192.0.2.1").await.expect(200)["until"].is_null(),
            "permanent as it was"
        );
    }
}

#[tokio::test]
async fn a_long_list_is_answered_while_it_comes() {
    let api = Api::new().await;
    let piece = |from: u32| {
        let lines = (from..from + 1500).map(|n| format!("10.0.{}.{}\n", n / 256, n % 256));
        Ok::<_, std::io::Error>(Bytes::from(lines.collect::<String>()))
    };
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    let body = Body::from_stream(futures_util::stream::unfold(receiver, async |mut receiver| {
        Some((receiver.recv().await?, receiver))
    }));
    let request = request("POST", "/bans/import").header(header::CONTENT_TYPE, "text/plain");
    sender.send(piece(0)).await.unwrap();
    let mut lines = api.lines(request.body(body).unwrap()).await;
    // The first batch is answered although the body has not ended.
    assert!(lines.next().await.unwrap().contains("10.0.0.0"));
    sender.send(piece(1500)).await.unwrap();
    drop(sender);
    let mut last = String::new();
    while let Some(line) = lines.next().await {
        last = line;
    }
    assert_eq!(serde_json::from_str::<Value>(&last).unwrap()["banned"], 3000);
}

#[tokio::test]
async fn a_body_that_breaks_off_leaves_what_was_read() {
    let api = Api::new().await;
    let pieces = [
        Ok(Bytes::from("192.0.2.1\n192.0.2.2\n192.0")),
        Err(std::io::Error::other("the line went dead")),
    ];
    let body = Body::from_stream(futures_util::stream::iter(pieces));
    let lines = lines(&import(&api, "", "text/plain", body).await);
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[2]["type"], "error");
    assert_eq!(lines[2]["problem"]["code"], "bad_request");
    assert_eq!(api.get("/bans/count").await.expect(200)["active"], 2);
}

#[tokio::test]
async fn what_holds_for_all_rows_is_checked_first() {
    let api = Api::new().await;
    for (query, field) in
        [("?duration=0d", "duration"), ("?duration=x", "duration"), ("?reason=a%00b", "reason")]
    {
        import(&api, query, "text/plain", "192.0.2.1").await.refused(422, "validation", field);
    }
    import(&api, "?dry=1", "text/plain", "192.0.2.1").await.refused(400, "bad_request", "dry");
    let other = import(&api, "", "application/json", "{}").await;
    other.refused(415, "unsupported_media_type", "-");
    for csv in ["", "ip\n192.0.2.1\n", "reason\nx\n", "target,target\n"] {
        import(&api, "", "text/csv", csv).await.refused(422, "validation", "header");
    }
    api.get("/bans/export?format=xml").await.refused(400, "bad_request", "format");
    api.get("/bans/export?source=%20").await.refused(422, "validation", "source");
    assert_eq!(lines(&import(&api, "", "text/plain", "").await)[0]["rows"], 0);
}
