//! Who may do what.

use axum::body::Body;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE};

use crate::fixture::{App, BODY, LEASE, OTHER_LEASE, READER, STRANGER, WRITER, request};
use crate::log::log_of_this_thread;

/// Each route: what it answers to a writer, to a reader, and to all others.
/// The session `there` is registered, `absent` is not.
const ROUTES: [(&str, &str, u16, u16, u16); 22] = [
    ("GET", "/v1/openapi.json", 200, 200, 200),
    ("POST", "/v1/openapi.json", 405, 405, 401),
    ("GET", "/v1/sessions", 200, 200, 401),
    ("GET", "/v1/sessions?limit=0", 400, 400, 401),
    ("POST", "/v1/sessions", 405, 405, 401),
    ("GET", "/v1/sessions/there", 200, 200, 401),
    ("GET", "/v1/sessions/absent", 404, 404, 401),
    ("GET", "/v1/sessions/%zz", 400, 400, 401),
    ("PUT", "/v1/sessions/there", 200, 403, 401),
    ("PUT", "/v1/sessions/absent", 200, 403, 401),
    ("PUT", "/v1/sessions/%zz", 400, 403, 401),
    ("POST", "/v1/sessions/there/renew", 200, 403, 401),
    ("POST", "/v1/sessions/gone/renew", 409, 403, 401),
    ("DELETE", "/v1/sessions/there", 204, 403, 401),
    ("DELETE", "/v1/sessions/gone", 404, 403, 401),
    ("PATCH", "/v1/sessions/there", 405, 405, 401),
    ("HEAD", "/v1/sessions/there", 200, 200, 401),
    ("OPTIONS", "/v1/sessions/there", 405, 405, 401),
    ("GET", "/v1", 404, 404, 401),
    ("GET", "/v1/", 404, 404, 401),
    ("GET", "/v1/sessions/a/b", 404, 404, 401),
    ("DELETE", "/v1/no/such/path", 404, 404, 401),
];

async fn status(authorization: Option<&str>, method: &str, path: &str) -> u16 {
    let app = App::new();
    app.register("there", LEASE, BODY).await.expect(200, "");
    let mut request = request(method, path)
        .header("lease-token", LEASE)
        .header(CONTENT_TYPE, "application/json");
    if let Some(authorization) = authorization {
        request = request.header(AUTHORIZATION, authorization);
    }
    let body = match method {
        "POST" => r#"{"expires_at_ms":null}"#,
        _ => BODY,
    };
    let answer = app.send(request.body(body.into()).unwrap()).await;
    if answer.status == 401 {
        assert_eq!(answer.headers[WWW_AUTHENTICATE], "Bearer");
    }
    if answer.status == 403 {
        answer.expect(403, "read_only_token");
    }
    answer.status.as_u16()
}

#[tokio::test]
async fn every_route_answers_every_role_with_its_status() {
    for (method, path, to_writer, to_reader, to_others) in ROUTES {
        let writer = format!("Bearer {WRITER}");
        let reader = format!("bearer {READER}");
        let stranger = format!("Bearer {STRANGER}");
        let cut = format!("Bearer {}", &WRITER[..WRITER.len() - 1]);
        let basic = format!("Basic {WRITER}");
        for (authorization, expected) in [
            (Some(&*writer), to_writer),
            (Some(&*reader), to_reader),
            (None, to_others),
            (Some(&*stranger), to_others),
            (Some(&*cut), to_others),
            (Some(&*basic), to_others),
            (Some(WRITER), to_others),
            (Some("Bearer "), to_others),
        ] {
            let status = status(authorization, method, path).await;
            assert_eq!(status, expected, "{method} {path} {authorization:?}");
        }
    }
}

/// The table above has every route of the API.
#[test]
fn every_operation_of_the_document_is_in_the_table() {
    let document = crate::document::document();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            let path = path.replace("{id}", "there");
            let is_there = ROUTES.iter().any(|(method_there, path_there, writer, ..)| {
                method_there.eq_ignore_ascii_case(method) && path == *path_there && *writer < 300
            });
            assert!(is_there, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn strangers_get_the_same_answer_everywhere() {
    let app = App::new();
    app.register("there", LEASE, BODY).await.expect(200, "");
    let mut bodies = Vec::new();
    for (method, path) in [
        ("GET", "/v1/sessions/there"),
        ("GET", "/v1/sessions/absent"),
        ("PUT", "/v1/sessions/%zz"),
        ("PATCH", "/v1/sessions"),
        ("GET", "/v1/no/such/path"),
    ] {
        let request = request(method, path).header("lease-token", OTHER_LEASE);
        bodies.push(app.send(request.body(Body::empty()).unwrap()).await.body);
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "{bodies:?}");
}

#[tokio::test]
async fn two_authorization_headers_are_refused() {
    let app = App::new();
    let twice = request("GET", "/v1/sessions")
        .header(AUTHORIZATION, format!("Bearer {WRITER}"))
        .header(AUTHORIZATION, format!("Bearer {STRANGER}"));
    app.send(twice.body(Body::empty()).unwrap())
        .await
        .expect(401, "unauthorized");
}

#[tokio::test(start_paused = true)]
async fn refusals_within_a_window_are_two_events_without_the_token() {
    let (log, _guard) = log_of_this_thread();
    let app = App::new();
    let refused = async |count| {
        for _ in 0..count {
            let request = crate::fixture::bearing(STRANGER, "GET", "/v1/sessions");
            let request = request.header("x-request-id", "r-1");
            app.send(request.body(Body::empty()).unwrap())
                .await
                .expect(401, "unauthorized");
        }
    };
    refused(100).await;
    let events = log.take();
    assert_eq!(events.len(), 1, "{events:?}");
    let first = &events[0];
    assert_eq!(first["level"], "WARN");
    assert_eq!(first["target"], "dcv_resolver::admin");
    assert_eq!(first["reason"], "unauthorized");
    assert_eq!(first["caller"], "192.0.2.99");
    assert_eq!(first["request_id"], "r-1");

    tokio::time::sleep(std::time::Duration::from_millis(10_001)).await;
    let events = log.take();
    assert_eq!(events[0]["level"], "WARN", "{events:?}");
    assert_eq!(events[0]["suppressed"], 99);

    refused(3).await;
    drop(app);
    let events = log.take();
    assert_eq!(events.len(), 2, "{events:?}");
    assert_eq!(events[1]["suppressed"], 2);
    assert!(!log.text().contains("tr0ub4dor"));
}
