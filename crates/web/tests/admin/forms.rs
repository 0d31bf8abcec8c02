//! No form input is answered with a 500, however odd.

use axum::body::Body;
use axum::http::Method;

use crate::guard::{FORMS, PAGES};
use crate::site::Site;

/// Every field of every form.
const FIELDS: [&str; 30] = [
    "name",
    "email",
    "full_name",
    "display_name",
    "avatar_url",
    "role",
    "email_verified",
    "is_bot",
    "version",
    "was_verified",
    "id",
    "action",
    "confirmed",
    "held",
    "into",
    "keep_sessions",
    "session",
    "target",
    "duration",
    "reason",
    "note",
    "back",
    "days",
    "job",
    "scope",
    "lifetime",
    "key",
    "grace",
    "confirm",
    "q",
];

/// Values that nobody types by accident.
fn odd_values() -> Vec<String> {
    let mut values: Vec<String> = [
        "",
        " ",
        "\0",
        "\u{202e}",
        "'",
        "\"><script>",
        "-1",
        "0",
        "99999999999999999999",
        "1e9",
        "yes",
        "admin",
        "anonymous",
        "suspend",
        "999999999999d",
        "permanent",
        "0.0.0.0/0",
        "::/0",
        "10.0.0.1/33",
        "😀",
        "..",
        "%",
        "%zz",
        "NaN",
        "9223372036854775807",
        "01a205cc-678b-7787-95e4-776b8f124f1d",
    ]
    .map(String::from)
    .into();
    values.push("x".repeat(4_000));
    values
}

#[tokio::test]
async fn odd_input_is_never_a_failure_of_the_server() {
    let site = Site::new().await;
    for path in FORMS.iter().skip(1) {
        for value in odd_values() {
            // The admin and the one to be changed are new where the last form has taken them away.
            let name = format!("user-{}", site.users().count(&Default::default()).await.unwrap());
            let user = match site.users().find_by_name(&name).await.unwrap() {
                Some(user) => user,
                None => site.user(&name).await,
            };
            let path = path.replace("{id}", &user.id.to_string());
            let fields = FIELDS.map(|field| (field, value.as_str()));
            let status = site.post(&path, &fields).await.status;
            assert!(!status.is_server_error(), "{path} answers {status} to {value:?}");
        }
    }
}

#[tokio::test]
async fn odd_addresses_are_never_a_failure_of_the_server() {
    let site = Site::new().await;
    let ada = site.user("ada").await;
    let queries = [
        "after",
        "allowed_after",
        "before",
        "q",
        "status",
        "role",
        "order",
        "target",
        "address",
        "user",
        "job",
        "outcome",
        "into",
        "token",
    ];
    for page in PAGES {
        let page = page.split('?').next().unwrap().replace("{id}", &ada.id.to_string());
        for value in odd_values() {
            let mut query = url::form_urlencoded::Serializer::new(String::new());
            query.extend_pairs(queries.map(|name| (name, value.as_str())));
            let path = format!("{page}?{}", query.finish());
            let status = site.get(&path).await.status;
            assert!(!status.is_server_error(), "{path} answers {status}");
        }
    }
}

#[tokio::test]
async fn a_body_that_is_no_form_is_refused() {
    let site = Site::new().await;
    let cookie = site.cookie();
    for kind in ["", "application/json", "multipart/form-data", "text/plain"] {
        for path in FORMS {
            let path = path.replace("{id}", &site.me.id.to_string());
            let headers = [("cookie", cookie.as_str()), ("content-type", kind)];
            let body = Body::from("{\"csrf\": \"x\"}");
            let status = site.send(Method::POST, &path, &headers, body).await.status.as_u16();
            assert!([403, 404, 415].contains(&status), "{path} answers {status} to {kind:?}");
        }
    }
}
