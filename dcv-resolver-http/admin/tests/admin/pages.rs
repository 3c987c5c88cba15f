//! The listing.

use std::collections::BTreeSet;

use serde_json::json;

use crate::fixture::{App, BODY, LEASE};

#[tokio::test]
async fn empty_registry_is_an_empty_page() {
    let answer = App::new().get("/v1/sessions").await;
    assert_eq!(answer.json(), json!({"sessions": []}));
}

#[tokio::test]
async fn following_next_page_shows_every_session() {
    let app = App::new();
    let ids = ["a", "b&c", "d e", "f+g", "%2F", "ü/☃"];
    for id in ids {
        let path: String = id.bytes().map(|byte| format!("%{byte:02x}")).collect();
        app.register(&path, LEASE, BODY).await.expect(200, "");
    }

    let mut seen = BTreeSet::new();
    let mut path = "/v1/sessions?limit=1".to_owned();
    let mut pages = 0;
    loop {
        let page = app.get(&path).await.json();
        for session in page["sessions"].as_array().unwrap() {
            seen.insert(session["id"].as_str().unwrap().to_owned());
        }
        pages += 1;
        let Some(next) = page["next_page"].as_str() else {
            break;
        };
        let next: String = next.bytes().map(|byte| format!("%{byte:02x}")).collect();
        path = format!("/v1/sessions?limit=1&page={next}");
    }
    assert_eq!(seen, ids.map(str::to_owned).into());
    assert_eq!(pages, ids.len());
}

#[tokio::test]
async fn page_holds_a_hundred_sessions_by_default() {
    let app = App::new();
    for id in 0..101 {
        app.register(&format!("s{id:03}"), LEASE, BODY)
            .await
            .expect(200, "");
    }
    let length = async |path: &str| {
        let page = app.get(path).await.json();
        page["sessions"].as_array().unwrap().len()
    };
    assert_eq!(length("/v1/sessions").await, 100);
    assert_eq!(length("/v1/sessions?limit=7").await, 7);
    assert_eq!(length("/v1/sessions?limit=1000").await, 101);
}

#[tokio::test]
async fn foreign_page_token_is_a_400() {
    let app = App::new();
    // No id, and so no page token of a store in memory.
    let foreign = "x".repeat(257);
    let answer = app.get(&format!("/v1/sessions?page={foreign}")).await;
    answer.expect(400, "malformed_request");
    assert_eq!(answer.json()["parameter"], "page");
}
