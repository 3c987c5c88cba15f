//! Session ids in paths.

use axum::body::Body;
use serde_json::json;

use crate::fixture::{App, BODY, LEASE, as_writer};

/// Every byte percent-encoded.
fn encoded(id: &str) -> String {
    id.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[tokio::test]
async fn every_session_id_fits_in_a_path() {
    for id in [
        "console",
        "a/b",
        "/",
        "renew",
        "a b",
        "a+b",
        "100%",
        "%2F",
        "a?b#c",
        "..",
        "ünï/☃",
        "\u{202e}abc",
        "\"quoted\"",
        &"x".repeat(256),
    ] {
        let app = App::new();
        app.register(&encoded(id), LEASE, BODY)
            .await
            .expect(200, "");
        let answer = app.get(&format!("/v1/sessions/{}", encoded(id))).await;
        assert_eq!(answer.json()["id"], id);
        let renewal = r#"{"expires_at_ms":null}"#;
        app.renew(&encoded(id), LEASE, renewal)
            .await
            .expect(200, "");
        app.deregister(&encoded(id), LEASE).await.expect(204, "");
    }
}

#[tokio::test]
async fn id_is_decoded_once_and_a_plus_stays_a_plus() {
    let app = App::new();
    for (path, id) in [("a%252Fb", "a%2Fb"), ("a%2Fb", "a/b"), ("a+b", "a+b")] {
        app.register(path, LEASE, BODY).await.expect(200, "");
        let answer = app.get(&format!("/v1/sessions/{path}")).await;
        assert_eq!(answer.json()["id"], id);
    }
}

#[tokio::test]
async fn invalid_id_is_a_400() {
    let app = App::new();
    let too_long = "x".repeat(257);
    for (path, detail) in [
        ("", "a session id must not be empty"),
        (
            "a%",
            "the session id in the path is not percent-encoded correctly: two hexadecimal digits must follow each %",
        ),
        (
            "%+1",
            "the session id in the path is not percent-encoded correctly: two hexadecimal digits must follow each %",
        ),
        (
            "%ff",
            "the session id in the path is not valid UTF-8 after percent-decoding",
        ),
        (
            "%C0%AF",
            "the session id in the path is not valid UTF-8 after percent-decoding",
        ),
        (
            "%ED%A0%80",
            "the session id in the path is not valid UTF-8 after percent-decoding",
        ),
        (
            "a%00",
            "a session id must not contain control characters, but this one does at byte 1",
        ),
        (
            "a%C2%85",
            "a session id must not contain control characters, but this one does at byte 1",
        ),
        (
            &*too_long,
            "a session id has at most 256 bytes, but this one has 257",
        ),
    ] {
        for (method, path) in [
            ("GET", format!("/v1/sessions/{path}")),
            ("PUT", format!("/v1/sessions/{path}")),
            ("DELETE", format!("/v1/sessions/{path}")),
            ("POST", format!("/v1/sessions/{path}/renew")),
        ] {
            let request = as_writer(method, &path).body(Body::empty()).unwrap();
            let answer = app.send(request).await;
            let problem = json!({
                "title": "Bad Request",
                "status": 400,
                "detail": detail,
                "reason": "malformed_request",
                "parameter": "id",
            });
            assert_eq!(answer.json(), problem, "{method} {path}");
        }
    }
}
