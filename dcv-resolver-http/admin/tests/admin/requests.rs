//! Requests that are not quite right.

use axum::body::{Body, Bytes};
use axum::http::header::{ALLOW, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use futures_util::stream;

use crate::fixture::{App, BODY, LEASE, as_writer, json, request};

#[tokio::test]
async fn error_in_the_body_names_its_place() {
    let app = App::new();
    for (body, detail) in [
        ("", "the body must be a JSON object"),
        ("[]", "the body must be a JSON object"),
        // Would be taken for the fields in their order.
        (
            r#"["a","192.0.2.7",1,1,"/","READY",null]"#,
            "the body must be a JSON object",
        ),
        (
            "{",
            "the body at line 1, column 1: EOF while parsing an object",
        ),
        (
            "{\n  \"host\": 5}",
            "the body at line 2, column 11: invalid type: integer `5`, expected a string",
        ),
        (
            r#"{"host":"192.0.2.7:8443"}"#,
            "the body at line 1, column 25: a host is a bare DNS name or IP address; the port has a field of its own",
        ),
        (
            r#"{"http_port":8443}"#,
            "the body at line 1, column 18: missing field `host`",
        ),
        (
            r#"{"host":"h","host":"h"}"#,
            "the body at line 1, column 18: duplicate field `host`",
        ),
        (
            r#"{"host":"h","http_port":0}"#,
            "the body at line 1, column 26: a port is a number from 1 to 65535",
        ),
        (
            r#"{"host":"h","http_port":65536}"#,
            "the body at line 1, column 30: a port is a number from 1 to 65535",
        ),
        (
            r#"{"host":"h","http_port":null}"#,
            "the body at line 1, column 28: invalid type: null, expected a whole number",
        ),
        (
            r#"{"host":"h","http_port":"8443"}"#,
            "the body at line 1, column 30: invalid type: string \"8443\", expected a whole number",
        ),
        (
            r#"{"host":"h","ttl_ms":0}"#,
            "the body at line 1, column 23: ttl_ms must be a number from 1 to 9007199254740991; for never, write \"expires_at_ms\": null",
        ),
        (
            r#"{"host":"h","ttl_ms":0.5}"#,
            "the body at line 1, column 24: invalid value: floating point `0.5`, expected a whole number",
        ),
        (
            r#"{"host":"h","expires_at_ms":1893553445}"#,
            "the body at line 1, column 39: expires_at_ms: a time before 2001 (1970-01-22T21:59:13.445Z); expected milliseconds since 1970-01-01T00:00:00Z, not seconds",
        ),
        (
            r#"{"host":"h","expires_at_ms":9223372036854775808}"#,
            "the body at line 1, column 48: expires_at_ms must be a 64-bit integer, or null for never",
        ),
        (
            r#"{"host":"h","http_port":1}"#,
            "the expiry is missing; give ttl_ms, or expires_at_ms, which is null for never",
        ),
        (
            r#"{"host":"h","http_port":1,"ttl_ms":1,"expires_at_ms":null}"#,
            "expires_at_ms and ttl_ms are both given; give one of them",
        ),
        (
            r#"{"host":"h","ttl_ms":1}"#,
            "a session needs an HTTP port, a QUIC port, or both: give http_port or quic_port",
        ),
        (
            "{\"host\":\"\u{202e}\"}",
            "the body at line 1, column 14: not a DNS name: each part between dots must have 1 to 63 letters, digits, '-' or '_', with no '-' at either end",
        ),
    ] {
        let answer = app.register("a", LEASE, body).await;
        answer.expect(400, "malformed_request");
        assert_eq!(answer.detail(), detail, "{body}");
        assert_eq!(answer.json()["parameter"], "body");
    }
    let answer = app.register("a", LEASE, r#"{"ho\u001bts":1}"#).await;
    let detail = answer.detail();
    assert!(
        detail.starts_with(
            "the body at line 1, column 13: unknown field `ho\\u{1b}ts`, expected one of"
        ),
        "{detail}"
    );
    let answer = app.register("a", LEASE, r#"{"id":"a"}"#).await;
    assert!(answer.detail().contains("unknown field `id`"));
    app.get("/v1/sessions/a").await.expect(404, "unknown");
}

#[tokio::test]
async fn renewal_requires_exactly_one_expiry() {
    let app = App::new();
    app.register("a", LEASE, BODY).await.expect(200, "");
    for body in [
        "{}",
        r#"{"ttl_ms":null}"#,
        r#"{"ttl_ms":1,"expires_at_ms":1893456000000}"#,
        r#"{"ttl_ms":1,"host":"h"}"#,
    ] {
        app.renew("a", LEASE, body)
            .await
            .expect(400, "malformed_request");
    }
}

#[tokio::test]
async fn renewal_and_removal_require_a_lease_token() {
    let app = App::new();
    app.register("a", LEASE, BODY).await.expect(200, "");
    for request in [
        as_writer("DELETE", "/v1/sessions/a"),
        json("POST", "/v1/sessions/a/renew"),
    ] {
        let answer = app.send(request.body(BODY.into()).unwrap()).await;
        answer.expect(400, "malformed_request");
        assert_eq!(answer.json()["parameter"], "lease-token");
        assert_eq!(
            answer.detail(),
            "the header lease-token is invalid: it is missing; send the token under which the session was registered"
        );
    }
    for lease in ["", "0123", &LEASE[1..], "tr0ub4dortr0ub4dortr0ub4dortr0ub"] {
        let answer = app.register("b", lease, BODY).await;
        answer.expect(400, "malformed_request");
        assert_eq!(
            answer.detail(),
            "the header lease-token is invalid: a lease token is 32 hexadecimal digits"
        );
    }
    let twice = json("PUT", "/v1/sessions/b")
        .header("lease-token", LEASE)
        .header("lease-token", LEASE);
    app.send(twice.body(BODY.into()).unwrap())
        .await
        .expect(400, "malformed_request");
    app.get("/v1/sessions/b").await.expect(404, "unknown");
}

#[tokio::test]
async fn body_of_another_content_type_is_refused() {
    let app = App::new();
    let put = || as_writer("PUT", "/v1/sessions/a");
    for request in [
        put(),
        put().header(CONTENT_TYPE, "text/plain"),
        put().header(CONTENT_TYPE, "application/jsonx"),
        put().header(CONTENT_TYPE, "application/x-www-form-urlencoded"),
        json("PUT", "/v1/sessions/a").header(CONTENT_ENCODING, "gzip"),
    ] {
        app.send(request.body(BODY.into()).unwrap())
            .await
            .expect(415, "not_json");
    }
    for request in [
        put().header(CONTENT_TYPE, "Application/JSON; charset=utf-8"),
        json("PUT", "/v1/sessions/b").header(CONTENT_ENCODING, "identity"),
    ] {
        app.send(request.body(BODY.into()).unwrap())
            .await
            .expect(200, "");
    }
}

fn padded(length: usize) -> String {
    format!("{BODY}{}", " ".repeat(length - BODY.len()))
}

#[tokio::test]
async fn body_over_64_kib_is_refused() {
    let app = App::new();
    let most = padded(64 * 1024);
    app.register("a", LEASE, &most).await.expect(200, "");

    let announced = app.register("b", LEASE, &padded(64 * 1024 + 1)).await;
    announced.expect(413, "body_too_long");
    assert_eq!(announced.headers[CONNECTION], "close");

    // Of unknown length, and without an end.
    let endless =
        stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from_static(&[b' '; 1024])));
    let request = json("PUT", "/v1/sessions/b").body(Body::from_stream(endless));
    let answer = app.send(request.unwrap()).await;
    answer.expect(413, "body_too_long");
    assert_eq!(answer.headers[CONNECTION], "close");
    app.get("/v1/sessions/b").await.expect(404, "unknown");
}

#[tokio::test(start_paused = true)]
async fn body_that_does_not_arrive_in_time_is_a_408() {
    let app = App::new();
    let never = Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
    let answer = app
        .send(json("PUT", "/v1/sessions/a").body(never).unwrap())
        .await;
    answer.expect(408, "body_timeout");
    assert_eq!(answer.headers[CONNECTION], "close");

    let broken = stream::once(async { Err::<Bytes, _>(std::io::Error::other("gone")) });
    let request = json("PUT", "/v1/sessions/a").body(Body::from_stream(broken));
    app.send(request.unwrap())
        .await
        .expect(400, "malformed_request");
}

#[tokio::test]
async fn unread_body_ends_the_connection_only_if_it_is_long() {
    let app = App::new();
    let by_a_stranger = |body| request("PUT", "/v1/sessions/a").body(body).unwrap();
    let short = app.send(by_a_stranger(Body::from(BODY))).await;
    short.expect(401, "unauthorized");
    assert!(!short.headers.contains_key(CONNECTION));
    let long = app
        .send(by_a_stranger(Body::from(padded(64 * 1024 + 1))))
        .await;
    long.expect(401, "unauthorized");
    assert_eq!(long.headers[CONNECTION], "close");
}

#[tokio::test]
async fn other_method_is_a_405_with_allow() {
    let app = App::new();
    for (path, allow) in [
        ("/v1/openapi.json", "GET, HEAD"),
        ("/v1/sessions", "GET, HEAD"),
        ("/v1/sessions/a", "GET, HEAD, PUT, DELETE"),
        ("/v1/sessions/a/renew", "POST"),
    ] {
        let request = as_writer("PATCH", path).body(Body::empty()).unwrap();
        let answer = app.send(request).await;
        answer.expect(405, "method_not_allowed");
        assert_eq!(answer.headers[ALLOW], allow);
        assert_eq!(answer.detail(), format!("this path allows only {allow}"));
    }
}

#[tokio::test]
async fn head_is_answered_as_get_without_a_body() {
    let app = App::new();
    app.register("a", LEASE, BODY).await.expect(200, "");
    for path in [
        "/v1/openapi.json",
        "/v1/sessions",
        "/v1/sessions?limit=0",
        "/v1/sessions/a",
        "/v1/sessions/absent",
        "/v1/no/such/path",
    ] {
        let get = app.get(path).await;
        let head = as_writer("HEAD", path).body(Body::empty()).unwrap();
        let head = app.send(head).await;
        assert_eq!((head.status, &*head.body), (get.status, ""), "{path}");
        assert_eq!(head.headers[CONTENT_TYPE], get.headers[CONTENT_TYPE]);
        let length = head.headers[CONTENT_LENGTH].to_str().unwrap();
        assert_eq!(length, get.body.len().to_string(), "{path}");
    }
    let renew = as_writer("HEAD", "/v1/sessions/a/renew").body(Body::empty());
    let answer = app.send(renew.unwrap()).await;
    assert_eq!((answer.status.as_u16(), &*answer.body), (405, ""));
}

#[tokio::test]
async fn paths_are_matched_to_the_byte() {
    let app = App::new();
    for (method, path, status, reason) in [
        ("GET", "/v1/sessions/renew", 404, "unknown"),
        ("GET", "/v1/sessions/", 400, "malformed_request"),
        ("POST", "/v1/sessions//renew", 400, "malformed_request"),
        ("GET", "/v1/sessions//renew", 405, "method_not_allowed"),
        ("POST", "/v1/sessions/a/renew/", 404, "no_such_path"),
        ("POST", "/v1/sessions/a/Renew", 404, "no_such_path"),
        ("GET", "/v1/sessions/a/b", 404, "no_such_path"),
        ("GET", "/v1/sessions/a/", 404, "no_such_path"),
        ("GET", "/v1/sessionsx", 404, "no_such_path"),
        ("GET", "/v1//sessions", 404, "no_such_path"),
        ("GET", "/v1//", 404, "no_such_path"),
        ("GET", "/v1/", 404, "no_such_path"),
        ("GET", "/v1", 404, "no_such_path"),
    ] {
        let request = as_writer(method, path).body(Body::empty()).unwrap();
        let answer = app.send(request).await;
        assert_eq!(
            answer.status_and_reason(),
            (status, reason.to_owned()),
            "{method} {path}"
        );
    }
}

#[tokio::test]
async fn unknown_query_parameter_is_refused() {
    let app = App::new();
    for path in [
        "/v1/sessions?Limit=5",
        "/v1/sessions/a?ttl_ms=5",
        "/v1/openapi.json?pretty",
    ] {
        app.get(path).await.expect(400, "malformed_request");
    }
}

#[tokio::test]
async fn uri_over_8_kib_is_refused() {
    let app = App::new();
    let path = format!("/v1/sessions?page={}", "x".repeat(8 * 1024));
    app.get(&path).await.expect(414, "uri_too_long");
}

#[tokio::test]
async fn request_id_of_the_caller_is_returned() {
    let app = App::new();
    let request = as_writer("GET", "/v1/sessions").header("x-request-id", "r-17");
    let answer = app.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.headers["x-request-id"], "r-17");
}

#[tokio::test]
async fn router_can_be_nested_and_merged() {
    let mut app = App::new();
    app.router = axum::Router::new()
        .route("/livez", axum::routing::get(async || "alive"))
        .nest("/admin", app.router);
    let request = json("PUT", "/admin/v1/sessions/a%2Fb").body(BODY.into());
    app.send(request.unwrap()).await.expect(200, "");
    let answer = app.get("/admin/v1/sessions/a%2Fb").await;
    assert_eq!(answer.json()["id"], "a/b");
}
