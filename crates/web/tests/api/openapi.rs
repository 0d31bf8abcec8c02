//! The description of the API: complete, committed, served, and shown.

use std::path::PathBuf;

use axum::body::Body;
use axum::http::{Request, header};
use serde_json::{Map, Value, json};
use systemprompt_users_web::api;

use crate::harness::Api;

fn document() -> Value {
    serde_json::from_str(&api::openapi()).unwrap()
}

fn operations(document: &Value) -> Vec<(String, Value)> {
    let paths = document["paths"].as_object().unwrap().iter();
    let methods = |(path, item): (&String, &Value)| {
        let item: Map<String, Value> = item.as_object().unwrap().clone();
        let path = path.clone();
        item.into_iter().map(move |(method, operation)| (format!("{method} {path}"), operation))
    };
    paths.flat_map(methods).collect()
}

/// Where the committed document is.
fn committed() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json")
}

#[test]
fn the_committed_document_is_the_generated_one() {
    let generated = api::openapi();
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        std::fs::write(committed(), &generated).unwrap();
    }
    let committed = std::fs::read_to_string(committed()).unwrap_or_default();
    assert!(
        committed == generated,
        "docs/openapi.json is not what the handlers say; regenerate it by\n\
         UPDATE_OPENAPI=1 cargo test -p systemprompt-users-web --test api committed_document"
    );
}

#[test]
fn every_operation_is_complete() {
    let document = document();
    assert_eq!(document["openapi"], "3.1.0");
    let tags: Vec<&Value> =
        document["tags"].as_array().unwrap().iter().map(|tag| &tag["name"]).collect();
    let mut ids = std::collections::HashSet::new();
    for (name, operation) in operations(&document) {
        assert!(ids.insert(operation["operationId"].clone()), "{name}: two of one id");
        assert!(operation["summary"].is_string(), "{name}: no summary");
        assert_eq!(operation["security"], json!([{"bearer": []}, {"api_key": []}]), "{name}");
        let tag = &operation["tags"][0];
        assert!(tags.contains(&tag), "{name}: the tag {tag} is not described");
        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.keys().any(|status| status.starts_with('2')), "{name}: no success");
        for status in ["401", "403", "405", "429", "500", "503"] {
            assert!(responses.contains_key(status), "{name}: no {status}");
        }
        for (status, response) in responses {
            let is_error = status.starts_with(['4', '5']);
            let problem = &response["content"]["application/problem+json"]["schema"]["$ref"];
            assert_eq!(is_error, problem == "#/components/schemas/Problem", "{name}: {status}");
        }
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            assert!(parameter["description"].is_string(), "{name}: {parameter}");
        }
    }
}

#[test]
fn every_reference_leads_somewhere() {
    fn check(value: &Value, document: &Value) {
        match value {
            Value::Object(members) => {
                if let Some(Value::String(to)) = members.get("$ref") {
                    let pointer = to.strip_prefix('#').unwrap();
                    assert!(document.pointer(pointer).is_some(), "{to} is not there");
                }
                members.values().for_each(|member| check(member, document));
            }
            Value::Array(items) => items.iter().for_each(|item| check(item, document)),
            _ => {}
        }
    }
    let document = document();
    check(&document, &document);
}

#[tokio::test]
async fn the_document_is_served_to_anybody() {
    let api = Api::new().await;
    let nobody = Request::get("/api/v1/openapi.json").header(header::AUTHORIZATION, "Bearer x");
    let served = api.send(nobody.body(Body::empty()).unwrap()).await;
    assert_eq!(served.header("content-type"), "application/json");
    assert_eq!(served.text, api::openapi());
}

#[tokio::test]
async fn the_page_works_offline_and_without_scripts_of_others() {
    let api = Api::new().await;
    let page = api.get("/docs/").await;
    let policy = page.header("content-security-policy");
    assert!(policy.contains("script-src 'self';"), "{policy}");
    assert!(!page.text.contains("http://") && !page.text.contains("https://"), "{}", page.text);
    let scripts: Vec<&str> = page.text.split("<script").skip(1).collect();
    assert!(!scripts.is_empty());
    for script in scripts {
        let (tag, rest) = script.split_once('>').unwrap();
        let source = tag.split("src=\"./").nth(1).unwrap().split('"').next().unwrap();
        assert!(rest.split("</script>").next().unwrap().trim().is_empty(), "inline: {rest}");
        let file = api.get(&format!("/docs/{source}")).await;
        assert_eq!(file.status.as_u16(), 200, "{source}");
    }
    let start = api.get("/docs/swagger-initializer.js").await.text;
    assert!(start.contains("/api/v1/openapi.json"), "{start}");
    assert_eq!(api.get("/docs/nothing").await.status.as_u16(), 404);
}

#[tokio::test]
async fn nobody_gets_in_without_credentials() {
    let api = Api::new().await;
    let nil = "00000000-0000-0000-0000-000000000000";
    for (name, _) in operations(&document()) {
        let (method, path) = name.split_once(' ').unwrap();
        let path = path.replace("{id}", nil).replace("{target}", "192.0.2.1");
        let path = path.replace("{name}", "x").replace("{role}", "admin");
        for bearer in ["", "Bearer", "Bearer x", "Basic eDp4"] {
            let request = crate::harness::request(&method.to_uppercase(), &path);
            let request = request.header(header::AUTHORIZATION, bearer).body(Body::empty());
            let answer = api.send(request.unwrap()).await;
            assert_eq!(answer.header("www-authenticate"), "Bearer", "{name}");
            answer.refused(401, "unauthorized", "-");
        }
    }
}

#[tokio::test]
async fn a_method_that_is_not_there_gets_all_that_are() {
    let api = Api::new().await;
    let document = document();
    for (path, item) in document["paths"].as_object().unwrap() {
        let path = path.replace("{id}", "00000000-0000-0000-0000-000000000000");
        let path = path.replace("{target}", "192.0.2.1").replace("{name}", "x");
        let request = crate::harness::request("TRACE", &path).body(Body::empty());
        let answer = api.send(request.unwrap()).await;
        let allow = answer.header("allow");
        let allowed: Vec<&str> = allow.split(", ").collect();
        for method in item.as_object().unwrap().keys() {
            assert!(allowed.contains(&&*method.to_uppercase()), "{path}: {allow}");
        }
        answer.refused(405, "method_not_allowed", "-");
    }
}
