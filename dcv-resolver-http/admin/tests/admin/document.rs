//! The OpenAPI document, and the router that it describes.

use std::collections::BTreeSet;
use std::path::Path;
use std::{env, fs};

use axum::body::Body;
use axum::http::header::ALLOW;
use dcv_resolver_admin::openapi;
use serde_json::Value;

use crate::fixture::{App, BODY, LEASE, as_writer};

const METHODS: [&str; 9] = [
    "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH",
];

pub(crate) fn document() -> Value {
    serde_json::from_str(&openapi()).unwrap()
}

#[tokio::test]
async fn document_is_served_as_it_is_generated() {
    let app = App::new();
    let answer = app.get("/v1/openapi.json").await;
    assert_eq!(answer.headers["content-type"], "application/json");
    assert_eq!(answer.body, openapi());
    assert_eq!(answer.json()["openapi"], "3.1.0");
}

/// `docs/openapi.json` is for readers and for tools that generate clients.
#[test]
fn document_in_the_repository_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
    if env::var_os("UPDATE_OPENAPI").is_some() {
        fs::write(&path, openapi()).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    // As values: the order of keys depends on the features of other crates.
    let kept: Value = serde_json::from_str(&kept).unwrap_or_default();
    assert!(
        kept == document(),
        "docs/openapi.json is out of date; run UPDATE_OPENAPI=1 cargo test -p dcv-resolver-admin --test admin document, and review the difference",
    );
}

/// Neither knows a method or a path that the other does not.
#[tokio::test]
async fn every_method_of_every_path_is_answered_as_documented() {
    let document = document();
    let mut paths = 0;
    for (path, operations) in document["paths"].as_object().unwrap() {
        paths += 1;
        let mut allowed: BTreeSet<_> = operations
            .as_object()
            .unwrap()
            .keys()
            .map(|method| method.to_uppercase())
            .collect();
        // A path with GET has HEAD, which no document has to describe.
        if allowed.contains("GET") {
            allowed.insert("HEAD".to_owned());
        }
        for method in METHODS {
            let app = App::new();
            let path = path.replace("{id}", "console");
            app.register("console", LEASE, BODY).await.expect(200, "");
            let request = as_writer(method, &path).body(Body::empty()).unwrap();
            let answer = app.send(request).await;
            let is_allowed = allowed.contains(method);
            assert_eq!(answer.status != 405, is_allowed, "{method} {path}");
            if !is_allowed {
                let allow = answer.headers[ALLOW].to_str().unwrap();
                let allow = allow.split(", ").map(str::to_owned).collect();
                assert_eq!(allowed, allow, "{method} {path}");
            } else {
                let described = if method == "HEAD" { "GET" } else { method };
                let operation = &operations[described.to_lowercase()];
                let status = answer.status.as_str();
                assert!(
                    operation["responses"][status].is_object(),
                    "{method} {path} {status}"
                );
            }
        }
    }
    assert_eq!(paths, 4);
}

#[test]
fn every_operation_but_the_document_requires_a_token() {
    for (path, operations) in document()["paths"].as_object().unwrap() {
        for operation in operations.as_object().unwrap().values() {
            let is_open = path == "/v1/openapi.json";
            let security = if is_open {
                serde_json::json!([{}])
            } else {
                serde_json::json!([{"token": []}])
            };
            assert_eq!(operation["security"], security, "{path}");
            assert_eq!(operation["responses"]["401"].is_null(), is_open, "{path}");
        }
    }
}

/// What a session is shown with is what its schema knows.
#[tokio::test]
async fn schema_of_a_session_has_the_fields_of_a_session() {
    let app = App::new();
    let least = r#"{"host":"h","quic_port":1,"expires_at_ms":null}"#;
    let least = app.register("least", LEASE, least).await.json();
    let most = r#"{"target_id":"t","host":"h","http_port":1,"quic_port":1,"web_url_path":"/","state":"READY","ttl_ms":1,"owner":"o","labels":{"a":"b"}}"#;
    let most = app.register("most", LEASE, most).await.json();

    let keys = |value: &Value| -> BTreeSet<String> {
        value.as_object().unwrap().keys().cloned().collect()
    };
    let schema = &document()["components"]["schemas"]["Session"];
    assert_eq!(keys(&schema["properties"]), keys(&most));
    let mut required: BTreeSet<String> =
        serde_json::from_value(schema["required"].clone()).unwrap();
    required.insert("quic_port".to_owned());
    assert_eq!(required, keys(&least));
    assert_eq!(schema["additionalProperties"], false);
}

#[tokio::test]
async fn schema_of_a_problem_has_the_fields_of_a_problem() {
    let problem = App::new().get("/v1/sessions?limit=0").await.json();
    let fields: BTreeSet<_> = problem.as_object().unwrap().keys().collect();
    let schema = &document()["components"]["schemas"]["Problem"];
    let properties = schema["properties"].as_object().unwrap().keys().collect();
    assert_eq!(fields, properties);
}
